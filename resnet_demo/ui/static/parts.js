// Parts of a picture that can be chosen: the body of a function of (element, trigger, props, server, upload, watch).
// What goes to Python: {name}, the part's `data-name`.

let last = null;

function choose(part) {
    last = part.dataset.name;
    for (const other of element.querySelectorAll("[aria-pressed]")) other.setAttribute("aria-pressed", other === part);
    trigger("choose", { name: last });
}

element.addEventListener("click", (event) => {
    const part = event.target.closest("[data-name]");
    if (part) choose(part);
});
element.addEventListener("keydown", (event) => {
    const part = event.target.closest("[data-name]");
    if (!part || part.tagName === "BUTTON" || (event.key !== "Enter" && event.key !== " ")) return;
    choose(part);
    event.preventDefault();
});

// The picture is drawn anew once a part is chosen: whoever uses the keyboard goes on from there.
watch(["value"], () => {
    if (last === null || document.activeElement !== document.body) return;
    element.querySelector(`[data-name="${last}"][tabindex]`)?.focus({ preventScroll: true });
});
