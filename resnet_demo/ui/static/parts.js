// Parts of a picture that can be chosen: the body of a function of (element, trigger, props, server, upload, watch).
// What goes to Python: {name}, the part's `data-name`. Only one part is on the way of the Tab key; the arrows lead to the
// nearest in their direction, Home and End to the first and the last.

const parts = () => [...element.querySelectorAll("[data-name]")];
let last = null;
let focused = false;

function settle(part) {
    for (const other of parts()) other.setAttribute("tabindex", other === part ? 0 : -1);
}

function choose(part) {
    last = part.dataset.name;
    for (const other of parts()) if (other.hasAttribute("aria-pressed")) other.setAttribute("aria-pressed", other === part);
    settle(part);
    trigger("choose", { name: last });
}

function middle(part) {
    const box = part.getBoundingClientRect();
    return [box.left + box.width / 2, box.top + box.height / 2];
}

function neighbour(part, [right, down]) {
    const [x, y] = middle(part);
    let nearest = null;
    let least = Infinity;
    for (const other of parts()) {
        const [dx, dy] = middle(other).map((at, axis) => at - [x, y][axis]);
        const along = dx * right + dy * down;
        const far = along + 3 * Math.abs(right ? dy : dx);
        if (along > 1 && far < least) [nearest, least] = [other, far];
    }
    return nearest;
}

const WAYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

function target(part, key) {
    if (key === "Home") return parts()[0];
    if (key === "End") return parts().at(-1);
    return WAYS[key] && neighbour(part, WAYS[key]);
}

element.addEventListener("click", (event) => {
    const part = event.target.closest("[data-name]");
    if (part) choose(part);
});
element.addEventListener("keydown", (event) => {
    const part = event.target.closest("[data-name]");
    if (!part || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
        choose(part);
    } else if (event.key === "Home" || event.key === "End" || WAYS[event.key]) {
        const next = target(part, event.key);
        if (next) {
            settle(next);
            next.focus();
        }
    } else {
        return;
    }
    event.preventDefault();
});
element.addEventListener("focusin", (event) => {
    const part = event.target.closest("[data-name]");
    focused = Boolean(part);
    if (part) settle(part);
});
element.addEventListener("focusout", (event) => {
    if (event.relatedTarget) focused = false;
});

// The picture is drawn anew once a part is chosen: whoever uses the keyboard goes on from there.
function renew() {
    const all = parts();
    const kept = all.find((part) => part.dataset.name === last);
    const pressed = all.find((part) => part.getAttribute("aria-pressed") === "true");
    settle(pressed ?? kept ?? all[0]);
    if (kept && focused && document.activeElement === document.body) kept.focus({ preventScroll: true });
}

watch(["value"], renew);
renew();
