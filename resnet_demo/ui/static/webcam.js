// Teaching by webcam: with capture.js and strip.js before it the body of a function of (element, trigger, props, server,
// upload, watch). The page holds the classes and their frames; each frame is sent as soon as it is taken, one at a time,
// and Python keeps it with its features. Once a model is trained, frames are sent to be named while none is to be recorded.
// What Python says, in props.answer: {state: "opened", ticket, side, network}, {state: "trained", labels, percent, photos},
// {state: "untrained" | "failed", said} or {state: "void"}; to a frame {state: "recorded", frame},
// {state: "named", probabilities}, {state: "dropped" | "void"} or {state: "failed", said}.

const EVERY_MS = 125;
const REST_MS = 60;
const NEWEST_WEIGHT = 0.4;
const COUNTED_MS = 1000;

const video = element.querySelector("video");
const label = element.querySelector(".label");
const statusLine = element.querySelector(".status");
const news = element.querySelector(".news");
const rate = element.querySelector(".rate");
const live = element.querySelector(".live");
const cards = element.querySelector(".cards");
const card = element.querySelector("template").content.firstElementChild;
const trainButton = element.querySelector(".train");
const next = element.querySelector(".next");
const shot = document.createElement("canvas");

let classes = [1, 2].map((number) => ({ number, name: "", frames: [] }));
let [lastClass, lastRecording, lastKey] = [2, 0, 0];
let stream = null;
let turn = 0; // grows whenever the camera is wanted or not: what was begun before does not count any more
let opened = null;
let recording = null; // {of, timer}
let unsent = []; // frames that Python has not got yet
let training = false;
let model = null; // {labels, percent, photos, means, changed}
let [said, told] = [["", {}], ["need", {}]];
let [answered, counted, named] = [0, 0, 0];
let spoken = "";

function sentence([key, fields]) {
    return Object.entries(fields).reduce((text, [gap, value]) => text.replaceAll(`{${gap}}`, value), props.texts[key] ?? key);
}

function percent(share) {
    return `${(100 * share).toFixed(0)} %`;
}

function say(key, fields = {}) {
    said = [key, fields];
    statusLine.textContent = sentence(said);
}

function tell(key, fields = {}) {
    told = [key, fields];
    paintGo();
}

function nameOf(one) {
    return one.name.trim() || sentence(["class", { number: classes.indexOf(one) + 1 }]);
}

// The camera

function off(key) {
    turn += 1;
    stopRecording();
    if (stream) endCamera(stream);
    stream = video.srcObject = null;
    label.hidden = true;
    rate.textContent = "";
    element.querySelector(".off").hidden = false;
    element.querySelector(".stop").hidden = true;
    element.querySelector(".photos").hidden = !key;
    say(key);
}

async function on() {
    turn += 1;
    const own = turn;
    say("ask");
    const found = await openCamera("user");
    if (own !== turn) {
        if (found.stream) endCamera(found.stream);
        return;
    }
    if (found.problem) {
        off(found.problem);
        return;
    }
    stream = video.srcObject = found.stream;
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => own === turn && off("gone"));
    video.style.transform = track.getSettings().facingMode === "environment" ? "" : "scaleX(-1)";
    try {
        await video.play();
    } catch {
        if (own === turn) off("taken");
        return;
    }
    if (own !== turn) return;
    element.querySelector(".off").hidden = true;
    element.querySelector(".stop").hidden = false;
    if (opened) go();
    else ask();
}

function ask() {
    say("loading");
    trigger("open");
}

function picture() {
    drawSquare(video, shot, opened.side);
    return shot.toDataURL("image/jpeg", 0.85);
}

// Recording

function record(one) {
    if (!stream) {
        on();
        return false;
    }
    if (!opened || training) return false;
    lastRecording += 1;
    const own = lastRecording;
    const take = () => {
        if (!isSeen(element)) return;
        if (one.frames.length >= props.limits.most) {
            stopRecording();
            say("full", { most: props.limits.most });
            return;
        }
        lastKey += 1;
        const frame = { key: lastKey, source: picture(), of: one, recording: own, number: null };
        one.frames.push(frame);
        unsent.push(frame);
        paintCard(one);
        paintGo();
    };
    recording = { of: one, timer: setInterval(take, EVERY_MS) };
    if (model) model.changed = true;
    label.hidden = true;
    take();
    paintCard(one);
    return true;
}

function stopRecording() {
    if (!recording) return;
    const { of, timer } = recording;
    clearInterval(timer);
    recording = null;
    paintCard(of);
    paintGo();
}

