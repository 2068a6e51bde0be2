// The cover: eight people on their circle, one slider, and two who look alike.
import { freshPictures, randomStream } from "./core.js";
import { DATA } from "./data.js";
import { makeJudge, room } from "./regions.js";
import { Lab } from "./state.js";
import { compose, face, letter } from "./scene.js";
import { disc, gapArc } from "./views.js";
import { line, makeTheme, penOf, text } from "./pen.js";
import { Loop } from "./loop.js";

const HARD = { pictures: 500, stretch: 1.6 }; // of each of the two; how much farther than usual from their person's mean
const LARGEST = 0.4; // m
const REST = 1000; // ms without the slider moving, after which a move is a new one
const DEGREES = 180 / Math.PI;
// Of the second network: steps, how many at a time, how many are measured at the end, and ms between.
const BARE = { steps: 400, atOnce: 4, measured: 80, pause: 30 };
// Of the two, from the front and in even light. Everybody else shows the first one.
const SHOWN = { 1: 32, 7: 4 };

const faceOf = (person) => face(person * DATA.perClass + (SHOWN[person] ?? 0));

// The two people whose mean pictures are nearest to each other.
export function lookAlikes({ means, dim }) {
  const people = means.length / dim;
  let [best, pair] = [Infinity, null];
  for (let i = 0; i < people; i++)
    for (let j = 0; j < i; j++) {
      let far = 0;
      for (let d = 0; d < dim; d++) far += (means[i * dim + d] - means[j * dim + d]) ** 2;
      if (far < best) [best, pair] = [far, [j, i]];
    }
  return pair;
}

// Pictures of two people that are harder than those of the training, the same ones each time: { x, n, truth }.
export function hardPictures(set, pair) {
  const { means, dim, n } = set;
  const { uniform } = randomStream(2);
  const batch = new Float64Array(n * dim);
  const rows = [];
  const truth = [];
  while (truth.length < 2 * HARD.pictures) {
    freshPictures(set, { uniform }, batch);
    for (const person of pair)
      for (const row of set.rows[person]) {
        for (let d = 0; d < dim; d++) {
          const mean = means[person * dim + d];
          rows.push(mean + HARD.stretch * (batch[row * dim + d] - mean));
        }
        truth.push(person);
      }
  }
  return { x: Float64Array.from(rows), n: truth.length, truth };
}

// How many of them the network takes for the other one of the pair.
export function mistaken({ net }, { x, n, truth }, pair) {
  const features = net.forward(x, n);
  const judge = makeJudge({ loss: "nsl" }, net.centres.value, net.classes, net.k);
  let count = 0;
  for (let i = 0; i < n; i++) {
    const { best } = judge(features[2 * i], features[2 * i + 1]);
    count += best !== truth[i] && pair.includes(best);
  }
  return count;
}

function pageOf(pair, pictures) {
  const person = (j) => `<span class="mc-person"><canvas width="48" height="56" data-face="${j}" aria-hidden="true"></canvas>${letter(j)}</span>`;
  return `<div class="mc">
<div class="mc-m"><em>Drag m to 0: the gaps close.</em>
<label>margin m <span class="ml-out" aria-hidden="true"></span><span class="ml-track"><input type="range" min="0" max="${LARGEST}" step="0.01"><i class="ml-limit"></i></span></label></div>
<canvas class="mc-circle" role="img"></canvas>
<div class="mc-side">
<p class="mc-gap">Neighbouring clouds are <b data-mc="gap"></b> apart<span data-mc="bare"></span>. <strong data-mc="past"></strong></p>
<div class="mc-pair">${pair.map(person).join("")}<span>are the likest two. Of ${pictures.toLocaleString("en")} hard pictures of them, <b data-mc="mistaken"></b> are taken for the other one.</span></div>
<button type="button">Pause</button>
<p class="ml-hidden" aria-live="polite"></p>
</div>
</div>`;
}

// What is amiss past the bound, where clouds part even more: centres outside their own regions.
export function pastTheMark(inside, beyond) {
  const lost = inside.filter((holds) => !holds).length;
  if (!beyond || !lost) return "";
  if (lost === inside.length) return "Past the mark no centre keeps its own margin (✕).";
  return `Past the mark ${lost} of ${inside.length} centres do not keep their own margin (✕).`;
}

// The gap at m = 0, in radians: a second network is trained from the opening, a little at a time while `free()`, and
// the mean over its last pictures is told.
function bareGap(free, tell) {
  const { engine } = new Lab({ m: 0 });
  const until = engine.steps + BARE.steps;
  const gaps = [];
  const more = () => {
    if (!free()) return setTimeout(more, REST);
    for (let i = 0; i < BARE.atOnce; i++) engine.step();
    if (engine.steps > until - BARE.measured) gaps.push(engine.measure(false).gap);
    if (engine.steps < until) setTimeout(more, BARE.pause);
    else tell(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length);
  };
  setTimeout(more, REST);
}

const WORDS = ["a cloud: one", "person's pictures"];
const LABEL = [98, 32]; // their size

