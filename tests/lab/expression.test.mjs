// The language of formulas: what it reads, its derivatives, what it refuses, what it says.
import assert from "node:assert/strict";
import test from "node:test";
import { examine, formula, FUNCTIONS, GALLERY } from "../../cosface_edu/figures/lab/expression.js";

const M = 0.3;
const valueAt = (text, theta = 0.7) => formula(text).value(theta, M);

test("numbers, names, brackets, order of operations", () => {
  for (const [text, wanted] of [
    ["1 + 2*3", 7], ["(1 + 2)*3", 9], ["2^3^2", 512], ["-2^2", -4], ["2^-1", 0.5], ["7 - 2 - 1", 4], ["8/2/2", 2], [".5 + 1.", 1.5],
    ["2θ", 1.4], ["2m θ", 0.42], ["cosθ", Math.cos(0.7)], ["cos θ - m", Math.cos(0.7) - M], ["cos(θ)^2", Math.cos(0.7) ** 2],
    ["cos 2θ", Math.cos(1.4)], ["cos mθ", Math.cos(M * 0.7)], ["cos 2 m θ - m", Math.cos(2 * M * 0.7) - M],
    ["cos θ + m", Math.cos(0.7) + M], ["m sin2θ", M * Math.sin(1.4)], ["cosθ sinθ", Math.cos(0.7) * Math.sin(0.7)], ["cosθ·m", Math.cos(0.7) * M],
    ["cos cosθ", Math.cos(Math.cos(0.7))], ["cos m - 1", Math.cos(M) - 1], ["cos(m)cosθ", Math.cos(M) * Math.cos(0.7)], ["sqrt(2)θ", Math.SQRT2 * 0.7],
    ["cos(θ)m", Math.cos(0.7) * M], ["cos(2θ)θ", Math.cos(1.4) * 0.7], ["2cos(m + θ)", 2 * Math.cos(1)], ["min(θ, m, 5)", M], ["max(θ, m)", 0.7], ["π - pi", 0], ["theta", 0.7], ["1 − 2·3", -5], ["abs(m - θ)", 0.4],
    ["unrolled(π + 1)", -2 - Math.cos(Math.PI + 1)], ["sqrt(4) + exp(0) + log(1) + floor(2.7) + sin(0)", 5],
  ])
    assert.ok(Math.abs(valueAt(text) - wanted) < 1e-12, `${text} is ${valueAt(text)}, not ${wanted}`);
});

test("signs that stand for others, and numbers as computers write them", () => {
  for (const [text, wanted] of [
    ["θ²", 0.7 ** 2], ["2ϑ³", 2 * 0.7 ** 3], ["-θ²", -(0.7 ** 2)], ["m² cosθ", M * M * Math.cos(0.7)], ["cos²θ - sin² θ", Math.cos(1.4)], ["cos²(2θ)m", Math.cos(1.4) ** 2 * M],
    ["2×θ", 1.4], ["θ ÷ 2", 0.35], ["cosθ – m", Math.cos(0.7) - M], ["√θ", Math.sqrt(0.7)], ["2√(θ + 1)", 2 * Math.sqrt(1.7)], ["m√2", M * Math.SQRT2],
    ["1e-3", 0.001], ["1.5e2θ", 105], ["2E+1", 20], ["1e−3", 0.001], ["2exp(θ)", 2 * Math.exp(0.7)],
  ])
    assert.ok(Math.abs(valueAt(text) - wanted) < 1e-12, `${text} is ${valueAt(text)}, not ${wanted}`);
});

test("derivatives are exact", () => {
  const texts = [...GALLERY.map(([, text]) => text), "θ^θ", "exp(-θ^2/2)/sqrt(1 + θ)", "log(2 + cosθ)^3", "min(cosθ - m, 1 - θ)",
    "max(cosθ, m)", "abs(cosθ - m)", "(cosθ + 1)^2.5 * sin(3θ)", "2^θ", "cos²θ sin³(2θ)", "θ/cos(θ + 2)", "min(max(θ, m), min(2, 1 + cosθ))", "floor(θ) + θ/(1 + m)", "unrolled(4θ + m)"];
  const h = 1e-6;
  for (const text of texts)
    for (const theta of [0.31, 0.9, 1.234, 2.05, 2.9]) {
      const { value, slope } = formula(text);
      const wanted = (value(theta + h, M) - value(theta - h, M)) / (2 * h);
      assert.ok(Math.abs(slope(theta, M) - wanted) < 1e-6 * Math.max(1, Math.abs(wanted)), `${text} at ${theta}: ${slope(theta, M)}, not ${wanted}`);
    }
});

test("what does not change adds nothing to a slope, whatever it stands in", () => {
  for (const [text, m, theta, wanted] of [
    ["cosθ - sqrt(m)", 0, 0.7, -Math.sin(0.7)], ["cosθ - m^0.5", 0, 0.7, -Math.sin(0.7)], ["cosθ - exp(log(m))", 0, 0.7, -Math.sin(0.7)], ["cosθ - m^θ", 0, 0.7, -Math.sin(0.7)],
    ["cosθ - 1/(1/m)", 0, 0.7, -Math.sin(0.7)], ["cosθ + θ/(1/m)", 0, 0.7, -Math.sin(0.7)], ["cosθ - sqrt(max(0, 1 - θ))", 0, 1.7, -Math.sin(1.7)], ["cosθ - sqrt(abs(θ - θ))", 0, 0.7, -Math.sin(0.7)],
  ])
    assert.ok(Math.abs(formula(text).slope(theta, m) - wanted) < 1e-12, `${text}: ${formula(text).slope(theta, m)}`);
});

