// Figures that answer: a few sliders, a picture computed from the rules, and a line that says what it shows.
import { adviceFigure } from "./advice.js";
import { DEG, headLoss, TAU } from "./core.js";
import { GENUINE, IMPOSTOR, PEOPLE } from "./palette.js";
import { edgeOnArc, wedges } from "./regions.js";
import { collapse } from "./settled.js";
import { landmarks } from "./warped.js";
import { sphere } from "./capped.js";
import { axes, line, makeTheme, penOf, range, sector, text, tint, zoomOf } from "./pen.js";

const degreesOf = (angle) => `${(angle * DEG).toFixed(1)}°`;

// ---------------------------------------------------------------- two centres, and what each loss leaves between them

const ON_ARC = [
  ["NSL", { loss: "nsl" }],
  ["A-Softmax, m = 2", { loss: "asoftmax", m: 2 }],
  ["CosFace, m = 0.2", { loss: "cosface", m: 0.2 }],
  ["ArcFace, m = 0.3", { loss: "arcface", m: 0.3 }],
];

// The gap between two regions on the arc, as an angle and as what is lost in cosine at a region's edge; both null where
// nothing of the arc between the centres belongs to either.
export function gaps(config, phi) {
  const edge = edgeOnArc(config, phi);
  if (!(edge >= 0)) return { edge: null, angle: null, cosine: null };
  return { edge, angle: phi - 2 * edge, cosine: Math.cos(edge) - Math.cos(phi - edge) };
}

// What two classes hold of the arc between their centres (the left one first) and of a little beyond: [class, from, to].
export function held(config, [left, right]) {
  const w = Float64Array.of(Math.cos(left), Math.sin(left), Math.cos(right), Math.sin(right));
  return wedges(config, w, 2).filter(({ holds }) => holds)
    .flatMap(({ best, from, to }) => [0, TAU].map((turn) => [best, Math.max(from - turn, right - 0.3), Math.min(to - turn, left + 0.3)]))
    .filter(([, from, to]) => to > from);
}

const fan = (W) => Math.min(W * 0.23, 140); // radius of a loss's picture
// A loss's name above it, in two lines where one is too narrow.
const headOf = (name, W) => (W < 250 ? name.split(", ") : [name]);
const headRoom = (W) => (W < 250 ? 44 : 28);

const arc = {
  title: "Two class centres and the regions that four losses give them",
  sliders: { phi: { words: "angle between the centres", least: 5, most: 120, step: 1, start: 45, unit: "°" } },
  height: (W) => 2 * (fan(W) + headRoom(W) + 56),
  draw(ctx, W, H, theme, { phi }) {
    const turn = phi / DEG;
    const [w, h, r] = [W / 2, H / 2, fan(W)];
    const said = ON_ARC.map(([name, config], i) => {
      const { angle, cosine } = gaps(config, turn);
      const [cx, top] = [(i % 2) * w + w / 2, Math.floor(i / 2) * h + 6];
      const cy = top + headRoom(W) + r;
      headOf(name, W).forEach((words, k) => text(ctx, theme, words, cx, top + 14 + 16 * k, { align: "center", weight: "bold", colour: theme.ink, size: 13 }));
      const centres = [1, -1].map((side) => Math.PI / 2 + (side * turn) / 2);
      for (const [best, from, to] of held(config, centres)) sector(ctx, cx, cy, r, from, to, tint(PEOPLE[best], 0.3));
      centres.forEach((centre, j) => line(ctx, [[cx, cy], [cx + r * Math.cos(centre), cy - r * Math.sin(centre)]], PEOPLE[j], 3));
      const gap = angle === null ? "no room between" : `gap ${degreesOf(angle)}`;
      text(ctx, theme, gap, cx, cy + 20, { align: "center", size: 14, weight: "bold", colour: angle === null ? theme.warn : theme.ink });
      text(ctx, theme, cosine === null ? "not even on the centre" : `${cosine.toFixed(3)} in cosine`, cx, cy + 38, { align: "center", size: 13 });
      return `${name}: ${angle === null ? "no room between" : `${degreesOf(angle)}, ${cosine.toFixed(3)} in cosine`}`;
    });
    return `Centres ${phi}° apart. ${said.join("; ")}.`;
  },
};

// ---------------------------------------------------------------- the pull on a sample, all round the circle

const CLASSES = 8;
const EVEN = Float64Array.from(range(0, CLASSES - 1, CLASSES).flatMap((j) => [Math.cos((TAU * j) / CLASSES), Math.sin((TAU * j) / CLASSES)]));

