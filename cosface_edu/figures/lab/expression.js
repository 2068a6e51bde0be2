// A reader's own ψ(θ): a small language of formulas, read by the parser below and never run as a script.
//
//   sum      = product { ("+" | "-") product }
//   product  = unary { [ "*" | "·" | "/" ] unary }         side by side means times: 2m θ
//   unary    = [ "-" | "+" ] unary | power
//   power    = operand [ square | "^" unary ]
//   operand  = number | "θ" | "m" | "π" | "(" sum ")" | function [ square ] ( "(" sum { "," sum } ")" | beside )
//   beside   = { number | "m" | "π" } [ "θ" ] | function beside                       cos 2θ is cos(2θ), cos m is cos(m)
//   square   = "²" | "³"                                                              cos²θ is (cosθ)²
//
// Where a part could end in two places, as in cosθ/2, 1/2θ and 2^2θ, the parser asks for brackets.
// Each part of a formula is a pair of functions of (θ, m): its value and its exact derivative in θ.
import { unrolledCos, unrolledSlope } from "./unrolled.js";

const LONGEST = 160; // characters of a formula

const constant = (c) => ({ value: () => c, slope: () => 0 });
const part = (value, slope) => ({ value, slope });

// A part that does not change adds nothing to a slope, also where its factor is infinite or has no value.
const weighed = (slope, factor) => (slope === 0 ? 0 : slope * factor);

// f with its derivative df, after another part.
const chain = (f, df) => (a) => part((t, m) => f(a.value(t, m)), (t, m) => weighed(a.slope(t, m), df(a.value(t, m))));

// The part that is least or largest decides, with its slope. Each value is asked for once: parts within parts would
// cost twice as much for each that is around them.
const pick = (best) => (...parts) => {
  const values = (t, m) => parts.map((a) => a.value(t, m));
  const decides = (found) => parts[Math.max(0, found.indexOf(best(...found)))];
  return part((t, m) => best(...values(t, m)), (t, m) => decides(values(t, m)).slope(t, m));
};

// name: [number of arguments, function]; Infinity: two or more.
export const FUNCTIONS = {
  cos: [1, chain(Math.cos, (x) => -Math.sin(x))],
  sin: [1, chain(Math.sin, Math.cos)],
  sqrt: [1, chain(Math.sqrt, (x) => 0.5 / Math.sqrt(x))],
  exp: [1, chain(Math.exp, Math.exp)],
  log: [1, chain(Math.log, (x) => 1 / x)],
  abs: [1, chain(Math.abs, Math.sign)],
  floor: [1, chain(Math.floor, () => 0)],
  unrolled: [1, chain(unrolledCos, unrolledSlope)],
  min: [Infinity, pick(Math.min)],
  max: [Infinity, pick(Math.max)],
};
const NAMES = {
  "θ": part((t) => t, () => 1),
  theta: part((t) => t, () => 1),
  m: part((t, m) => m, () => 0),
  "π": constant(Math.PI),
  pi: constant(Math.PI),
};

const isTheta = (token) => token?.name === "θ" || token?.name === "theta";
const isFactor = (token) => Boolean(token) && (token.number !== undefined || Object.hasOwn(NAMES, token.name ?? ""));
const ANGULAR = ["cos", "sin", "unrolled"];

const OPERATORS = {
  "+": (a, b) => part((t, m) => a.value(t, m) + b.value(t, m), (t, m) => a.slope(t, m) + b.slope(t, m)),
  "-": (a, b) => part((t, m) => a.value(t, m) - b.value(t, m), (t, m) => a.slope(t, m) - b.slope(t, m)),
  "*": (a, b) => part(
    (t, m) => a.value(t, m) * b.value(t, m),
    (t, m) => weighed(a.slope(t, m), b.value(t, m)) + weighed(b.slope(t, m), a.value(t, m))),
  "/": (a, b) => part(
    (t, m) => a.value(t, m) / b.value(t, m),
    (t, m) => {
      const divisor = b.value(t, m);
      return weighed(a.slope(t, m) - weighed(b.slope(t, m), a.value(t, m) / divisor), 1 / divisor);
    }),
  "^": (a, b) => part((t, m) => a.value(t, m) ** b.value(t, m), (t, m) => powerSlope(a, b, t, m)),
};

