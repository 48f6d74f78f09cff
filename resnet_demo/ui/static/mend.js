// What Gradio's own elements lack: the body of a function of (element, trigger, props, server, upload, watch). For screen
// readers a picture's button is called as its block is, one in a gallery as its caption, and an empty picture is one. With
// the keyboard, Tab goes on from a list to what is next, where Gradio would open the list again and Chromium would first
// stop at the open list, as at anything that scrolls, only to lose the focus as it closes.

const BUTTONS = ".image-container button:has(> .image-frame)";
const EMPTY = ".block > .empty[aria-label], .block .unpadded_box.empty[aria-label]";
let due = false;

function set(node, name, value) {
    if (value && node.getAttribute(name) !== value) node.setAttribute(name, value);
}

function mend() {
    due = false;
    for (const button of document.querySelectorAll(BUTTONS)) {
        const label = button.closest(".block")?.querySelector("[data-testid='block-label']");
        const picture = button.querySelector("img");
        const said = label?.textContent.trim() || picture?.alt;
        set(button, "aria-label", said);
        if (picture) set(picture, "alt", said);
        set(button, "tabindex", "-1"); // a press does nothing
    }
    for (const button of document.querySelectorAll(".thumbnail-item:has(> img[alt])")) {
        const name = button.querySelector("img").alt;
        set(button, "aria-label", name);
        set(button, "title", name);
    }
    for (const list of document.querySelectorAll("ul[role=listbox]")) set(list, "tabindex", "-1");
    for (const empty of document.querySelectorAll(EMPTY)) set(empty, "role", "img");
}

const observer = new MutationObserver(() => {
    if (!element.isConnected) observer.disconnect();
    else if (!due) {
        due = true;
        requestAnimationFrame(mend);
    }
});
document.addEventListener("keydown", function goOn(event) {
    if (!element.isConnected) document.removeEventListener("keydown", goOn, true);
    else if (event.key === "Tab" && event.target.matches?.("input[role=combobox]")) event.stopImmediatePropagation();
}, true);
observer.observe(document.body, { childList: true, subtree: true, characterData: true, attributeFilter: ["alt", "aria-label"] });
mend();
