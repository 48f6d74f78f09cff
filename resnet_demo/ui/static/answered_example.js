// The answered example leaves the moment that a visitor asks for an answer of their own, not when that comes and they are
// looking at something else: the body of a function of (element, trigger, props, server, upload, watch).

const ASKS = {
    click: "#classify-examples button",
    change: "#classify-photos input[type=file]",
    drop: "#classify-photos",
};

for (const [type, selector] of Object.entries(ASKS)) {
    document.addEventListener(type, function leave(event) {
        if (!element.isConnected) document.removeEventListener(type, leave, true);
        else if (event.target.closest?.(selector)) document.querySelector("#classify-layout")?.classList.add("asked");
    }, true);
}
