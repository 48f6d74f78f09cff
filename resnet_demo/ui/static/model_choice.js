// What Gradio's list of models lacks: the body of a function of (element, trigger, props, server, upload, watch). The
// name that stands there is selected when the list is opened, so that what is typed takes its place.

let opened = false;

// The list may come onto the page after this, so that all is heard of on the page.
function onList(type, act) {
    const listener = (event) => {
        if (!element.isConnected) document.removeEventListener(type, listener, true);
        else if (event.target.closest?.(`#${props.list}`) && event.target.tagName === "INPUT") act(event);
    };
    document.addEventListener(type, listener, true);
}

onList("focusin", (event) => {
    opened = true;
    event.target.select();
});
onList("mouseup", (event) => { // a click would put the cursor somewhere and end the selection
    if (opened) event.target.select();
    opened = false;
});
onList("keydown", () => {
    opened = false;
});
