// What the figures that answer compute; the rules under them are tested elsewhere.
import assert from "node:assert/strict";
import test from "node:test";
import { gaps, LIVE, pulls, rates } from "../../cosface_edu/figures/lab/live.js";

const DEG = 180 / Math.PI;
const close = (a, b, tolerance = 1e-6) => assert.ok(Math.abs(a - b) < tolerance, `${a} is not ${b}`);

test("gaps: CosFace's is constant in cosine, ArcFace's in angle, and A-Softmax's grows with the angle", () => {
  for (const degrees of [30, 60, 100]) {
    const phi = degrees / DEG;
    close(gaps({ loss: "cosface", m: 0.1 }, phi).cosine, 0.1);
    close(gaps({ loss: "cosface", m: 0.1 }, phi).angle, 2 * Math.asin(0.1 / (2 * Math.sin(phi / 2))));
    close(gaps({ loss: "arcface", m: 0.3 }, phi).angle, 0.3);
    close(gaps({ loss: "asoftmax", m: 2 }, phi).angle, phi / 3);
    close(gaps({ loss: "nsl" }, phi).angle, 0);
  }
  assert.deepEqual(gaps({ loss: "cosface", m: 0.2 }, 10 / DEG), { edge: null, angle: null, cosine: null });
});

test("pulls: towards the own centre on both sides, and the slope of the loss", () => {
  const config = { loss: "cosface", s: 30, m: 0.2 };
  const [left, right] = pulls(config, [0.3, -0.3]);
  assert.ok(left < 0 && right > 0);
  close(left, -right, 1e-9);
  const loss = (angle) => {
    const z = Array.from({ length: 8 }, (_, j) => 30 * (Math.cos(angle - (Math.PI * j) / 4) - (j ? 0 : 0.2)));
    return Math.log(z.reduce((sum, v) => sum + Math.exp(v), 0)) - z[0];
  };
  const h = 1e-6;
  for (const angle of [0.05, 0.3, 1.1, -2]) close(pulls(config, [angle])[0], -(loss(angle + h) - loss(angle - h)) / (2 * h), 1e-4);
});

test("rates count the pairs on the wrong side of a bin's edge", () => {
  const data = { genuine: [0, 1, 3, 6], impostor: [5, 4, 1, 0] };
  assert.deepEqual(rates(data, 2), { far: 0.1, frr: 0.1, accepted: 1, rejected: 1, own: 10, other: 10, right: 0.9 });
  assert.deepEqual([rates(data, 0).far, rates(data, 4).frr], [1, 1]);
});

test("every figure has a title, and its sliders start within their limits", () => {
  for (const { title, sliders } of Object.values(LIVE)) {
    assert.ok(title.length > 20);
    for (const { least, most, start } of Object.values(sliders)) assert.ok(least <= start && start <= most);
  }
});
