// The cells of a confusion matrix as buttons: the body of a function of (element, trigger, props, server, upload,
// watch). What goes to Python: {row, column}, numbers of the cell that was chosen. Only one cell is on the way of the
// Tab key; the arrows lead to the others.

const cells = () => [...element.querySelectorAll("[data-row]")];
const place = (cell) => [Number(cell.dataset.row), Number(cell.dataset.column)];

function settle() {
    const all = cells();
    if (all.length && !all.some((cell) => cell.tabIndex === 0)) all[0].tabIndex = 0;
}

function choose(cell) {
    for (const other of cells()) {
        other.setAttribute("aria-pressed", other === cell);
        other.tabIndex = other === cell ? 0 : -1;
    }
    const [row, column] = place(cell);
    trigger("choose", { row, column });
}

// The nearest cell in a direction, in the same row or column if there is one.
function neighbour(cell, [down, right]) {
    const [row, column] = place(cell);
    let nearest = null;
    let least = Infinity;
    for (const other of cells()) {
        const [r, c] = place(other);
        const along = (r - row) * down + (c - column) * right;
        const far = along + 100 * Math.abs(down ? c - column : r - row);
        if (along > 0 && far < least) [nearest, least] = [other, far];
    }
    return nearest;
}

const WAYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

element.addEventListener("click", (event) => {
    const cell = event.target.closest("[data-row]");
    if (cell) choose(cell);
});
element.addEventListener("keydown", (event) => {
    const cell = event.target.closest("[data-row]");
    if (!cell) return;
    if (event.key === "Enter" || event.key === " ") choose(cell);
    else if (WAYS[event.key]) neighbour(cell, WAYS[event.key])?.focus();
    else return;
    event.preventDefault();
});

watch(["value"], settle);
settle();
