// The badge of a run: the body of a function of (element, trigger, props, server, upload, watch). Whoever follows it to a
// run that has ended has seen it.

element.addEventListener("click", ({ target }) => {
    if (target.closest("a[data-ended]")) trigger("look");
});