// d(a^b) = b a^(b-1) a' + a^b ln(a) b', where 0^b stays 0 for b > 0.
function powerSlope(a, b, t, m) {
  const [base, exponent] = [a.value(t, m), b.value(t, m)];
  const grows = base === 0 && exponent > 0 ? 0 : base ** exponent * Math.log(base);
  return weighed(a.slope(t, m), exponent * base ** (exponent - 1)) + weighed(b.slope(t, m), grows);
}

// Signs that stand for others.
const SAME = { "−": "-", "–": "-", "×": "*", "÷": "/", "√": " sqrt ", "ϑ": "θ" };
const POWERS = { "²": constant(2), "³": constant(3) };

function tokens(text) {
  const found = [];
  const pattern = new RegExp("\\s*(?:((?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?)|([a-zA-Z]+|θ|π)|([-+*·/^²³(),]))", "y");
  while (text.slice(pattern.lastIndex).trim()) {
    const begin = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match) throw new SyntaxError(`I cannot read “${text.slice(begin).trim()[0]}”.`);
    found.push({ number: match[1], name: match[2], sign: match[3] === "·" ? "*" : match[3], word: match[0].trim() });
  }
  return found;
}

class Parser {
  constructor(text) {
    this.rest = tokens(text.replace(/[−–×÷√ϑ]/g, (sign) => SAME[sign]));
  }

  takes(sign) {
    if (this.rest[0]?.sign !== sign) return false;
    this.rest = this.rest.slice(1);
    return true;
  }

  expect(sign, after) {
    if (!this.takes(sign)) throw new SyntaxError(`A “${sign}” is missing after ${after}${this.rest.length ? `, before “${this.rest[0].word}”` : ""}.`);
  }

  whole() {
    const sum = this.sum();
    if (this.rest.length) throw new SyntaxError(`I do not know what to do with “${this.rest[0].word}”.`);
    return sum;
  }

  sum() {
    let left = this.product();
    for (;;) {
      const sign = ["+", "-"].find((s) => this.takes(s));
      if (!sign) return left;
      left = OPERATORS[sign](left, this.product());
    }
  }

  product() {
    const before = this.rest;
    let left = this.unary();
    for (;;) {
      const sign = ["*", "/"].find((s) => this.takes(s));
      if (!sign && !this.isBeside()) return left;
      left = OPERATORS[sign ?? "*"](left, this.unary());
      if (sign === "/" && this.isBeside()) this.doubt(this.since(before), "put brackets around what belongs together, as in (1/2)θ or 1/(2θ)");
    }
  }

  isBeside() {
    const [next] = this.rest;
    return Boolean(next && (next.number || next.name || next.sign === "("));
  }

  since(before) {
    return before.slice(0, before.length - this.rest.length);
  }

  unary() {
    if (this.takes("-")) return OPERATORS["-"](constant(0), this.unary());
    if (this.takes("+")) return this.unary();
    return this.power();
  }

  power() {
    const before = this.rest;
    const base = this.operand();
    if (!this.takes("^")) return this.square(base);
    const bracket = this.rest[0]?.sign === "(";
    const power = OPERATORS["^"](base, this.unary());
    if (!bracket && this.isBeside()) this.doubt(this.since(before), "put brackets around what belongs together, as in (2^2)θ or 2^(2θ)");
    return power;
  }

  // The base, to the power of a “²” or “³” behind it.
  square(base) {
    const sign = Object.keys(POWERS).find((s) => this.takes(s));
    return sign ? OPERATORS["^"](base, POWERS[sign]) : base;
  }

