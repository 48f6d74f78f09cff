// A camera's frames, shown to a network one after the other: with capture.js before it the body of a function of
// (element, trigger, props, server, upload, watch). The next frame is taken from the camera only once the last one has
// its response, so that none waits and none is old; the camera goes off as soon as nobody sees its picture. Frames go
// straight to Python, past the page, which would take longer for each than the network. What Python responds:
// to `open`, in props.value: {state: "opened", ticket, side, zoom, colours} or {state: "failed", said};
// to a frame: {state: "result", label, percent, bars, map}, {state: "dropped" | "void"} or {state: "failed", said}.

const REST_MS = 40;
const COUNTED_MS = 1000;
const OVERLAY = 112;

const video = element.querySelector("video");
const overlay = element.querySelector("canvas");
const label = element.querySelector(".label");
const statusLine = element.querySelector(".status");
const rate = element.querySelector(".rate");
const start = element.querySelector(".start");
const stop = element.querySelector(".stop");
const shot = document.createElement("canvas");
const over = overlay.getContext("2d");

let stream = null;
let turn = 0; // grows whenever the camera is wanted or not: what was begun before does not count any more
let opened = null;
let said = "";
let [answered, counted, frames] = [0, 0, 0];

function paint() {
    start.textContent = props.texts.start;
    stop.textContent = props.texts.stop;
    statusLine.textContent = props.texts[said] ?? said;
}

function say(key) {
    said = key;
    paint();
}

function show(on) {
    element.querySelector(".off").style.display = on ? "none" : "";
    stop.hidden = !on;
    label.hidden = true;
    rate.textContent = "";
    over.clearRect(0, 0, OVERLAY, OVERLAY);
}

function off(key) {
    turn += 1;
    if (stream) endCamera(stream);
    stream = video.srcObject = null;
    show(false);
    say(key);
}

async function on() {
    turn += 1;
    const own = turn;
    say("ask");
    const { stream: found, problem } = await openCamera("environment");
    if (own !== turn) {
        if (found) endCamera(found);
        return;
    }
    if (problem) {
        say(problem);
        return;
    }
    stream = video.srcObject = found;
    const [track] = found.getVideoTracks();
    track.addEventListener("ended", () => own === turn && off("gone"));
    video.dataset.mirrored = track.getSettings().facingMode !== "environment";
    show(true);
    ask();
}

// For a model; what watches props.value goes on from there.
function ask() {
    label.hidden = true;
    over.clearRect(0, 0, OVERLAY, OVERLAY);
    say("loading");
    trigger("open");
}

// The square in the middle: a little more than the network sees.
function picture() {
    drawSquare(video, shot, opened.side);
    return shot.toDataURL("image/jpeg", 0.85);
}

async function go() {
    const own = turn;
    answered = counted = performance.now();
    frames = 0;
    while (own === turn) {
        const began = performance.now();
        let response = null;
        try {
            response = await callPython("camera_frame", [opened.ticket, picture()]);
        } catch {
            if (own === turn && performance.now() - answered > LOST_MS) off("lost");
        }
        if (own !== turn) return;
        if (response && !HANDLERS[response.state](response)) return;
        const rest = response?.state === "result" ? REST_MS : 5 * REST_MS;
        await new Promise((done) => setTimeout(done, Math.max(0, began + rest - performance.now())));
    }
}

// Each tells whether there is more to send.
const HANDLERS = {
    result(response) {
        draw(response.map);
        label.querySelector("b").textContent = response.label;
        label.querySelector("span").textContent = response.percent;
        label.hidden = false;
        document.querySelector("#camera-bars .bars").innerHTML = response.bars;
        say("");
        count(performance.now());
        return true;
    },
    dropped() {
        say("busy");
        return true;
    },
    void() {
        ask();
        return false;
    },
    failed(response) {
        off(response.said);
        return false;
    },
};

function count(now) {
    answered = now;
    frames += 1;
    if (now - counted < COUNTED_MS) return;
    rate.textContent = props.texts.rate.replace("{fps}", (1000 * frames / (now - counted)).toFixed(1));
    [counted, frames] = [now, 0];
}

// Bilinear between the map's places, each of which is a square of the picture.
function draw(map) {
    const [rows, columns] = [map.length, map[0].length];
    const pixels = over.createImageData(OVERLAY, OVERLAY);
    const place = (pixel, places) => Math.min(Math.max((pixel + 0.5) / OVERLAY * places - 0.5, 0), places - 1);
    for (let y = 0; y < OVERLAY; y += 1) {
        const v = place(y, rows), upper = Math.floor(v), lower = Math.min(upper + 1, rows - 1), down = v - upper;
        for (let x = 0; x < OVERLAY; x += 1) {
            const u = place(x, columns), left = Math.floor(u), right = Math.min(left + 1, columns - 1), along = u - left;
            const value = Math.round(
                (map[upper][left] * (1 - along) + map[upper][right] * along) * (1 - down)
                + (map[lower][left] * (1 - along) + map[lower][right] * along) * down);
            const at = 4 * (y * OVERLAY + x);
            for (let c = 0; c < 3; c += 1) pixels.data[at + c] = opened.colours[3 * value + c];
            pixels.data[at + 3] = 0.75 * value;
        }
    }
    over.putImageData(pixels, 0, 0);
}

async function use(response) {
    opened = response;
    const own = turn;
    const mirrored = video.dataset.mirrored === "true" ? -1 : 1;
    video.style.transform = `scale(${mirrored * response.zoom}, ${response.zoom})`;
    overlay.style.transform = `scaleX(${mirrored})`;
    try {
        await video.play();
    } catch {
        if (own === turn) off("taken");
        return;
    }
    if (own === turn) go();
}

overlay.width = overlay.height = OVERLAY;
start.addEventListener("click", on);
stop.addEventListener("click", () => off(""));
whenUnseen(element, () => off(""));

// One string, split: Gradio takes a property whose name stands alone between quotes here for an event.
watch("texts".split(" "), paint);
watch("value".split(" "), () => {
    if (!stream || !props.value) return;
    if (props.value.state === "failed") off(props.value.said);
    else use(props.value);
});
paint();
