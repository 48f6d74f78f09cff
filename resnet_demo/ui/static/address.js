// The page's address, `#fine-tune/train/<run>`: the body of a function of (element, trigger, props, server, upload,
// watch). Tabs are opened from it by clicks, as a person would; whichever are open are written into it. What stands in an
// address may come from anybody: it is only ever compared with the names of tabs and runs that are there.

const DELAY_MS = 30;
const MOST = 300;
const notice = element.querySelector("p");
let wanted = null; // what an address asks for and is not shown yet: names of tabs, and of a run
let said = false;
let last = { path: [], run: "" }; // what was open when the address was written last
let due = null;

const word = (tab) => props.words[tab.dataset.tabId] ?? tab.dataset.tabId.replaceAll("_", "-");
const isImplied = (tab) => props.implied.includes(tab.dataset.tabId);
const isOpen = (tab) => tab.getAttribute("aria-selected") === "true";
const isSeen = (node) => node.getClientRects().length > 0;

function levels() { // tabs that can be seen, the outermost first; those of closed tabs may not even be there
    const found = [];
    let inside = document;
    while (inside) {
        const list = [...inside.querySelectorAll('[role="tablist"]')].find(isSeen);
        if (!list) break;
        found.push([...list.querySelectorAll('[role="tab"]')]);
        inside = [...list.closest(".tabs").querySelectorAll(':scope > [role="tabpanel"]')].find(isSeen);
    }
    return found;
}

function asked() {
    const words = location.hash.slice(1, MOST).split("/");
    const [first] = levels();
    if (!first || !location.hash) return first ? { tabs: [word(first[0])], run: null } : null;
    if (!first.some((tab) => word(tab) === words[0])) return null;
    const run = words[0] === props.run_tabs[0] && props.run_tabs.slice(1).includes(words[1]) ? words[2] : null;
    return { tabs: words.slice(0, run ? 2 : words.length), run: run || null };
}

function shown() {
    const open = levels().map((tabs) => tabs.find(isOpen)).filter(Boolean);
    const words = open.filter((tab) => !isImplied(tab)).map(word);
    const carries = words[0] === props.run_tabs[0] && props.run_tabs.slice(1).includes(words[1]);
    return { path: open.map(word), words, run: (carries && props.value.run) || "" };
}

function approach() { // opens the next tab on the way; whether all that was asked for is open
    const rest = [...wanted.tabs];
    for (const tabs of levels()) {
        const named = tabs.find((tab) => word(tab) === rest[0]);
        const next = named ?? tabs.find(isImplied);
        if (!next) return true; // nothing more is asked for, or there is no such tab
        if (named) rest.shift();
        if (!isOpen(next)) {
            next.click();
            return false; // its own tabs appear later
        }
    }
    return rest.length === 0;
}

function ask() { // whether it is known which run is shown
    if (!wanted.run || wanted.run === props.value.run) return true;
    if (props.value.asked === wanted.run) {
        say(true);
        return true;
    }
    if (!wanted.told) trigger("ask");
    wanted.told = true;
    return false;
}

function say(missing) {
    said = missing;
    notice.textContent = said ? props.missing : "";
}

function isStep(before, now) { // whether a person would go back from it; not where a tab or a run has come by itself
    const both = Math.min(before.path.length, now.path.length);
    if (before.path.slice(0, both).join() !== now.path.slice(0, both).join()) return true;
    return before.run !== "" && before.run !== now.run && props.value.asked === now.run;
}

function write() {
    const now = shown();
    if (!now.words.length) return;
    const text = `#${[...now.words, now.run].filter(Boolean).join("/")}`;
    const before = last;
    last = now;
    if (text === (location.hash || `#${word(levels()[0][0])}`)) return;
    // Not "#..." alone: that would be a place of the page's <base>, which has no query.
    const url = `${location.pathname}${location.search}${text}`;
    history[isStep(before, now) && asked() ? "pushState" : "replaceState"](null, "", url);
}

function update() {
    due = null;
    if (wanted) {
        const there = approach();
        if (!ask() || !there) return;
        wanted = null;
    }
    write();
}

function soon() {
    due ??= setTimeout(update, DELAY_MS);
}

function follow() {
    const next = asked();
    if (next) {
        say(false);
        wanted = next;
    }
    soon();
}

function begin() {
    if (!levels().length) return;
    starting.disconnect();
    follow();
    if (wanted) wanted.told = true; // the page asks once it knows its visitor
    new MutationObserver(soon).observe(document.body, {
        subtree: true, childList: true, attributes: true, attributeFilter: ["aria-selected"],
    });
}

document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
        event.preventDefault(); // see `write`
        const place = document.getElementById(link.getAttribute("href").slice(1));
        if (place) {
            place.tabIndex = -1;
            place.focus();
        } else {
            location.hash = link.getAttribute("href");
            scrollTo({ top: 0 }); // another place of the page begins at its top
        }
    } else if (event.isTrusted && event.target.closest('[role="tab"]')) {
        wanted = null;
        say(false);
    }
}, true);
window.addEventListener("popstate", follow);
window.addEventListener("hashchange", follow);
watch(["value"], soon);
watch(["missing"], () => say(said));
const starting = new MutationObserver(begin);
starting.observe(document.body, { subtree: true, childList: true });
begin();
