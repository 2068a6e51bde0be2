// Geometry of the regions: which class holds a direction, with its margin, and how much room the margin leaves.
import { keepsFeatureNorm, makeRule, norms, randomStream, TAU } from "./core.js";

// A function from a unit direction (x, y, and z in space) to { best, holds }: the class with the largest score without
// the margin, and whether it still wins once the margin is taken off its own score (all rules have ψ(θ) ≤ cosθ: no
// other class can). Softmax keeps the lengths of its centres. The answer is overwritten by the next call.
export function makeJudge(config, w, classes, k) {
  const plain = config.loss === "softmax";
  const rw = norms(w, classes, k);
  const unit = w.slice(0, classes * k);
  for (let i = 0; !plain && i < unit.length; i++) unit[i] /= rw[Math.floor(i / k)];
  const rule = makeRule(config);
  const judged = { best: 0, holds: false };
  return (x, y, z) => {
    let best = 0;
    let first = -Infinity;
    let second = -Infinity;
    for (let j = 0, p = 0; j < classes; j++, p += k) {
      const value = unit[p] * x + unit[p + 1] * y + (k === 3 ? unit[p + 2] * z : 0);
      if (value > first) {
        second = first;
        first = value;
        best = j;
      } else if (value > second) second = value;
    }
    judged.best = best;
    judged.holds = plain || rule.psi(first) >= second;
    return judged;
  };
}

// The plane cut by direction: [{ from, to, best, holds }], angles in radians, in order, once round. Edges to 1e-9.
export function wedges(config, w, classes, samples = 360) {
  const judge = makeJudge(config, w, classes, 2);
  const at = (angle) => {
    const { best, holds } = judge(Math.cos(angle), Math.sin(angle));
    return best * 2 + holds;
  };
  const edges = [];
  const cut = (lo, a, hi, b) => {
    if (a === b) return;
    if (hi - lo < 1e-9) {
      edges.push({ angle: hi, code: b });
      return;
    }
    const middle = (lo + hi) / 2;
    const c = at(middle);
    cut(lo, a, middle, c);
    cut(middle, c, hi, b);
  };
  const start = at(0);
  let previous = start;
  for (let i = 1; i <= samples; i++) {
    const code = i === samples ? start : at((i * TAU) / samples);
    cut(((i - 1) * TAU) / samples, previous, (i * TAU) / samples, code);
    previous = code;
  }
  const piece = (from, to, code) => ({ from, to, best: code >> 1, holds: (code & 1) === 1 });
  if (!edges.length) return [piece(0, TAU, start)];
  return edges.map((edge, i) => {
    const next = edges[(i + 1) % edges.length];
    return piece(edge.angle, next.angle + (i + 1 === edges.length ? TAU : 0), edge.code);
  });
}

// Where f, above 0 at lo and below at hi, has a root: one of them, by halving.
function solve(f, lo, hi) {
  for (let i = 0; i < 60; i++) {
    const middle = (lo + hi) / 2;
    if (f(middle) > 0) lo = middle;
    else hi = middle;
  }
  return (lo + hi) / 2;
}

// The boundary of class 1 in the plane of the two cosines, ψ(θ1) = ratio·cosθ2: cosθ2 on it, class 1 below it. Nothing is
// solved, so that ψ may rise and fall. ratio = ‖W2‖/‖W1‖, softmax only.
export const boundary = (config, cos1, ratio = 1) => makeRule(config).psi(cos1) / ratio;

// Angle from class 1's centre to the edge of its region on the arc towards a centre φ away, for a ψ that falls; NaN where no
// room is left.
export function edgeOnArc(config, phi) {
  const { psi } = makeRule(config);
  if (psi(1) < Math.cos(phi) - 1e-12) return NaN;
  return solve((theta) => psi(Math.cos(theta)) - Math.cos(phi - theta), 0, phi);
}

export const gapOnArc = (config, phi) => phi - 2 * edgeOnArc(config, phi);

