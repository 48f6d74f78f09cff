// The page's clock: the body of a function of (element, trigger, props, server, upload, watch). It sends `tick` every
// props.value seconds while the training that is watched can be seen, every props.idle seconds while it cannot, and none
// while the page cannot be seen; what was missed is made up for at once. The event `tick-now` has it tick, too.

const CHECK_MS = 250;
let last = Date.now();

function tick() {
    last = Date.now();
    trigger("tick");
}

document.addEventListener("tick-now", tick);
setInterval(() => {
    if (document.hidden) return;
    const watched = document.querySelector("#train-status")?.getClientRects().length > 0;
    const seconds = watched ? Math.min(props.value, props.idle) : props.idle;
    if (Date.now() - last >= 1000 * seconds) tick();
}, CHECK_MS);
