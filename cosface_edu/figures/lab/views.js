// The linked views: each draws one scene on a canvas. Nothing here changes the scene.
import { DEG, keepsFeatureNorm, makeRule, norms, TAU } from "./core.js";
import { globe, project } from "./globe.js";
import { ANGLE_TICKS, axes, letterOn, line, range, ring, sector, text, tint, UNIT_TICKS } from "./pen.js";
import { boundary, cosBetween, gradientCurve, room } from "./regions.js";
import { letter } from "./scene.js";

const HIDDEN = [-99, -99]; // behind the globe: nothing to see or to grab

// Corners, first angle in quarter turns, size, and the size of every second corner, by class.
const MARKS = [[10, 0, 1], [4, 0.5, 1.2], [3, -1, 1.35], [4, 0, 1.35], [3, 1, 1.35], [10, -1, 1.5, 0.6], [6, 0, 1.15], [8, 0, 1.5, 0.5], [5, -1, 1.25], [3, 0, 1.35]];

// Adds the mark of class j at (x, y) to the current path.
function mark(ctx, j, x, y, r) {
  const [corners, turn, size, inner = size] = MARKS[j];
  for (let i = 0; i <= corners; i++) {
    const angle = (turn * TAU) / 4 + (i * TAU) / corners;
    const q = r * (i % 2 ? inner : size);
    ctx[i ? "lineTo" : "moveTo"](x + q * Math.cos(angle), y + q * Math.sin(angle));
  }
}

// Marks of all samples, one path a class; samples with a wrong label get an outline in the colour of the true person.
function samples(ctx, scene, place, r) {
  const { theme, labels, truth, classes, spots } = scene;
  const paths = Array.from({ length: classes }, () => []);
  for (let i = 0; i < labels.length; i++) {
    const spot = place(i);
    spots[2 * i] = spot[0];
    spots[2 * i + 1] = spot[1];
    paths[labels[i]].push(i);
  }
  paths.forEach((list, j) => {
    ctx.beginPath();
    for (const i of list) mark(ctx, j, spots[2 * i], spots[2 * i + 1], r);
    ctx.fillStyle = tint(theme.palette[j], 0.75);
    ctx.fill();
  });
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === truth[i]) continue;
    ctx.beginPath();
    ctx.arc(spots[2 * i], spots[2 * i + 1], r + 2.5, 0, TAU);
    ctx.strokeStyle = theme.palette[truth[i]];
    ctx.lineWidth = 1.5;
    ctx.stroke();
  }
}

function centreMark(ctx, scene, j, x, y, depth = 1) {
  const { theme } = scene;
  const hot = scene.hotCentre === j;
  ctx.globalAlpha = depth < 0 ? 0.35 : 1;
  ctx.beginPath();
  ctx.arc(x, y, hot ? 12 : 10, 0, TAU);
  ctx.fillStyle = theme.palette[j];
  ctx.fill();
  ctx.lineWidth = hot ? 3 : 1.5;
  ctx.strokeStyle = theme.ground;
  ctx.stroke();
  text(ctx, theme, letter(j), x, y + 0.5, { size: 12, align: "center", base: "middle", weight: "bold", colour: letterOn(theme.palette[j]) });
  // Outside its own region: a cross beside the letter.
  if (!scene.inside[j])
    for (const [colour, width] of [[theme.ground, 6], [theme.warn, 3]])
      for (const side of [-5, 5]) line(ctx, [[x + 11 - side, y - 16], [x + 11 + side, y - 6]], colour, width);
  ctx.globalAlpha = 1;
}

// ---------------------------------------------------------------- 1: features as they are

