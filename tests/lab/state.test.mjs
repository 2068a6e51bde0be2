// The lab's state and scene, which know no page.
import assert from "node:assert/strict";
import test from "node:test";
import { DEFAULTS } from "../../cosface_edu/figures/lab/engine.js";
import { compose } from "../../cosface_edu/figures/lab/scene.js";
import { Lab } from "../../cosface_edu/figures/lab/state.js";

function measured(flat = {}) {
  const lab = new Lab(flat);
  lab.engine.measure(true);
  return lab;
}

test("a change goes on from the weights; a link is a change of the defaults", () => {
  const lab = measured({ s: 20, seed: 4 });
  lab.engine.step();
  lab.change({ m: 0.3 });
  assert.deepEqual([lab.flat().m, lab.flat().s, lab.engine.steps], [0.3, 20, 1]);
  lab.change({ m: 0.1 }, DEFAULTS);
  assert.deepEqual([lab.flat().m, lab.flat().s, lab.flat().seed], [0.1, DEFAULTS.s, 0]);
});

test("a new start keeps the seed and nothing else", () => {
  const lab = measured({ s: 20, seed: 4 });
  lab.engine.step();
  lab.focus.probe = [1, 0];
  lab.restart({ m: 0.1 });
  assert.deepEqual([lab.flat().s, lab.flat().seed, lab.engine.steps, lab.focus.probe], [DEFAULTS.s, 4, 0, null]);
});

test("a sample moved by hand is told from the others, and forgotten in another space", () => {
  const lab = measured();
  lab.focus.probe = Float64Array.of(3, 4);
  const { focus, sentence } = compose(lab);
  assert.equal(focus.norm, 5);
  assert.match(sentence, /^Sample of A, moved by hand: /);
  lab.change({ dim: 3 });
  lab.engine.measure(true);
  assert.equal(compose(lab).focus.x.length, 3);
});

test("two centres are brought as near as is asked", () => {
  const lab = measured();
  const { own, rival } = compose(lab).focus;
  lab.closer(30);
  const w = lab.engine.net.centres.value;
  const at = (j) => Math.atan2(w[2 * j + 1], w[2 * j]);
  assert.ok(Math.abs(Math.cos(at(own) - at(rival)) - Math.cos(Math.PI / 6)) < 1e-9);
});
