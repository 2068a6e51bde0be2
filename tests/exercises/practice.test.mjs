// The scripts below an exercise: what they keep, what they carry over, and what is left of a run that is stopped.
// PRACTICE names the folder with the page script's modules.
import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { pathToFileURL } from "node:url";

const NAME = "boundaries-width";
const RIGHT = { passed: true, message: "✓" };
const heard = {};
let stored = new Map();
const storage = {
  getItem: (key) => stored.get(key) ?? null,
  setItem: (key, text) => stored.set(key, text),
  removeItem: (key) => stored.delete(key),
};
const browser = (value) => Object.defineProperty(globalThis, "localStorage", { configurable: true, ...value });
globalThis.addEventListener = (kind, listener) => (heard[kind] = [...(heard[kind] ?? []), listener]);
globalThis.document = { querySelectorAll: () => [], currentScript: { src: "file:///_static/margin-practice.js" } };
browser({ value: storage });

let times = 0;
const load = (name, again = "") => import(pathToFileURL(join(process.env.PRACTICE, name)).href + again);
const newStore = () => load("store.js", `?${++times}`);

const full = { ...storage, setItem: (key, text) => {
  if (text.length > 20) throw new Error("QuotaExceededError");
} };
const refused = { get: () => { throw new Error("SecurityError"); } };
for (const [why, value] of [["is null", { value: null }], ["is refused", refused], ["is full", { value: full }]])
  test(`where storage ${why}, work is there until the page is closed, and the page knows`, async () => {
    browser(value);
    const store = await newStore();
    let changes = 0;
    store.whenKept(() => (changes += 1));
    store.keep(NAME, { code: "begun" });
    store.keepCheck(NAME, "begun", "exercises.check()", RIGHT);
    assert.equal(changes, 2);
    assert.equal(store.solved(NAME), true);
    assert.equal(store.solvedCode(NAME), "begun");
    assert.match(store.exported(), /1 of \d+ solved[^]*answer\("boundaries-width", r"""\nbegun\n/);
    assert.equal(store.lasts(), false);
    store.keep(NAME, null);
    assert.equal(store.kept(NAME), null);
    browser({ value: storage });
  });

test("a check of an older text overwrites nothing that another tab wrote", async () => {
  const store = await newStore();
  assert.equal(store.lasts(), true);
  stored.set(`margin-book-exercise:${NAME}`, JSON.stringify({ code: "another tab's work" }));
  store.keepCheck(NAME, "the starter", "exercises.check()", { passed: false, message: "✗" });
  assert.equal(store.kept(NAME).code, "another tab's work");
  assert.equal(store.kept(NAME).checked.code, "the starter");
  store.keep(NAME, null);
  store.keepCheck(NAME, "the starter", "exercises.check()", { passed: false, message: "✗" });
  assert.equal(store.kept(NAME).code, "the starter");
});

test("what another tab writes is told, and to look at it writes nothing that would be told to that tab", async () => {
  const store = await newStore();
  let changes = 0;
  store.whenKept(() => (changes += 1));
  const before = [...stored];
  storage.setItem = () => assert.fail("written");
  for (const kind of ["storage", "pageshow"]) heard[kind].at(-1)({});
  assert.equal(store.lasts(), true);
  storage.setItem = (key, text) => stored.set(key, text);
  assert.equal(changes, 2);
  assert.deepEqual([...stored], before);
});

test("pieces before an exercise of the thread are carried over, and nothing to exercises outside of it", async () => {
  const [{ carried, useBook }, store] = [await load("carry.js"), await load("store.js")];
  for (const name of ["build-scores", "build-cosines", "build-loss"]) store.keepCheck(name, `# ${name}`, "", RIGHT);
  useBook(false);
  assert.deepEqual(carried("build-cosines"), { sources: { "build-scores": "# build-scores" }, book: false });
  for (const name of [NAME, "build-scores"]) assert.deepEqual(carried(name).sources, {});
  assert.deepEqual(Object.keys(carried().sources), ["build-scores", "build-cosines", "build-loss"]);
});

test("a solution is found by its text, run or not", async () => {
  const { solutionOf } = await load("exercise.js");
  const node = (kind, text, next) => ({
    classList: { contains: (name) => name === kind },
    querySelectorAll: (selector) => (selector === ".cell_input pre" ? [{ textContent: text }] : []),
    querySelector: () => null,
    nextElementSibling: next,
  });
  const other = node("solution", 'exercises.check("boundaries-cross", m)', null);
  const right = node("solution", 'def width(m): ...\n\nexercises.check("boundaries-width", width)\n', node("exercise", "", other));
  assert.equal(solutionOf(node("exercise", "", node("p", "", right)), NAME), right);
  assert.equal(solutionOf(node("exercise", "", right), "boundaries-cross"), null);
});

test("what was printed before a run is stopped is shown", async () => {
  globalThis.document.createElement = () => ({});
  globalThis.document.head = { append: (script) => script.onload() };
  URL.createObjectURL = () => "blob:here";
  globalThis.Worker = class {
    postMessage({ start }) {
      if (start) return queueMicrotask(() => this.onmessage({ data: { ready: true } }));
      for (const printed of ["at 1", "\n", "at 2\n"]) queueMicrotask(() => this.onmessage({ data: { printed } }));
    }
    terminate() {}
  };
  const { run } = await load("engine.js");
  const outcome = await run({ code: "while True: ...", seconds: 0.05 });
  assert.equal(outcome.printed, "at 1\nat 2\n");
  assert.match(outcome.error, /^stopped after 0.05 seconds/);
});