// ---------------------------------------------------------------- how much room there is

// Smallest angle between centres in the best arrangement: even on the circle; on the sphere a simplex up to four
// points, the octahedron for five and six, and the solved cases of Tammes' problem (degrees) beyond.
const TAMMES = { 7: 77.8695, 8: 74.8585, 9: 70.5288, 10: 66.1468 };
export function widestAngle(classes, k) {
  if (classes === 2) return Math.PI;
  if (k === 2) return TAU / classes;
  if (classes <= 4) return Math.acos(-1 / (classes - 1));
  return classes <= 6 ? Math.PI / 2 : (TAMMES[classes] * Math.PI) / 180;
}

// Can every centre lie inside its own region? It can while ψ(0) is at least the cosine of the nearest other centre.
// `limit` bounds the loss's last margin with the others kept; Infinity where no value is too large.
export function room(config, classes, k) {
  const angle = widestAngle(classes, k);
  const nearest = Math.cos(angle);
  const own = makeRule(config).psi(1);
  const { loss, m2 = 0 } = config;
  let limit = Infinity;
  if (loss === "cosface") limit = 1 - nearest;
  if (loss === "arcface") limit = angle;
  if (loss === "combined") limit = Math.max(0, Math.cos(m2) - nearest);
  if (loss === "own") limit = writtenLimit(config, nearest);
  return { angle, nearest, own, limit, fits: own >= nearest - 1e-12 };
}

// Lead over a rival, in cosine and with the margin taken off, at which a sample's pull has fallen to 1 %:
// 1 - p = 1 / (1 + e^{s·lead}).
export const quietLead = (s) => Math.log(99) / s;

// The m from 0 on at which ψ(0) of a reader's formula first falls below `nearest`; Infinity where it does not up to 1.
function writtenLimit(config, nearest) {
  const spare = (m) => makeRule({ ...config, m }).psi(1) - nearest;
  if (!(spare(0) > 0)) return 0;
  for (let i = 1; i <= 100; i++) if (!(spare(i / 100) >= 0)) return solve(spare, (i - 1) / 100, i / 100);
  return Infinity;
}

// Least scale at which a sample on its own centre can reach posterior p (CosFace, Eq. 6, with the margin kept).
export const minScale = (classes, p, m = 0) => Math.log(((classes - 1) * p) / (1 - p)) / (classes / (classes - 1) - m);

export const cosBetween = (a, i, b, j, k) => {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let d = 0; d < k; d++) {
    dot += a[i * k + d] * b[j * k + d];
    aa += a[i * k + d] ** 2;
    bb += b[j * k + d] ** 2;
  }
  return Math.max(-1, Math.min(1, dot / (Math.sqrt(aa * bb) || 1)));
};

// { own, rival, cosOwn, cosRival } of one feature: its class, the nearest other centre, and both cosines.
export function nearest(x, i, own, w, classes, k) {
  let rival = -1;
  let cosRival = -2;
  for (let j = 0; j < classes; j++) {
    const c = j === own ? -2 : cosBetween(x, i, w, j, k);
    if (c > cosRival) [rival, cosRival] = [j, c];
  }
  return { own, rival, cosOwn: cosBetween(x, i, w, own, k), cosRival };
}

export function smallestAngle(w, classes, k) {
  let top = -1;
  for (let i = 0; i < classes; i++) for (let j = 0; j < i; j++) top = Math.max(top, cosBetween(w, i, w, j, k));
  return Math.acos(top);
}

