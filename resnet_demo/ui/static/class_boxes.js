// The boxes' behaviour: with send.js, capture.js and strip.js before it the body of a function of (element, trigger, props, server, upload,
// watch). The server holds the boxes (`props.boxes`, at first `props.first`); what is done to them goes there with the
// names as they stand.

const cards = element.querySelector(".cards");
const model = element.querySelector("template").content.firstElementChild;
const bar = element.querySelector("progress");
const statusLine = element.querySelector(".status");
let said = [];
let busy = false;
let filmed = null; // the card whose webcam is on
let asked = 0; // grows whenever a webcam is wanted or not: what was begun before does not count any more
let shots = null; // what is being recorded: {timer, found}

const EVERY_MS = 125;

function sentence([key, fields]) {
    return Object.entries(fields).reduce(
        (text, [gap, value]) => text.replaceAll(`{${gap}}`, value), props.texts[key]);
}

function say(...sentences) {
    said = sentences;
    statusLine.textContent = said.map(sentence).join(" ");
}

function cardOf(number) {
    return cards.querySelector(`[data-number="${number}"]`);
}

function act(kind, more = {}) {
    const names = Object.fromEntries([...cards.children].map(
        (card) => [card.dataset.number, card.querySelector(".name").value]));
    props.value = { act: kind, names, ...more };
    trigger(kind === "use" ? "submit" : "input");
}

function setBusy(state) {
    busy = state;
    bar.value = 0;
    bar.hidden = !state;
    element.setAttribute("aria-busy", state);
    for (const button of element.querySelectorAll("button:not(.picture)")) button.disabled = state;
    paint();
}

async function fill(number, found) {
    if (busy || !found.length) return;
    const { photos, news } = permitted(found);
    setBusy(true);
    try {
        const sent = await sendAll(photos, (done, total, share) => {
            bar.value = Math.min(1, share);
            say(["sending", { done, total }]);
        });
        say(...news);
        act("fill", { box: number, photos: sent });
    } catch (status) {
        if (typeof status !== "number") throw status;
        say(failure(status));
    } finally {
        setBusy(false);
    }
}

function darken() {
    asked += 1;
    const video = filmed?.querySelector("video");
    stopRecording();
    if (video?.srcObject) endCamera(video.srcObject);
    if (video) video.srcObject = null;
    filmed = null;
    paint();
}

async function film(card) {
    const wasOn = filmed === card;
    darken();
    if (wasOn) return;
    const own = asked;
    say(["ask", {}]);
    const { stream, problem } = await openCamera("environment");
    if (own !== asked) {
        if (stream) endCamera(stream);
        return;
    }
    if (problem) {
        say([problem, {}]);
        return;
    }
    filmed = card;
    const video = card.querySelector("video");
    video.srcObject = stream;
    stream.getVideoTracks()[0].addEventListener("ended", () => {
        if (own !== asked) return;
        darken();
        say(["gone", {}]);
    });
    try {
        await video.play();
        say();
    } catch {
        say(["taken", {}]);
    }
    paint();
    card.querySelector(".hold").focus();
}

// Frames are sent once the button is let go.
function record(card) {
    const video = card.querySelector("video");
    if (busy || filmed !== card || !video.videoWidth) return false;
    const found = [];
    const canvas = document.createElement("canvas");
    const take = () => {
        canvas.width = video.videoWidth;
        canvas.height = video.videoHeight;
        canvas.getContext("2d").drawImage(video, 0, 0);
        const name = `webcam-${Date.now()}-${String(found.length).padStart(3, "0")}.jpg`;
        found.push(new Promise((done) => {
            canvas.toBlob((file) => done({ rel: name, file }), "image/jpeg", 0.9);
        }));
        say(["recording", { count: found.length }]);
    };
    shots = { timer: setInterval(take, EVERY_MS), found };
    take();
    return true;
}

