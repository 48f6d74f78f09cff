// One stop of the Tab key for the choice of a language: the body of a function of (element, trigger, props, server,
// upload, watch). Gradio 6.31 gives each radio button a name of its own, so that each is a stop and no arrow reaches
// the next.

const DELAY_MS = 50;
let due = null;

function name() {
    due = null;
    for (const radio of document.querySelectorAll("#language input[type=radio]")) {
        if (radio.name !== "language") radio.name = "language";
    }
}

function soon() {
    due ??= setTimeout(name, DELAY_MS);
}

new MutationObserver(soon).observe(document.body, { subtree: true, childList: true });
soon();
