// The last of "Build CosFace yourself": the lab's network trains with the loss that a reader wrote in Python, and what
// that says is held to the lab's own CosFace, which the tests hold to the package's.
import { freshPictures, headLoss } from "./core.js";
import { DATA } from "./data.js";
import { Lab } from "./state.js";
import { compose } from "./scene.js";
import { disc, gapArc, progress } from "./views.js";
import { makeTheme, penOf } from "./pen.js";

const EVERY = 5; // of the lab's pictures, one is in a batch: Python takes its time
const RATE = { network: 0.02, centres: 0.001 };
const STEPS_WANTED = 150;
export const AGREES = 1e-6;

// The batch of the next step: fresh pictures of the lab's people, { x, labels, n }.
export function batchOf({ engine }) {
  const { train } = engine.task;
  freshPictures(train, engine.stream, engine.fresh);
  const rows = Array.from({ length: train.n / EVERY }, (_, i) => i * EVERY);
  const x = Float64Array.from(rows.flatMap((row) => Array.from(engine.fresh.subarray(row * DATA.dim, (row + 1) * DATA.dim))));
  return { x, labels: rows.map((row) => train.labels[row]), n: rows.length };
}

const rowsOf = (flat, width) => Array.from({ length: flat.length / width }, (_, i) => Array.from(flat.slice(i * width, (i + 1) * width)));

// What `step` is asked: the features of a batch, its labels, the centres, s, m and the rate of the centres.
export function question({ engine }, { x, labels, n }) {
  const { net } = engine;
  const { s, m } = engine.config();
  return [rowsOf(net.forward(x, n), net.k), labels, rowsOf(net.centres.value, net.k), s, m, RATE.centres];
}

// Takes the answer [mean, dX, moved] into the network: { mine, package, apart }, where `apart` is how far loss and all
// gradients lie from the package's at most. An answer that is no answer is an Error with a sentence.
export function takeIn({ engine }, { x, labels, n }, answer) {
  const { net } = engine;
  const { value } = net.centres;
  const [mean, dX, moved] = Array.isArray(answer) ? answer : [];
  const shaped = (rows, count) => Array.isArray(rows) && rows.length === count && rows.every((row) => row?.length === net.k && row.every(Number.isFinite));
  if (!Number.isFinite(mean) || !shaped(dX, n) || !shaped(moved, net.classes))
    throw new Error(`step must return a loss, ${n} gradients and ${net.classes} centres of ${net.k} numbers each`);
  const features = net.forward(x, n).slice();
  const right = { dx: new Float64Array(features.length), dw: new Float64Array(value.length) };
  const own = headLoss(engine.config(), features, labels, value, n, net.classes, net.k, right.dx, right.dw);
  const farthest = (given, wanted) => given.reduce((most, v, i) => Math.max(most, Math.abs(v - wanted[i])), 0);
  const mineX = dX.flat();
  const mineW = moved.flat().map((v, i) => (value[i] - v) / RATE.centres);
  const apart = Math.max(Math.abs(mean - own), farthest(mineX, right.dx), farthest(mineW, right.dw));
  net.grads.fill(0);
  net.buffers(n).grad[2].set(mineX);
  net.spread(x, n);
  value.set(moved.flat());
  net.adam(RATE.network); // the centres' gradient is 0 there: they have moved already
  engine.steps += 1;
  return { mine: mean, package: own, apart };
}

// Training by the reader's loss. `ask` answers a question some time later with { error } or { json }; meanwhile a reader may
// have paused or begun anew, and what a run that is over is answered counts no more.
export class Training {
  constructor(lab, ask) {
    Object.assign(this, { lab, ask, run: 0 });
    this.anew();
  }

  pause() {
    this.run += 1;
    this.playing = false;
  }

  anew() {
    this.pause();
    this.lab.reset();
    Object.assign(this, { worst: 0, last: null });
    this.lab.engine.measure(true);
  }

  get done() {
    return this.lab.engine.steps >= STEPS_WANTED;
  }

  // Trains to the end, telling of each step. Whether it came there; a wrong answer is an Error.
  async train(told) {
    const mine = ++this.run;
    this.playing = true;
    while (!this.done) {
      const batch = batchOf(this.lab);
      const { error, json } = await this.ask(question(this.lab, batch));
      if (mine !== this.run) return false;
      if (error) throw new Error(error);
      this.last = takeIn(this.lab, batch, JSON.parse(json || "null"));
      this.worst = Math.max(this.worst, this.last.apart);
      this.lab.engine.measure(true);
      told();
      if (this.worst > AGREES) throw new Error(`at step ${this.lab.engine.steps} your loss or its gradients are ${this.worst.toExponential(1)} away from the package's`);
    }
    return true;
  }
}

