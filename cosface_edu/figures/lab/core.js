// The mathematics of the Margin Lab, without DOM: a small network, Adam, and every loss with its exact gradient.
// Arrays are row-major Float64Array: x (n, k) features, w (classes, k) class centres, y (n) labels.
import { formula } from "./expression.js";
import { unrolledCos, unrolledSlope } from "./unrolled.js";

export const TAU = 2 * Math.PI;
export const DEG = 180 / Math.PI; // degrees in a radian
const ZERO_LENGTH = 1e-12; // what is shorter has no direction; its length counts as 1, as in the package's losses
const AIMLESS = 1e-6; // of a circle's radius: nearer to its middle no hand points anywhere

export const LOSSES = {
  softmax: { title: "Softmax", needsS: false, margins: {} },
  nsl: { title: "NSL (normalised softmax)", needsS: true, margins: {} },
  asoftmax: { title: "A-Softmax", needsS: false, margins: { m: [1, 4, 0.1, 2] } },
  cosface: { title: "CosFace (LMCL)", needsS: true, margins: { m: [0, 0.6, 0.01, 0.2] } },
  arcface: { title: "ArcFace", needsS: true, margins: { m: [0, 1.2, 0.01, 0.3] } },
  combined: {
    title: "Combined margin",
    needsS: true,
    margins: { m1: [1, 2, 0.05, 1], m2: [0, 0.8, 0.01, 0.15], m3: [0, 0.5, 0.01, 0.1] },
  },
  own: { title: "Your own ψ(θ)", needsS: true, margins: { m: [0, 1, 0.01, 0.2] } },
};

// ---------------------------------------------------------------- random numbers, reproducible from a seed

export function randomStream(seed) {
  let a = (seed * 2654435761 + 12345) >>> 0;
  const uniform = () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

// ---------------------------------------------------------------- the rules: target score ψ(cosθ) and its slope

const clampCos = (c) => Math.max(-1, Math.min(1, c));

const LEAST_SINE = Math.sqrt(Number.EPSILON); // keeps d(acos)/dcosθ finite at cosθ = ±1

// unrolledCos(φ) is cosφ, continued past π so that it keeps falling: (-1)^k cosφ - 2k with k = ⌊φ/π⌋.
// cos(m1·θ + m2) - m3 (ArcFace paper, Eq. 4).
function combinedRule(m1, m2, m3) {
  if (m1 === 1 && m2 === 0) return additiveRule(m3);
  return {
    psi: (c) => unrolledCos(m1 * Math.acos(clampCos(c)) + m2) - m3,
    slope(c) {
      const theta = Math.acos(clampCos(c));
      return (-m1 * unrolledSlope(m1 * theta + m2)) / Math.max(Math.sin(theta), LEAST_SINE);
    },
  };
}

const additiveRule = (m) => ({ psi: (c) => c - m, slope: () => 1 });

// (-1)^k cos(mθ) - 2k on [kπ/m, (k+1)π/m] (SphereFace, Eq. 7), blended with cosθ by λ.
function multiplicativeRule(m, lam) {
  return {
    psi(c) {
      const theta = Math.acos(clampCos(c));
      // For a whole m, θ = π belongs to the last piece.
      const psi = theta === Math.PI && m % 1 === 0 ? 1 - 2 * m : unrolledCos(m * theta);
      return (lam * c + psi) / (1 + lam);
    },
    slope(c) {
      const theta = Math.acos(clampCos(c));
      const sine = Math.sin(theta);
      // For a whole m, sin(mθ)/sinθ has the limit ±m at both ends.
      const ends = sine < 1e-7 && m % 1 === 0;
      const value = ends ? m * m : (-m * unrolledSlope(m * theta)) / Math.max(sine, LEAST_SINE);
      return (lam + value) / (1 + lam);
    },
  };
}

// ψ(θ) of a reader's formula; dψ/dcosθ = -ψ'(θ)/sinθ.
function writtenRule(text, m) {
  const { value, slope } = formula(text);
  return {
    psi: (c) => value(Math.acos(clampCos(c)), m),
    slope(c) {
      const theta = Math.acos(clampCos(c));
      const pull = -slope(theta, m) / Math.max(Math.sin(theta), LEAST_SINE);
      return Number.isFinite(pull) ? pull : 0; // as of √θ at 0
    },
  };
}

export function makeRule(config) {
  const { loss, m = 0, m1 = 1, m2 = 0, m3 = 0, lam = 0 } = config;
  if (loss === "cosface") return additiveRule(m);
  if (loss === "arcface") return combinedRule(1, m, 0);
  if (loss === "combined") return combinedRule(m1, m2, m3);
  if (loss === "asoftmax") return multiplicativeRule(m, lam);
  if (loss === "own") return writtenRule(config.psi, m);
  return additiveRule(0);
}

export const keepsFeatureNorm = (loss) => loss === "softmax" || loss === "asoftmax";

export function norms(a, rows, k) {
  const out = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    let sum = 0;
    for (let d = 0; d < k; d++) sum += a[i * k + d] * a[i * k + d];
    const length = Math.sqrt(sum);
    out[i] = length > ZERO_LENGTH ? length : 1;
  }
  return out;
}

