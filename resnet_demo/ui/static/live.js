// A camera's frames, shown to a network one after the other: the body of a function of (element, trigger, props, server,
// upload, watch). The next frame is taken from the camera only once the last one has its answer, so that none waits and
// none is old; the camera goes off as soon as nobody sees its picture. Frames go straight to Python, past the page, which
// would take longer for each than the network. What Python answers:
// to `open`, in props.value: {state: "opened", ticket, side, zoom, colours} or {state: "failed", said};
// to a frame: {state: "seen", label, percent, bars, map}, {state: "dropped" | "void"} or {state: "failed", said}.

const FRAMES = new URL("gradio_api/run/camera_frame", document.baseURI);
const REST_MS = 40;
const LOST_MS = 15000;
const COUNTED_MS = 1000;
const OVERLAY = 112;
const PROBLEMS = { NotAllowedError: "refused", NotFoundError: "none", OverconstrainedError: "none" };

const video = element.querySelector("video");
const overlay = element.querySelector("canvas");
const label = element.querySelector(".label");
const line = element.querySelector(".status");
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
    start.textContent = props.words.start;
    stop.textContent = props.words.stop;
    line.textContent = props.words[said] ?? said;
}

function say(word) {
    said = word;
    paint();
}

function seen() {
    return !document.hidden && element.getClientRects().length > 0;
}

function show(on) {
    element.querySelector(".off").style.display = on ? "none" : "";
    stop.hidden = !on;
    label.hidden = true;
    rate.textContent = "";
    over.clearRect(0, 0, OVERLAY, OVERLAY);
}

function end(tracks) {
    for (const track of tracks.getTracks()) track.stop();
}

function off(word) {
    turn += 1;
    if (stream) end(stream);
    stream = video.srcObject = null;
    show(false);
    say(word);
}

async function on() {
    turn += 1;
    const own = turn;
    if (!navigator.mediaDevices) {
        say("insecure");
        return;
    }
    say("ask");
    const wish = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "environment" };
    let found;
    try {
        found = await navigator.mediaDevices.getUserMedia({ audio: false, video: wish });
    } catch (problem) {
        if (own === turn) say(PROBLEMS[problem.name] ?? "taken");
        return;
    }
    if (own !== turn) {
        end(found);
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
    const side = Math.min(video.videoWidth, video.videoHeight);
    const [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
    const brush = shot.getContext("2d");
    shot.width = shot.height = opened.side;
    brush.imageSmoothingQuality = "high";
    brush.drawImage(video, left, top, side, side, 0, 0, opened.side, opened.side);
    return shot.toDataURL("image/jpeg", 0.85);
}

async function send() {
    const answer = await fetch(FRAMES, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ data: [opened.ticket, picture()] }),
        signal: AbortSignal.timeout(LOST_MS),
    });
    if (!answer.ok) throw new Error(answer.status);
    return (await answer.json()).data[0];
}

async function go() {
    const own = turn;
    answered = counted = performance.now();
    frames = 0;
    while (own === turn) {
        const began = performance.now();
        let answer = null;
        try {
            answer = await send();
        } catch {
            if (own === turn && performance.now() - answered > LOST_MS) off("lost");
        }
        if (own !== turn) return;
        if (answer && !ANSWERS[answer.state](answer)) return;
        const rest = answer?.state === "seen" ? REST_MS : 5 * REST_MS;
        await new Promise((done) => setTimeout(done, Math.max(0, began + rest - performance.now())));
    }
}

// Each tells whether there is more to send.
const ANSWERS = {
    seen(answer) {
        draw(answer.map);
        label.querySelector("b").textContent = answer.label;
        label.querySelector("span").textContent = answer.percent;
        label.hidden = false;
        document.querySelector("#live-bars .bars").innerHTML = answer.bars;
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
    failed(answer) {
        off(answer.said);
        return false;
    },
};

function count(now) {
    answered = now;
    frames += 1;
    if (now - counted < COUNTED_MS) return;
    rate.textContent = props.words.rate.replace("{fps}", (1000 * frames / (now - counted)).toFixed(1));
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

async function use(answer) {
    opened = answer;
    const own = turn;
    const mirrored = video.dataset.mirrored === "true" ? -1 : 1;
    video.style.transform = `scale(${mirrored * answer.zoom}, ${answer.zoom})`;
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
new ResizeObserver(() => seen() || off("")).observe(element);
document.addEventListener("visibilitychange", function hide() {
    if (!element.isConnected) document.removeEventListener("visibilitychange", hide);
    else if (!seen()) off("");
});

// One string, split: Gradio takes a property whose name stands alone between quotes here for an event.
watch("words".split(" "), paint);
watch("value".split(" "), () => {
    if (!stream || !props.value) return;
    if (props.value.state === "failed") off(props.value.said);
    else use(props.value);
});
paint();
