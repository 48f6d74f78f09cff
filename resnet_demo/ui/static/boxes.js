// The boxes' behaviour: with send.js before it the body of a function of (element, trigger, props, server, upload,
// watch). The server holds the boxes (`props.boxes`, at first `props.first`); what is done to them goes there with the
// names as they stand.

const cards = element.querySelector(".cards");
const model = element.querySelector("template").content.firstElementChild;
const bar = element.querySelector("progress");
const line = element.querySelector(".status");
let said = [];
let busy = false;
let filmed = null; // the card whose webcam is on

function sentence([word, fields]) {
    return Object.entries(fields).reduce(
        (text, [gap, value]) => text.replaceAll(`{${gap}}`, value), props.words[word]);
}

function say(...sentences) {
    said = sentences;
    line.textContent = said.map(sentence).join(" ");
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
    for (const button of element.querySelectorAll("button")) button.disabled = state;
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
    const video = filmed?.querySelector("video");
    video?.srcObject?.getTracks().forEach((track) => track.stop());
    if (video) video.srcObject = null;
    filmed = null;
    paint();
}

async function film(card) {
    const wasOn = filmed === card;
    darken();
    if (wasOn) return;
    try {
        const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
        filmed = card;
        const video = card.querySelector("video");
        video.srcObject = stream;
        await video.play();
        say();
    } catch {
        say(["blocked", {}]);
    }
    paint();
}

function snap(card) {
    const video = card.querySelector("video");
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob((file) => fill(Number(card.dataset.number), [{ rel: `webcam-${Date.now()}.jpg`, file }]),
        "image/jpeg", 0.92);
}

const ACTS = {
    choose: (card) => card.querySelector(".files").click(),
    webcam: film,
    snap,
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
    for (const button of card.querySelectorAll("button")) {
        button.addEventListener("click", () => ACTS[button.dataset.act](card));
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
    const named = `${props.words.name} ${position + 1}`;
    card.setAttribute("aria-label", named);
    card.querySelector(".name").placeholder = named;
    card.querySelector(".name").setAttribute("aria-label", named);
    card.querySelector(".remove").title = props.words.remove;
    card.querySelector(".remove").setAttribute("aria-label", props.words.remove);
    for (const node of card.querySelectorAll("[data-word]")) node.textContent = props.words[node.dataset.word];
    card.querySelector("[data-act=webcam]").textContent = props.words[on ? "close" : "webcam"];
    card.querySelector("[data-act=webcam]").hidden = !navigator.mediaDevices;
    card.querySelector("[data-act=snap]").hidden = !on;
    card.querySelector("[data-act=choose]").hidden = on;
    card.querySelector("video").hidden = !on;
    card.querySelector(".count").textContent = sentence(["count", { count: box.count }]);
    card.querySelector(".pictures").replaceChildren(...box.pictures.map((source) => {
        const picture = new Image();
        picture.src = source;
        picture.alt = "";
        return picture;
    }));
}

function paint() {
    const boxes = props.boxes ?? props.first;
    const numbers = new Set(boxes.map((box) => String(box.number)));
    for (const card of [...cards.children]) if (!numbers.has(card.dataset.number)) card.remove();
    boxes.forEach(paintCard);
    for (const node of element.querySelectorAll("[data-word]")) {
        if (!node.closest(".card")) node.textContent = props.words[node.dataset.word];
    }
    element.querySelector(".use").disabled = busy || !boxes.some((box) => box.count);
    line.textContent = said.map(sentence).join(" ");
}

element.querySelector(".add").addEventListener("click", () => act("add"));
element.querySelector(".use").addEventListener("click", () => {
    darken();
    act("use");
});

// One string, split: Gradio takes a property whose name stands alone between quotes here for an event.
watch("words boxes".split(" "), paint);
paint();
