// Presets and the guided tour: each stop asks for a prediction, then lets the lab answer. `lab.start` begins with the
// first step, `lab.open` with a trained network.
import { DEG } from "./core.js";
import { gapOnArc, minScale, room } from "./regions.js";

const degrees = (angle) => `${(angle * DEG).toFixed(0)}°`;

export const PRESETS = {
  "fig4-softmax": { title: "Paper, Fig. 4: softmax", setting: { loss: "softmax" } },
  "fig4-m0": { title: "Paper, Fig. 4: LMCL, m = 0", setting: { loss: "cosface", m: 0 } },
  "fig4-m1": { title: "Paper, Fig. 4: LMCL, m = 0.1", setting: { loss: "cosface", m: 0.1 } },
  "fig4-m2": { title: "Paper, Fig. 4: LMCL, m = 0.2", setting: { loss: "cosface", m: 0.2 } },
  beyond: { title: "Beyond the bound: m = 0.4", setting: { loss: "cosface", m: 0.4 } },
  asoftmax: { title: "A-Softmax, m = 2", setting: { loss: "asoftmax", m: 2 } },
  arcface: { title: "ArcFace, m = 0.3", setting: { loss: "arcface", m: 0.3 } },
  "small-s": { title: "A scale too small: s = 2", setting: { loss: "cosface", m: 0.2, s: 2 } },
  "deaf-s": { title: "A scale at which m hardly matters: s = 12", setting: { loss: "cosface", m: 0.2, s: 12 } },
  noise: { title: "One name in five is wrong", setting: { loss: "cosface", m: 0.2, noise: 0.2 } },
  sphere: { title: "Three dimensions: the sphere", setting: { loss: "cosface", m: 0.3, dim: 3 } },
};

export const STOPS = [
  {
    title: "Softmax, on its own",
    begin: (lab) => lab.start({ loss: "softmax" }, 0),
    ask: "A small network will learn eight people with softmax. What shape will one person's features take?",
    choices: ["A round cluster", "A ray from the origin", "A ring around it"],
    answer: 1,
    reveal: (lab) => lab.run(600),
    tell: () =>
      "A ray. Softmax lowers its loss by length as well as by angle, so features run outwards. At test time only directions are compared.",
  },
  {
    title: "Only the angle counts",
    begin: (lab) => lab.start({ loss: "nsl" }, 0),
    ask: "Lengths are now normalised away (NSL). How wide an empty band does the loss demand between two neighbours?",
    choices: ["None", "About 10°", "About 20°"],
    answer: 0,
    reveal: (lab) => lab.run(600),
    tell: () =>
      "None: both boundaries are the same line cosθ₁ = cosθ₂. Whatever gap you see between the clouds, the loss did not ask for it.",
  },
  {
    title: "Take m off the target",
    begin: (lab) => lab.open({ loss: "nsl" }, 300),
    ask: "CosFace subtracts m = 0.2 from the target's cosine. Eight centres stand 45° apart. How wide is the gap between two regions?",
    choices: ["About 11°: 0.2 radians", "About 30°", "Exactly 45°"],
    answer: 1,
    reveal: (lab) => lab.change({ loss: "cosface", m: 0.2 }, 600),
    tell: (lab) =>
      `${degrees(gapOnArc(lab.config(), Math.PI / 4))}: 2·arcsin(m / (2 sin 22.5°)). Watch the clouds draw in behind their new borders, and drag m back to 0: they spread again.`,
  },
  {
    title: "Constant in cosine, not in angle",
    begin: (lab) => lab.open({ loss: "cosface", m: 0.1 }, 300),
    ask: "m is now 0.1. One centre will be moved until two of them are only 30° apart. What happens to the gap between these two?",
    choices: ["It shrinks", "It stays", "It grows"],
    answer: 2,
    reveal: (lab) => lab.closer(30),
    tell: (lab) =>
      `It grows, from ${degrees(gapOnArc(lab.config(), Math.PI / 4))} to ${degrees(gapOnArc(lab.config(), Math.PI / 6))}. Cosine is flat near its top: the same drop costs a larger angle there. Similar people get the wider margin. Press Play: training pushes the centre back.`,
  },
  {
    title: "The same move under A-Softmax",
    begin: (lab) => lab.open({ loss: "asoftmax", m: 2 }, 300),
    ask: "A-Softmax multiplies the angle instead. Two centres are again brought to 30°. And its gap?",
    choices: ["It shrinks", "It stays", "It grows"],
    answer: 0,
    reveal: (lab) => lab.closer(30),
    tell: (lab) =>
      `It shrinks, from ${degrees(gapOnArc(lab.config(), Math.PI / 4))} to ${degrees(gapOnArc(lab.config(), Math.PI / 6))}: the gap is φ(m-1)/(m+1). The closest pairs, which need a margin most, get the least.`,
  },
  {
    title: "Too much of a good thing",
    begin: (lab) => lab.open({ loss: "cosface", m: 0.2 }, 200),
    ask: "On a circle, eight centres leave room for m ≤ 1 - cos 45° = 0.293. What will break at m = 0.4?",
    choices: ["Nothing, the gap just widens", "No region is left, and the loss stays high", "The network returns NaN"],
    answer: 1,
    reveal: (lab) => lab.change({ loss: "cosface", m: 0.4 }, 600),
    tell: (lab) => {
      const { own, nearest } = room(lab.config(), 8, 2);
      return `A sample exactly on its own centre scores ${own.toFixed(2)}, and its neighbour's centre ${nearest.toFixed(2)}: every centre is crossed out, and the loss cannot come near 0.`;
    },
  },
  {
    title: "Scale",
    begin: (lab) => lab.open({ loss: "cosface", m: 0.2 }, 200),
    ask: "Back at m = 0.2. Now s falls from 30 to 2. What can the loss still do?",
    choices: ["Fall to 0 as before", "Only fall to a floor well above 0", "Rise without limit"],
    answer: 1,
    reveal: (lab) => lab.change({ s: 2 }, 600),
    tell: () =>
      `It has a floor: cosines lie between -1 and 1, and s = 2 cannot make a posterior near 1 of them. Even in the best of spaces 0.99 on a class centre needs s ≥ ${minScale(8, 0.99, 0.2).toFixed(1)}.`,
  },
  {
    title: "Wrong names",
    begin: (lab) => lab.open({ loss: "cosface", m: 0.2 }, 200),
    ask: "One picture in five gets the name of somebody else. Whose pull on the network is strongest?",
    choices: ["The typical sample's", "The mislabelled samples'"],
    answer: 1,
    reveal: (lab) => lab.change({ noise: 0.2 }, 600),
    tell: () =>
      "The mislabelled ones, ringed in the true person's colour, sit far from the centre of their given name, where the gradient is largest, and a margin makes it larger still. Compare the held-out accuracy with what it was.",
  },
];