async function stopRecording(card) {
    if (!shots) return;
    const { timer, found } = shots;
    clearInterval(timer);
    shots = null;
    if (card) fill(Number(card.dataset.number), (await Promise.all(found)).filter(({ file }) => file));
}

const ACTIONS = {
    choose: (card) => card.querySelector(".files").click(),
    webcam: film,
    remove: (card) => {
        if (filmed === card) darken();
        act("remove", { box: Number(card.dataset.number) });
    },
};

function newCard(box) {
    const card = model.cloneNode(true);
    const number = box.number;
    const files = card.querySelector(".files");
    card.dataset.number = number;
    card.querySelector(".name").value = box.name;
    card.querySelector(".name").addEventListener("change", () => act("name"));
    holdable(card.querySelector(".hold"), () => record(card), () => stopRecording(card));
    for (const button of card.querySelectorAll("[data-act]")) {
        button.addEventListener("click", () => ACTIONS[button.dataset.act](card));
    }
    files.addEventListener("change", () => {
        const found = chosen(files.files);
        files.value = "";
        fill(number, found);
    });
    card.addEventListener("dragover", (event) => {
        event.preventDefault();
        card.classList.add("over");
    });
    card.addEventListener("dragleave", (event) => {
        if (!card.contains(event.relatedTarget)) card.classList.remove("over");
    });
    card.addEventListener("drop", async (event) => {
        event.preventDefault();
        card.classList.remove("over");
        try {
            fill(number, await dropped(event));
        } catch {
            say(["unreadable", {}]);
        }
    });
    return card;
}

function paintCard(box, position) {
    const card = cardOf(box.number) ?? cards.appendChild(newCard(box));
    const on = filmed === card;
    const named = `${props.texts.name} ${position + 1}`;
    card.setAttribute("aria-label", named);
    card.querySelector(".name").placeholder = named;
    card.querySelector(".name").setAttribute("aria-label", named);
    card.querySelector(".remove").title = props.texts.remove;
    card.querySelector(".remove").setAttribute("aria-label", props.texts.remove);
    for (const node of card.querySelectorAll("[data-text]")) node.textContent = props.texts[node.dataset.text];
    card.querySelector("[data-act=webcam]").textContent = props.texts[on ? "close" : "webcam"];
    card.querySelector(".hold").textContent = props.texts.hold;
    card.querySelector(".hold").hidden = !on;
    card.querySelector("[data-act=choose]").hidden = on;
    card.querySelector("video").hidden = !on;
    card.querySelector(".count").textContent = sentence(["count", { count: box.count }]);
    const shown = box.name || named;
    const items = box.pictures.map((picture) => ({ key: picture.number, source: picture.uri,
        named: sentence(["take_out", { number: picture.number, name: shown }]) }));
    paintStrip(card.querySelector(".strip"), items, sentence(["photos", { name: shown }]), (photo) => {
        if (!busy) act("take_out", { box: box.number, photo });
    });
    const more = card.querySelector(".more");
    more.hidden = box.count <= items.length;
    more.textContent = sentence(["more", { count: box.count - items.length }]);
}

function paint() {
    const boxes = props.boxes ?? props.first;
    const numbers = new Set(boxes.map((box) => String(box.number)));
    for (const card of [...cards.children]) if (!numbers.has(card.dataset.number)) card.remove();
    boxes.forEach(paintCard);
    for (const node of element.querySelectorAll("[data-text]")) {
        if (!node.closest(".card")) node.textContent = props.texts[node.dataset.text];
    }
    element.querySelector(".use").disabled = busy || !boxes.some((box) => box.count);
    statusLine.textContent = said.map(sentence).join(" ");
}

whenUnseen(element, () => filmed && darken());
element.querySelector(".add").addEventListener("click", () => act("add"));
element.querySelector(".use").addEventListener("click", () => {
    darken();
    act("use");
});

// One string, split: Gradio takes a property whose name stands alone between quotes here for an event.
watch("texts boxes".split(" "), paint);
paint();