  operand() {
    if (!this.rest.length) throw new SyntaxError("The formula ends too early.");
    if (this.takes("(")) {
      const inner = this.sum();
      this.expect(")", "what the bracket holds");
      return inner;
    }
    const [{ number, name, word }, ...rest] = this.rest;
    this.rest = rest;
    if (number) return constant(Number(number));
    if (!name) throw new SyntaxError(`A number, θ or m is missing before “${word}”.`);
    if (Object.hasOwn(NAMES, name)) return NAMES[name];
    if (Object.hasOwn(FUNCTIONS, name)) return this.call(name);
    throw new SyntaxError(`There is no “${name}” here: there are θ, m, π and ${Object.keys(FUNCTIONS).join(", ")}.`);
  }

  call(name) {
    const [wanted, make] = FUNCTIONS[name];
    const power = Object.keys(POWERS).find((s) => this.takes(s));
    const before = this.rest;
    const bracket = this.rest[0]?.sign === "(";
    const inner = bracket ? this.list(name) : [this.beside(name)];
    if (wanted === 1 ? inner.length !== 1 : inner.length < 2)
      throw new SyntaxError(`${name} takes ${wanted === 1 ? "one number" : "two or more numbers, as in " + name + "(a, b)"}.`);
    // Nobody means cos(1 + m) times θ.
    const angles = this.since(before);
    if (bracket && ANGULAR.includes(name) && isTheta(this.rest[0]) && !angles.some(isTheta)) this.doubtOf(name, angles);
    const made = make(...inner);
    return power ? OPERATORS["^"](made, POWERS[power]) : made;
  }

  // What stands in a function's brackets.
  list(name) {
    this.takes("(");
    const inner = [this.sum()];
    while (this.takes(",")) inner.push(this.sum());
    this.expect(")", `${name}(…`);
    return inner;
  }

  // What a function without brackets is taken of: factors side by side, up to θ.
  beside(name) {
    if (Object.hasOwn(FUNCTIONS, this.rest[0]?.name ?? "")) return this.operand();
    const taken = [];
    let inner = constant(1);
    do {
      taken.push(this.rest[0]);
      inner = OPERATORS["*"](inner, this.operand());
    } while (!isTheta(taken.at(-1)) && isFactor(this.rest[0]));
    const next = this.rest[0];
    const goesOn = isFactor(next) || ["(", "/", "^", "²", "³"].includes(next?.sign);
    // cosθ sinθ and cosθ·m are clear; cos m sinθ, cos 2·θ and √2 θ are not.
    if (goesOn || (!isTheta(taken.at(-1)) && (next?.sign === "*" || next?.name)) || (name === "sqrt" && taken.length > 1)) this.doubtOf(name, taken);
    return inner;
  }

  doubtOf(name, taken) {
    this.doubt([{ word: name }, ...taken], `put all that ${name} is taken of into brackets, as in ${name}(2θ)`);
  }

  // What was taken and what comes next do not say where the one ends.
  doubt(taken, advice) {
    const words = [...taken, ...this.rest.slice(0, 1)].map(({ word }) => word);
    throw new SyntaxError(`“${words.join(" ")}” can be read in two ways: ${advice}.`);
  }
}

const known = new Map();

// { value, slope } of a formula, both functions of (θ, m), or { error }: a sentence that says what is wrong with it.
export function formula(text) {
  if (known.has(text)) return known.get(text);
  let read;
  try {
    if (text.length > LONGEST) throw new SyntaxError(`A formula has at most ${LONGEST} characters.`);
    read = new Parser(text).whole();
  } catch (problem) {
    if (!(problem instanceof SyntaxError)) throw problem;
    read = { error: problem.message };
  }
  if (known.size > 200) known.clear();
  known.set(text, read);
  return read;
}

// ---------------------------------------------------------------- is it a margin?

const GRID = 720;
const round = (i) => `${Math.round((180 * i) / GRID)}°`;

// The longest run of grid cells on which `holds` is true, as [from, to], or null.
function stretch(holds) {
  let best = null;
  for (let i = 0, begin = -1; i <= GRID; i++) {
    const inside = i < GRID && holds(i);
    if (inside && begin < 0) begin = i;
    if (!inside && begin >= 0) {
      if (!best || i - begin > best[1] - best[0]) best = [begin, i];
      begin = -1;
    }
  }
  return best;
}

