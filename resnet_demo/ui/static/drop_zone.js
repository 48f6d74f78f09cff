// The drop zone's behaviour: with send.js before it the body of a function of (element, trigger, props, server,
// upload, watch), run once for each zone. An entry without `file` was too large to send.

const zone = element.querySelector(".zone");
const bar = element.querySelector("progress");
const statusLine = element.querySelector(".status");
const buttons = [...element.querySelectorAll("button")];
let said = [];
let busy = false;

function sentence([key, fields]) {
    return Object.entries(fields).reduce(
        (text, [gap, value]) => text.replaceAll(`{${gap}}`, value), props.texts[key]);
}

function paint() {
    for (const node of element.querySelectorAll("[data-text]")) {
        node.textContent = props.texts[node.dataset.text];
    }
    zone.setAttribute("aria-label", props.texts.title);
    bar.setAttribute("aria-label", props.texts.title);
    statusLine.textContent = said.map(sentence).join(" ");
}

function say(...sentences) {
    said = sentences;
    paint();
}

function setBusy(state) {
    busy = state;
    bar.value = 0;
    bar.hidden = !state;
    zone.setAttribute("aria-busy", state);
    for (const button of buttons) button.disabled = state;
}

async function take(found) {
    if (busy) return;
    if (!found.length) { say(["none", {}]); return; }
    const { photos, large, news } = permitted(found);
    setBusy(true);
    try {
        const sent = await sendAll(photos, (done, total, share) => {
            bar.value = Math.min(1, share);
            say(["sending", { done, total }]);
        });
        say(["done", { done: sent.length }], ...news);
        props.value = [...sent, ...large.map(({ rel }) => ({ rel }))];
        trigger("upload");
    } catch (status) {
        if (typeof status !== "number") throw status;
        say(failure(status));
    } finally {
        setBusy(false);
    }
}

for (const input of element.querySelectorAll("input")) {
    const button = buttons.find((one) => one.dataset.opens === input.name);
    button.hidden = input.name === "folder" && !("webkitdirectory" in input);
    if (input.accept) input.accept += props.archives.map((suffix) => `,.${suffix.split(".").pop()}`).join("");
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
        const files = chosen(input.files);
        input.value = "";
        take(files);
    });
}

zone.addEventListener("dragover", () => zone.classList.add("over"));
zone.addEventListener("dragleave", (event) => {
    if (!zone.contains(event.relatedTarget)) zone.classList.remove("over");
});
zone.addEventListener("drop", async (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    try {
        take(await dropped(event));
    } catch {
        say(["unreadable", {}]);
    }
});

// On the whole page, as long as this zone is on it and to be seen.
function onPage(type, act) {
    const listener = (event) => {
        if (!element.isConnected) document.removeEventListener(type, listener);
        else if (element.getClientRects().length) act(event);
    };
    document.addEventListener(type, listener);
}

onPage("paste", (event) => {
    if (event.target.closest?.("input, textarea, [contenteditable]")) return;
    const files = chosen(event.clipboardData.files);
    if (files.length) take(files);
});
// A file dropped beside the zone would otherwise replace the page.
for (const type of ["dragover", "drop"]) {
    onPage(type, (event) => {
        if (event.dataTransfer.types.includes("Files")) event.preventDefault();
    });
}

// One string, split: Gradio takes a property whose name stands alone between quotes here for an event.
watch("texts value".split(" "), paint);
paint();
