// The lab trains with another's loss: what it asks, what it takes in, and what it refuses.
import assert from "node:assert/strict";
import test from "node:test";
import { AGREES, batchOf, question, takeIn, Training } from "../../cosface_edu/figures/lab/build.js";
import { headLoss } from "../../cosface_edu/figures/lab/core.js";
import { Lab } from "../../cosface_edu/figures/lab/state.js";

const begun = () => {
  const lab = new Lab({});
  lab.reset();
  return lab;
};

// `step` as the book writes it, by the lab's own loss.
function answered([X, labels, W, s, m, lr], margin = m) {
  const [n, classes] = [X.length, W.length];
  const [dx, dw] = [new Float64Array(2 * n), new Float64Array(2 * classes)];
  const mean = headLoss({ loss: "cosface", s, m: margin }, Float64Array.from(X.flat()), labels, Float64Array.from(W.flat()), n, classes, 2, dx, dw);
  const rows = (flat) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
  return [mean, rows(dx), W.map(([a, b], j) => [a - lr * dw[2 * j], b - lr * dw[2 * j + 1]])];
}

test("it asks with a balanced batch, and learns the people from the answers", () => {
  const lab = begun();
  const { heldOut: before } = lab.engine.measure(true);
  let worst = 0;
  for (let i = 0; i < 150; i++) {
    const batch = batchOf(lab);
    assert.equal(batch.n, 80);
    assert.equal(batch.labels.filter((label) => label === 3).length, 10);
    worst = Math.max(worst, takeIn(lab, batch, answered(question(lab, batch))).apart);
  }
  assert.ok(worst < AGREES);
  assert.equal(lab.engine.steps, 150);
  const { heldOut } = lab.engine.measure(true);
  assert.ok(heldOut > 0.7 && heldOut > before + 0.4, `${before} to ${heldOut}`);
});

// Waits until all that is answered has been taken in.
const settled = () => new Promise((done) => setTimeout(done));

test("begun anew while an answer is awaited: the older run is over, and a right answer is called right", async () => {
  const asked = [];
  const training = new Training(begun(), (what) => new Promise((answer) => asked.push(() => answer({ json: JSON.stringify(answered(what)) }))));
  const { lab } = training;
  const told = [];
  const first = training.train(() => told.push(1));
  asked[0]();
  await settled();
  training.anew();
  const second = training.train(() => told.push(2));
  for (let i = 1; i < 8; i++) {
    asked[i]?.();
    await settled();
  }
  assert.equal(await first, false);
  assert.deepEqual([told, lab.engine.steps], [[1, 2, 2, 2, 2, 2, 2], 6]);
  assert.ok(training.worst < AGREES && training.playing);
  training.pause();
  asked.at(-1)();
  assert.equal(await second, false);
  assert.deepEqual([lab.engine.steps, training.playing], [6, false]);
});

test("a wrong loss ends the training with how far it is away; a failure after a pause is nobody's", async () => {
  const wrong = new Training(begun(), async (what) => ({ json: JSON.stringify(answered(what, 0)) }));
  await assert.rejects(wrong.train(() => {}), /at step 1 your loss or its gradients are .* away/);
  const failing = new Training(begun(), async () => ({ error: "NameError: x" }));
  await assert.rejects(failing.train(() => {}), /NameError: x/);
  const run = failing.train(() => {});
  failing.pause();
  assert.equal(await run, false);
});

test("a loss without its margin is seen, and what is no answer is refused", () => {
  const lab = begun();
  const batch = batchOf(lab);
  const asked = question(lab, batch);
  assert.ok(takeIn(lab, batch, answered(asked, 0)).apart > 0.1);
  for (const wrong of [null, 3, [1, [], []], [NaN, ...answered(asked).slice(1)], [1, answered(asked)[1].slice(1), asked[2]]])
    assert.throws(() => takeIn(lab, batch, wrong), /step must return/);
});