function forget(frames) {
    const gone = new Set(frames);
    unsent = unsent.filter((frame) => !gone.has(frame));
    for (const frame of frames) frame.gone = true;
    const numbers = frames.map((frame) => frame.number).filter((number) => number !== null);
    if (numbers.length && opened) callPython("webcam_frame", [opened.ticket, { act: "forget", frames: numbers }, ""]).catch(() => {});
    if (model) model.changed = true;
}

// Frames on their way

async function go() {
    const own = turn;
    answered = counted = performance.now();
    named = 0;
    say("ready");
    while (own === turn && opened) {
        const began = performance.now();
        const frame = unsent[0];
        const busy = !frame && (recording || training || !model || model.changed);
        if (!busy) {
            let response = null;
            try {
                response = frame
                    ? await callPython("webcam_frame",
                        [opened.ticket, { act: "record", class: frame.of.number, recording: frame.recording }, frame.source])
                    : await callPython("webcam_frame", [opened.ticket, { act: "name" }, picture()]);
                answered = performance.now();
            } catch {
                if (own === turn && performance.now() - answered > LOST_MS) off("lost");
            }
            if (response && !HANDLERS[response.state](response, frame, own)) return;
        } else {
            answered = began;
        }
        const rest = frame ? 0 : REST_MS;
        await new Promise((done) => setTimeout(done, Math.max(rest, began + rest - performance.now())));
    }
}

// Each tells whether there is more to send.
const HANDLERS = {
    recorded(response, frame) {
        frame.number = response.frame;
        unsent = unsent.filter((other) => other !== frame);
        if (frame.gone) forget([frame]);
        if (!frame.gone && model) model.changed = true;
        paintGo();
        return true;
    },
    named(response, frame, own) {
        if (own === turn && !training && model && !model.changed && !recording) show(response.probabilities);
        return true;
    },
    dropped() {
        return true;
    },
    // Python has forgotten all: what the page still has is sent again.
    void(response, frame, own) {
        opened = null;
        unsent = classes.flatMap((one) => one.frames).sort((one, other) => one.key - other.key);
        for (const one of unsent) one.number = null;
        if (model) model.changed = true;
        if (own === turn && stream) ask();
        return false;
    },
    failed(response, frame) {
        if (frame) {
            unsent = unsent.filter((other) => other !== frame);
            frame.of.frames = frame.of.frames.filter((other) => other !== frame);
            stopRecording();
            paintCard(frame.of);
            say(response.said);
            return true;
        }
        model = null;
        paint();
        say(response.said);
        return true;
    },
};

// Naming

function show(probabilities) {
    const means = model.means ?? probabilities;
    model.means = probabilities.map((value, index) => means[index] + NEWEST_WEIGHT * (value - means[index]));
    const best = model.means.indexOf(Math.max(...model.means));
    paintLive();
    label.querySelector("b").textContent = model.labels[best];
    label.querySelector("span").textContent = percent(model.means[best]);
    label.hidden = false;
    if (model.labels[best] !== spoken) {
        spoken = model.labels[best];
        say(spoken);
    }
    const now = performance.now();
    named += 1;
    if (now - counted < COUNTED_MS) return;
    rate.textContent = sentence(["rate", { fps: (1000 * named / (now - counted)).toFixed(1) }]);
    [counted, named] = [now, 0];
}

function paintLive() {
    const labels = model?.labels ?? [];
    live.setAttribute("aria-label", props.texts.live);
    while (live.children.length > labels.length) live.lastElementChild.remove();
    labels.forEach((name, index) => {
        const row = live.children[index] ?? live.appendChild(Object.assign(document.createElement("li"), {
            innerHTML: "<span></span> <span></span><i aria-hidden='true'></i>" }));
        const share = model.means?.[index] ?? 0;
        row.children[0].textContent = name;
        row.children[1].textContent = percent(share);
        row.children[2].style.width = `${100 * share}%`;
    });
}

function train() {
    training = true;
    label.hidden = true;
    stopRecording();
    tell("training");
    props.value = { names: Object.fromEntries(classes.map((one) => [one.number, nameOf(one)])) };
    trigger("submit");
}

function isReady() {
    const enough = classes.filter((one) => one.frames.length >= props.limits.fewest);
    return enough.length >= props.limits.fewest_classes && classes.every((one) => !one.frames.length || enough.includes(one));
}

// Painting

function newCard(one) {
    const made = card.cloneNode(true);
    const input = made.querySelector(".name");
    made.dataset.number = one.number;
    input.value = one.name;
    input.maxLength = props.limits.letters;
    input.addEventListener("input", () => {
        one.name = input.value;
        if (model) model.changed = true;
        paintCard(one);
        paintGo();
    });
    holdable(made.querySelector(".hold"), () => record(one), stopRecording);
    made.querySelector(".clear").addEventListener("click", () => {
        forget(one.frames);
        one.frames = [];
        paint();
    });
    made.querySelector(".remove").addEventListener("click", () => {
        forget(one.frames);
        classes = classes.filter((other) => other !== one);
        paint();
        (cards.querySelector(".name") ?? element.querySelector(".add")).focus();
    });
    return made;
}

