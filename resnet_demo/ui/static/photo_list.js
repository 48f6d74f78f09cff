// The list of classified photos: the body of a function of (element, trigger, props, server, upload, watch).
// props.value is JSON: {folder, models, start, rows}, the rows from number `start` on of the results whose pictures are
// in `folder`; each row is [file, thumbnail, problem, class, probability, second class, its probability, ...], and in
// place of the dots a class and its probability for each further model. Only what can be seen of the list is in the
// page. What goes to Python: {number}, of the row that was chosen.

const root = element.querySelector(".photo-list");
const gallery = element.querySelector("#classify-gallery");
const cells = gallery.querySelector(".cells");
const scroller = element.querySelector("#classify-table");
const [head, body] = [scroller.querySelector("thead"), scroller.querySelector("tbody")];
const form = Object.fromEntries([...element.querySelectorAll("[name]")].map((one) => [one.name, one]));
const [FILE, THUMBNAIL, PROBLEM, CLASS, FIRST_COMPARED] = [0, 1, 2, 3, 7];
const [ROW, CELL, GAP, MARGIN] = [34, 104, 8, 6];
const MOST_CLASSES = 12;

let rows = [];
let models = [];
let folder = null;
let shown = []; // numbers of the rows that pass the filters, in the order of the table
let sorted = { key: null, down: false };
let selected = null;
let drawing = false;

const sentence = (key, fields = {}) => Object.entries(fields).reduce(
    (text, [gap, value]) => text.replaceAll(`{${gap}}`, value), props.texts[key]);
const percent = (share) => (100 * share).toFixed(1);
const differs = (row) => !row[PROBLEM] && models.slice(1).some((_, at) => row[FIRST_COMPARED + 2 * at] !== row[CLASS]);

function make(name, properties = {}, ...inside) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...inside);
    return made;
}

// The columns: where in a row each one's value is (the number has no place), and what stands above it.
function columns() {
    const found = [["number", "number", null], ["file", "text file", FILE]];
    models.forEach((model, at) => {
        const place = at ? FIRST_COMPARED + 2 * (at - 1) : CLASS;
        found.push([models.length > 1 ? model : "top1", "text", place], ["p1", "number", place + 1]);
    });
    if (models.length === 1) found.push(["top2", "text second", CLASS + 2]);
    return found.map(([name, kind, place], key) => ({ key, kind, place, title: props.texts[name] ?? name }));
}

function passes(row) {
    const [least, most] = [form.least.value === "" ? 0 : +form.least.value, form.most.value === "" ? 100 : +form.most.value];
    if (form.show.value === "problem" && !row[PROBLEM]) return false;
    if (form.show.value === "named" && row[PROBLEM]) return false;
    if (form.show.value === "differ" && !differs(row)) return false;
    if (form.class.value && row[CLASS] !== form.class.value) return false;
    if (row[PROBLEM]) return least <= 0 && most >= 100;
    return 100 * row[CLASS + 1] >= least && 100 * row[CLASS + 1] <= most;
}

