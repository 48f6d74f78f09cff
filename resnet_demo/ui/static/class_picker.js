// A field in which a class is chosen: the body of a function of (element, trigger, props, server, upload, watch).
// `props.value` is one string, {classes: [[name, number], ...], chosen}. What goes to Python: {number}, once one is chosen.
// A list of our own: Chromium cuts a <datalist> short after 512 entries, and Firefox on phones shows none.

const GAP = 4;
const EDGE = 8;
const MOST_HEIGHT = 320;
const ENOUGH_HEIGHT = 180;

const input = element.querySelector("input");
const list = element.querySelector("ul");
let classes = [];
let chosen = null;
let opened = false; // from when the field is entered until a class is chosen or the search is given up
let active = null; // the option that Enter chooses

const nameOf = (number) => classes.find((one) => one[1] === number)?.[0] ?? "";

function place() {
    const at = input.parentElement.getBoundingClientRect();
    const { offsetTop, height } = visualViewport; // what a phone's keyboard leaves
    const [above, below] = [at.top - offsetTop, offsetTop + height - at.bottom];
    const up = below < ENOUGH_HEIGHT && above > below;
    list.style.left = `${at.left}px`;
    list.style.width = `${at.width}px`;
    list.style.top = up ? "auto" : `${at.bottom + GAP}px`;
    list.style.bottom = up ? `${innerHeight - at.top + GAP}px` : "auto";
    list.style.maxHeight = `${Math.min(MOST_HEIGHT, (up ? above : below) - GAP - EDGE)}px`;
}

function follow(on) {
    const act = on ? "addEventListener" : "removeEventListener";
    document[act]("scroll", place, true);
    visualViewport[act]("resize", place);
}

function activate(option) {
    active?.classList.remove("active");
    active = option ?? null;
    active?.classList.add("active");
    active?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", active?.id ?? "");
}

function makeOption([name, number]) {
    const option = document.createElement("li");
    option.id = `${list.id}-${number}`;
    option.dataset.number = number;
    option.textContent = name;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", number === chosen);
    return option;
}

// The classes whose names hold what is typed; the first of them is the one that Enter chooses.
function offer() {
    opened = true;
    follow(true);
    const typed = input.value.trim().toLowerCase();
    const found = classes.filter(([name]) => name.toLowerCase().includes(typed));
    const kept = active?.dataset.number;
    list.replaceChildren(...found.map(makeOption));
    list.togglePopover(found.length > 0);
    input.setAttribute("aria-expanded", found.length > 0);
    if (found.length) place();
    activate([...list.children].find((option) => option.dataset.number === kept) ?? (typed ? list.firstChild : null));
}

function open() {
    if (opened) return;
    input.value = "";
    input.placeholder = nameOf(chosen);
    offer();
    list.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
}

function close() {
    opened = false;
    follow(false);
    list.togglePopover(false);
    list.replaceChildren();
    activate(null);
    input.setAttribute("aria-expanded", "false");
    input.value = nameOf(chosen);
}

function choose(option) {
    chosen = Number(option.dataset.number);
    // Or a value of Python's that is the one before would be no news.
    props.value = JSON.stringify({ classes, chosen });
    close();
    trigger("choose", { number: chosen });
}

function step(by) {
    const options = [...list.children];
    const from = active ?? list.querySelector("[aria-selected=true]");
    const at = from ? options.indexOf(from) : Math.min(0, -by);
    activate(options.at((at + by) % options.length));
}

const KEYS = {
    ArrowDown: () => (opened ? step(1) : open()),
    ArrowUp: () => (opened ? step(-1) : open()),
    Enter: () => (active ? choose(active) : close()),
    Escape: close,
};

function paint() {
    element.querySelector(".title").textContent = props.label;
    list.setAttribute("aria-label", props.label);
    ({ classes, chosen } = JSON.parse(props.value));
    input.placeholder = nameOf(chosen);
    if (opened) offer();
    else input.value = nameOf(chosen);
}

list.id = `${element.id}-list`;
input.setAttribute("aria-controls", list.id);
input.addEventListener("focus", open);
input.addEventListener("click", open);
input.addEventListener("blur", close);
input.addEventListener("input", () => {
    active = null;
    offer();
});
input.addEventListener("keydown", (event) => {
    if (event.isComposing || !KEYS[event.key]) return; // Enter ends the spelling of a Chinese word, too
    event.preventDefault();
    KEYS[event.key]();
    if (!opened) input.select();
});
list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
list.addEventListener("click", (event) => {
    const option = event.target.closest("li");
    if (!option) return;
    choose(option);
    input.blur();
});

// One string, split: Gradio takes a property whose name stands alone between quotes here for an event.
watch("label value".split(" "), paint);
paint();
