"""The Tab key on a page: whether it reaches all that can be used, shows where it is, and comes out again."""

from __future__ import annotations

from typing import Any

MOST_PRESSES = 400

FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]"

# Until nothing that can have the focus was replaced for half a second, which would lose it. Other changes go on where a
# camera is shown live. A page that finds no rest is walked as it is.
REST = f"""() => new Promise((rested) => {{
    const focusable = (node) => node instanceof Element
        && (node.matches({FOCUSABLE!r}) || node.querySelector({FOCUSABLE!r}) !== null);
    const observer = new MutationObserver((changes) => {{
        if (changes.some((one) => [...one.addedNodes, ...one.removedNodes].some(focusable))) wait();
    }});
    const end = () => {{ observer.disconnect(); rested(); }};
    let timer = 0;
    const wait = () => {{ clearTimeout(timer); timer = setTimeout(end, 500); }};
    observer.observe(document.querySelector("#content"), {{ childList: true, subtree: true }});
    setTimeout(end, 10_000);
    wait();
}})"""

# All that the Tab key should stop at: of radio buttons that belong together, one. `window.stops` are the elements.
BEGIN = """(focusable) => {
    const looks = (element) => {
        const seen = [];
        for (let one = element; one && seen.length < 4; one = one.parentElement) {
            const style = getComputedStyle(one);
            seen.push([style.outlineStyle, style.outlineWidth, style.outlineColor, style.boxShadow, style.borderColor,
                style.backgroundColor, style.color, style.textDecoration, style.opacity, style.stroke].join());
        }
        for (const one of element.querySelectorAll("rect, span")) {
            const style = getComputedStyle(one);
            seen.push([style.stroke, style.strokeWidth, style.opacity].join());
        }
        return [...seen, ...["::before", "::after"].map((part) => getComputedStyle(element, part).opacity)].join("|");
    };
    const usable = (one) => {
        if (one.tabIndex < 0 || one.disabled || !one.checkVisibility({ visibilityProperty: true })) return false;
        if (one.type !== "radio") return true;
        const group = [...document.getElementsByName(one.name)].filter((other) => other.type === "radio");
        const stop = group.find((other) => other.checked) ?? group[0];
        return one === stop;
    };
    window.first?.remove();
    window.first = Object.assign(document.createElement("span"), { tabIndex: -1 });
    document.body.prepend(window.first); // from where Tab goes on, whatever was pressed before
    window.first.focus();
    window.looks = looks;
    window.stops = [...document.querySelectorAll(focusable)].filter(usable);
    window.before = new Map(window.stops.map((one) => [one, looks(one)]));
    window.scrollTo(0, 0);
    return window.stops.length;
}"""

# Where the focus is: the number of the stop, -1 for what is none of them, null for nowhere; and whether one can see it.
WHERE = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return [null, true, ""];
    for (const change of document.getAnimations()) change.cancel(); // what is on its way shows as it was
    const place = window.stops.indexOf(one);
    const seen = !window.before.has(one) || window.looks(one) !== window.before.get(one);
    return [place, seen, one.outerHTML.slice(0, 160)];
}"""

DESCRIBE = """numbers => numbers.map((number) => window.stops[number])
    .filter((one) => one.isConnected && one.checkVisibility()).map((one) => one.outerHTML.slice(0, 160))"""


CHANGED = "() => window.stops.some((one) => !one.isConnected)"
TRIES = 5


def tab_through(page: Any) -> list[str]:
    """Press Tab from the top of the page to its end; returns what went wrong on the way, in words.

    Where something was replaced meanwhile, which may have had the focus, the page was not at rest: once more.
    """
    for _ in range(TRIES):
        page.evaluate(REST)
        faults = _walk(page)
        if not faults or not page.evaluate(CHANGED):
            break
    return faults


def _walk(page: Any) -> list[str]:
    count, reached, faults, last = page.evaluate(BEGIN, FOCUSABLE), set(), [], object()
    for _ in range(MOST_PRESSES):
        page.keyboard.press("Tab")
        place, seen, html = page.evaluate(WHERE)
        if place is None:
            break
        if html and (place, html) == last:
            return [*faults, f"Tab does not leave {html}"]
        last = (place, html)
        if place in reached and place >= 0:
            return [*faults, f"Tab comes back to {html}"] if len(reached) < count else faults
        reached.add(place)
        if not seen:
            faults.append(f"the focus cannot be seen on {html}")
    else:
        faults.append(f"Tab does not come to an end in {MOST_PRESSES} presses")
    missed = page.evaluate(DESCRIBE, [number for number in range(count) if number not in reached])
    return [*faults, *(f"Tab does not reach {html}" for html in missed)]
