// Brings an element into sight, without gliding for visitors who want less motion: a function of (selector, share, wait).
// It moves only if the element's top lies below this share of the window; `wait` is in milliseconds, for what is laid out
// anew at this very moment.
(selector, share, wait) => setTimeout(() => {
    const found = document.querySelector(selector);
    const top = found?.getBoundingClientRect().top;
    if (!found || (top >= 0 && top <= window.innerHeight * share)) return;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    found.scrollIntoView({ behavior: calm ? "auto" : "smooth" });
}, wait)
