// What the figures that answer compute; the rules under them are tested elsewhere.
import assert from "node:assert/strict";
import test from "node:test";
import { camera, rim, sphere } from "../../cosface_edu/figures/lab/capped.js";
import { gaps, held, LIVE, pulls, rates } from "../../cosface_edu/figures/lab/live.js";
import { edgeOnArc, evenCentres, makeJudge, smallestAngle } from "../../cosface_edu/figures/lab/regions.js";
import { collapse, KINDS, settle, settleAll } from "../../cosface_edu/figures/lab/settled.js";
import { PEOPLE } from "../../cosface_edu/figures/lab/palette.js";
import { letterOn } from "../../cosface_edu/figures/lab/pen.js";
import { landmarks, misses, similarity } from "../../cosface_edu/figures/lab/warped.js";

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

test("held: where nothing between the centres belongs to a class, what lies beyond its centre still may", () => {
  const centres = (degrees) => [90 + degrees / 2, 90 - degrees / 2].map((angle) => angle / DEG);
  const cosface = { loss: "cosface", m: 0.2 };
  const [[left, from, to], [right, first, last]] = held(cosface, centres(30)).sort((a, b) => a[0] - b[0]);
  const off = Math.asin(0.2 / (2 * Math.sin(15 / DEG))); // from the middle
  assert.deepEqual([left, right], [0, 1]);
  close(from, Math.PI / 2 + off);
  close(last, Math.PI / 2 - off);
  assert.ok(from > centres(30)[0] && last < centres(30)[1]); // neither centre is held
  close(to, centres(30)[0] + 0.3);
  close(first, centres(30)[1] - 0.3);
  assert.deepEqual(held(cosface, centres(10)), []); // 2 sin 5° is less than 0.2
  assert.equal(held({ loss: "nsl" }, centres(120)).reduce((sum, [, a, b]) => sum + b - a, 0).toFixed(6), (120 / DEG + 0.6).toFixed(6));
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

test("a cap touches its region's border and does not leave the region", () => {
  const config = { loss: "cosface", m: 0.3 };
  const w = evenCentres(8, 3, 0);
  const judge = makeJudge(config, w, 8, 3);
  const held = (radius) => rim([...w.subarray(0, 3)], radius, 361).filter((point) => {
    const { best, holds } = judge(...point);
    return best === 0 && holds;
  }).length;
  const edge = edgeOnArc(config, smallestAngle(w, 8, 3));
  assert.equal(held(edge - 1e-6), 361);
  assert.ok(held(edge + 0.03) < 361);
});

test("the camera's rows are at right angles, and a drag turns what is in front along with the pointer", () => {
  const t = camera(0.7, -0.4);
  const dot = (i, j) => [0, 1, 2].reduce((sum, d) => sum + t[3 * i + d] * t[3 * j + d], 0);
  for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) close(dot(i, j), Number(i === j), 1e-12);
  const before = { turn: 40, tilt: 10 };
  const after = sphere.drag(before, 12, -7, 400);
  const front = camera(40 / DEG, 10 / DEG).slice(6);
  const view = camera(after.turn / DEG, after.tilt / DEG);
  const [x, up] = [0, 3].map((row) => [0, 1, 2].reduce((sum, d) => sum + view[row + d] * front[d], 0));
  assert.ok(x > 0.05 && up > 0.03, `${x} to the right, ${up} up`);
});

test("the curve comes a margin at a time: even spacing is best up to 0.375, and a place for two costs less from 0.425 on", () => {
  const state = collapse.begin();
  for (let i = 1; i < 21; i++) assert.equal(collapse.work(state), true);
  assert.equal(collapse.work(state), false);
  for (const [m, even, best, two] of state.curve) {
    assert.equal(even, 0);
    assert.ok(m < 0.38 ? best > -1e-6 : best < -0.02, `cheapest at ${m}: ${best}`);
    assert.ok(m < 0.42 ? two > 0 : two < 0, `two in one place at ${m}: ${two}`);
    assert.ok(best < two + 2e-4);
  }
});

test("settling from the curve's margins beside m finds what settling from the start finds, at every place of the slider", () => {
  const state = collapse.begin();
  while (collapse.work(state));
  for (let place = 0; place <= 50; place++) {
    const m = place / 100;
    settleAll(m, state.known).forEach(({ loss }, i) => {
      if (!i) return; // evenly spread: nothing settles
      const whole = settle({ loss: "cosface", s: 30, m }, KINDS[i][1]).loss;
      assert.ok(Math.abs(loss - whole) < 2e-4, `m = ${m}, ${KINDS[i][0]}: ${loss}, from the start ${whole}`);
    });
  }
});

test("points on the template need no transform, and mixing up left and right misses by far", () => {
  const template = [[30, 51], [65, 51], [48, 71], [33, 92], [62, 92]];
  const data = { size: 112, template, points: template };
  const state = landmarks.begin(data);
  const { re, im, x, y } = similarity(state.points, template);
  [re - 1, im, x, y].forEach((v) => close(v, 0));
  landmarks.press("mirror", state, data);
  assert.ok(Math.max(...misses(similarity(state.points, template), state.points, template)) > 10);
  landmarks.press("back", state, data);
  assert.deepEqual(state.points, template);
  landmarks.move(state, 0, -40, 3, 600, data, true);
  assert.deepEqual(state.points[0], [0, 54]); // it stays in the picture
  assert.deepEqual(data.points[0], [30, 51]);
});

test("letters on the people's colours keep a contrast of 4.5", () => {
  const part = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) => {
    const wide = colour.length === 4 ? colour.replace(/[0-9a-f]/g, "$&$&") : colour;
    return [0.2126, 0.7152, 0.0722].reduce((sum, share, i) => sum + share * part(parseInt(wide.slice(1 + 2 * i, 3 + 2 * i), 16) / 255), 0);
  };
  for (const colour of PEOPLE) {
    const [dark, light] = [luminance(letterOn(colour)), luminance(colour)].sort((a, b) => a - b);
    assert.ok((light + 0.05) / (dark + 0.05) >= 4.5, `${letterOn(colour)} on ${colour}: ${((light + 0.05) / (dark + 0.05)).toFixed(2)}`);
  }
});
