// What is under way for the visitor: the body of a function of (element, trigger, props, server, upload, watch).
// `work-begins`, {name, later, queue}, adds a row, which is seen at once or a little `later`, and answers with its ticket;
// of two in one queue the second may have to wait; `work-ends`, {name}, takes the oldest of this name away.
// While there are rows, `poll` asks Python for what has begun, by ticket: [share or null, sentence]. `stop`, {ticket}.

const FIRST_POLL_MS = 250;
const POLL_MS = 700;
const SLOW_POLL_MS = 2000;
const SLOW_AFTER_MS = 15000;
const TURN_AFTER_MS = 1200;

const list = element.querySelector("ul");
const template = element.querySelector("template");
const news = element.querySelector("[role=status]");
let rows = []; // of what the page waits for, the stopped ones too, in the order in which they began
let timer = null;
let last = 0;

// Tickets rise: Python goes by the order in which work began, whatever arrives first.
function newTicket() {
    last = Math.max(last + 1, Date.now());
    return last.toString(36).padStart(9, "0") + crypto.getRandomValues(new Uint32Array(1))[0].toString(36);
}

const shown = () => rows.filter((row) => row.item);
const fill = (key, gaps) => props.texts[key].replace(/\{(\w+)\}/g, (gap, name) => gaps[name] ?? gap);

function make(name, later) {
    const item = document.createElement("li");
    item.dataset.name = name;
    item.classList.toggle("later", later);
    item.append(template.content.cloneNode(true));
    list.append(item);
    return item;
}

// How far a row is: what Python says of it and how long it has taken, or what it waits for.
function farOf(row) {
    if (row.begun) {
        const far = row.said || (row.share === null ? "" : `${Math.round(100 * row.share)} %`);
        const seconds = Math.floor((Date.now() - row.since) / 1000);
        return [far, seconds >= 2 && fill("seconds", { seconds })].filter(Boolean).join(" · ");
    }
    const before = shown().find((other) => other !== row && other.begun && other.queue === row.queue);
    if (before) return fill("after", { name: props.texts[before.name] });
    return fill(Date.now() - row.since > TURN_AFTER_MS ? "turn" : "starting", {});
}

function paint() {
    for (const row of shown()) {
        const [what, far] = row.item.querySelectorAll(".what span");
        const bar = row.item.querySelector(".bar");
        const button = row.item.querySelector("button");
        what.textContent = props.texts[row.name];
        far.textContent = farOf(row);
        bar.setAttribute("aria-label", props.texts[row.name]);
        bar.setAttribute("aria-valuetext", far.textContent);
        if (row.share === null) bar.removeAttribute("aria-valuenow");
        else bar.setAttribute("aria-valuenow", Math.round(100 * row.share));
        bar.firstChild.style.width = row.share === null ? "" : `${100 * row.share}%`;
        button.textContent = props.texts.stop;
        button.setAttribute("aria-label", [props.texts.stop, props.texts[row.name]].join(": "));
    }
}

// The row goes; whoever stood on its button goes on from where the work was begun.
function hide(row, key) {
    if (!row.item) return;
    const inside = row.item.contains(document.activeElement);
    row.item.remove();
    row.item = null;
    if (inside && row.from?.isConnected) row.from.focus({ preventScroll: true });
    if (!row.later) news.textContent = fill(key, { name: props.texts[row.name] });
    paint();
}

function stop(row) {
    hide(row, "stopped");
    trigger("stop", { ticket: row.ticket });
}

function poll() {
    timer = null;
    if (!shown().length) return;
    if (!document.hidden) trigger("poll");
    const old = Date.now() - Math.max(...shown().map((row) => row.since)) > SLOW_AFTER_MS;
    timer = setTimeout(poll, old ? SLOW_POLL_MS : POLL_MS);
    paint();
}

document.addEventListener("work-begins", ({ detail }) => {
    const { name, later, queue } = detail;
    if (!(name in props.texts)) return;
    for (const older of shown().filter((row) => row.name === name)) stop(older);
    const ticket = newTicket();
    rows.push({ name, later, queue, ticket, item: make(name, later), from: document.activeElement, since: Date.now(),
        begun: false, share: null, said: "" });
    detail.ticket = ticket;
    if (!later) news.textContent = props.texts[name];
    paint();
    clearTimeout(timer);
    timer = setTimeout(poll, FIRST_POLL_MS);
});

document.addEventListener("work-ends", ({ detail }) => {
    const row = rows.find(({ name }) => name === detail.name);
    if (!row) return;
    hide(row, "done");
    rows = rows.filter((other) => other !== row);
});

element.addEventListener("click", (event) => {
    const item = event.target.closest("button")?.closest("li");
    const row = item && shown().find((one) => one.item === item);
    if (row) stop(row);
});

watch(["value"], () => {
    const begun = props.value ?? {};
    for (const row of shown()) {
        if (begun[row.ticket]) [row.begun, row.share, row.said] = [true, ...begun[row.ticket]];
        else if (row.begun) hide(row, "done"); // its end was told of another row of this name
    }
    paint();
});
watch(["texts"], paint);
