// The drop zone's behaviour: the body of a function of (element, trigger, props, server, upload, watch),
// run once for each zone. What goes to Python: [{rel, file: {path, meta}}, ...]; `file` is inside an object
// of its own because Gradio strips everything beside it, and missing where the photo was too large to send.

const PART_FILES = 50;
const PART_BYTES = 32e6;
const JUNK = /^(\.|__MACOSX$|Thumbs\.db$|desktop\.ini$)/i;

const zone = element.querySelector(".zone");
const bar = element.querySelector("progress");
const line = element.querySelector(".status");
const buttons = [...element.querySelectorAll("button")];
let said = [];
let busy = false;

function sentence([word, fields]) {
    return Object.entries(fields).reduce(
        (text, [gap, value]) => text.replaceAll(`{${gap}}`, value), props.words[word]);
}

function paint() {
    for (const node of element.querySelectorAll("[data-word]")) {
        node.textContent = props.words[node.dataset.word];
    }
    zone.setAttribute("aria-label", props.words.title);
    bar.setAttribute("aria-label", props.words.title);
    line.textContent = said.map(sentence).join(" ");
}

function say(...sentences) {
    said = sentences;
    paint();
}

// Entries must be asked for before the first await: the browser empties the drop afterwards.
async function walk(entry, folders, found) {
    if (folders && JUNK.test(entry.name)) return;
    if (entry.isFile) {
        const file = await new Promise((done, fail) => entry.file(done, fail));
        found.push({ rel: folders + entry.name, file });
        return;
    }
    const reader = entry.createReader();
    for (;;) {
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) return;
        for (const inner of some) await walk(inner, `${folders}${entry.name}/`, found);
    }
}

function chosen(files) {
    return [...files]
        .map((file) => ({ rel: file.webkitRelativePath || file.name, file }))
        .filter(({ rel }) => !rel.includes("/") || !rel.split("/").some((part) => JUNK.test(part)));
}

function parts(photos) {
    const all = [];
    let bytes = Infinity;
    for (const photo of photos) {
        const last = all[all.length - 1];
        if (bytes + photo.file.size > PART_BYTES || last.length === PART_FILES) {
            all.push([photo]);
            bytes = photo.file.size;
        } else {
            last.push(photo);
            bytes += photo.file.size;
        }
    }
    return all;
}

// A short name of ours goes over the wire, since file systems bound a name's length; the real one is `rel`.
function wireName(name, index) {
    const ending = name.match(/\.[a-z0-9]{1,5}$/i);
    return `${index}${ending ? ending[0].toLowerCase() : ""}`;
}

function post(part, progress) {
    const form = new FormData();
    part.forEach(({ rel, file }, index) => form.append("files", file, wireName(rel, index)));
    return new Promise((done, fail) => {
        const request = new XMLHttpRequest();
        request.open("POST", new URL("gradio_api/upload", document.baseURI));
        request.responseType = "json";
        request.upload.onprogress = (event) => progress(event.loaded);
        request.onload = () => (request.status === 200 ? done(request.response) : fail(request.status));
        request.onerror = () => fail(0);
        request.send(form);
    });
}

async function sendAll(photos) {
    const total = photos.reduce((sum, { file }) => sum + file.size, 0) || 1;
    const sent = [];
    let before = 0;
    for (const part of parts(photos)) {
        say(["sending", { done: sent.length, total: photos.length }]);
        const paths = await post(part, (loaded) => { bar.value = Math.min(1, (before + loaded) / total); });
        paths.forEach((path, index) => sent.push({
            rel: part[index].rel, file: { path, meta: { _type: "gradio.FileData" } } }));
        before += part.reduce((sum, { file }) => sum + file.size, 0);
    }
    return sent;
}

function failure(status) {
    if (status === 0) return ["lost", {}];
    if (status === 413) return ["too_much", {}];
    return status === 429 ? ["later", {}] : ["refused", { status }];
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
    found.sort((a, b) => a.rel.localeCompare(b.rel, undefined, { numeric: true }));
    const photos = found.slice(0, props.max_photos);
    const large = photos.filter(({ file }) => file.size > props.max_bytes);
    setBusy(true);
    try {
        const sent = await sendAll(photos.filter(({ file }) => file.size <= props.max_bytes));
        const news = [["done", { done: sent.length }]];
        if (found.length > photos.length) news.push(["cut", { total: found.length }]);
        if (large.length) news.push(["large", { count: large.length }]);
        say(...news);
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
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
    const found = [];
    try {
        for (const entry of entries) await walk(entry, "", found);
    } catch {
        say(["unreadable", {}]);
        return;
    }
    take(found);
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
watch("words value".split(" "), paint);
paint();
