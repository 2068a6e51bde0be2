// One run of the lab, without DOM: the task, the network, and what the views show of them.
import { accuracy, annealing, freshPictures, LOSSES, makeTask, Network, randomStream } from "./core.js";
import { TRAINED } from "./trained.js";
import { cloudGap, evenCentres, smallestAngle } from "./regions.js";

export const DEFAULTS = {
  loss: "cosface", psi: "cosθ - m", used: { psi: "cosθ - m", m: LOSSES.own.margins.m[3] }, s: 30, identities: 8, noise: 0, lr: 0.01, seed: 0, k: 2,
  margins: Object.fromEntries(
    Object.entries(LOSSES).map(([name, { margins }]) => [
      name,
      Object.fromEntries(Object.entries(margins).map(([key, range]) => [key, range[3]])),
    ]),
  ),
};

const HISTORY = 600;
const BATCHES = 24; // that Adam's memory is measured on

export class Engine {
  constructor(data, state) {
    this.data = data;
    this.update(state);
  }

  // Takes a new setting. Only another number of people, of dimensions or another seed begins anew; everything else
  // goes on from the weights as they are.
  update(state) {
    const old = this.state;
    this.state = state;
    const anew = !old || ["identities", "k", "seed"].some((key) => old[key] !== state[key]);
    if (anew || old.noise !== state.noise) this.task = makeTask(this.data, state.identities, state.noise, state.seed);
    if (anew) this.begin();
    if (old && old.loss !== state.loss) this.lossStep = 0;
  }

  // Trained already, where trained weights are at hand: for the people, the dimensions and the seed of the defaults.
  begin() {
    this.reset();
    if (["identities", "k", "seed"].some((key) => this.state[key] !== DEFAULTS[key])) return;
    const { net } = this;
    TRAINED.values.forEach((value, i) => (net.params[i] = value * TRAINED.scale));
    this.steps = net.t = TRAINED.steps;
    // Adam's memory of how large gradients are is measured anew, or its first steps would be wild.
    const share = (1 - 0.999 ** net.t) / BATCHES;
    for (let b = 0; b < BATCHES; b++) {
      this.backward();
      for (let i = 0; i < net.grads.length; i++) net.second[i] += share * net.grads[i] ** 2;
    }
  }

  // From the first step on.
  reset() {
    const { identities, k, seed } = this.state;
    this.net = new Network(this.data.dim, 32, k, identities, seed);
    this.net.centres.value.set(evenCentres(identities, k, seed));
    this.steps = 0;
    this.lossStep = 0;
    this.history = [];
    this.stream = randomStream(seed + 31);
    this.fresh = new Float64Array(this.task.train.x.length);
  }

  config() {
    const { loss, s, used, margins } = this.state;
    return { loss, s, ...(loss === "own" ? used : margins[loss]), lam: loss === "asoftmax" ? annealing(this.lossStep) : 0 };
  }

  // Gradients of the loss on pictures that were never seen: what is learned by heart does not pull any more, and then
  // no margin would move it.
  backward() {
    const { train } = this.task;
    return this.net.backward(this.config(), freshPictures(train, this.stream, this.fresh), train.labels, train.n);
  }

  step() {
    const { train } = this.task;
    const loss = this.net.step(this.config(), freshPictures(train, this.stream, this.fresh), train.labels, train.n, this.state.lr);
    this.steps += 1;
    this.lossStep += 1;
    return loss;
  }

  // Features and figures of the network as it is; `record` adds them to the history.
  measure(record) {
    const { net, task } = this;
    const config = this.config();
    const { k, identities: classes } = this.state;
    const w = net.centres.value;
    const held = net.forward(task.test.x, task.test.n);
    const heldOut = accuracy(config, held, task.test.truth, w, task.test.n, classes, k);
    const loss = net.loss(config, task.train.x, task.train.labels, task.train.n);
    const features = net.buffers(task.train.n).out[2];
    const figures = {
      loss,
      accuracy: accuracy(config, features, task.train.labels, w, task.train.n, classes, k),
      heldOut,
      smallest: smallestAngle(w, classes, k),
      gap: cloudGap(features, task.train.truth, task.train.n, classes, k),
    };
    if (record) {
      this.history.push(figures);
      if (this.history.length > HISTORY) this.history.shift();
    }
    Object.assign(this, { features, held, figures });
    return figures;
  }
}