export function euclid(ctx, W, H, scene) {
  const { theme, k, classes, w, features, held, heldTruth, reach, focus } = scene;
  const cx = W / 2;
  const cy = H / 2;
  const scale = (Math.min(W, H) / 2 - 8) / reach;
  Object.assign(scene, { cx, cy, unit: scale });
  if (k === 2) {
    for (const { from, to, best, holds } of scene.wedges)
      sector(ctx, cx, cy, W, from, to, tint(theme.palette[best], holds ? 0.2 : 0.05));
  }
  line(ctx, [[0, cy], [W, cy]], theme.line);
  line(ctx, [[cx, 0], [cx, H]], theme.line);
  for (let i = 0; i < heldTruth.length; i++) {
    const [x, y] = project(scene, held, i);
    ctx.beginPath();
    mark(ctx, heldTruth[i], cx + scale * x, cy + scale * y, 2.6);
    ctx.strokeStyle = theme.palette[heldTruth[i]];
    ctx.lineWidth = 1;
    ctx.stroke();
  }
  samples(ctx, scene, (i) => {
    const [x, y] = project(scene, features, i);
    return [cx + scale * x, cy + scale * y];
  }, 2.8);
  const rw = norms(w, classes, k);
  const longest = Math.max(...rw);
  const ray = Math.min(W, H) / 2 - 16;
  scene.handles = [];
  for (let j = 0; j < classes; j++) {
    const [x, y, depth] = project(scene, w, j);
    // Only softmax sees the length of a centre, so only there it is drawn.
    const share = ray / (scene.config.loss === "softmax" ? longest : rw[j]);
    const tip = [cx + share * x, cy + share * y];
    line(ctx, [[cx, cy], tip], tint(theme.palette[j], depth < 0 ? 0.3 : 0.8), 1.5);
    centreMark(ctx, scene, j, tip[0], tip[1], depth);
    scene.handles.push(tip);
  }
  const [fx, fy] = project(scene, focus.x, 0);
  const at = [cx + scale * fx, cy + scale * fy];
  line(ctx, [[cx, cy], at], theme.ink, 1, [3, 3]);
  ring(ctx, theme, at[0], at[1], theme.palette[focus.own]);
  scene.focusSpot = at;
  text(ctx, theme, `radius ${reach.toPrecision(2)}`, W - 8, H - 8, { align: "right", size: 11 });
}

// ---------------------------------------------------------------- 2: directions only

export function circle(ctx, W, H, scene) {
  const { theme, k, focus } = scene;
  const { cx, cy, r } = disc(ctx, W, H, scene, 26);
  if (k === 2) gapArc(ctx, scene, cx, cy, r);
  const [fx, fy, depth] = project(scene, focus.x, 0);
  const at = [cx + (r / focus.norm) * fx, cy + (r / focus.norm) * fy];
  line(ctx, [[cx, cy], at], theme.ink, 1, [3, 3]);
  if (depth >= 0) ring(ctx, theme, at[0], at[1], theme.palette[focus.own]);
  scene.focusSpot = at;
}

// Everything of the circle but the picked sample; portraits are `size` pixels wide, those of scene.marked stand out.
export function disc(ctx, W, H, scene, size) {
  const { theme, k, classes, w, features, faces } = scene;
  const cx = W / 2;
  const cy = H / 2;
  const outer = Math.min(W, H) / 2;
  const r = k === 2 ? outer * 0.6 : outer * 0.8;
  Object.assign(scene, { cx, cy, unit: r });
  if (k === 3) globe(ctx, scene, cx, cy, r);
  else {
    for (const { from, to, best, holds } of scene.wedges) sector(ctx, cx, cy, r, from, to, tint(theme.palette[best], holds ? 0.3 : 0.06));
    histogram(ctx, scene, cx, cy, r, outer - 1.4 * size);
  }
  ctx.beginPath();
  ctx.arc(cx, cy, r, 0, TAU);
  ctx.strokeStyle = theme.soft;
  ctx.lineWidth = 1;
  ctx.stroke();
  samples(ctx, scene, (i) => {
    const [x, y, depth] = project(scene, features, i);
    const share = r / scene.lengths[i];
    return depth < 0 ? HIDDEN : [cx + share * x, cy + share * y];
  }, 2.6);
  const rw = norms(w, classes, k);
  scene.handles = [];
  for (let j = 0; j < classes; j++) {
    const [x, y, depth] = project(scene, w, j);
    const [ux, uy] = [x / rw[j], y / rw[j]];
    const tip = [cx + r * ux, cy + r * uy];
    if (k === 2) {
      line(ctx, [[cx, cy], tip], tint(theme.palette[j], 0.8), 1.5);
      const away = outer - 0.65 * size;
      if (faces) portrait(ctx, scene, j, cx + away * ux, cy + away * uy, size);
    }
    centreMark(ctx, scene, j, tip[0], tip[1], depth);
    scene.handles.push(depth < 0 ? HIDDEN : tip);
  }
  return { cx, cy, r };
}

