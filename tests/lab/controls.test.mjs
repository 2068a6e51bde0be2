// What the controls show of a setting, on a page that only keeps what is written to it.
import assert from "node:assert/strict";
import test from "node:test";
import { showSetting, showVerdict } from "../../cosface_edu/figures/lab/controls.js";
import { Lab } from "../../cosface_edu/figures/lab/state.js";

// Elements by selector, and inputs by name; `typed` is the one that has the focus.
function page(types, typed) {
  const inputs = Object.entries(types).map(([name, type]) => ({ dataset: { in: name }, type, value: "", setAttribute() {} }));
  const others = {};
  globalThis.document = { activeElement: inputs.find(({ dataset }) => dataset.in === typed) };
  return {
    inputs: Object.fromEntries(inputs.map((input) => [input.dataset.in, input])),
    querySelectorAll: (selector) => (selector === "[data-in]" ? inputs : []),
    querySelector: (selector) => (others[selector] ??= { dataset: {}, style: {} }),
  };
}

test("a formula stays as it is written, whatever else is moved, and what is used instead is said", () => {
  const lab = new Lab({ loss: "own" });
  const root = page({ psi: "text", m: "range", s: "range", seed: "number" }, "seed");
  const { psi, m, s, seed } = root.inputs;
  const after = (flat) => {
    lab.change(flat);
    showSetting(root, lab);
    showVerdict(root, lab.setting);
    return root.querySelector(".ml-verdict").textContent;
  };
  seed.value = "7.6"; // is being typed
  assert.match(after({ psi: " cosθ - " }), /ends too early\. The last that could be used stays: cosθ - m, m = 0\.2\.$/);
  for (const flat of [{ s: 20 }, { loss: "cosface" }, { loss: "own" }]) after(flat);
  assert.deepEqual([psi.value, s.value, seed.value], [" cosθ - ", 20, "7.6"]);
  assert.match(after({ psi: "cosθ - 0.1m" }), /^A margin/);
  assert.match(after({ psi: "cosθ + 0.05 log(m)" }), /^A margin/);
  assert.match(after({ m: 0 }), /no value at θ = 0°\. The last that could be used stays: cosθ \+ 0\.05 log\(m\), m = 0\.2\.$/);
  assert.deepEqual([psi.value, m.value], ["cosθ + 0.05 log(m)", 0]);
});
