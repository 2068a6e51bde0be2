// The margin slider's script on a figure that only notes what is asked of it.
import assert from "node:assert/strict";
import test from "node:test";
import { marginSlider } from "../../cosface_edu/figures/slider.js";

function stage(width = 900) {
  const heard = {};
  const done = [];
  const figure = { on: (name, f) => (heard[name] = f), parentElement: { clientWidth: width, style: {} } };
  const said = { textContent: "" };
  globalThis.document = { getElementById: (id) => (id === "plot" ? figure : said) };
  globalThis.window = { addEventListener: (name, f) => (heard[name] = f) };
  globalThis.Plotly = {
    relayout: (_, layout) => done.push(layout),
    animate: async (_, frames) => done.push(frames[0]),
  };
  const texts = [["a0", "a1", "a2"], ["b0", "b1", "b2"]];
  marginSlider("plot", { texts, start: 1, narrow: { height: 860 }, wide: { height: 540 } });
  return { heard, done, figure, said, slide: (name) => heard.plotly_sliderchange({ step: { name } }) };
}

test("starts trained, and says so", () => {
  const { said, figure, done } = stage();
  assert.equal(said.textContent, "b2");
  assert.equal(figure.parentElement.style.height, "540px");
  assert.deepEqual(done, [{ width: null, autosize: true, height: 540 }]);
});

test("an epoch is shown; another margin goes back to the last one", () => {
  const { said, done, slide } = stage();
  slide("e|0");
  assert.equal(done.at(-1), "1|0");
  assert.equal(said.textContent, "b0");
  slide("m|0");
  assert.deepEqual(done.at(-1), { "sliders[1].active": 2 });
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
  const { heard, done } = stage();
  heard.plotly_buttonclicked();
  pass(10);
  assert.deepEqual(shown(done), ["1|0", "1|1", "1|2"]);
});

test("pressed again, the button stops", () => {
  const pass = clock();
  const { heard, done } = stage();
  heard.plotly_buttonclicked();
  pass(1);
  heard.plotly_buttonclicked();
  pass(10);
  assert.deepEqual(shown(done), ["1|0"]);
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
