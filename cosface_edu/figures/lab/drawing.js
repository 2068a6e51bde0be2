// The scene on the page: the views' canvases and the line of figures above them.
import { DEG } from "./core.js";
import { penOf } from "./pen.js";
import { compose, face } from "./scene.js";
import { circle, euclid, gauge, gradient, plane, progress, target } from "./views.js";

// name: [draw, title, explanation, classes]
export const VIEWS = {
  euclid: [euclid, "Features as they are", "Tinted: margin kept. Hollow: held out.", "ml-square"],
  circle: [circle, "Directions only", "Drag a centre or a sample.", "ml-square"],
  plane: [plane, "The two cosines", "Both boundaries; between them the margin.", "ml-square"],
  target: [target, "Target logit ψ(θ)", "Solid: this loss. Dashed: cosθ. Grey: samples.", ""],
  gradient: [gradient, "Size of the gradient", "Pull on a sample. Dashed: without margin.", ""],
  progress: [progress, "Training", "The last 600 measurements.", ""],
  gauge: [gauge, "Is there room for m?", "Does every centre fit into its own region?", "ml-wide"],
};

const FIGURES = [["step", "step"], ["loss", "loss"], ["accuracy", "accuracy"], ["heldOut", "held out"], ["smallest", "smallest angle"], ["gap", "cloud gap"]];

const drawnView = (name, [, title, hint, kind]) =>
  `<figure class="${kind}"><figcaption>${title}<small>${hint}</small></figcaption>` +
  `<canvas data-view="${name}" role="application" aria-roledescription="picture" tabindex="0" aria-label="${title}"></canvas></figure>`;

export const PICTURES = `
<div class="ml-read"><canvas class="ml-face" aria-hidden="true"></canvas><span class="ml-sample"></span>
${FIGURES.map(([key, title]) => `<span>${title} <b data-read="${key}"></b></span>`).join("")}</div>
<div class="ml-views">${Object.entries(VIEWS).map((view) => drawnView(...view)).join("")}</div>`;

// What drawing and the pointer know of each canvas.
export function findViews(root) {
  return [...root.querySelectorAll("[data-view]")].map((canvas) => {
    const name = canvas.dataset.view;
    return { name, canvas, draw: VIEWS[name][0], title: VIEWS[name][1], shown: true, spots: new Float64Array(0), handles: [] };
  });
}

function drawView(view, scene) {
  const pen = penOf(view.canvas);
  if (!pen) return;
  if (view.spots.length !== 2 * scene.labels.length) view.spots = new Float64Array(2 * scene.labels.length);
  Object.assign(scene, { spots: view.spots, handles: [], focusSpot: null });
  view.draw(pen.ctx, pen.W, pen.H, scene);
  const { handles, focusSpot, cx, cy, unit } = scene;
  Object.assign(view, { handles, focusSpot, cx, cy, unit });
}

function readouts(root, lab, views) {
  const { scene, engine } = lab;
  const { loss, accuracy, heldOut, smallest, gap } = scene.figures;
  const percent = (v) => `${(100 * v).toFixed(1)} %`;
  const degrees = (v) => `${(v * DEG).toFixed(1)}°`;
  const shown = {
    step: engine.steps, loss: loss.toFixed(3), accuracy: percent(accuracy), heldOut: percent(heldOut),
    smallest: degrees(smallest), gap: degrees(gap),
  };
  if (scene.config.lam) shown.step += `, λ ${scene.config.lam.toFixed(2)}`;
  for (const [key, value] of Object.entries(shown)) root.querySelector(`[data-read="${key}"]`).textContent = value;
  root.querySelector(".ml-sample").textContent = scene.sentence;
  for (const view of views) view.canvas.setAttribute("aria-label", `${view.title}. ${scene.sentence}`);
  const canvas = root.querySelector(".ml-face");
  if (!scene.faces) return;
  [canvas.width, canvas.height] = [48, 56];
  canvas.getContext("2d").drawImage(scene.faces, ...face(scene.focus.id), 0, 0, 48, 56);
}

// Draws the views in sight and writes the figures; the time that it took goes into lab.stats.
export function draw(root, lab, views) {
  const { stats } = lab;
  const begin = performance.now();
  compose(lab);
  for (const view of views) if (view.shown) drawView(view, lab.scene);
  readouts(root, lab, views);
  const now = performance.now();
  stats.frames += 1;
  stats.drawMs += now - begin;
  if (stats.changed) [stats.response, stats.changed] = [now - stats.changed, 0];
}