// What a formula is as a margin: { usable, sentence }. Where it has no value it cannot be used; other faults are said.
export function examine(text, m) {
  const read = formula(text);
  if (read.error) return { usable: false, sentence: read.error };
  const at = (i) => read.value((Math.PI * i) / GRID, m);
  const values = Array.from({ length: GRID + 1 }, (_, i) => at(i));
  const lost = values.findIndex((v) => !Number.isFinite(v));
  if (lost >= 0) return { usable: false, sentence: `It has no value at θ = ${round(lost)}.` };
  if (values.some((v) => Math.abs(v) > 50)) return { usable: false, sentence: "Its values leave what a cosine can be compared with: keep ψ between -50 and 50." };
  const step = (i) => values[i + 1] - values[i];
  const jump = values.findIndex((_, i) => i < GRID && Math.abs(step(i)) > 0.1);
  const rises = stretch((i) => step(i) > 1e-9);
  const flat = stretch((i) => Math.abs(step(i)) <= 1e-12);
  const slopeless = stretch((i) => !Number.isFinite(read.slope((Math.PI * (i + 0.5)) / GRID, m)));
  const gift = stretch((i) => values[i] > Math.cos((Math.PI * i) / GRID) + 1e-9);
  const faults = [];
  if (rises && rises[1] - rises[0] > 1) faults.push(`It rises with θ between ${round(rises[0])} and ${round(rises[1])}: a worse sample would score better there.`);
  if (jump >= 0) faults.push(`It jumps at ${round(jump)}: no gradient knows of a jump.`);
  if (slopeless && slopeless[1] - slopeless[0] > 1) faults.push(`Its slope has no value between ${round(slopeless[0])} and ${round(slopeless[1])}: nothing pulls a sample there.`);
  if (gift) faults.push(`It lies above cosθ between ${round(gift[0])} and ${round(gift[1])}: that is a gift, not a margin.`);
  if (flat && flat[1] - flat[0] > GRID / 40) faults.push(`It is flat between ${round(flat[0])} and ${round(flat[1])}: nothing pulls a sample there towards its centre.`);
  if (faults.length) return { usable: true, sentence: faults.join(" ") };
  const taken = 1 - values[0];
  return { usable: true, sentence: taken > 1e-9 ? `A margin: it falls as θ grows, and takes ${taken.toFixed(2)} at θ = 0.` : "It falls as θ grows, and takes nothing at θ = 0." };
}

// ---------------------------------------------------------------- where to begin

// [title, formula, what there is to say]; all rules of the package that a ψ(θ) of its own can be are here, tested equal.
export const GALLERY = [
  ["NSL", "cosθ", ""],
  ["CosFace", "cosθ - m", ""],
  ["ArcFace", "unrolled(θ + m)", "CurricularFace has this ψ too, and bends the scores of the others."],
  ["A-Softmax", "unrolled((1 + m)θ)", "1 + m is its factor on the angle."],
  ["SphereFace-R", "cos(min((1 + m)θ, π))", "Its second version leaves ψ alone and bends the others."],
  ["Circle", "max(0, 1 + m - cosθ)(cosθ - 1 + m)", "A smaller m asks for more here. Its slope is another in the package, which holds the weight (1 + m - cosθ) still; and it bends the others."],
  ["Combined", "unrolled(1.1θ + 0.1) - m", ""],
  ["AdaFace, poor picture", "cos(min(π, θ + 0.5m)) - 0.5m", "Quality z = -0.5."],
  ["AdaFace, clear picture", "cos(max(0, θ - 0.5m)) - 1.5m", "Quality z = 0.5."],
  ["SphereFace2", "2((cosθ + 1)/2)^3 - 1 - m", "Its ψ alone: it has no softmax, and raises the others by m."],
  ["Released ArcFace", "cos(θ + m)", "Without the care that the package takes past π."],
  ["A wider margin for the middle", "cosθ - m sinθ", "Nobody's loss. What does it ask of a sample on its own centre?"],
];
