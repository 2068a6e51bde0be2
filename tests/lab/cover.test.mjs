// The cover's two people, and the count of who is taken for whom.
import assert from "node:assert/strict";
import test from "node:test";
import { hardPictures, lookAlikes, mistaken, pastTheMark } from "../../cosface_edu/figures/lab/cover.js";
import { Lab } from "../../cosface_edu/figures/lab/state.js";

test("the likest two are those whose mean pictures are nearest", () => {
  assert.deepEqual(lookAlikes({ dim: 2, means: Float64Array.of(0, 0, 5, 5, 0, 9, 5, 7) }), [1, 3]);
  const { train } = new Lab({}).engine.task;
  assert.deepEqual(lookAlikes(train), [1, 7]); // B and H, as the cover's tests say
});

test("hard pictures are of the two, as many of each, and farther out than usual", () => {
  const { train } = new Lab({}).engine.task;
  const { x, n, truth } = hardPictures(train, [1, 7]);
  assert.equal(n, 1000);
  assert.equal(truth.filter((person) => person === 1).length, 500);
  const far = (rows, person, at) => train.means.slice(person * 16, person * 16 + 16).reduce((sum, mean, d) => sum + (rows[at * 16 + d] - mean) ** 2, 0);
  const average = (list) => list.reduce((a, b) => a + b) / list.length;
  const hard = average(truth.map((person, i) => far(x, person, i)));
  const usual = average([1, 7].flatMap((person) => train.rows[person].map((row) => far(train.x, person, row))));
  assert.ok(Math.abs(Math.sqrt(hard / usual) - 1.6) < 0.1);
});

test("only those taken for the other one of the pair are counted", () => {
  // Features are the pictures themselves: three centres at 0°, 120°, 240°.
  const value = Float64Array.from([0, 120, 240].flatMap((a) => [Math.cos((a * Math.PI) / 180), Math.sin((a * Math.PI) / 180)]));
  const net = { forward: (x) => x, centres: { value }, classes: 3, k: 2 };
  const pictures = { x: Float64Array.of(1, 0.1, -0.4, 0.9, 1, 0, -0.4, -0.9), n: 4, truth: [0, 0, 1, 0] };
  assert.equal(mistaken({ net }, pictures, [0, 1]), 2);
});

test("past the mark the cover says that centres lose their own margin, below it nothing", () => {
  assert.equal(pastTheMark([false, false, false], true), "Past the mark no centre keeps its own margin (✕).");
  assert.equal(pastTheMark([true, false, true], true), "Past the mark 1 of 3 centres do not keep their own margin (✕).");
  assert.equal(pastTheMark([true, true, true], true), "");
  assert.equal(pastTheMark([true, false, true], false), "");
});
