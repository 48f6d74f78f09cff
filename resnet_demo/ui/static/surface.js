// Loss surfaces that turn: the body of a function of (element, trigger, props, server, upload, watch). A canvas with
// `data-surface` has {heights, points, colours}: heights from 0 to 1 row by row, null where there is none, rows that are
// not there yet missing. It turns by dragging and by the arrow keys; a sideways drag only, so that a page can be
// scrolled by touch. At first it turns a little by itself, unless the visitor wants less motion.

const STEP = Math.PI / 24;
const FIRST = { around: -2.4, above: 0.62 };
const SHOWN_MS = 1600;
const HEIGHT = 0.62; // of the surface, by its width
const WIDE = 2.88; // a little more than the diagonal of its ground
const still = matchMedia("(prefers-reduced-motion: reduce)");
const views = new WeakMap();

function project(view, width, height) { // from (x, y, z), -1 to 1 and 0 to 1, to the canvas: [x, y, depth]
    const [sin, cos] = [Math.sin(view.around), Math.cos(view.around)];
    const [lift, flat] = [Math.sin(view.above), Math.cos(view.above)];
    const scale = Math.min(width / WIDE, height / (2 * (HEIGHT * flat + WIDE / 2 * lift) + 0.06));
    return (x, y, z) => {
        const [across, away] = [x * cos - y * sin, x * sin + y * cos];
        const up = (z - 0.5) * 2 * HEIGHT;
        return [width / 2 + scale * across, height * 0.5 - scale * (up * flat + away * lift), away];
    };
}

function draw(canvas) {
    const view = views.get(canvas);
    const { heights, points, colours } = view.data;
    const [width, height] = [canvas.clientWidth || canvas.width, canvas.clientHeight || canvas.height];
    const sharp = Math.min(devicePixelRatio || 1, 3);
    if (canvas.width !== Math.round(width * sharp) || canvas.height !== Math.round(height * sharp)) {
        [canvas.width, canvas.height] = [Math.round(width * sharp), Math.round(height * sharp)];
    }
    const context = canvas.getContext("2d");
    context.setTransform(sharp, 0, 0, sharp, 0, 0);
    context.clearRect(0, 0, width, height);
    const place = project(view, width, height);
    const at = (number) => 2 * number / Math.max(1, points - 1) - 1;
    const ink = getComputedStyle(canvas).color;

    context.strokeStyle = ink;
    context.globalAlpha = 0.35;
    context.lineWidth = 1;
    outline(context, [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([x, y]) => place(x, y, 0)));
    context.stroke();

    const faces = [];
    for (let row = 0; row + 1 < heights.length; row += 1) {
        for (let column = 0; column + 1 < heights[row].length; column += 1) {
            const corners = [[row, column], [row, column + 1], [row + 1, column + 1], [row + 1, column]];
            const tall = corners.map(([r, c]) => heights[r][c] ?? null);
            if (tall.includes(null)) continue;
            const spots = corners.map(([r, c], number) => place(at(c), at(r), tall[number]));
            const mean = tall.reduce((sum, one) => sum + one) / 4;
            const level = Math.min(colours.length - 1, Math.floor(mean * colours.length));
            const edge = 2 * level < colours.length ? "#fff" : "#000"; // the lightest colours are the last
            faces.push({ spots, far: Math.max(...spots.map((spot) => spot[2])), colour: colours[level], edge });
        }
    }
    faces.sort((a, b) => b.far - a.far); // the farthest first
    for (const { spots, colour, edge } of faces) {
        outline(context, spots);
        context.globalAlpha = 1;
        context.fillStyle = colour;
        context.fill();
        context.globalAlpha = 0.35;
        context.strokeStyle = edge;
        context.lineWidth = 0.7;
        context.stroke();
    }
    context.globalAlpha = 1;
}

function outline(context, spots) {
    context.beginPath();
    for (const [x, y] of spots) context.lineTo(x, y);
    context.closePath();
}

function turn(canvas, around, above) {
    const view = views.get(canvas);
    view.shown = true; // whoever turns it needs no showing
    view.around += around;
    view.above = Math.min(1.45, Math.max(0.1, view.above + above));
    draw(canvas);
}

function show(canvas) { // turns it a little, once
    const view = views.get(canvas);
    if (view.shown) return;
    if (still.matches) {
        view.shown = true;
        return;
    }
    const from = performance.now();
    requestAnimationFrame(function next(now) {
        if (view.shown || !canvas.isConnected) return;
        const share = Math.min(1, Math.max(0, (now - from) / SHOWN_MS));
        view.around = FIRST.around - (1 - share) ** 2;
        view.shown = share === 1;
        draw(canvas);
        requestAnimationFrame(next);
    });
}

const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
        if (!isIntersecting || !views.has(target)) continue;
        draw(target); // its size is known only now
        show(target);
    }
});

function settle() { // canvases come anew with each result
    element.querySelectorAll("canvas[data-surface]").forEach((canvas, number) => {
        if (views.has(canvas)) return;
        const kept = settle.last?.[number]; // the same surface with more rows stays as it was turned
        views.set(canvas, { ...FIRST, ...kept, data: JSON.parse(canvas.dataset.surface) });
        Object.assign(canvas.style, { width: "100%", touchAction: "pan-y", cursor: "grab" });
        draw(canvas);
        seen.observe(canvas);
    });
    settle.last = [...element.querySelectorAll("canvas[data-surface]")].map((canvas) => views.get(canvas)).map(
        ({ around, above, shown }) => ({ around, above, shown }),
    );
}

const WAYS = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] };
let held = null;

element.addEventListener("keydown", (event) => {
    const canvas = event.target.closest("canvas[data-surface]");
    if (!canvas || !WAYS[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
    turn(canvas, ...WAYS[event.key]);
    event.preventDefault();
});
element.addEventListener("pointerdown", (event) => {
    const canvas = event.target.closest("canvas[data-surface]");
    if (!canvas || event.button) return;
    held = { canvas, x: event.clientX, y: event.clientY };
    canvas.setPointerCapture(event.pointerId);
});
element.addEventListener("pointermove", (event) => {
    if (!held) return;
    turn(held.canvas, (held.x - event.clientX) / 120, (event.clientY - held.y) / 160);
    Object.assign(held, { x: event.clientX, y: event.clientY });
});
for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    element.addEventListener(type, () => { held = null; });
}

// Light and dark: the lines have the colour of the text.
const theme = new MutationObserver(() => {
    if (!element.isConnected) theme.disconnect();
    else for (const canvas of element.querySelectorAll("canvas[data-surface]")) if (views.has(canvas)) draw(canvas);
});
theme.observe(document.body, { attributes: true, attributeFilter: ["class"] });

watch(["value"], settle);
settle();