test("parts within parts cost little more: how often θ is asked for", () => {
  const deep = (n) => "min(".repeat(n) + "θ" + ",9)".repeat(n);
  const { value, slope } = formula(deep(10));
  let asked = 0;
  const theta = { valueOf: () => (asked++, 0.7) };
  value(theta, M);
  const once = asked;
  slope(theta, M);
  assert.ok(once <= 2 && asked <= 20, `${once}, then ${asked - once}`);
});

test("what cannot be read is refused with a sentence, and nothing is run", () => {
  globalThis.touched = false;
  for (const [text, words] of [
    ["", "ends too early"], ["cos(θ", "“)” is missing"], ["cosθ -", "ends too early"], ["m cosθ)", "do not know what to do with “)”"],
    ["cosine(θ)", "no “cosine”"], ["θ @ m", "cannot read “@”"], ["* 2", "missing before “*”"], ["min(θ)", "two or more"], ["min θ", "two or more"], ["cos(θ, m)", "one number"],
    ["x", "no “x”"], ["constructor", "no “constructor”"], ["touched = 1", "cannot read “=”"], ["globalThis.touched", "cannot read “.”"], ["touched", "no “touched”"], ["toString()", "no “toString”"],
    ["(() => {touched})()", "cannot read “=”"], ["1".repeat(200), "at most 160"], ["__proto__", "cannot read “_”"],
  ]) {
    const { usable, sentence } = examine(text, M);
    assert.equal(usable, false, text);
    assert.ok(sentence.includes(words), `${text}: ${sentence}`);
  }
  assert.equal(globalThis.touched, false);
  assert.ok(Object.keys(FUNCTIONS).every((name) => !examine(name === "min" || name === "max" ? `${name}(0, 0)` : `${name}(1)`, M).sentence.includes("no “")));
});

test("where a function without brackets could end in two places, brackets are asked for", () => {
  for (const text of ["cosθ/2", "cosθ^2", "cos 2*θ", "cos m·θ", "cosθ m", "cosθ 2", "cosθ(1 + m)", "cos 2(θ + m)", "cos (1 + m)θ", "cos m sinθ", "sin 2θ/m"]) {
    const { usable, sentence } = examine(text, M);
    assert.equal(usable, false, text);
    assert.match(sentence, /two ways: put all that (cos|sin) is taken of into brackets/, text);
  }
  for (const text of ["√2 θ", "sqrt 2θ", "cosθ²"]) assert.match(examine(text, M).sentence, /two ways: put all that (cos|sqrt) is taken of/, text);
  for (const text of ["1/2θ", "1/2 m", "6/2(3)", "m/2 cosθ", "1/(1 + m)θ", "2^2θ", "cos(θ)^2 m", "2^-m θ", "θ^2(1 + m)"]) {
    const { usable, sentence } = examine(text, M);
    assert.equal(usable, false, text);
    assert.match(sentence, /two ways: put brackets around what belongs together, as in (\(1\/2\)θ or 1\/\(2θ\)|\(2\^2\)θ or 2\^\(2θ\))\.$/, text);
  }
  for (const [text, wanted] of [["(1/2)θ", 0.35], ["1/2·θ", 0.35], ["2^(2)θ", 2.8], ["2^2·θ", 2.8], ["θ²/2", 0.245]])
    assert.ok(Math.abs(valueAt(text) - wanted) < 1e-12, text);
  assert.match(examine("m + 1/2 θ", M).sentence, /^“1 \/ 2 θ” can be read/);
  assert.match(examine("m 2^2θ", M).sentence, /^“2 \^ 2 θ” can be read/);
  assert.equal(examine("cosθ m", M).sentence, "“cos θ m” can be read in two ways: put all that cos is taken of into brackets, as in cos(2θ).");
});

test("what is no margin is told why", () => {
  for (const [text, m, words] of [
    ["cos(θ + m)", 0.7, "rises with θ between 140° and 180°: a worse sample would score better"],
    ["1/θ - 10", 0, "no value at θ = 0°"], ["sqrt(cosθ)", 0, "no value at θ = 90°"], ["cosθ + m", 0.1, "above cosθ between 0° and 180°"],
    ["cosθ - floor(θ)", 0, "jumps at 57°"], ["cos(min(2θ, π))", 0, "flat between 90° and 180°"], ["1000cosθ", 0, "between -50 and 50"],
    ["min(sqrt(cosθ), 1)", 0, "no value at θ = 90°"], ["min(1, sqrt(cosθ))", 0, "no value at θ = 90°"], ["(θ/4)^(1/m)", 0, "slope has no value between 0° and 180°: nothing pulls"],
    ["cosθ - m", 0.2, "takes 0.20 at θ = 0"], ["unrolled(2θ)", 0, "takes nothing at θ = 0"],
  ]) {
    const { sentence } = examine(text, m);
    assert.ok(sentence.includes(words), `${text}: ${sentence}`);
  }
});

test("every formula of the gallery can be used at every m, and those of the package fall", () => {
  for (const [title, text] of GALLERY)
    for (let m = 0; m <= 1; m += 0.1) {
      const { usable, sentence } = examine(text, m);
      assert.ok(usable, `${title}, m = ${m}: ${sentence}`);
      if (!["Released ArcFace", "A wider margin for the middle"].includes(title)) assert.ok(!sentence.includes("rises"), `${title}, m = ${m}: ${sentence}`);
    }
});