// The pull of the loss on single samples of class 0 at the angles, along the circle: positive counterclockwise.
export function pulls(config, angles) {
  const n = angles.length;
  const x = Float64Array.from(angles.flatMap((a) => [Math.cos(a), Math.sin(a)]));
  const dx = new Float64Array(2 * n);
  headLoss(config, x, new Int32Array(n), EVEN, n, CLASSES, 2, dx, new Float64Array(2 * CLASSES));
  return angles.map((a, i) => n * (dx[2 * i] * Math.sin(a) - dx[2 * i + 1] * Math.cos(a)));
}

const forces = {
  title: "The pull of CosFace on a sample of class A, at every place on the circle",
  sliders: {
    s: { words: "scale s", least: 1, most: 64, step: 1, start: 30, unit: "" },
    m: { words: "margin m", least: 0, most: 0.5, step: 0.01, start: 0.2, unit: "" },
  },
  height: (W) => Math.min(W, 420),
  draw(ctx, W, H, theme, { s, m }) {
    const config = { loss: "cosface", s, m };
    const up = Math.PI / 2; // class A stands at the top
    const [cx, cy, r] = [W / 2, H / 2, Math.min(W, H) * 0.33];
    const at = (angle, radius) => [cx + radius * Math.cos(angle + up), cy - radius * Math.sin(angle + up)];
    for (const { from, to, best, holds } of wedges(config, EVEN, CLASSES)) if (holds) sector(ctx, cx, cy, r, from + up, to + up, tint(PEOPLE[best], 0.25));
    for (let j = 0; j < CLASSES; j++) {
      line(ctx, [[cx, cy], at((TAU * j) / CLASSES, r)], tint(PEOPLE[j], 0.9), j ? 1.5 : 3);
      text(ctx, theme, String.fromCharCode(65 + j), ...at((TAU * j) / CLASSES, r * 0.8), { align: "center", base: "middle", weight: "bold", colour: theme.ink });
    }
    const angles = range(-Math.PI, Math.PI, 61).slice(1);
    const found = pulls(config, angles);
    found.forEach((pull, i) => {
      // As long as the pull is strong, and leaning to where it leads.
      const begin = at(angles[i], r + 6);
      const size = Math.abs(pull) / s;
      const tip = at(angles[i] + 0.35 * (pull / s), r + 6 + 0.42 * r * size);
      line(ctx, [begin, tip], PEOPLE[0], 2);
      ctx.beginPath();
      ctx.arc(...tip, size > 0.02 ? 2.6 : 1, 0, TAU);
      ctx.fillStyle = PEOPLE[0];
      ctx.fill();
    });
    const edge = edgeOnArc(config, TAU / CLASSES);
    const [near, far] = pulls(config, [2 / DEG, 20 / DEG]).map((v) => Math.abs(v).toFixed(2));
    const border = edge >= 0 ? `the border of A is at ${degreesOf(edge)}` : "A has no region: its own centre lies outside";
    return `s = ${s}, m = ${m.toFixed(2)}: ${border}. A sample 2° from its centre is pulled with ${near}, one at 20° with ${far}.`;
  },
};

// ---------------------------------------------------------------- a threshold on two histograms

// Shares at the lower edge of bin i: impostors at or above it are let in, genuine pairs below it are turned away.
export function rates({ genuine, impostor }, i) {
  const sum = (counts, from, to) => counts.slice(from, to).reduce((a, b) => a + b, 0);
  const [own, other] = [genuine, impostor].map((counts) => sum(counts, 0, counts.length));
  const [accepted, rejected] = [sum(impostor, i), sum(genuine, 0, i)];
  return { far: accepted / other, frr: rejected / own, accepted, rejected, own, other, right: 1 - (accepted + rejected) / (own + other) };
}

