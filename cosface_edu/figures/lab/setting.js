// The setting of a lab as flat names and numbers: what the URL, the presets and Python speak.
import { LOSSES } from "./core.js";
import { examine } from "./expression.js";
import { DEFAULTS } from "./engine.js";

// A state's `psi` is what the reader wrote, finished or not; `used` is the formula and the m that were last fit for use.

export const RATES = [0.0003, 0.001, 0.003, 0.01, 0.03]; // of learning

// name: [least, most, step, title]
export const NUMBERS = {
  s: [1, 64, 1, "scale s"],
  ids: [2, 10, 1, "people"],
  noise: [0, 0.5, 0.05, "wrong names"],
  lr: [0.0003, 0.03, 0.0001, "learning rate"],
  seed: [0, 999, 1],
  dim: [2, 3, 1],
};
const INNER = { ids: "identities", dim: "k" };

const bounded = (value, [least, most], old) => {
  const number = Number(value);
  return value === "" || Number.isNaN(number) ? old : Math.min(most, Math.max(least, number));
};

// The state with the flat setting applied; unknown names and values that are no numbers change nothing.
export function apply(state, flat) {
  const next = { ...state, margins: { ...state.margins } };
  if (Object.hasOwn(LOSSES, flat.loss ?? "")) next.loss = flat.loss;
  for (const [name, limits] of Object.entries(NUMBERS)) {
    if (!Object.hasOwn(flat, name)) continue;
    const inner = INNER[name] ?? name;
    const value = bounded(flat[name], limits, state[inner]);
    next[inner] = limits[2] >= 1 ? Math.round(value) : value;
  }
  next.lr = RATES.reduce((best, rate) => (Math.abs(Math.log(rate / next.lr)) < Math.abs(Math.log(best / next.lr)) ? rate : best));
  const ranges = LOSSES[next.loss].margins;
  const margins = { ...next.margins[next.loss] };
  for (const key of Object.keys(ranges)) if (Object.hasOwn(flat, key)) margins[key] = bounded(flat[key], ranges[key], margins[key]);
  next.margins[next.loss] = margins;
  if (typeof flat.psi === "string") next.psi = flat.psi;
  const { m } = next.margins.own;
  if (examine(next.psi, m).usable) next.used = { psi: next.psi.trim(), m };
  return next;
}

export function flatten(state) {
  const { loss, used, margins, s, identities, noise, lr, seed, k } = state;
  return { loss, ...(loss === "own" ? used : margins[loss]), s, ids: identities, noise, lr, seed, dim: k };
}

const MARK = "#lab&";

export function fromHash(hash) {
  if (!hash.startsWith(MARK)) return null;
  return Object.fromEntries(new URLSearchParams(hash.slice(MARK.length)));
}

// Only what differs from the defaults, so that links stay short.
export function toHash(state) {
  const plain = flatten(apply(DEFAULTS, { loss: state.loss }));
  const parts = Object.entries(flatten(state)).filter(([key, value]) => key === "loss" || value !== plain[key]);
  return MARK + new URLSearchParams(parts.map(([key, value]) => [key, String(typeof value === "number" ? +value.toFixed(6) : value)]));
}
