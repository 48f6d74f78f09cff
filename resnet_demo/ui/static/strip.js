// A strip of small pictures that scrolls sideways, the newest first; each can be removed. It is one stop of the Tab key:
// the arrow keys go along it, and Enter, space or Delete removes. `items` are {key, source, named}.

function paintStrip(strip, items, label, remove) {
    strip.setAttribute("role", "group");
    strip.setAttribute("aria-label", label);
    const wanted = new Map(items.map((item) => [String(item.key), item]));
    const there = new Map();
    for (const button of [...strip.children]) {
        if (wanted.has(button.dataset.key)) there.set(button.dataset.key, button);
        else takeAway(strip, button);
    }
    let before = null;
    for (const item of [...items].reverse()) {
        const button = there.get(String(item.key)) ?? stripPicture(strip, item, remove);
        button.setAttribute("aria-label", item.named);
        button.title = item.named;
        if (button.nextElementSibling !== before || !button.parentNode) strip.insertBefore(button, before);
        before = button;
    }
    const stops = [...strip.children];
    if (stops.length && !stops.some((button) => button.tabIndex === 0)) stops[0].tabIndex = 0;
}

function takeAway(strip, button) {
    const next = button.nextElementSibling ?? button.previousElementSibling;
    const focused = document.activeElement === button || strip.getRootNode().activeElement === button;
    button.remove();
    if (next && button.tabIndex === 0) next.tabIndex = 0;
    if (next && focused) next.focus();
}

function stripPicture(strip, item, remove) {
    const button = document.createElement("button");
    const picture = new Image();
    button.type = "button";
    button.className = "picture";
    button.dataset.key = item.key;
    button.tabIndex = -1;
    picture.alt = "";
    picture.loading = "lazy";
    picture.decoding = "async";
    picture.src = item.source;
    button.append(picture);
    button.addEventListener("click", () => remove(item.key));
    button.addEventListener("keydown", (event) => {
        const steps = { ArrowRight: button.nextElementSibling, ArrowLeft: button.previousElementSibling,
            Home: strip.firstElementChild, End: strip.lastElementChild };
        if (event.key === "Delete" || event.key === "Backspace") remove(item.key);
        else if (steps[event.key]) {
            button.tabIndex = -1;
            steps[event.key].tabIndex = 0;
            steps[event.key].focus();
        } else return;
        event.preventDefault();
    });
    return button;
}