const BARS = 50;
const threshold = {
  title: "A threshold on the scores of genuine and impostor pairs, and its place on the ROC curve",
  sliders: { i: { words: "threshold", least: 0, most: 200, step: 1, start: 100, unit: "" } },
  height: (W) => (W < 560 ? 520 : 280),
  show: ({ i }, { low, high, genuine }) => (low + ((high - low) * i) / genuine.length).toFixed(3),
  draw(ctx, W, H, theme, { i }, data) {
    const { low, high, genuine, impostor } = data;
    const bins = genuine.length;
    const narrow = W < 560;
    const [w, h] = narrow ? [W, H / 2] : [W / 2, H];
    const cut = low + ((high - low) * i) / bins;
    const merged = [genuine, impostor].map((counts) => {
      const total = counts.reduce((a, b) => a + b, 0);
      return range(0, BARS - 1, BARS).map((b) => counts.slice((b * bins) / BARS, ((b + 1) * bins) / BARS).reduce((x, y) => x + y, 0) / total);
    });
    const top = Math.max(...merged.flat()) * 1.1;
    const ticks = range(Math.ceil(low * 5) / 5, Math.floor(high * 5) / 5, Math.round((Math.floor(high * 5) - Math.ceil(low * 5)) + 1))
      .filter((_, k) => w > 280 || k % 2 === 0)
      .map((v) => [v, v.toFixed(1)]);
    const { X, Y, box } = axes(ctx, w, h, theme, [low, high], [0, top], ticks, [], "score", "share of pairs");
    const wide = (box.right - box.left) / BARS;
    merged.forEach((shares, kind) =>
      shares.forEach((share, b) => {
        const wrong = kind === 0 ? b * (bins / BARS) < i : (b + 1) * (bins / BARS) > i;
        ctx.fillStyle = tint([GENUINE, IMPOSTOR][kind], wrong ? 0.85 : 0.3);
        ctx.fillRect(box.left + b * wide, Y(share), wide - 0.5, box.bottom - Y(share));
      }));
    line(ctx, [[X(cut), box.top - 6], [X(cut), box.bottom]], theme.ink, 2);
    text(ctx, theme, "impostor", box.left + 4, 40, { colour: IMPOSTOR, weight: "bold" });
    text(ctx, theme, "genuine", box.right, 40, { colour: GENUINE, weight: "bold", align: "right" });
    ctx.save();
    ctx.translate(narrow ? 0 : w, narrow ? h : 0);
    const found = rates(data, i);
    const least = Math.log10(0.5 / found.other);
    const place = (far) => Math.max(least, Math.log10(far || 1e-9));
    const decades = range(Math.ceil(least), 0, 1 - Math.ceil(least)).map((d) => [d, d ? `1e${d}` : "1"]);
    const roc = axes(ctx, w, h, theme, [least, 0], [0, 1], decades, [0, 0.25, 0.5, 0.75, 1].map((v) => [v, String(v)]), "false accept rate", "true accept rate");
    const curve = range(0, bins, bins + 1).map((b) => rates(data, b));
    line(ctx, curve.map(({ far, frr }) => [roc.X(place(far)), roc.Y(1 - frr)]), theme.accent, 2.5);
    const dot = [roc.X(place(found.far)), roc.Y(1 - found.frr)];
    line(ctx, [[dot[0], roc.box.bottom], dot, [roc.box.left, dot[1]]], theme.ink, 1, [3, 3]);
    ctx.beginPath();
    ctx.arc(...dot, 6, 0, TAU);
    ctx.fillStyle = theme.ink;
    ctx.fill();
    ctx.restore();
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    return `Threshold ${cut.toFixed(3)}: ${found.accepted} of ${found.other} impostor pairs are let in (FAR ${percent(found.far)}), ` +
      `${found.rejected} of ${found.own} genuine pairs are turned away (FRR ${percent(found.frr)}); ${percent(found.right)} of all pairs are right.`;
  },
};

// ---------------------------------------------------------------- ten folds: chosen on nine, tested on one