const BUILDER = `<div class="ml-bar"><div class="ml-buttons"><button type="button" class="ml-main">Train with my loss</button>
<button type="button" data-build="anew">Begin anew</button></div></div>
<div class="ml-read" data-build="figures"></div>
<div class="ml-views"><figure><figcaption>Eight people, trained by your loss</figcaption><canvas data-build="circle" role="img" aria-label="Not trained yet"></canvas></figure>
<figure><figcaption>Training</figcaption><canvas data-build="progress" role="img" aria-label="Course of the training"></canvas></figure></div>
<p class="ml-help" data-build="says" role="status"></p>`;

export function mountBuild(el) {
  const root = document.createElement("div");
  root.className = "ml ml-build";
  root.innerHTML = BUILDER;
  el.replaceChildren(root);
  const $ = (name) => root.querySelector(`[data-build="${name}"]`);
  const button = root.querySelector(".ml-main");
  const lab = new Lab({});
  const say = (words) => ($("says").textContent = words);
  const training = new Training(lab, (asked) => {
    const practice = window.marginPractice;
    const last = `step(${asked.map((value) => JSON.stringify(value)).join(", ")})`;
    const fetching = (share, words) => share < 1 && say(words);
    return practice.run({ code: practice.solvedCode("build-step"), last, earlier: practice.carried(), seconds: 20, say: fetching });
  });

  function draw() {
    lab.theme = makeTheme(root);
    const scene = Object.assign(compose(lab), { spots: new Float64Array(2 * lab.engine.task.train.n), handles: [], hotCentre: -1 });
    const circle = penOf($("circle"));
    if (circle) {
      const { cx, cy, r } = disc(circle.ctx, circle.W, circle.H, scene, 26);
      gapArc(circle.ctx, scene, cx, cy, r);
    }
    const course = penOf($("progress"));
    if (course) progress(course.ctx, course.W, course.H, scene);
    const { heldOut } = lab.engine.figures;
    const { last, worst } = training;
    const figures = [["step", lab.engine.steps], ["held out", `${(100 * heldOut).toFixed(1)} %`]];
    if (last) figures.push(["your loss", last.mine.toFixed(6)], ["the package's", last.package.toFixed(6)], ["farthest apart", worst.toExponential(1)]);
    $("figures").replaceChildren(...figures.map(([what, much]) => {
      const span = document.createElement("span");
      span.append(`${what} `, Object.assign(document.createElement("b"), { textContent: much }));
      return span;
    }));
    $("circle").setAttribute("aria-label", `Eight people on their circle after ${lab.engine.steps} steps, ${figures[1][1]} of the held-out pictures right`);
  }

  const pause = () => {
    training.pause();
    button.textContent = "Train with my loss";
  };

  async function train() {
    if (!window.marginPractice?.solved("build-step")) {
      say("The lab waits for your step: solve exercise 5 of 5 above first. This works in the built page, not in a notebook.");
      return;
    }
    button.textContent = "Pause";
    const far = () => training.worst.toExponential(1);
    try {
      const whole = await training.train(() => {
        draw();
        say(`Your loss trains the lab. It agrees with the package's to ${far()} so far, loss and gradients.`);
      });
      if (!whole) return; // paused, or another run goes on
      say(`${STEPS_WANTED} steps with your own loss: ${(100 * lab.engine.figures.heldOut).toFixed(1)} % of the held-out pictures are right. It never was farther than ${far()} from the package's.`);
    } catch (failure) {
      say(`The lab stopped: ${failure.message}.`);
    }
    pause();
  }

  button.addEventListener("click", () => (training.playing ? pause() : train()));
  $("anew").addEventListener("click", () => {
    pause();
    training.anew();
    draw();
    say("");
  });
  const restyle = () => draw();
  new MutationObserver(restyle).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  new ResizeObserver(restyle).observe(root);
  const faces = new Image();
  faces.onload = () => {
    lab.faces = faces;
    draw();
  };
  faces.src = DATA.sheet;
  draw();
  root.build = { lab, worst: () => training.worst }; // for tests
}