// Mean cross entropy over the batch and its gradients; dx and dw are overwritten.
export function headLoss(config, x, y, w, n, classes, k, dx, dw) {
  const rule = makeRule(config);
  const plain = config.loss === "softmax";
  const scaleIsNorm = keepsFeatureNorm(config.loss);
  const rw = norms(w, classes, k);
  const rx = norms(x, n, k);
  const cos = new Float64Array(classes);
  const z = new Float64Array(classes);
  dx.fill(0);
  dw.fill(0);
  let total = 0;
  for (let i = 0; i < n; i++) {
    const yi = y[i];
    const scale = scaleIsNorm ? rx[i] : config.s;
    // A feature without length scores 0, whatever ψ(90°) is.
    const gone = scaleIsNorm && rx[i] === 1 && x.subarray(i * k, (i + 1) * k).every((v) => Math.abs(v) <= ZERO_LENGTH);
    const ownScale = gone ? 0 : scale;
    let top = -Infinity;
    for (let j = 0; j < classes; j++) {
      let dot = 0;
      for (let d = 0; d < k; d++) dot += w[j * k + d] * x[i * k + d];
      cos[j] = dot / (rx[i] * rw[j]);
      if (plain) z[j] = dot;
      else z[j] = j === yi ? ownScale * rule.psi(cos[j]) : scale * cos[j];
      if (z[j] > top) top = z[j];
    }
    let sum = 0;
    for (let j = 0; j < classes; j++) sum += Math.exp(z[j] - top);
    total += Math.log(sum) + top - z[yi];
    let radial = 0; // dL/d‖x‖ where the feature's length is the scale
    for (let j = 0; j < classes; j++) {
      const g = (Math.exp(z[j] - top) / sum - (j === yi ? 1 : 0)) / n;
      if (plain) {
        for (let d = 0; d < k; d++) {
          dx[i * k + d] += g * w[j * k + d];
          dw[j * k + d] += g * x[i * k + d];
        }
        continue;
      }
      if (scaleIsNorm) radial += (g * z[j]) / scale;
      const gc = g * (j === yi ? ownScale * rule.slope(cos[j]) : scale);
      for (let d = 0; d < k; d++) {
        const xh = x[i * k + d] / rx[i];
        const wh = w[j * k + d] / rw[j];
        dx[i * k + d] += (gc * (wh - cos[j] * xh)) / rx[i];
        dw[j * k + d] += (gc * (xh - cos[j] * wh)) / rw[j];
      }
    }
    if (scaleIsNorm && !plain) for (let d = 0; d < k; d++) dx[i * k + d] += (radial * x[i * k + d]) / rx[i];
  }
  return total / n;
}

// ---------------------------------------------------------------- the network: dim -> 32 -> 32 -> k, leaky ReLU

const LEAK = 0.1;

// W is stored (inputs, outputs) so that the inner loops run along memory, and samples are taken in twos, so that each
// weight is read once for both: n is even.
function denseForward(x, n, inputs, w, b, outputs, out, activate) {
  for (let i = 0; i < n; i += 2) {
    const [a, c] = [i * outputs, (i + 1) * outputs];
    for (let q = 0; q < outputs; q++) out[a + q] = out[c + q] = b[q];
    for (let p = 0, r = 0; p < inputs; p++) {
      const u = x[i * inputs + p];
      const v = x[(i + 1) * inputs + p];
      for (let q = 0; q < outputs; q++, r++) {
        out[a + q] += u * w[r];
        out[c + q] += v * w[r];
      }
    }
  }
  if (activate) for (let i = 0; i < n * outputs; i++) if (out[i] < 0) out[i] *= LEAK;
}