const ROW = 30;
const KEY = ["up: genuine, down: impostors", "upright line: threshold"]; // below one another where one line is too narrow
const folds = {
  title: "Scores of ten folds, each with the threshold that the other nine chose",
  sliders: { k: { words: "fold that is tested", least: 1, most: 10, step: 1, start: 1, unit: "" } },
  height: (W, { thresholds }) => thresholds.length * ROW + (W < 350 ? 44 : 30),
  most: ({ thresholds }) => thresholds.length,
  draw(ctx, W, H, theme, { k }, { low, high, genuine, impostor, thresholds, accuracies, peeked }) {
    const [left, right] = [54, W - 74];
    const bins = genuine[0].length;
    const wide = (right - left) / bins;
    const top = Math.max(...genuine.flat(), ...impostor.flat());
    const X = (score) => left + ((score - low) / (high - low)) * (right - left);
    thresholds.forEach((threshold, row) => {
      const tested = row === k - 1;
      const middle = 8 + row * ROW + ROW / 2;
      [[genuine, GENUINE, 1], [impostor, IMPOSTOR, -1]].forEach(([counts, colour, side]) =>
        counts[row].forEach((count, b) => {
          ctx.fillStyle = tint(colour, tested ? 0.9 : 0.35);
          const tall = (count / top) * (ROW / 2 - 2);
          ctx.fillRect(left + b * wide, side > 0 ? middle - tall : middle, wide - 0.5, tall);
        }));
      line(ctx, [[left, middle], [right, middle]], theme.line);
      if (tested) line(ctx, [[left, middle - ROW / 2], [right, middle - ROW / 2], [right, middle + ROW / 2], [left, middle + ROW / 2], [left, middle - ROW / 2]], theme.ink, 1.5);
      line(ctx, [[X(threshold), middle - ROW / 2 + 1], [X(threshold), middle + ROW / 2 - 1]], theme.ink, tested ? 3 : 1.5);
      const looks = { base: "middle", weight: tested ? "bold" : "", colour: tested ? theme.ink : theme.soft };
      text(ctx, theme, `fold ${row + 1}`, 4, middle, looks);
      text(ctx, theme, `${(100 * accuracies[row]).toFixed(1)} %`, W - 6, middle, { ...looks, align: "right" });
    });
    const below = H - thresholds.length * ROW > 30 ? KEY : [KEY.join("; ")];
    below.forEach((words, i) => text(ctx, theme, words, 4, H - 8 - 14 * (below.length - 1 - i), { size: 11 }));
    const percent = (share) => `${(100 * share).toFixed(2)} %`;
    const mean = (list) => list.reduce((a, b) => a + b) / list.length;
    return `The other nine folds choose ${thresholds[k - 1].toFixed(3)}; on fold ${k} it is right for ${percent(accuracies[k - 1])} of the pairs. ` +
      `A threshold chosen on fold ${k} itself would claim ${percent(peeked[k - 1])}. Over all folds: ${percent(mean(accuracies))}, and ${percent(mean(peeked))} by peeking.`;
  },
};

export const LIVE = { arc, forces, threshold, folds, collapse, landmarks, sphere, advice: adviceFigure };

// ---------------------------------------------------------------- on the page
// A figure: title, sliders (and buttons, and handles: points to be moved), height(W, data), and
// draw(ctx, W, H, theme, values, data, state), which returns the sentence below it. What it keeps between pictures,
// `state`, is made by begin(data); work(state) does a little more of what takes long and says whether more is left.

const sliderOf = (name, { words, least, most, step, start, number }) =>
  `<label class="ml-field">${words} ${number ? "" : `<span class="ml-out" data-out="${name}" aria-hidden="true"></span>`}` +
  `<input type="${number ? "number" : "range"}" data-in="${name}" min="${least}" max="${most}" step="${step}" value="${start}"></label>`;

// What an input says, within its limits: a number may be typed as anything.
const countOf = ({ value, min, max }) => Math.round(Math.min(Number(max), Math.max(Number(min), Number(value) || 0)));

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

// Calls moved(dx, dy) while the pointer is down on the element, and told() once it is let go.
function dragged(element, moved, told) {
  let last = null;
  element.addEventListener("pointerdown", (event) => {
    last = [event.clientX, event.clientY];
    element.setPointerCapture(event.pointerId);
  });
  element.addEventListener("pointermove", (event) => {
    if (!last) return;
    moved(event.clientX - last[0], event.clientY - last[1]);
    last = [event.clientX, event.clientY];
  });
  for (const end of ["pointerup", "pointercancel"])
    element.addEventListener(end, () => {
      if (last) told();
      last = null;
    });
}

