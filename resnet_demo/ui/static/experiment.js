// One experiment: first a question, then the figure that answers it, and a form to run it here: the body of a function of
// (element, trigger, props, server, upload, watch), with surface.js before it. `props.texts` holds all words, `props.shipped` the figure that comes
// with the app, once it was asked for by `reveal`; `props.runs` the visitor's runs, `props.run` the one that is shown.
// What goes to Python: `open`, `reveal`, `estimate` and `run` {settings}, `poll` and `act` {act, run}.

const POLL_MS = 1500;
const TYPING_MS = 700;
const find = (selector) => element.querySelector(selector);
const form = find("form");
let guessed = null; // the number of the option, -1 without a guess
let polling = null;
let typing = null;
let opened = false;

function fill() {
    const { texts } = props;
    for (const one of element.querySelectorAll("[data-text]")) one.textContent = texts[one.dataset.text];
    find("legend").textContent = texts.question;
    const chosen = guessed;
    find(".options").replaceChildren(...texts.options.map((words, number) => {
        const label = document.createElement("label");
        const input = Object.assign(document.createElement("input"), {
            type: "radio", name: `guess-${texts.name}`, value: number, checked: number === chosen,
        });
        label.append(input, words);
        return label;
    }));
    for (const name of ["means", "limits", "published", "next"]) find(`.${name}`).innerHTML = texts[name];
    makeForm(texts.settings);
    paintGuess();
}

function makeForm(settings) {
    const before = values();
    find(".settings").replaceChildren(...settings.map((one) => {
        const label = document.createElement("label");
        const words = Object.assign(document.createElement("span"), { textContent: one.label });
        let input;
        if (one.choices) {
            input = document.createElement("select");
            input.append(...one.choices.map(([value, text]) => new Option(text, value)));
        } else {
            input = document.createElement("input");
            input.type = one.kind === "switch" ? "checkbox" : "number";
            if (one.kind !== "switch") Object.assign(input, { min: one.low, max: one.high, step: one.step, required: true });
        }
        input.name = one.name;
        input.dataset.kind = one.kind;
        label.title = one.hint;
        const value = before[one.name] ?? one.value;
        if (one.kind === "switch") input.checked = value;
        else input.value = value;
        label.classList.toggle("switch", one.kind === "switch");
        label.append(...(one.kind === "switch" ? [input, words] : [words, input]));
        return label;
    }));
}

function values() {
    return Object.fromEntries([...form.querySelectorAll("[name]")].map((input) => {
        if (input.dataset.kind === "switch") return [input.name, input.checked];
        return [input.name, ["whole", "number"].includes(input.dataset.kind) ? Number(input.value) : input.value];
    }));
}

function reveal(number) {
    if (guessed === null) trigger("reveal");
    guessed = number;
    paintGuess();
}

function paintGuess() {
    const { texts } = props;
    const shown = guessed !== null && Boolean(props.shipped);
    find(".answer").hidden = !shown;
    find(".unguessed").hidden = guessed !== null;
    if (!shown) return;
    const right = texts.right;
    for (const [number, label] of [...find(".options").children].entries()) label.classList.toggle("right", number === right);
    const key = guessed < 0 || right === null ? "" : guessed === right ? "guess_right" : "guess_wrong";
    find(".verdict").textContent = key ? texts[key].replace("{option}", texts.options[right]) : "";
    find(".shows").textContent = props.shipped.shows;
    if (find(".shipped").innerHTML === "" || props.shipped.moment !== find(".shipped").dataset.moment) {
        find(".shipped").innerHTML = props.shipped.figures;
        find(".shipped").dataset.moment = props.shipped.moment;
        find(".how div").innerHTML = props.shipped.how;
        settle();
    }
}

function paintRuns() {
    const runs = props.runs ?? [];
    find(".runs").hidden = !runs.length;
    const select = find(".runs select");
    select.replaceChildren(...runs.map(([name, words]) => new Option(words, name)));
    if (props.run?.name) select.value = props.run.name;
}

function paintRun() {
    const { run } = props;
    find(".run").hidden = !run;
    clearTimeout(polling);
    if (!run) return;
    find(".here").open = true;
    const state = find(".run .state");
    if (state.textContent !== run.said) state.textContent = run.said;
    const bar = find(".run progress");
    bar.hidden = !run.active;
    bar.setAttribute("aria-label", run.said);
    if (run.share === null) bar.removeAttribute("value");
    else bar.value = run.share;
    for (const button of element.querySelectorAll("[data-act]")) button.hidden = !run.acts.includes(button.dataset.act);
    if (run.figures !== null) {
        find(".own").innerHTML = run.figures;
        settle();
    }
    find(".command").textContent = run.command;
    find(".runs select").value = run.name;
    if (run.active && run.name) polling = setTimeout(poll, POLL_MS);
}

function poll() { // again and again: of an answer that is the same as the last, the page is not told
    polling = setTimeout(poll, POLL_MS);
    if (document.hidden || !element.getClientRects().length) return;
    trigger("poll", { run: props.run.name, version: props.run.version });
}

element.addEventListener("change", (event) => {
    if (event.target.name?.startsWith("guess-")) reveal(Number(event.target.value));
    else if (event.target.closest(".runs")) trigger("poll", { run: event.target.value, version: null });
});
find(".unguessed").addEventListener("click", () => reveal(-1));
form.addEventListener("input", askTime);
form.addEventListener("submit", (event) => {
    event.preventDefault();
    trigger("run", { settings: values() });
});
element.addEventListener("click", (event) => {
    const act = event.target.closest("[data-act]")?.dataset.act;
    if (act) trigger("act", { act, run: props.run.name });
});

function askTime() {
    clearTimeout(typing);
    typing = setTimeout(() => { if (form.checkValidity()) trigger("estimate", { settings: values() }); }, TYPING_MS);
}

find(".here").addEventListener("toggle", () => { if (find(".here").open && !props.estimate) askTime(); });

new IntersectionObserver(([seen]) => {
    if (seen.isIntersecting && !opened) {
        opened = true;
        trigger("open");
    }
}).observe(element);

watch(["texts"], () => {
    fill();
    if (guessed !== null) trigger("reveal");
    if (props.run?.name) trigger("poll", { run: props.run.name, version: null });
});
watch(["shipped"], paintGuess);
watch(["runs"], paintRuns);
watch(["run"], paintRun);
watch(["estimate"], () => { find(".estimate").textContent = props.estimate ?? ""; });
fill();
paintRuns();
paintRun();