function count(numbers) {
    const counts = new Map();
    for (const number of numbers) {
        const name = rows[number][CLASS];
        if (!rows[number][PROBLEM]) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
}

function options(select, choices) {
    const before = select.value;
    select.replaceChildren(...choices.map(([value, text]) => make("option", { value, textContent: text })));
    select.value = choices.some(([value]) => value === before) ? before : "";
}

// Filters and order anew, then what can be seen.
function arrange() {
    root.hidden = rows.length < 2 && !rows.some((row) => row[PROBLEM]) && models.length < 2;
    shown = rows.map((_, number) => number).filter((number) => passes(rows[number]));
    const way = sorted.down ? -1 : 1;
    const place = columns()[sorted.key ?? 0]?.place;
    if (place === null) {
        if (sorted.down) shown.reverse();
    } else if (place !== undefined) {
        const compare = new Intl.Collator(undefined, { numeric: true }).compare;
        const order = (a, b) => typeof a === "number" ? a - b : compare(a, b);
        // What has a problem has no answer to be sorted by, and comes last.
        const missing = (row) => row[place] === null || row[place] === undefined || (place !== FILE && row[PROBLEM]) ? 1 : 0;
        shown.sort((one, other) => missing(rows[one]) - missing(rows[other])
            || (missing(rows[one]) ? 0 : way * order(rows[one][place], rows[other][place])));
    }
    const counts = count(shown);
    const filtered = Object.values(form).some((one) => one.value !== "");
    element.querySelector(".shown").textContent = sentence("shown", { shown: shown.length, photos: rows.length });
    element.querySelector(".clear").hidden = !filtered;
    const chips = counts.slice(0, MOST_CLASSES).map(([name, photos]) => make(
        "button", { type: "button", title: name, ariaPressed: form.class.value === name },
        make("span", { textContent: name }), ` ${photos}`));
    chips.forEach((chip, at) => { chip.dataset.class = counts[at][0]; });
    const rest = counts.length - chips.length;
    element.querySelector(".classes").replaceChildren(
        ...chips, ...(rest > 0 ? [make("span", { textContent: sentence("more", { count: rest }) })] : []));
    draw();
}

function describe() {
    for (const node of element.querySelectorAll("[data-text]")) node.textContent = props.texts[node.dataset.text];
    const all = count(rows.keys());
    options(form.class, [["", sentence("any")], ...all.map(([name, photos]) => [name, `${name} (${photos})`])]);
    options(form.show, [["", sentence("all")], ["named", sentence("named")], ["problem", sentence("problem")],
        ...(models.length > 1 ? [["differ", sentence("differ")]] : [])]);
    scroller.setAttribute("aria-label", sentence("table"));
    gallery.setAttribute("aria-label", sentence("gallery"));
    head.replaceChildren(make("tr", {}, ...columns().map(({ key, kind, title }) => {
        const cell = make("th", { scope: "col", className: kind, title },
            make("button", { type: "button", textContent: title }));
        cell.firstChild.dataset.key = key;
        return cell;
    })));
    mark();
}

function mark() {
    for (const button of head.querySelectorAll("button")) {
        const here = Number(button.dataset.key) === sorted.key;
        button.parentNode.ariaSort = here ? (sorted.down ? "descending" : "ascending") : "none";
    }
}

function draw() {
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(() => {
        drawing = false;
        drawTable();
        drawGallery();
    });
}

// Which of `count` things, each so many pixels high, can be seen, and a few beside them.
function visible(where, height, count) {
    const first = Math.max(0, Math.floor(where.scrollTop / height) - MARGIN);
    return [first, Math.min(count, Math.ceil((where.scrollTop + where.clientHeight) / height) + MARGIN)];
}

function spacer(height) {
    const row = make("tr", { ariaHidden: true, className: "spacer" });
    row.style.height = `${height}px`;
    return row;
}

function drawTable() {
    const [first, last] = visible(scroller, ROW, shown.length);
    const parts = columns();
    const focused = body.contains(document.activeElement) ? document.activeElement.dataset.number : null;
    const current = shown.includes(selected) ? selected : shown[0];
    const made = shown.slice(first, last).map((number) => {
        const row = rows[number];
        const line = make("tr", { tabIndex: number === current ? 0 : -1 });
        line.dataset.number = number;
        if (number === selected) line.ariaCurrent = "true";
        if (models.length > 1 && differs(row)) line.className = "differ";
        for (const { kind, place } of parts) {
            const value = place === null ? number + 1 : row[place];
            const cell = make("td", { className: kind });
            cell.textContent = place === CLASS && row[PROBLEM] ? row[PROBLEM]
                : place !== null && kind.startsWith("number") && value !== null ? percent(value) : value ?? "";
            if (kind.startsWith("text")) cell.title = cell.textContent;
            line.append(cell);
            if (row[PROBLEM] && place === CLASS) {
                cell.classList.add("problem");
                cell.colSpan = parts.length - 2;
                break;
            }
        }
        return line;
    });
    body.replaceChildren(spacer(first * ROW), ...made, spacer((shown.length - last) * ROW));
    scroller.querySelector("table").ariaRowCount = shown.length + 1;
    if (focused !== null) body.querySelector(`[data-number="${focused}"]`)?.focus({ preventScroll: true });
}

function drawGallery() {
    const with_thumbnail = shown.filter((number) => rows[number][THUMBNAIL] !== null);
    gallery.hidden = rows.length < 2;
    const across = Math.max(1, Math.floor((gallery.clientWidth - GAP) / (CELL + GAP)));
    const lines = Math.ceil(with_thumbnail.length / across);
    const [first, last] = visible(gallery, CELL + GAP, lines);
    const made = with_thumbnail.slice(first * across, last * across).map((number) => {
        const row = rows[number];
        const image = make("img", { alt: row[FILE], loading: "lazy", decoding: "async" });
        image.src = new URL(`gradio_api/file=${folder}/${row[THUMBNAIL]}.jpg`, document.baseURI);
        const cell = make("button", { type: "button", title: row[FILE] }, image,
            make("span", { textContent: `${row[CLASS]} ${(100 * row[CLASS + 1]).toFixed(0)}\u00a0%` }));
        cell.dataset.number = number;
        if (number === selected) cell.ariaCurrent = "true";
        return cell;
    });
    cells.style.gridTemplateColumns = `repeat(${across}, minmax(0, 1fr))`;
    cells.style.paddingTop = `${first * (CELL + GAP)}px`;
    cells.style.paddingBottom = `${(lines - last) * (CELL + GAP)}px`;
    const focused = cells.contains(document.activeElement) ? document.activeElement.dataset.number : null;
    cells.replaceChildren(...made);
    if (focused !== null) cells.querySelector(`[data-number="${focused}"]`)?.focus({ preventScroll: true });
}

function choose(number) {
    selected = number;
    draw();
    if (!rows[number][PROBLEM]) trigger("choose", { number });
}

// With the arrow keys, to the neighbour in the table.
function step(from, by) {
    const at = shown.indexOf(from) + by;
    if (at < 0 || at >= shown.length) return;
    const [top, bottom] = [at * ROW, (at + 2) * ROW];
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
    choose(shown[at]);
    drawTable();
    body.querySelector(`[data-number="${shown[at]}"]`)?.focus({ preventScroll: true });
}

function take() {
    if (!props.value) return;
    const sent = JSON.parse(props.value);
    if (sent.folder !== folder) {
        [rows, folder, selected] = [[], sent.folder, null];
        for (const one of Object.values(form)) one.value = "";
        scroller.scrollTop = gallery.scrollTop = 0;
    }
    if (sent.start > rows.length) return; // some are missing: they come once more with the last ones
    if (sent.models.join("\n") !== models.join("\n")) sorted = { key: null, down: false };
    models = sent.models;
    rows = [...rows.slice(0, sent.start), ...sent.rows];
    const first = rows.findIndex((row) => !row[PROBLEM]);
    if (selected === null && first >= 0) selected = first;
    describe();
    arrange();
}

element.addEventListener("click", (event) => {
    const chosen = event.target.closest("[data-number], [data-key], [data-class], .clear");
    if (!chosen) return;
    if (chosen.dataset.number !== undefined) choose(Number(chosen.dataset.number));
    else if (chosen.dataset.key !== undefined) {
        const key = Number(chosen.dataset.key);
        sorted = { key, down: sorted.key === key && !sorted.down };
        mark();
        scroller.scrollTop = gallery.scrollTop = 0;
        arrange();
    } else {
        if (chosen.dataset.class !== undefined) {
            form.class.value = form.class.value === chosen.dataset.class ? "" : chosen.dataset.class;
        } else for (const one of Object.values(form)) one.value = "";
        arrange();
    }
});
element.addEventListener("keydown", (event) => {
    const line = event.target.closest("tbody [data-number]");
    if (!line) return;
    const number = Number(line.dataset.number);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") step(number, event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter" || event.key === " ") choose(number);
    else return;
    event.preventDefault();
});
element.addEventListener("input", (event) => {
    if (!event.target.name) return;
    scroller.scrollTop = gallery.scrollTop = 0;
    arrange();
});
for (const one of [scroller, gallery]) one.addEventListener("scroll", draw, { passive: true });
new ResizeObserver(draw).observe(gallery);

watch("value".split(" "), take);
watch("texts".split(" "), () => { describe(); arrange(); });
describe();
take();
