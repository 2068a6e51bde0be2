// From the network to what the views show: one scene, computed anew for each picture.
import { DEG, norms } from "./core.js";
import { DATA } from "./data.js";
import { makeJudge, nearest, wedges } from "./regions.js";

export const letter = (j) => String.fromCharCode(65 + j);

// Left, top, width and height of a picture in the sheet of faces.
export function face(id) {
  const [h, w] = DATA.face;
  const column = id % DATA.perClass;
  return [column * w, ((id - column) / DATA.perClass) * h, w, h];
}

// The longest feature that the frame must hold, without the longest 2 %. It is followed slowly, so that the growth of
// the features is seen and not only the axis changing.
function reachOf(lab, lengths) {
  const { engine, scene, setting } = lab;
  const sorted = Float64Array.from(lengths).sort();
  const wide = sorted[Math.floor(0.98 * (sorted.length - 1))] * 1.25;
  const follows = engine.steps && scene.reach && scene.k === setting.k;
  return follows ? scene.reach + 0.15 * (wide - scene.reach) : wide;
}

// Cosines to the own centre and to the nearest other one, sample after sample.
function cosinesOf(features, labels, w, classes, k) {
  const cosines = new Float64Array(2 * labels.length);
  for (let i = 0; i < labels.length; i++) {
    const near = nearest(features, i, labels[i], w, classes, k);
    cosines[2 * i] = near.cosOwn;
    cosines[2 * i + 1] = near.cosRival;
  }
  return cosines;
}

// The sample that is looked at: the one under the pointer, else the picked one, where it was moved to.
function focusOf(lab, w) {
  const { focus, setting } = lab;
  const { identities: classes, k } = setting;
  const { labels, truth, ids, n } = lab.engine.task.train;
  if (focus.index >= n) [focus.index, focus.probe] = [0, null];
  const index = focus.hover >= 0 && focus.hover < n ? focus.hover : focus.index;
  const moved = focus.probe && index === focus.index && focus.probe.length === k;
  const x = moved ? focus.probe : lab.engine.features.slice(index * k, index * k + k);
  const found = nearest(x, 0, labels[index], w, classes, k);
  return { index, x, moved, id: ids[index], truth: truth[index], norm: norms(x, 1, k)[0], ...found };
}

function sentenceOf({ own, rival, cosOwn, cosRival, truth, moved, x, norm }, judge) {
  const angle = (c) => `${(Math.acos(Math.max(-1, Math.min(1, c))) * DEG).toFixed(1)}°`;
  const judged = judge(...Array.from(x, (v) => v / norm));
  const verdict = judged.best !== own ? "taken for somebody else" : judged.holds ? "right, margin kept" : "right, but inside the margin";
  const who = `Sample of ${letter(own)}${truth === own ? "" : ` (really ${letter(truth)})`}${moved ? ", moved by hand" : ""}`;
  return `${who}: ${angle(cosOwn)} from its centre, ${angle(cosRival)} from ${letter(rival)}; ${verdict}.`;
}

// Everything that a view draws, put into lab.scene.
export function compose(lab) {
  const { engine, scene, setting } = lab;
  const { identities: classes, k } = setting;
  const { labels, truth, n } = engine.task.train;
  const { features, held, figures, history } = engine;
  const config = engine.config();
  const w = engine.net.centres.value;
  const lengths = norms(features, n, k);
  const judge = makeJudge(config, w, classes, k);
  const rw = norms(w, classes, k);
  // Whether each centre lies in its own region.
  const inside = Array.from({ length: classes }, (_, j) => {
    const { best, holds } = judge(...Array.from(w.subarray(j * k, j * k + k), (v) => v / rw[j]));
    return best === j && holds;
  });
  const focus = focusOf(lab, w);
  Object.assign(scene, {
    theme: lab.theme, faces: lab.faces, reach: reachOf(lab, lengths), config, classes, k, w, features, held,
    heldTruth: engine.task.test.truth, labels, truth, figures, history, lengths, inside, focus,
    cosines: cosinesOf(features, labels, w, classes, k),
    wedges: k === 2 ? wedges(config, w, classes) : [],
    // Each class shows its first picture, the picked sample's class that sample.
    portrait: (j) => face(focus.truth === j ? focus.id : j * DATA.perClass),
    sentence: sentenceOf(focus, judge),
  });
  return scene;
}