// Says in a corner what a cloud is, with a line to one: in the corner that is farthest from all portraits, or in the one
// of the last picture, `kept`, while no portrait is near. Returns the corner's number.
function nameCloud(ctx, W, H, { theme, handles }, { cx, cy, r }, size, kept) {
  const turns = handles.map(([x, y]) => Math.atan2(y - cy, x - cx));
  const away = Math.min(W, H) / 2 - 0.65 * size;
  const corners = [[-1, -1], [1, -1], [-1, 1], [1, 1]].map(([sx, sy]) => {
    const inner = [cx + sx * (W / 2 - LABEL[0]), cy + sy * (H / 2 - LABEL[1])];
    const clear = Math.min(...turns.map((turn) => {
      const [px, py] = [cx + away * Math.cos(turn), cy + away * Math.sin(turn)];
      return Math.max((px - inner[0]) * -sx, (py - inner[1]) * -sy);
    }));
    return { sx, sy, inner, clear };
  });
  const best = corners.reduce((most, { clear }, i) => (clear > corners[most].clear ? i : most), 0);
  const chosen = corners[kept]?.clear > 0.7 * size ? kept : best;
  const { sx, sy, inner } = corners[chosen];
  const from = Math.atan2(inner[1] - cy, inner[0] - cx);
  const apart = (turn) => Math.atan2(Math.sin(from - turn), Math.cos(from - turn));
  const turn = turns.reduce((best, other) => (Math.abs(apart(other)) < Math.abs(apart(best)) ? other : best));
  const edge = turn + Math.sign(apart(turn)) * 0.07;
  WORDS.forEach((words, i) =>
    text(ctx, theme, words, sx < 0 ? 2 : W - 2, (sy < 0 ? 12 : H - 20) + 15 * i, { align: sx < 0 ? "left" : "right" }));
  line(ctx, [[inner[0] + 8 * sx, inner[1]], [cx + (r + 12) * Math.cos(edge), cy + (r + 12) * Math.sin(edge)]], theme.soft);
  return chosen;
}

export function cover(el) {
  const root = document.createElement("div");
  root.className = "ml";
  const lab = new Lab({});
  const { train: set } = lab.engine.task;
  const pair = lookAlikes(set);
  const hard = hardPictures(set, pair);
  root.innerHTML = pageOf(pair, hard.n);
  el.replaceChildren(root);
  const $ = (selector) => root.querySelector(selector);
  const canvas = $(".mc-circle");
  let seen = null; // the smoothed count
  let corner = null; // where the words stand
  const { limit } = room(lab.engine.config(), lab.setting.identities, 2);

  function draw() {
    const begin = performance.now();
    const now = mistaken(lab.engine, hard, pair);
    seen = seen === null || !loop.playing ? now : seen + 0.15 * (now - seen);
    const scene = Object.assign(compose(lab), { portrait: faceOf, marked: pair, spots: new Float64Array(2 * set.n), hotCentre: -1 });
    Object.assign(scene.focus, { own: pair[0], rival: pair[1] });
    const pen = penOf(canvas);
    if (pen) {
      const size = pen.W < 360 ? 30 : 40;
      const place = disc(pen.ctx, pen.W, pen.H, scene, size);
      gapArc(pen.ctx, scene, place.cx, place.cy, place.r);
      if (pen.W > 280) corner = nameCloud(pen.ctx, pen.W, pen.H, scene, place, size, corner);
    }
    const { m } = scene.config;
    $(".ml-out").textContent = m.toFixed(2);
    $("input").setAttribute("aria-valuetext", m.toFixed(2));
    $('[data-mc="gap"]').textContent = `${Math.round(scene.figures.gap * DEGREES)}°`;
    $('[data-mc="past"]').textContent = pastTheMark(scene.inside, m > limit);
    $('[data-mc="mistaken"]').textContent = Math.round(seen);
    canvas.setAttribute("aria-label", `Eight people on their circle, m = ${m.toFixed(2)}. ${$(".mc-gap").textContent}`);
    lab.stats.frames += 1;
    lab.stats.drawMs += performance.now() - begin;
    lab.stats.changed = 0;
  }

  const loop = new Loop(lab, draw, (why) => {
    $("button").textContent = loop.playing ? "Pause" : "Play";
    if (why) $("[aria-live]").textContent = `${why} at m = ${lab.flat().m}. ${$(".mc-gap").textContent} ${Math.round(seen)} of ${hard.n} pictures mistaken.`;
  });
  const slider = $("input");
  slider.value = lab.flat().m;
  $(".ml-limit").style.left = `calc(8px + (100% - 16px) * ${limit / LARGEST} - 1px)`;
  let moved = -REST;
  slider.addEventListener("input", () => {
    lab.change({ m: slider.value });
    // What is trained on and on is parted well at any m: each new move begins from the weights of the opening again.
    if (!loop.paused && performance.now() - moved > REST) lab.engine.begin();
    moved = performance.now();
    if (loop.paused) loop.schedule();
    else loop.play(500);
  });
  $("button").addEventListener("click", () => (loop.playing ? loop.hold() : loop.play(500)));
  const restyle = () => {
    lab.theme = makeTheme(root);
    loop.schedule();
  };
  new MutationObserver(restyle).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  new ResizeObserver(() => loop.schedule()).observe(root);
  // Only in sight does it run.
  new IntersectionObserver(([{ isIntersecting }]) => {
    loop.visible = isIntersecting;
    if (isIntersecting) loop.schedule();
  }).observe(root);
  const faces = new Image();
  faces.onload = () => {
    lab.faces = faces;
    for (const drawn of root.querySelectorAll("[data-face]"))
      drawn.getContext("2d").drawImage(faces, ...faceOf(drawn.dataset.face), 0, 0, 48, 56);
    loop.schedule();
  };
  faces.src = DATA.sheet;
  lab.theme = makeTheme(root);
  lab.engine.measure(true);
  draw();
  loop.play(500);
  bareGap(() => loop.visible && !loop.playing, (gap) => {
    $('[data-mc="bare"]').textContent = ` (at m = 0: ${Math.round(gap * DEGREES)}°)`;
  });
  $(".mc").cover = { lab, loop, pair, count: () => seen }; // for tests and for the curious
}

export function mountCover() {
  document.querySelectorAll("[data-margin-cover]:not([data-mounted])").forEach((el) => {
    el.dataset.mounted = "true";
    cover(el);
  });
}
