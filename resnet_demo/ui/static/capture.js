// What all cameras of the page share; it stands before the scripts of the components that have one.

const CAMERA_PROBLEMS = { NotAllowedError: "refused", NotFoundError: "none", OverconstrainedError: "none" };
const LOST_MS = 15000;

// {stream}, or {problem}: the key of the sentence that says why there is none.
async function openCamera(facing) {
    if (!navigator.mediaDevices) return { problem: "insecure" };
    const video = { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: facing };
    try {
        return { stream: await navigator.mediaDevices.getUserMedia({ audio: false, video }) };
    } catch (problem) {
        return { problem: CAMERA_PROBLEMS[problem.name] ?? "taken" };
    }
}

function endCamera(stream) {
    for (const track of stream.getTracks()) track.stop();
}

// The square in the middle of what a video shows, on a canvas of so many pixels a side.
function drawSquare(video, canvas, side) {
    const edge = Math.min(video.videoWidth, video.videoHeight);
    const brush = canvas.getContext("2d");
    canvas.width = canvas.height = side;
    brush.imageSmoothingQuality = "high";
    brush.drawImage(video, (video.videoWidth - edge) / 2, (video.videoHeight - edge) / 2, edge, edge, 0, 0, side, side);
}

// Straight to Python, past the page, which would take longer for each frame than the network.
async function callPython(name, data) {
    const response = await fetch(new URL(`gradio_api/run/${name}`, document.baseURI), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ data }),
        signal: AbortSignal.timeout(LOST_MS),
    });
    if (!response.ok) throw new Error(response.status);
    return (await response.json()).data[0];
}

function isSeen(element) {
    return !document.hidden && element.getClientRects().length > 0;
}

// Calls `gone` once nobody sees the element any more.
function whenUnseen(element, gone) {
    new ResizeObserver(() => isSeen(element) || gone()).observe(element);
    document.addEventListener("visibilitychange", function hide() {
        if (!element.isConnected) document.removeEventListener("visibilitychange", hide);
        else if (!isSeen(element)) gone();
    });
}

const CLICK_MS = 2000;

// A button that works as long as it is held, with mouse, finger, space or enter. A program that reads the page aloud can
// only click: that holds it for two seconds.
function holdable(button, begin, end) {
    let held = false;
    const press = () => {
        if (held || button.disabled) return;
        held = begin() !== false;
        button.classList.toggle("held", held);
    };
    const release = () => {
        if (!held) return;
        held = false;
        button.classList.remove("held");
        end();
    };
    button.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        button.setPointerCapture(event.pointerId);
        press();
    });
    for (const over of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(over, release);
    const isKey = (event) => event.key === " " || event.key === "Enter";
    button.addEventListener("keydown", (event) => {
        if (!isKey(event)) return;
        event.preventDefault();
        if (!event.repeat) press();
    });
    button.addEventListener("keyup", (event) => isKey(event) && release());
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    button.addEventListener("click", (event) => {
        if (event.detail !== 0 || held) return;
        press();
        setTimeout(release, CLICK_MS);
    });
    return release;
}
