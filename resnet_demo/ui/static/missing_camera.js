// A sentence where there is no camera: the body of a function of (element, trigger, props, server, upload, watch).
// Gradio's own picture of a webcam says nothing then but an error in the console.

const NONE = ["NotFoundError", "DevicesNotFoundError", "OverconstrainedError", "NotReadableError"];
const said = element.querySelector("p");
let missing = false;

function paint() {
    said.textContent = missing ? props.sentence : "";
}

function tell(state) {
    missing = state;
    paint();
}

function listen(event) {
    if (!element.isConnected) {
        window.removeEventListener("unhandledrejection", listen);
        return;
    }
    if (!element.getClientRects().length || !NONE.includes(event.reason?.name)) return;
    event.preventDefault();
    tell(true);
}

window.addEventListener("unhandledrejection", listen);
navigator.mediaDevices?.addEventListener("devicechange", () => tell(false));
watch("sentence".split(" "), paint);