function portrait(ctx, scene, j, x, y, size) {
  const tall = (size * 7) / 6;
  const box = [x - size / 2, y - tall / 2, size, tall];
  ctx.drawImage(scene.faces, ...scene.portrait(j), ...box);
  ctx.lineWidth = 2.5;
  if (scene.marked?.includes(j)) {
    ctx.strokeStyle = scene.theme.ink;
    ctx.strokeRect(box[0] - 3, box[1] - 3, size + 6, tall + 6);
  }
  ctx.strokeStyle = scene.theme.palette[j];
  ctx.strokeRect(...box);
}

// Stacked counts of the samples' directions, three degrees a bar, outside the circle.
function histogram(ctx, scene, cx, cy, r, limit) {
  const { theme, classes, labels, features } = scene;
  const bins = 120;
  const counts = new Uint16Array(bins * classes);
  const totals = new Uint16Array(bins);
  for (let i = 0; i < labels.length; i++) {
    const angle = Math.atan2(features[2 * i + 1], features[2 * i]);
    const bin = Math.floor(((angle + TAU) % TAU) / TAU * bins) % bins;
    counts[bin * classes + labels[i]] += 1;
    totals[bin] += 1;
  }
  const top = Math.sqrt(Math.max(12, ...totals)); // the root keeps thin tails visible
  for (let bin = 0; bin < bins; bin++) {
    let below = 0;
    for (let j = 0; j < classes; j++) {
      const count = counts[bin * classes + j];
      if (!count) continue;
      const r0 = r + 6 + ((limit - r - 6) * Math.sqrt(below)) / top;
      const r1 = r + 6 + ((limit - r - 6) * Math.sqrt(below + count)) / top;
      const a = (bin * TAU) / bins;
      const b = ((bin + 0.85) * TAU) / bins;
      ctx.beginPath();
      ctx.arc(cx, cy, r0, -a, -b, true);
      ctx.arc(cx, cy, r1, -b, -a);
      ctx.closePath();
      ctx.fillStyle = theme.palette[j];
      ctx.fill();
      below += count;
    }
  }
}

// The margin between the picked sample's class and its neighbour, as an angle.
export function gapArc(ctx, scene, cx, cy, r) {
  const { theme, focus, wedges, w } = scene;
  const middle = Math.atan2(w[2 * focus.own + 1] + w[2 * focus.rival + 1], w[2 * focus.own] + w[2 * focus.rival]);
  const inside = (part) => {
    const turn = (((middle - part.from) % TAU) + TAU) % TAU;
    return turn <= part.to - part.from;
  };
  // The gap may be cut in two where the class that wins without the margin changes.
  const at = wedges.findIndex((part) => !part.holds && inside(part));
  if (at < 0) return;
  const piece = (step) => wedges[(at + step + wedges.length) % wedges.length];
  let { from, to } = wedges[at];
  let [before, after] = [piece(-1), piece(1)];
  if (!before.holds) [from, before] = [from - (before.to - before.from), piece(-2)];
  if (!after.holds) [to, after] = [to + after.to - after.from, piece(2)];
  const pair = [focus.own, focus.rival];
  if (!before.holds || !after.holds || !pair.includes(before.best) || !pair.includes(after.best)) return;
  const radius = r * 0.52;
  ctx.beginPath();
  ctx.arc(cx, cy, radius, -from, -to, true);
  ctx.strokeStyle = theme.ink;
  ctx.lineWidth = 2;
  ctx.stroke();
  for (const angle of [from, to])
    line(ctx, [[cx + (radius - 5) * Math.cos(angle), cy - (radius - 5) * Math.sin(angle)],
      [cx + (radius + 5) * Math.cos(angle), cy - (radius + 5) * Math.sin(angle)]], theme.ink, 2);
  const m = (from + to) / 2;
  text(ctx, theme, `${((to - from) * DEG).toFixed(0)}°`, cx + (radius + 16) * Math.cos(m), cy - (radius + 16) * Math.sin(m),
    { align: "center", base: "middle", size: 13, weight: "bold", colour: theme.ink });
}