function mount(el) {
  const figure = LIVE[el.dataset.marginLive];
  const { sliders, buttons = {}, handles = [] } = figure;
  const data = JSON.parse(el.dataset.values || "null");
  const state = figure.begin ? figure.begin(data) : null;
  const root = document.createElement("figure");
  root.className = "ml ml-live";
  root.innerHTML = `<div class="ml-bar">${Object.entries(sliders).map((pair) => sliderOf(...pair)).join("")}
<span class="ml-buttons">${Object.entries(buttons).map(([name, words]) => `<button type="button" data-do="${name}">${words}</button>`).join("")}</span></div>
<div class="ml-stage"><canvas role="img"></canvas>${handles.map((name, k) => `<button type="button" class="ml-grip" data-grip="${k}" aria-label="${name}: arrow keys move it"></button>`).join("")}</div>
<figcaption></figcaption><div class="ml-tables"></div><p class="ml-hidden" aria-live="polite"></p>`;
  el.replaceChildren(root);
  if (figure.most) root.querySelector("[data-in]").max = figure.most(data);
  const canvas = root.querySelector("canvas");
  let [theme, shown, queued, aloud] = [makeTheme(root), false, false, false];
  const wide = () => canvas.clientWidth / zoomOf(canvas);
  const read = () => Object.fromEntries([...root.querySelectorAll("[data-in]")].map((input) => [input.dataset.in, sliders[input.dataset.in].number ? countOf(input) : Number(input.value)]));
  function draw() {
    queued = false;
    const begin = performance.now();
    const values = read();
    for (const out of root.querySelectorAll("[data-out]")) {
      const name = out.dataset.out;
      out.textContent = figure.show ? figure.show(values, data) : `${values[name]}${sliders[name].unit}`;
      root.querySelector(`[data-in="${name}"]`).setAttribute("aria-valuetext", out.textContent);
    }
    const zoom = zoomOf(canvas);
    canvas.style.height = `${figure.height(root.clientWidth / zoom, data) * zoom}px`;
    const pen = penOf(canvas);
    if (!pen) return;
    const more = root.unfinished !== false && figure.work ? figure.work(state) : false;
    root.unfinished = more;
    const sentence = figure.draw(pen.ctx, pen.W, pen.H, theme, values, data, state);
    for (const grip of root.querySelectorAll("[data-grip]"))
      [grip.style.left, grip.style.top] = figure.place(state, Number(grip.dataset.grip), pen.W, data).map((v) => `${v * zoom}px`);
    root.querySelector("figcaption").textContent = sentence;
    if (figure.tables) root.querySelector(".ml-tables").replaceChildren(...figure.tables(values, data));
    canvas.setAttribute("aria-label", `${figure.title}. ${sentence}`);
    if (aloud) root.querySelector("[aria-live]").textContent = sentence;
    aloud = false;
    root.drawn = (root.drawn ?? 0) + 1; // for tests
    root.spent = performance.now() - begin;
    if (more) ask();
  }
  const ask = () => {
    if (queued || !shown) return;
    queued = true;
    requestAnimationFrame(draw);
  };
  root.addEventListener("input", ask);
  // Said aloud once the slider is let go.
  const tell = () => {
    aloud = true;
    ask();
  };
  root.addEventListener("change", ({ target }) => {
    if (target.type === "number") target.value = countOf(target);
    tell();
  });
  root.addEventListener("click", ({ target }) => {
    if (!Object.hasOwn(buttons, target.dataset.do)) return;
    figure.press(target.dataset.do, state, data);
    tell();
  });
  for (const grip of root.querySelectorAll("[data-grip]")) {
    const move = (dx, dy, steps) => figure.move(state, Number(grip.dataset.grip), dx, dy, wide(), data, steps);
    dragged(grip, (dx, dy) => {
      move(dx / zoomOf(canvas), dy / zoomOf(canvas), false);
      ask();
    }, tell);
    grip.addEventListener("keydown", (event) => {
      if (!Object.hasOwn(STEPS, event.key)) return;
      event.preventDefault(); // the page stays where it is
      move(...STEPS[event.key].map((v) => v * (event.shiftKey ? 5 : 1)), true);
      tell();
    });
  }
  if (figure.drag) {
    canvas.style.cursor = "grab";
    dragged(canvas, (dx, dy) => {
      for (const [name, value] of Object.entries(figure.drag(read(), dx / zoomOf(canvas), dy / zoomOf(canvas), wide()))) root.querySelector(`[data-in="${name}"]`).value = value;
      ask();
    }, tell);
  }
  if (figure.picture) {
    const image = new Image();
    image.onload = () => {
      state.image = image;
      draw();
    };
    image.src = figure.picture(data);
  }
  const restyle = () => {
    theme = makeTheme(root);
    ask();
  };
  new MutationObserver(restyle).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  new ResizeObserver(ask).observe(root);
  new IntersectionObserver(([{ isIntersecting }]) => {
    shown = isIntersecting;
    ask();
  }, { rootMargin: "100px" }).observe(root);
  shown = true;
  draw(); // once at least, so that it is there in print
}

export function mountLive() {
  document.querySelectorAll("[data-margin-live]:not([data-mounted])").forEach((el) => {
    el.dataset.mounted = "true";
    mount(el);
  });
}
