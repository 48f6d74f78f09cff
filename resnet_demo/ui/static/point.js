// Maps in which a point can be chosen: the body of a function of (element, trigger, props, server, upload, watch).
// What goes to Python: {row, column}, the point's place in the map. The arrows lead to the neighbours.

const maps = () => [...element.querySelectorAll("[data-rows]")];
let place = [0, 0];

function mark() {
    for (const map of maps()) {
        const [rows, columns] = [Number(map.dataset.rows), Number(map.dataset.columns)];
        const pointer = map.querySelector("i");
        pointer.style.width = `${100 / columns}%`;
        pointer.style.height = `${100 / rows}%`;
        pointer.style.left = `${(100 * place[1]) / columns}%`;
        pointer.style.top = `${(100 * place[0]) / rows}%`;
        pointer.hidden = false;
    }
}

function choose(map, row, column) {
    place = [
        Math.min(Math.max(row, 0), Number(map.dataset.rows) - 1),
        Math.min(Math.max(column, 0), Number(map.dataset.columns) - 1),
    ];
    mark();
    trigger("choose", { row: place[0], column: place[1] });
}

const WAYS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Enter: [0, 0], " ": [0, 0] };

element.addEventListener("click", (event) => {
    const map = event.target.closest("[data-rows]");
    if (!map) return;
    const box = map.getBoundingClientRect();
    choose(map, Math.floor(((event.clientY - box.top) / box.height) * map.dataset.rows),
        Math.floor(((event.clientX - box.left) / box.width) * map.dataset.columns));
});
element.addEventListener("keydown", (event) => {
    const map = event.target.closest("[data-rows]");
    if (!map || !WAYS[event.key]) return;
    choose(map, place[0] + WAYS[event.key][0], place[1] + WAYS[event.key][1]);
    event.preventDefault();
});