// ---------------------------------------------------------------- 3: the (cosθ1, cosθ2) plane

export function plane(ctx, W, H, scene) {
  const { theme, config, focus, cosines, labels, spots, w, k } = scene;
  const [own, rival] = [theme.palette[focus.own], theme.palette[focus.rival]];
  const { X, Y, box } = axes(ctx, W, H, theme, [-1, 1], [-1, 1], UNIT_TICKS, UNIT_TICKS,
    `cosθ₁ to own centre ${letter(focus.own)}`, `cosθ₂ to neighbour ${letter(focus.rival)}`);
  const rw = norms(w, scene.classes, k);
  const ratio = config.loss === "softmax" ? rw[focus.rival] / rw[focus.own] : 1;
  const within = (spare) => {
    ctx.save();
    ctx.beginPath();
    ctx.rect(box.left, box.top - spare, box.right - box.left + spare, box.bottom - box.top + spare);
    ctx.clip();
  };
  within(0);
  // A class's region lies between its boundary and its rival's -1; far outside the picture a boundary need not be exact.
  const region = (scale, colour, turn) => {
    const edge = range(Math.PI, 0, 121).map(Math.cos).map((c) => [c, Math.max(-2, Math.min(2, boundary(config, c, scale)))]);
    const place = ([a, b]) => (turn ? [X(b), Y(a)] : [X(a), Y(b)]);
    ctx.beginPath();
    for (const point of [...edge, [1, -2], [-1, -2]]) ctx.lineTo(...place(point));
    ctx.fillStyle = tint(colour, 0.2);
    ctx.fill();
    line(ctx, edge.map(place), colour, 2.5);
  };
  region(ratio, own, false);
  region(1 / ratio, rival, true);
  ctx.restore();
  within(8);
  if (config.loss === "softmax")
    for (let i = 0; i < scene.classes; i++)
      for (let j = 0; j < scene.classes; j++)
        if (i !== j) line(ctx, [-1, 1].map((c) => [X((rw[j] / rw[i]) * c), Y(c)]), tint(theme.soft, 0.25));
  ctx.beginPath();
  ctx.fillStyle = tint(theme.soft, 0.4);
  for (let i = 0; i < labels.length; i++) {
    const [x, y] = [X(cosines[2 * i]), Y(cosines[2 * i + 1])];
    [spots[2 * i], spots[2 * i + 1]] = [x, y];
    if (labels[i] === focus.own) mark(ctx, labels[i], x, y, 2.4);
    else ctx.fillRect(x - 1.3, y - 1.3, 2.6, 2.6);
  }
  ctx.fillStyle = tint(own, 0.85);
  ctx.fill();
  // Where a sample can be on the arc between the two centres.
  const phi = Math.acos(cosBetween(w, focus.own, w, focus.rival, k));
  line(ctx, range(0, phi, 40).map((t) => [X(Math.cos(t)), Y(Math.cos(phi - t))]), theme.ink, 1, [2, 2]);
  const at = [X(focus.cosOwn), Y(focus.cosRival)];
  line(ctx, [[at[0], box.bottom], at, [box.left, at[1]]], theme.ink, 1, [3, 3]);
  ring(ctx, theme, at[0], at[1], own);
  scene.focusSpot = at;
  ctx.restore();
  text(ctx, theme, `class ${letter(focus.own)}`, X(0.96), Y(-0.93), { align: "right", colour: own, weight: "bold" });
  text(ctx, theme, `class ${letter(focus.rival)}`, X(-0.96), Y(0.87), { colour: rival, weight: "bold" });
}