function paintCard(one) {
    const found = cards.querySelector(`[data-number="${one.number}"]`) ?? cards.appendChild(newCard(one));
    const named = nameOf(one);
    const usual = sentence(["class", { number: classes.indexOf(one) + 1 }]);
    const now = recording?.of === one;
    const write = (part, key, fields = {}) => { found.querySelector(part).textContent = sentence([key, fields]); };
    found.setAttribute("aria-label", named);
    found.querySelector(".name").placeholder = usual;
    found.querySelector(".name").setAttribute("aria-label", usual);
    const remove = found.querySelector(".remove");
    remove.title = sentence(["remove", { name: named }]);
    remove.setAttribute("aria-label", remove.title);
    remove.hidden = classes.length <= props.limits.fewest_classes;
    write(".hold", now ? "holding" : "hold");
    const ofClass = (key) => [props.texts[key], named].join(": ");
    found.querySelector(".hold").setAttribute("aria-label", ofClass("hold"));
    found.querySelector(".hold").disabled = training;
    write(".count", "count", { count: one.frames.length });
    write(".clear", "clear");
    found.querySelector(".clear").setAttribute("aria-label", ofClass("clear"));
    found.querySelector(".clear").disabled = training || !one.frames.length;
    const items = one.frames.map((frame, index) => ({ key: frame.key, source: frame.source,
        named: sentence(["remove_frame", { number: index + 1, name: named }]) })).reverse();
    paintStrip(found.querySelector(".strip"), items, sentence(["frames", { name: named }]), (key) => {
        if (training) return;
        forget(one.frames.filter((frame) => frame.key === key));
        one.frames = one.frames.filter((frame) => frame.key !== key);
        paintCard(one);
        paintGo();
    });
}

function paintGo() {
    trainButton.textContent = props.texts[model ? "again" : "train"];
    trainButton.disabled = training || unsent.length > 0 || recording !== null || !opened || !isReady();
    next.hidden = !model;
    element.setAttribute("aria-busy", training);
    let line = told;
    if (!training && unsent.length) line = ["sending", { count: unsent.length }];
    else if (!training && model?.changed && told[0] === "result") line = ["changed", {}];
    else if (!training && told[0] === "need") line = ["need", { fewest: props.limits.fewest }];
    const shown = sentence(line);
    if (news.textContent !== shown) news.textContent = shown;
}

function paint() {
    const numbers = new Set(classes.map((one) => String(one.number)));
    for (const shown of [...cards.children]) if (!numbers.has(shown.dataset.number)) shown.remove();
    classes.forEach(paintCard);
    for (const node of element.querySelectorAll("[data-text]")) node.textContent = sentence([node.dataset.text, { network: opened?.network ?? "ResNet" }]);
    element.querySelector(".add").disabled = training || classes.length >= props.limits.most_classes;
    statusLine.textContent = sentence(said);
    paintLive();
    paintGo();
}

const ANSWERS = {
    opened(answer) {
        opened = answer;
        paint();
        if (stream) go();
    },
    trained(answer) {
        training = false;
        model = { labels: answer.labels, means: null, changed: false };
        spoken = "";
        tell("result", { percent: answer.percent, photos: answer.photos });
        paint();
    },
    untrained(answer) {
        training = false;
        tell(answer.said);
        paint();
    },
    void() {
        training = false;
        tell("need");
        HANDLERS.void(null, null, turn);
        paint();
    },
    failed(answer) {
        off(answer.said);
    },
};

element.querySelector(".start").addEventListener("click", on);
element.querySelector(".stop").addEventListener("click", () => off(""));
element.querySelector(".photos").addEventListener("click", () => trigger("cancel"));
element.querySelector(".add").addEventListener("click", () => {
    lastClass += 1;
    classes.push({ number: lastClass, name: "", frames: [] });
    paint();
    cards.lastElementChild.querySelector(".name").focus();
});
trainButton.addEventListener("click", train);
for (const button of next.querySelectorAll("button")) {
    button.addEventListener("click", () => trigger("choose", { where: button.dataset.where }));
}
whenUnseen(element, () => stream && off(""));

// One string, split: Gradio takes a property whose name stands alone between quotes here for an event.
watch("texts".split(" "), paint);
watch("answer".split(" "), () => props.answer && ANSWERS[props.answer.state](props.answer));
paint();