// dOut is changed in place to the gradient before the activation (whose sign the output keeps).
function denseBackward(x, n, inputs, w, outputs, out, dOut, activate, dw, db, dx) {
  if (activate) for (let i = 0; i < n * outputs; i++) if (out[i] < 0) dOut[i] *= LEAK;
  for (let i = 0; i < n; i += 2) {
    const [a, c] = [i * outputs, (i + 1) * outputs];
    for (let q = 0; q < outputs; q++) db[q] += dOut[a + q] + dOut[c + q];
    for (let p = 0, r = 0; p < inputs; p++) {
      const at = i * inputs + p;
      const u = x[at];
      const v = x[at + inputs];
      let backA = 0;
      let backC = 0;
      for (let q = 0; q < outputs; q++, r++) {
        dw[r] += u * dOut[a + q] + v * dOut[c + q];
        backA += w[r] * dOut[a + q];
        backC += w[r] * dOut[c + q];
      }
      if (dx) [dx[at], dx[at + inputs]] = [backA, backC];
    }
  }
}

export class Network {
  // All parameters lie in one array, class centres last, so that Adam is one loop.
  constructor(dim, hidden, k, classes, seed) {
    this.sizes = [dim, hidden, hidden, k];
    this.k = k;
    this.classes = classes;
    let total = classes * k;
    for (let l = 0; l < 3; l++) total += (this.sizes[l] + 1) * this.sizes[l + 1];
    this.params = new Float64Array(total);
    this.grads = new Float64Array(total);
    this.first = new Float64Array(total);
    this.second = new Float64Array(total);
    this.t = 0;
    this.kept = {};
    this.layers = [];
    const { normal } = randomStream(seed);
    let at = 0;
    const take = (count) => {
      const views = { value: this.params.subarray(at, at + count), grad: this.grads.subarray(at, at + count), at };
      at += count;
      return views;
    };
    for (let l = 0; l < 3; l++) {
      const w = take(this.sizes[l] * this.sizes[l + 1]);
      const b = take(this.sizes[l + 1]);
      const gain = Math.sqrt((l < 2 ? 2 : 1) / this.sizes[l]);
      for (let i = 0; i < w.value.length; i++) w.value[i] = normal() * gain;
      this.layers.push({ w, b });
    }
    this.centres = take(classes * k);
  }

  // Layer outputs and their gradients for a batch of n, kept for the next batch of that size.
  buffers(n) {
    const make = () => this.sizes.slice(1).map((size) => new Float64Array(n * size));
    return (this.kept[n] ??= { out: make(), grad: make() });
  }

  // Features (n, k).
  forward(x, n) {
    const { out } = this.buffers(n);
    this.layers.forEach(({ w, b }, l) => {
      denseForward(l ? out[l - 1] : x, n, this.sizes[l], w.value, b.value, this.sizes[l + 1], out[l], l < 2);
    });
    return out[2];
  }

  // The loss; its gradients in the features and the class centres are left in grad[2] and centres.grad.
  loss(config, x, y, n) {
    const { grad } = this.buffers(n);
    const features = this.forward(x, n);
    return headLoss(config, features, y, this.centres.value, n, this.classes, this.k, grad[2], this.centres.grad);
  }

  // The loss, with its gradients in all parameters in this.grads.
  backward(config, x, y, n) {
    this.grads.fill(0);
    const loss = this.loss(config, x, y, n);
    this.spread(x, n);
    return loss;
  }

  // From the gradients in the features, in grad[2], to those in all layers; this.grads holds none of them yet.
  spread(x, n) {
    const { out, grad } = this.buffers(n);
    for (let l = 2; l >= 0; l--) {
      const { w, b } = this.layers[l];
      denseBackward(l ? out[l - 1] : x, n, this.sizes[l], w.value, this.sizes[l + 1], out[l], grad[l], l < 2, w.grad, b.grad,
        l ? grad[l - 1] : null);
    }
  }

  // One step of Adam (β 0.9 and 0.999), full batch.
  step(config, x, y, n, lr) {
    const loss = this.backward(config, x, y, n);
    this.adam(lr);
    return loss;
  }