// Mean over classes of the angle between a class's cloud and the cloud nearest to it, each cloud without its outermost
// 5 % (measured from the cloud's mean direction). Negative: the clouds overlap.
export function cloudGap(x, labels, n, classes, k) {
  const mean = new Float64Array(classes * k);
  for (let i = 0; i < n; i++) {
    let r = 0;
    for (let d = 0; d < k; d++) r += x[i * k + d] ** 2;
    r = Math.max(Math.sqrt(r), 1e-12);
    for (let d = 0; d < k; d++) mean[labels[i] * k + d] += x[i * k + d] / r;
  }
  const spread = Array.from({ length: classes }, () => []);
  for (let i = 0; i < n; i++) spread[labels[i]].push(Math.acos(cosBetween(x, i, mean, labels[i], k)));
  const reach = spread.map((angles) => angles.sort((a, b) => a - b)[Math.floor(0.95 * (angles.length - 1))] || 0);
  let total = 0;
  for (let i = 0; i < classes; i++) {
    let gap = Infinity;
    for (let j = 0; j < classes; j++)
      if (j !== i) gap = Math.min(gap, Math.acos(cosBetween(mean, i, mean, j, k)) - reach[i] - reach[j]);
    total += gap;
  }
  return total / classes;
}

// Class centres spread evenly, so that no run starts with two of them side by side.
export function evenCentres(classes, k, seed) {
  const w = new Float64Array(classes * k);
  const turn = randomStream(seed + 5).uniform() * 2 * Math.PI;
  for (let j = 0; j < classes; j++) {
    const z = k === 3 ? 1 - (2 * j + 1) / classes : 0;
    const angle = turn + (k === 3 ? j * Math.PI * (3 - Math.sqrt(5)) : (2 * Math.PI * j) / classes);
    w[j * k] = Math.sqrt(1 - z * z) * Math.cos(angle);
    w[j * k + 1] = Math.sqrt(1 - z * z) * Math.sin(angle);
    if (k === 3) w[j * k + 2] = z;
  }
  // On the sphere the spiral is only nearly even: each centre steps away from its nearest ones, less and less.
  for (let round = 0; k === 3 && round < 1000; round++) {
    const old = w.slice();
    for (let i = 0; i < classes; i++) {
      const dots = Array.from({ length: classes }, (_, j) => (i === j ? -9 : cosBetween(old, i, old, j, k)));
      const top = Math.max(...dots);
      dots.forEach((dot, j) => {
        for (let d = 0; d < k; d++) w[i * k + d] += 0.1 * (1 - round / 1000) * Math.exp(40 * (dot - top)) * (old[i * k + d] - old[j * k + d]);
      });
    }
    const r = norms(w, classes, k);
    for (let i = 0; i < w.length; i++) w[i] /= r[Math.floor(i / k)];
  }
  return w;
}

// |∂L/∂θ| through the target logit, scale·(1 - p)·|dψ/dθ|, for a feature at angle θ from its centre on the way to its
// rival; `others` are the real centres. Returns one value per θ.
export function gradientCurve(config, w, classes, k, own, rival, scale, thetas) {
  const rule = makeRule(config);
  const rw = norms(w, classes, k);
  const u = Array.from({ length: k }, (_, d) => w[own * k + d] / rw[own]);
  const c = cosBetween(w, own, w, rival, k);
  const v = Array.from({ length: k }, (_, d) => w[rival * k + d] / rw[rival] - c * u[d]);
  const size = norms(v, 1, k)[0];
  const plain = config.loss === "softmax";
  const factor = keepsFeatureNorm(config.loss) ? scale : config.s;
  return thetas.map((theta) => {
    const x = u.map((value, d) => value * Math.cos(theta) + (v[d] / size) * Math.sin(theta));
    const own1 = plain ? rw[own] : 1;
    const target = factor * own1 * rule.psi(Math.cos(theta));
    let rest = 0;
    for (let j = 0; j < classes; j++) {
      if (j === own) continue;
      rest += Math.exp(factor * (plain ? rw[j] : 1) * cosBetween(x, 0, w, j, k) - target);
    }
    const miss = rest === Infinity ? 1 : rest / (1 + rest); // 1 - p of the target
    return factor * own1 * miss * Math.abs(rule.slope(Math.cos(theta)) * Math.sin(theta));
  });
}
