// The margin slider's script on a figure that only notes what is asked of it.
import assert from "node:assert/strict";
import test from "node:test";
import { marginSlider } from "../../cosface_edu/figures/slider.js";

// A control of the page: what listens to it, and what is written beside it.
function control() {
  const heard = {};
  const beside = { textContent: "" };
  return {
    beside, attributes: {}, textContent: "",
    addEventListener: (name, f) => (heard[name] = f),
    setAttribute(name, value) { this.attributes[name] = value; },
    closest: () => ({ querySelector: () => beside, set hidden(value) { heard.hidden = value; } }),
    press: () => heard.click(),
    get hidden() { return heard.hidden; },
    move(value) { this.value = String(value); heard.input(); },
  };
}

function stage(width = 900) {
  const heard = {};
  const done = [];
  const [margin, epoch, button, said] = [control(), control(), control(), control()];
  const root = {
    querySelector: (what) => (what === "button" ? button : said),
    querySelectorAll: () => [margin, epoch],
  };
  const figure = { closest: () => root, parentElement: { clientWidth: width, style: {} } };
  globalThis.document = { getElementById: () => figure };
  globalThis.window = { addEventListener: (name, f) => (heard[name] = f) };
  globalThis.Plotly = {
    relayout: (_, layout) => done.push(layout),
    animate: async (_, frames) => done.push(frames[0]),
  };
  const texts = [["a0", "a1", "a2"], ["b0", "b1", "b2"]];
  const values = { margins: ["0", "0.2"], epochs: [0, 1, 18] };
  marginSlider("plot", { texts, ...values, start: 1, narrow: { height: 860 }, wide: { height: 540 } });
  return { heard, done, figure, said, margin, epoch, button };
}

test("starts trained, and says so", () => {
  const { said, figure, done, margin, epoch, button } = stage();
  assert.equal(said.textContent, "b2");
  assert.deepEqual([margin.beside.textContent, epoch.beside.textContent], ["0.2", 18]);
  assert.deepEqual([margin.attributes["aria-valuetext"], epoch.attributes["aria-valuetext"]], ["m = 0.2", "after epoch 18"]);
  assert.equal(button.hidden, false);
  assert.equal(figure.parentElement.style.height, "540px");
  assert.deepEqual(done, [{ width: null, autosize: true, height: 540 }]);
});

test("an epoch is shown; another margin goes back to the last one", () => {
  const { said, done, margin, epoch } = stage();
  epoch.move(0);
  assert.equal(done.at(-1), "1|0");
  assert.equal(said.textContent, "b0");
  margin.move(0);
  assert.equal(done.at(-1), "0|2");
  assert.equal(said.textContent, "a2");
});

// An interval that the test lets pass by hand.
function clock() {
  const callbacks = new Map();
  globalThis.setInterval = (f) => (callbacks.set(callbacks.size + 1, f), callbacks.size);
  globalThis.clearInterval = (id) => callbacks.delete(id);
  return (times) => {
    for (let i = 0; i < times; i++) for (const f of [...callbacks.values()]) f();
  };
}
const shown = (done) => done.filter((what) => typeof what === "string");

test("the button plays every epoch once and stops", () => {
  const pass = clock();
  const { done, button, said } = stage();
  button.press();
  assert.equal(said.attributes["aria-live"], "off"); // while it plays, the sentences are not read out
  pass(10);
  assert.deepEqual(shown(done), ["1|0", "1|1", "1|2"]);
  assert.equal(said.attributes["aria-live"], "polite");
});

test("pressed again, the button stops", () => {
  const pass = clock();
  const { done, button } = stage();
  button.press();
  pass(1);
  button.press();
  pass(10);
  assert.deepEqual(shown(done), ["1|0", "1|1"]);
});

test("panels stand one above the other on a narrow page, and move only when that changes", () => {
  const { heard, done, figure } = stage(390);
  assert.equal(figure.parentElement.style.height, "860px");
  heard.resize();
  assert.equal(done.length, 1);
  figure.parentElement.clientWidth = 900;
  heard.resize();
  assert.equal(figure.parentElement.style.height, "540px");
});
