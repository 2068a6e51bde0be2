// The controls of the page: their markup, what they show, and what they do.
import { keepsFeatureNorm, LOSSES } from "./core.js";
import { examine, GALLERY } from "./expression.js";
import { quietLead, room } from "./regions.js";
import { NUMBERS, RATES } from "./setting.js";
import { PRESETS } from "./tour.js";

const LABELS = { m: "margin m", m1: "m₁ (times θ)", m2: "m₂ (added to θ)", m3: "m₃ (off cosθ)" };

const field = (title, inner) => `<label class="ml-field">${title}${inner}</label>`;
const options = (pairs) => pairs.map(([value, words]) => `<option value="${value}">${words}</option>`).join("");
const choose = (name, title, pairs) => field(title, `<select data-in="${name}">${options(pairs)}</select>`);
const limits = (name, [least, most, step]) => `data-in="${name}" min="${least}" max="${most}" step="${step}"`;
// What it says stands in no <output>: that would take the label. It is hidden from screen readers, which are told it as
// the slider's value.
const slider = (name, range, title) =>
  field(title, ` <span class="ml-out" data-out="${name}" aria-hidden="true"></span><span class="ml-track"><input type="range" ${limits(name, range)}>` +
    `<i class="ml-limit" data-limit="${name}" hidden></i></span>`);
export const button = (action, words, kind = "") => `<button type="button" data-do="${action}" ${kind}>${words}</button>`;
const titles = (things) => Object.entries(things).map(([name, { title }]) => [name, title]);

export const BAR = `
<div class="ml-bar" role="group" aria-label="Training and margin">
<div class="ml-buttons">${button("play", "Play", 'class="ml-main"')}${button("step", "Step")}${button("reset", "Reset")}</div>
${choose("loss", "loss", titles(LOSSES))}
<div class="ml-margins"></div>
${slider("s", NUMBERS.s, NUMBERS.s[3])}
</div>
<div class="ml-own" hidden>
<label class="ml-field">ψ(θ) = <input type="text" data-in="psi" maxlength="160" spellcheck="false" autocapitalize="off" autocomplete="off"></label>
<label class="ml-field">begin with <select data-gallery><option value="">a rule of the package …</option>${GALLERY.map(([title], i) => `<option value="${i}">${title}</option>`).join("")}</select></label>
<p class="ml-verdict" aria-live="polite"></p>
</div>
<p class="ml-why"></p>
<details class="ml-more"><summary>Settings, presets, tour</summary>
<div class="ml-grid">
${["ids", "noise"].map((name) => slider(name, NUMBERS[name], NUMBERS[name][3])).join("")}
${choose("lr", NUMBERS.lr[3], RATES.map((v) => [v, v]))}
${field("seed", `<input type="number" ${limits("seed", NUMBERS.seed)}>`)}
${choose("dim", "features in", [[2, "2 dimensions"], [3, "3 dimensions"]])}
${choose("preset", "preset", [["", "choose …"], ...titles(PRESETS)])}
</div>
<div class="ml-buttons">${button("tour", "Guided tour")}${button("link", "Copy link")}</div>
</details>`;

// A slider for each margin of the loss.
export function showMargins(root, { loss }) {
  const sliders = Object.entries(LOSSES[loss].margins).map(([key, range]) => slider(key, range, LABELS[key]));
  root.querySelector(".ml-margins").innerHTML = sliders.join("") || '<span class="ml-field">this loss has no margin</span>';
}

// Where the last margin's slider passes the bound on it.
function showBound(root, lab) {
  const { loss, identities, k } = lab.setting;
  const { limit } = room(lab.engine.config(), identities, k);
  const last = loss === "combined" ? "m3" : "m";
  const tick = root.querySelector(`[data-limit="${last}"]`);
  if (!tick) return;
  const [least, most] = LOSSES[loss].margins[last];
  tick.hidden = !(limit <= most);
  tick.style.left = `calc(8px + (100% - 16px) * ${(limit - least) / (most - least)} - 1px)`;
  if (limit <= most) root.querySelector(`[data-out="${last}"]`).textContent += ` (bound ${limit.toFixed(3)})`;
}

// What the typed formula is as a margin; a remark is put behind it.
export function showVerdict(root, { psi, margins, used }, remark = "") {
  const { usable, sentence } = examine(psi, margins.own.m);
  const verdict = root.querySelector(".ml-verdict");
  verdict.dataset.usable = usable;
  verdict.textContent = `${sentence}${usable ? "" : ` The last that could be used stays: ${used.psi}, m = ${used.m}.`} ${remark}`.trim();
}

// What s makes of m: how far beyond its border a sample is still pulled, beside the most that its centre can give.
function why(lab) {
  const { loss, s, identities, k } = lab.setting;
  if (!LOSSES[loss].needsS) return "The scale is the length of the feature here, and the network chooses it: features run outwards.";
  const { own, nearest, fits } = room(lab.engine.config(), identities, k);
  if (!fits) return `Not even its own centre saves a sample: it scores ${own.toFixed(2)} there, its neighbour ${nearest.toFixed(2)}. Everything is pulled, for ever.`;
  const [quiet, most] = [quietLead(s), own - nearest];
  const ends = `At s = ${s} a sample is left alone once it leads by ${quiet.toFixed(2)} beyond its border.`;
  return most <= quiet
    ? `${ends} On its own centre it leads by ${most.toFixed(2)}, so the pull goes on to the centre: clouds draw in.`
    : `${ends} On its own centre it leads by ${most.toFixed(2)}, so there is a zone without a pull: clouds may fill it.`;
}

// The setting on the controls.
export function showSetting(root, lab) {
  const { loss, psi, margins } = lab.setting;
  const flat = { ...lab.flat(), psi, ...margins[loss] };
  for (const input of root.querySelectorAll("[data-in]")) {
    const name = input.dataset.in;
    // A number that is being typed is left alone, and a formula is the one that was written.
    if (name in flat && input.value !== String(flat[name]) && (input.type !== "number" || document.activeElement !== input)) input.value = flat[name];
  }
  for (const out of root.querySelectorAll("[data-out]")) {
    const value = flat[out.dataset.out];
    out.textContent = out.dataset.out === "noise" ? `${Math.round(100 * value)} %` : Number(value.toFixed(3));
  }
  const { needsS } = LOSSES[flat.loss];
  root.querySelector('[data-in="s"]').disabled = !needsS;
  if (!needsS) root.querySelector('[data-out="s"]').textContent = keepsFeatureNorm(flat.loss) ? "‖x‖" : "";
  root.querySelector(".ml-own").hidden = flat.loss !== "own";
  root.querySelector(".ml-why").textContent = why(lab);
  showBound(root, lab);
  for (const out of root.querySelectorAll("[data-out]")) root.querySelector(`[data-in="${out.dataset.out}"]`).setAttribute("aria-valuetext", out.textContent);
}
