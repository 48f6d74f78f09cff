// The explanations of terms: the body of a function of (element, trigger, props, server, upload, watch). A term is a
// button that carries its explanation as `aria-description`. It is shown while the mouse is on the term, and stays once
// the term has been pressed; Escape, another press, and a press anywhere else close it.

const GAP = 6;
const EDGE = 8;
const LEAVE_MS = 150;

const box = document.createElement("div");
box.className = "explanation";
box.role = "tooltip";
box.popover = "manual";

let shown = null; // the term whose explanation is open
let pressed = false;
let leaving = null;

const termAt = (event) => event.target.closest?.("button.term");

function place() {
    const at = shown.getBoundingClientRect();
    const { width, height } = box.getBoundingClientRect();
    const below = at.bottom + GAP;
    const fits = below + height <= innerHeight - EDGE || at.top < height + GAP + EDGE;
    box.style.top = `${fits ? below : at.top - GAP - height}px`;
    box.style.left = `${Math.max(EDGE, Math.min(at.left, innerWidth - EDGE - width))}px`;
}

function close() {
    clearTimeout(leaving);
    shown?.setAttribute("aria-expanded", "false");
    [shown, pressed] = [null, false];
    if (box.matches(":popover-open")) box.hidePopover();
}

function open(one) {
    if (one === shown) return;
    close();
    shown = one;
    box.textContent = one.getAttribute("aria-description");
    if (!box.isConnected) document.body.append(box);
    box.showPopover();
    one.setAttribute("aria-expanded", "true");
    place();
}

function stay() {
    clearTimeout(leaving);
}

function leave() {
    stay();
    if (shown && !pressed) leaving = setTimeout(close, LEAVE_MS);
}

const listeners = {
    pointerover(event) {
        if (event.pointerType !== "mouse") return;
        const one = termAt(event);
        if (one && !pressed) {
            stay();
            open(one);
        } else if (one === shown || box.contains(event.target)) stay();
        else leave();
    },
    click(event) {
        const one = termAt(event);
        if (box.contains(event.target)) return;
        const again = one === shown && pressed;
        if (!one || again) {
            close();
            return;
        }
        open(one);
        pressed = true;
    },
    keydown(event) {
        if (event.key === "Escape") close();
    },
    focusin(event) {
        if (shown && termAt(event) !== shown) close();
    },
    scroll() {
        if (shown?.isConnected) place();
        else close();
    },
};

for (const [type, act] of Object.entries(listeners)) {
    const listener = (event) => {
        if (element.isConnected) act(event);
        else document.removeEventListener(type, listener, true);
    };
    document.addEventListener(type, listener, true);
}
