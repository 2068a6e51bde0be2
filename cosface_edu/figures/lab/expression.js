// A reader's own ψ(θ): a small language of formulas, read by the parser below and never run as a script.
//
//   sum      = product { ("+" | "-") product }
//   product  = unary { [ "*" | "·" | "/" ] unary }         side by side means times: 2m θ
//   unary    = [ "-" | "+" ] unary | power
//   power    = operand [ "^" unary ]
//   operand  = number | "θ" | "m" | "π" | "(" sum ")" | function "(" sum { "," sum } ")" | function beside
//   beside   = { number | "m" | "π" } [ "θ" ] | function beside                       cos 2θ is cos(2θ), cos m is cos(m)
//
// Where what a function is taken of could end in two places, as in cosθ/2, the parser asks for brackets.
// Each part of a formula is a pair of functions of (θ, m): its value and its exact derivative in θ.
import { unrolledCos, unrolledSlope } from "./unrolled.js";

const LONGEST = 160; // characters of a formula

const constant = (c) => ({ value: () => c, slope: () => 0 });
const part = (value, slope) => ({ value, slope });

// f with its derivative df, after another part.
const chain = (f, df) => (a) => part((t, m) => f(a.value(t, m)), (t, m) => df(a.value(t, m)) * a.slope(t, m));

// The part that is least (sign 1) or largest (sign -1) decides, with its slope.
const pick = (sign) => (...parts) => {
  const best = (t, m) => parts.reduce((a, b) => (sign * b.value(t, m) < sign * a.value(t, m) ? b : a));
  return part((t, m) => best(t, m).value(t, m), (t, m) => best(t, m).slope(t, m));
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
  min: [Infinity, pick(1)],
  max: [Infinity, pick(-1)],
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
    (t, m) => a.slope(t, m) * b.value(t, m) + a.value(t, m) * b.slope(t, m)),
  "/": (a, b) => part(
    (t, m) => a.value(t, m) / b.value(t, m),
    (t, m) => (a.slope(t, m) * b.value(t, m) - a.value(t, m) * b.slope(t, m)) / b.value(t, m) ** 2),
  "^": (a, b) => part((t, m) => a.value(t, m) ** b.value(t, m), (t, m) => powerSlope(a, b, t, m)),
};

// d(a^b) = b a^(b-1) a' + a^b ln(a) b'; a part that does not change adds nothing, also where ln(a) has no value.
function powerSlope(a, b, t, m) {
  const [base, exponent, da, db] = [a.value(t, m), b.value(t, m), a.slope(t, m), b.slope(t, m)];
  const fromBase = da === 0 ? 0 : exponent * base ** (exponent - 1) * da;
  const fromExponent = db === 0 ? 0 : base ** exponent * Math.log(base) * db;
  return fromBase + fromExponent;
}

function tokens(text) {
  const found = [];
  const pattern = new RegExp("\\s*(?:(\\d+\\.?\\d*|\\.\\d+)|([a-zA-Z]+|θ|π)|([-+*·/^(),]))", "y");
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
    this.rest = tokens(text.replaceAll("−", "-"));
  }

  takes(sign) {
    if (this.rest[0]?.sign !== sign) return false;
    this.rest.shift();
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
    let left = this.unary();
    for (;;) {
      const next = this.rest[0];
      const sign = ["*", "/"].find((s) => this.takes(s));
      const beside = next && (next.number || next.name || next.sign === "(");
      if (!sign && !beside) return left;
      left = OPERATORS[sign ?? "*"](left, this.unary());
    }
  }

  unary() {
    if (this.takes("-")) return OPERATORS["-"](constant(0), this.unary());
    if (this.takes("+")) return this.unary();
    return this.power();
  }

  power() {
    const base = this.operand();
    return this.takes("^") ? OPERATORS["^"](base, this.unary()) : base;
  }

  operand() {
    if (!this.rest.length) throw new SyntaxError("The formula ends too early.");
    if (this.takes("(")) {
      const inner = this.sum();
      this.expect(")", "what the bracket holds");
      return inner;
    }
    const { number, name, word } = this.rest.shift();
    if (number) return constant(Number(number));
    if (!name) throw new SyntaxError(`A number, θ or m is missing before “${word}”.`);
    if (Object.hasOwn(NAMES, name)) return NAMES[name];
    if (Object.hasOwn(FUNCTIONS, name)) return this.call(name);
    throw new SyntaxError(`There is no “${name}” here: there are θ, m, π and ${Object.keys(FUNCTIONS).join(", ")}.`);
  }

  call(name) {
    const [wanted, make] = FUNCTIONS[name];
    const before = [...this.rest];
    const bracket = this.rest[0]?.sign === "(";
    const inner = bracket ? this.list(name) : [this.beside(name)];
    if (wanted === 1 ? inner.length !== 1 : inner.length < 2)
      throw new SyntaxError(`${name} takes ${wanted === 1 ? "one number" : "two or more numbers, as in " + name + "(a, b)"}.`);
    // Nobody means cos(1 + m) times θ.
    const angles = before.slice(0, before.length - this.rest.length);
    if (bracket && ANGULAR.includes(name) && isTheta(this.rest[0]) && !angles.some(isTheta)) this.doubt(name, angles);
    return make(...inner);
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
    const goesOn = isFactor(next) || ["(", "/", "^"].includes(next?.sign);
    // cosθ sinθ and cosθ·m are clear; cos m sinθ and cos 2·θ are not.
    if (goesOn || (!isTheta(taken.at(-1)) && (next?.sign === "*" || next?.name))) this.doubt(name, taken);
    return inner;
  }

  doubt(name, taken) {
    const words = taken.map(({ word }) => word).join(" ");
    throw new SyntaxError(`“${name} ${words} ${this.rest[0].word}” can be read in two ways: put all that ${name} is taken of into brackets, as in ${name}(2θ).`);
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
  const gift = stretch((i) => values[i] > Math.cos((Math.PI * i) / GRID) + 1e-9);
  const faults = [];
  if (rises && rises[1] - rises[0] > 1) faults.push(`It rises with θ between ${round(rises[0])} and ${round(rises[1])}: a worse sample would score better there.`);
  if (jump >= 0) faults.push(`It jumps at ${round(jump)}: no gradient knows of a jump.`);
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