// ---------------------------------------------------------------- 4: the target logit

export function target(ctx, W, H, scene) {
  const { theme, config, focus, cosines, labels } = scene;
  const { psi } = makeRule(config);
  const thetas = range(0, Math.PI, 121);
  const scores = thetas.map((t) => psi(Math.cos(t)));
  const floor = Math.min(-1, ...scores) - 0.15;
  const step = floor < -3 ? 2 : 0.5;
  const ticks = [];
  for (let v = 1; v > floor; v -= step) ticks.push([v, String(v)]);
  const { X, Y, box } = axes(ctx, W, H, theme, [0, Math.PI], [floor, 1.1], ANGLE_TICKS, ticks, "θ to own centre", "ψ(θ), in units of cosine");
  const bins = 60;
  const counts = new Uint16Array(bins);
  for (let i = 0; i < labels.length; i++) counts[Math.min(bins - 1, Math.floor((Math.acos(Math.max(-1, Math.min(1, cosines[2 * i]))) / Math.PI) * bins))]++;
  const top = Math.max(...counts);
  ctx.fillStyle = tint(theme.soft, 0.45);
  const wide = (box.right - box.left) / bins;
  counts.forEach((count, b) => {
    const tall = (count / top) * (box.bottom - box.top) * 0.25;
    ctx.fillRect(box.left + b * wide, box.bottom - tall, wide - 0.5, tall);
  });
  line(ctx, thetas.map((t) => [X(t), Y(Math.cos(t))]), theme.soft, 1.5, [5, 4]);
  line(ctx, thetas.map((t, i) => [X(t), Y(scores[i])]), theme.accent, 2.5);
  const theta = Math.acos(Math.max(-1, Math.min(1, focus.cosOwn)));
  const value = psi(focus.cosOwn);
  if (focus.cosOwn - value > 0.02) line(ctx, [[X(theta), Y(focus.cosOwn)], [X(theta), Y(value)]], theme.ink, 1.5, [3, 3]);
  ring(ctx, theme, X(theta), Y(value), theme.palette[focus.own]);
  text(ctx, theme, "cosθ", X(Math.PI) - 4, Y(-1) - 8, { align: "right" });
  text(ctx, theme, `ψ = ${value.toFixed(2)}`, box.right, 12, { align: "right", colour: theme.accent, weight: "bold" });
}

// ---------------------------------------------------------------- 5: the size of the gradient

export function gradient(ctx, W, H, scene) {
  const { theme, config, focus, w, classes, k } = scene;
  const thetas = range(0, Math.PI, 91);
  const curve = (c, at) => gradientCurve(c, w, classes, k, focus.own, focus.rival, focus.norm, at);
  const now = curve(config, thetas);
  // The same loss with its margin at nothing.
  const bare = curve(keepsFeatureNorm(config.loss) ? { ...config, m: 1 } : { ...config, loss: "nsl" }, thetas);
  const top = Math.max(1e-9, ...now, ...bare) * 1.1;
  const decade = 10 ** Math.floor(Math.log10(top / 2));
  const stride = decade * [1, 2, 5].find((v) => top / (v * decade) < 6);
  const ticks = range(0, 4, 5).map((i) => [i * stride, String(+(i * stride).toPrecision(2))]).filter(([v]) => v < top);
  const { X, Y, box } = axes(ctx, W, H, theme, [0, Math.PI], [0, top], ANGLE_TICKS, ticks, `θ from centre ${letter(focus.own)}`, "pull of the target, |∂L/∂θ|");
  line(ctx, thetas.map((t, i) => [X(t), Y(bare[i])]), theme.soft, 1.5, [5, 4]);
  line(ctx, thetas.map((t, i) => [X(t), Y(now[i])]), theme.accent, 2.5);
  const theta = Math.acos(Math.max(-1, Math.min(1, focus.cosOwn)));
  const [value] = curve(config, [theta]);
  ring(ctx, theme, X(theta), Y(value), theme.palette[focus.own]);
  text(ctx, theme, value.toPrecision(2), box.right, 12, { align: "right", colour: theme.accent, weight: "bold" });
}