  // Down the gradients that are in this.grads.
  adam(lr) {
    this.t += 1;
    const rate = lr / (1 - 0.9 ** this.t);
    const whole = 1 - 0.999 ** this.t;
    const { params, grads, first, second } = this;
    for (let i = 0; i < params.length; i++) {
      const g = grads[i];
      first[i] = 0.9 * first[i] + 0.1 * g;
      second[i] = 0.999 * second[i] + 0.001 * g * g;
      params[i] -= (rate * first[i]) / (Math.sqrt(second[i] / whole) + 1e-8);
    }
  }

  // A centre moved by hand: its direction changes, its length stays, and Adam forgets its momentum.
  moveCentre(j, direction) {
    const size = Math.hypot(...direction);
    if (size < AIMLESS) return;
    const { value, at } = this.centres;
    const k = this.k;
    const length = norms(value.subarray(j * k, (j + 1) * k), 1, k)[0];
    for (let d = 0; d < k; d++) {
      value[j * k + d] = (direction[d] / size) * length;
      this.first[at + j * k + d] = 0;
      this.second[at + j * k + d] = 0;
    }
  }
}

// ---------------------------------------------------------------- data of a run

// Fresh pictures of the same people, one for each of the set's, into `out`: around a person's mean picture, two of
// their pictures are mixed by a random angle, cos·own + sin·another's. Mean and scatter of each person stay as they are.
export function freshPictures({ x, n, truth, means, dim, rows }, { uniform }, out) {
  for (let i = 0; i < n; i++) {
    const mates = rows[truth[i]];
    const other = mates[Math.floor(uniform() * mates.length)] * dim;
    const angle = TAU * uniform();
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    for (let d = 0, at = i * dim, m = truth[i] * dim; d < dim; d++, at++, m++)
      out[at] = means[m] + c * (x[at] - means[m]) + s * (x[other + d] - means[m]);
  }
  return out;
}

// The first `train` vectors of each identity are trained on, the rest held out; values are whole numbers times data.scale.
export function makeTask(data, identities, noise, seed) {
  const { dim, perClass, train } = data;
  const rows = { train: [], test: [] };
  for (let c = 0; c < identities; c++)
    for (let i = 0; i < perClass; i++) (i < train ? rows.train : rows.test).push(c * perClass + i);
  const take = (ids) => {
    const x = new Float64Array(ids.length * dim);
    ids.forEach((id, r) => {
      for (let d = 0; d < dim; d++) x[r * dim + d] = data.values[id * dim + d] * data.scale;
    });
    return { ids, x, n: ids.length, truth: Int32Array.from(ids, (id) => Math.floor(id / perClass)) };
  };
  const set = take(rows.train);
  set.dim = dim;
  set.rows = Array.from({ length: identities }, (_, c) => Array.from({ length: train }, (_, i) => c * train + i));
  set.means = new Float64Array(identities * dim);
  for (let i = 0; i < set.n; i++)
    for (let d = 0; d < dim; d++) set.means[set.truth[i] * dim + d] += set.x[i * dim + d] / train;
  set.labels = Int32Array.from(set.truth);
  const { uniform } = randomStream(seed + 77);
  for (let i = 0; i < set.n; i++) {
    const hit = uniform() < noise;
    const shift = 1 + Math.floor(uniform() * (identities - 1)); // drawn for every sample: more noise keeps the old errors
    if (hit) set.labels[i] = (set.truth[i] + shift) % identities;
  }
  return { train: set, test: take(rows.test) };
}

// Share of rows whose best logit without the margin is the label.
export function accuracy(config, x, labels, w, n, classes, k) {
  const rw = config.loss === "softmax" ? new Float64Array(classes).fill(1) : norms(w, classes, k);
  let hits = 0;
  for (let i = 0; i < n; i++) {
    let best = 0;
    let top = -Infinity;
    for (let j = 0; j < classes; j++) {
      let dot = 0;
      for (let d = 0; d < k; d++) dot += w[j * k + d] * x[i * k + d];
      if (dot / rw[j] > top) [top, best] = [dot / rw[j], j];
    }
    hits += best === labels[i];
  }
  return hits / n;
}

// λ of A-Softmax falls as in the paper, base / (1 + 0.12·step), but for a run of hundreds of steps: it starts at 4.75
// and is 0 from step 159 on, so that the lab shows ψ itself (the released solver stops at 5: ψ weighs 1/6).
export const annealing = (step) => Math.max(0, 5 / (1 + 0.12 * step) - 0.25);