// ---------------------------------------------------------------- 6: how training went

export function progress(ctx, W, H, scene) {
  const { theme, history } = scene;
  const rows = [
    ["loss", (f) => f.loss, 3],
    ["accuracy in %, trained on", (f) => 100 * f.accuracy, 2],
    ["accuracy in %, held out", (f) => 100 * f.heldOut, 0],
    ["smallest angle of centres, °", (f) => f.smallest * DEG, 5],
    ["gap between clouds, °", (f) => f.gap * DEG, 6],
  ];
  const tall = (H - 6) / rows.length;
  rows.forEach(([name, read, colour], r) => {
    const values = history.map(read);
    const now = read(scene.figures);
    const y1 = (r + 1) * tall - 2;
    const y0 = r * tall + 20;
    text(ctx, theme, name, 4, y0 - 6, { size: 12 });
    text(ctx, theme, now.toFixed(r ? 1 : 3), W - 4, y0 - 6, { size: 13, align: "right", weight: "bold", colour: theme.ink });
    const low = Math.min(0, ...values, now);
    const high = Math.max(...values, now, low + 1e-9);
    line(ctx, [[4, y1], [W - 4, y1]], theme.line);
    if (values.length > 1)
      line(ctx, values.map((v, i) => [4 + (i / (values.length - 1)) * (W - 8), y1 - ((v - low) / (high - low)) * (y1 - y0)]), theme.palette[colour], 1.8);
  });
}

// ---------------------------------------------------------------- 7: is there room for the margin?

export function gauge(ctx, W, H, scene) {
  const { theme, config, classes, k } = scene;
  const { angle, nearest, own, limit, fits } = room(config, classes, k);
  const bad = theme.warn;
  const bars = [
    ["on its own centre: ψ(0°)", own, fits ? theme.palette[0] : bad],
    [`at the nearest centre: cos ${(angle * DEG).toFixed(1)}°`, nearest, theme.palette[1]],
  ];
  const left = 12;
  const right = W - 64;
  const X = (v) => left + ((Math.max(-1, v) + 1) / 2) * (right - left);
  text(ctx, theme, `The best arrangement of ${classes} centres`, 4, 14, { size: 12 });
  bars.forEach(([name, value, colour], i) => {
    const y = 30 + i * 46;
    ctx.fillStyle = tint(colour, 0.85);
    ctx.fillRect(X(-1), y + 16, X(value) - X(-1), 12);
    line(ctx, [[X(nearest), y + 13], [X(nearest), y + 31]], theme.ink, 2);
    text(ctx, theme, name, left, y + 9, { size: 12, colour: theme.ink });
    text(ctx, theme, value.toFixed(3), W - 8, y + 22, { size: 13, align: "right", base: "middle", weight: "bold", colour: theme.ink });
  });
  const words = fits
    ? ["A sample on its own centre wins,", "margin included: there is room."]
    : ["Even a sample on its own centre", "loses to its neighbour: no arrangement", "satisfies this margin."];
  words.forEach((word, i) => text(ctx, theme, word, left, 132 + i * 16, { size: 12, colour: fits ? theme.ink : bad, weight: fits ? "" : "bold" }));
  const name = config.loss === "combined" ? "m₃" : "m";
  const bound = Number.isFinite(limit) ? `bound: ${name} ≤ ${limit.toFixed(3)}` : "this loss sets no bound";
  text(ctx, theme, bound, left, H - 10, { size: 13, weight: "bold", colour: fits ? theme.ink : bad });
}
