// The Margin Lab: one state, seven linked views, and the controls that change it.
import { DEG, keepsFeatureNorm, LOSSES, norms } from "./core.js";
import { DATA } from "./data.js";
import { DEFAULTS, Engine } from "./engine.js";
import { control, follow } from "./pointer.js";
import { makeJudge, nearest, room, wedges } from "./regions.js";
import { apply, flatten, fromHash, NUMBERS, toHash } from "./setting.js";
import { PRESETS, STOPS } from "./tour.js";
import { circle, euclid, gauge, gradient, letter, makeTheme, plane, progress, target } from "./views.js";

const STEPS_A_FRAME = 2;
const BURST = 60; // steps between two pictures where motion is to be reduced

// name: [draw, title, explanation, classes]
const VIEWS = {
  euclid: [euclid, "Features as they are", "Tinted: margin kept. Hollow: held out.", "ml-square"],
  circle: [circle, "Directions only", "Drag a centre or a sample.", "ml-square"],
  plane: [plane, "The two cosines", "Both boundaries; between them the margin.", "ml-square"],
  target: [target, "Target logit ψ(θ)", "Solid: this loss. Dashed: cosθ. Grey: samples.", ""],
  gradient: [gradient, "Size of the gradient", "Pull on a sample. Dashed: without margin.", ""],
  progress: [progress, "Training", "The last 600 measurements.", ""],
  gauge: [gauge, "Is there room for m?", "Does every centre fit into its own region?", "ml-wide"],
};
const LABELS = { m: "margin m", m1: "m₁ (times θ)", m2: "m₂ (added to θ)", m3: "m₃ (off cosθ)" };

const field = (title, inner) => `<label class="ml-field">${title}${inner}</label>`;
const choose = (name, title, pairs) => field(title, `<select data-in="${name}">${pairs.map(([value, words]) => `<option value="${value}">${words}</option>`).join("")}</select>`);
const limits = (name, [least, most, step]) => `data-in="${name}" min="${least}" max="${most}" step="${step}"`;
const slider = (name, range, title) =>
  field(title, ` <output data-out="${name}"></output><span class="ml-track"><input type="range" ${limits(name, range)}><i class="ml-limit" data-limit="${name}" hidden></i></span>`);
const button = (action, words, kind = "") => `<button type="button" data-do="${action}" ${kind}>${words}</button>`;
const titles = (things) => Object.entries(things).map(([name, { title }]) => [name, title]);

const PAGE = `
<div class="ml-bar" role="group" aria-label="Training and margin">
<div class="ml-buttons">${button("play", "Play", 'class="ml-main"')}${button("step", "Step")}${button("reset", "Reset")}</div>
${choose("loss", "loss", titles(LOSSES))}
<div class="ml-margins"></div>
</div>
<details class="ml-more"><summary>Settings, presets, tour</summary>
<div class="ml-grid">
${["s", "ids", "noise"].map((name) => slider(name, NUMBERS[name], NUMBERS[name][3])).join("")}
${choose("lr", NUMBERS.lr[3], [0.0003, 0.001, 0.003, 0.01, 0.03].map((v) => [v, v]))}
${field("seed", `<input type="number" ${limits("seed", NUMBERS.seed)}>`)}
${choose("dim", "features in", [[2, "2 dimensions"], [3, "3 dimensions"]])}
${choose("preset", "preset", [["", "choose …"], ...titles(PRESETS)])}
</div>
<div class="ml-buttons">${button("tour", "Guided tour")}${button("link", "Copy link")}</div>
</details>
<section class="ml-tour" aria-label="Guided tour" hidden><h3></h3><p data-tour="ask"></p><div class="ml-buttons" data-tour="choices"></div><p data-tour="tell" aria-live="polite"></p>
<div class="ml-buttons">${button("back", "Back")}${button("next", "Next")}${button("close", "Close tour")}</div></section>
<div class="ml-read"><canvas class="ml-face" aria-hidden="true"></canvas><span class="ml-sample"></span>
${[["step", "step"], ["loss", "loss"], ["accuracy", "accuracy"], ["heldOut", "held out"], ["smallest", "smallest angle"], ["gap", "cloud gap"]].map(([key, title]) => `<span>${title} <b data-read="${key}"></b></span>`).join("")}</div>
<div class="ml-views">${Object.entries(VIEWS).map(([name, [, title, hint, kind]]) => `<figure class="${kind}"><figcaption>${title}<small>${hint}</small></figcaption><canvas data-view="${name}" role="img" tabindex="0" aria-label="${title}"></canvas></figure>`).join("")}</div>
<p class="ml-help">Keys in a picture: ←→ turn the sample, ↑↓ choose another, shift ←→ turn its centre, Esc puts it back; space play, . step, R reset, [ ] margin</p>
<p class="ml-hidden" aria-live="polite" data-live></p>`;

// Left, top, width and height of a picture in the sheet of faces.
function face(id) {
  const [h, w] = DATA.face;
  const column = id % DATA.perClass;
  return [column * w, ((id - column) / DATA.perClass) * h, w, h];
}

export function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "ml";
  root.innerHTML = PAGE;
  el.replaceChildren(root);
  const $ = (selector) => root.querySelector(selector);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const ownsUrl = Boolean(model.get("url"));
  const preset = PRESETS[model.get("preset")]?.setting ?? {};
  let state = apply(apply(DEFAULTS, preset), model.get("setting") ?? {});
  if (ownsUrl && fromHash(location.hash)) {
    state = apply(DEFAULTS, fromHash(location.hash));
    root.scrollIntoView();
  }
  const engine = new Engine(DATA, state);
  const scene = { turn: [0.8, -0.6, 0, 0.24, 0.32, -0.9165, 0.55, 0.733, 0.4] };
  const focus = { index: 0, probe: null, hover: -1 };
  const stats = { steps: 0, trainMs: 0, frames: 0, drawMs: 0, changed: 0, response: 0 };
  let playing = false;
  let paused = false; // by the reader: then a new margin does not start training by itself
  let remaining = 0;
  let visible = true;
  let queued = 0;
  let theme = makeTheme(root);
  let stop = -1; // of the tour
  const faces = new Image();
  faces.onload = () => schedule();
  faces.src = DATA.sheet;

  const views = [...root.querySelectorAll("[data-view]")].map((canvas) => {
    const name = canvas.dataset.view;
    return { name, canvas, draw: VIEWS[name][0], title: VIEWS[name][1], shown: true, spots: new Float64Array(0), handles: [] };
  });

  // -------------------------------------------------------------- from the engine to the scene

  function compose() {
    const { identities: classes, k } = state;
    const { labels, truth, ids, n } = engine.task.train;
    const { features, held, figures, history } = engine;
    const config = engine.config();
    const w = engine.net.centres.value;
    const lengths = norms(features, n, k);
    const sorted = Float64Array.from(lengths).sort();
    const wide = sorted[Math.floor(0.98 * (n - 1))] * 1.25;
    const cosines = new Float64Array(2 * n);
    for (let i = 0; i < n; i++) {
      const near = nearest(features, i, labels[i], w, classes, k);
      cosines[2 * i] = near.cosOwn;
      cosines[2 * i + 1] = near.cosRival;
    }
    if (focus.index >= n) [focus.index, focus.probe] = [0, null];
    const index = focus.hover >= 0 && focus.hover < n ? focus.hover : focus.index;
    const x = focus.probe && index === focus.index && focus.probe.length === k ? focus.probe : features.slice(index * k, index * k + k);
    const judge = makeJudge(config, w, classes, k);
    const rw = norms(w, classes, k);
    const inside = Array.from({ length: classes }, (_, j) => {
      const { best, holds } = judge(...w.slice(j * k, j * k + k).map((v) => v / rw[j]));
      return best === j && holds;
    });
    // The frame follows the features slowly, so that their growth is seen and not only the axis changing.
    const reach = engine.steps && scene.reach && scene.k === k ? scene.reach + 0.15 * (wide - scene.reach) : wide;
    Object.assign(scene, {
      theme, config, classes, k, w, features, held, heldTruth: engine.task.test.truth, labels, truth, figures, history, lengths, cosines,
      inside, reach, faces: faces.complete && faces.naturalWidth ? faces : null,
      wedges: k === 2 ? wedges(config, w, classes) : [],
      // Each class shows its first picture, the picked sample's class that sample.
      portrait: (j) => face(truth[index] === j ? ids[index] : j * DATA.perClass),
      focus: { index, x, norm: norms(x, 1, k)[0], ...nearest(x, 0, labels[index], w, classes, k) },
    });
    const { own, rival, cosOwn, cosRival } = scene.focus;
    const angle = (c) => `${(Math.acos(Math.max(-1, Math.min(1, c))) * DEG).toFixed(1)}°`;
    const judged = judge(...x.map((v) => v / scene.focus.norm));
    const verdict = judged.best !== own ? "taken for somebody else" : judged.holds ? "right, margin kept" : "right, but inside the margin";
    scene.sentence = `Sample of ${letter(own)}${truth[index] === own ? "" : ` (really ${letter(truth[index])})`}${x === focus.probe ? ", moved by hand" : ""}: ${angle(cosOwn)} from its centre, ${angle(cosRival)} from ${letter(rival)}; ${verdict}.`;
    scene.faceId = ids[index];
  }

  function draw() {
    const begin = performance.now();
    compose();
    for (const view of views) {
      if (!view.shown) continue;
      const { canvas } = view;
      const [W, H] = [canvas.clientWidth, canvas.clientHeight];
      if (!W || !H) continue;
      const ratio = Math.min(2, devicePixelRatio || 1);
      if (canvas.width !== Math.round(W * ratio) || canvas.height !== Math.round(H * ratio))
        [canvas.width, canvas.height] = [Math.round(W * ratio), Math.round(H * ratio)];
      if (view.spots.length !== 2 * scene.labels.length) view.spots = new Float64Array(2 * scene.labels.length);
      const ctx = canvas.getContext("2d");
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      ctx.clearRect(0, 0, W, H);
      Object.assign(scene, { spots: view.spots, handles: [], focusSpot: null });
      view.draw(ctx, W, H, scene);
      Object.assign(view, { handles: scene.handles, focusSpot: scene.focusSpot, cx: scene.cx, cy: scene.cy, unit: scene.unit });
    }
    readouts();
    const now = performance.now();
    stats.frames += 1;
    stats.drawMs += now - begin;
    if (stats.changed) [stats.response, stats.changed] = [now - stats.changed, 0];
  }

  function readouts() {
    const { loss, accuracy, heldOut, smallest, gap } = scene.figures;
    const percent = (v) => `${(100 * v).toFixed(1)} %`;
    const shown = {
      step: engine.steps, loss: loss.toFixed(3), accuracy: percent(accuracy), heldOut: percent(heldOut),
      smallest: `${(smallest * DEG).toFixed(1)}°`, gap: `${(gap * DEG).toFixed(1)}°`,
    };
    if (scene.config.lam) shown.step += `, λ ${scene.config.lam.toFixed(2)}`;
    for (const [key, value] of Object.entries(shown)) $(`[data-read="${key}"]`).textContent = value;
    $(".ml-sample").textContent = scene.sentence;
    for (const view of views) view.canvas.setAttribute("aria-label", `${view.title}. ${scene.sentence}`);
    const canvas = $(".ml-face");
    if (scene.faces) {
      [canvas.width, canvas.height] = [48, 56];
      canvas.getContext("2d").drawImage(scene.faces, ...face(scene.faceId), 0, 0, 48, 56);
    }
  }

  // -------------------------------------------------------------- the loop

  function train(most, budget) {
    const begin = performance.now();
    let done = 0;
    do {
      engine.step();
      done += 1;
    } while (done < most && performance.now() - begin < budget);
    stats.steps += done;
    stats.trainMs += performance.now() - begin;
    remaining -= done;
  }

  function tick() {
    queued = 0;
    // After a change the picture comes first: the regions answer the reader before the network does.
    if (playing && visible && !stats.changed) train(calm.matches ? BURST : STEPS_A_FRAME, calm.matches ? 300 : 9);
    engine.measure(playing && visible);
    draw();
    if (playing && remaining <= 0) pause("Settled");
    if (playing && visible) schedule();
  }

  function schedule() {
    if (queued) return;
    queued = 1;
    if (calm.matches && playing && stats.frames) setTimeout(tick, 400);
    else requestAnimationFrame(tick);
  }

  function showPlaying() {
    $('[data-do="play"]').textContent = playing ? "Pause" : "Play";
  }

  function play(steps) {
    remaining = Math.max(remaining, steps);
    playing = true;
    paused = false;
    showPlaying();
    schedule();
  }

  function pause(why) {
    playing = false;
    remaining = 0;
    showPlaying();
    const { loss, accuracy, smallest } = engine.figures;
    say(`${why} at step ${engine.steps}: loss ${loss.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(0)} %, smallest angle between centres ${(smallest * DEG).toFixed(0)}°`);
    model.set("figures", { step: engine.steps, ...engine.figures });
    model.save_changes();
  }

  const say = (words) => ($("[data-live]").textContent = words);

  // -------------------------------------------------------------- controls

  function marginSliders() {
    const { margins } = LOSSES[state.loss];
    $(".ml-margins").innerHTML = Object.entries(margins).map(([key, range]) => slider(key, range, LABELS[key])).join("") ||
      '<span class="ml-field">this loss has no margin</span>';
  }

  function showSetting() {
    const flat = flatten(state);
    for (const input of root.querySelectorAll("[data-in]")) {
      const name = input.dataset.in;
      // A number that is being typed is left alone.
      if (name in flat && (input.type !== "number" || document.activeElement !== input)) input.value = flat[name];
    }
    for (const out of root.querySelectorAll("[data-out]")) {
      const value = flat[out.dataset.out];
      out.textContent = out.dataset.out === "noise" ? `${Math.round(100 * value)} %` : Number(value.toFixed(3));
    }
    $('[data-in="s"]').disabled = !LOSSES[state.loss].needsS;
    if (!LOSSES[state.loss].needsS) $('[data-out="s"]').textContent = keepsFeatureNorm(state.loss) ? "‖x‖" : "";
    const { limit } = room(engine.config(), state.identities, state.k);
    const last = state.loss === "combined" ? "m3" : "m";
    const tick = $(`[data-limit="${last}"]`);
    if (tick) {
      const [least, most] = LOSSES[state.loss].margins[last];
      tick.hidden = !(limit <= most);
      tick.style.left = `calc(8px + (100% - 16px) * ${(limit - least) / (most - least)} - 1px)`;
      if (limit <= most) $(`[data-out="${last}"]`).textContent += ` (bound ${limit.toFixed(3)})`;
    }
  }

  let writing = 0;
  function change(flat, steps = 600) {
    const next = apply(state, flat);
    const other = next.loss !== state.loss;
    state = next;
    engine.update(state);
    if (other) marginSliders();
    if (focus.probe && focus.probe.length !== state.k) focus.probe = null;
    showSetting();
    stats.changed = performance.now();
    if (steps && !paused) play(steps);
    else schedule();
    if (model.get("setting") !== undefined) {
      model.set("setting", flatten(state));
      model.save_changes();
    }
    if (!ownsUrl) return;
    clearTimeout(writing);
    writing = setTimeout(() => history.replaceState(null, "", toHash(state)), 200); // browsers limit how often it may be called
  }

  const actions = {
    play: () => {
      if (!playing) return play(2000);
      paused = true;
      pause("Paused");
    },
    step: () => {
      if (playing) pause("Paused");
      paused = true;
      train(1, 0);
      remaining = 0;
      engine.measure(true);
      schedule();
    },
    reset: () => {
      engine.reset();
      focus.probe = null;
      schedule();
      say("Reset");
    },
    tour: () => visit(0),
    link: async () => {
      const url = location.href.split("#")[0] + toHash(state);
      try {
        await navigator.clipboard.writeText(url);
        say("Link copied");
        $('[data-do="link"]').textContent = "Link copied";
        setTimeout(() => ($('[data-do="link"]').textContent = "Copy link"), 2000);
      } catch {
        prompt("Link to this setting", url); // no clipboard, as on some pages opened from disk
      }
    },
    back: () => visit(stop - 1),
    next: () => visit(stop + 1),
    close: () => {
      stop = -1;
      $(".ml-tour").hidden = true;
      $('[data-do="tour"]').focus();
    },
  };

  // -------------------------------------------------------------- the tour

  const lab = {
    start(flat, steps) {
      if (playing) pause("Paused");
      paused = false;
      state = { ...apply(DEFAULTS, flat), seed: state.seed };
      engine.update(state);
      engine.reset();
      focus.probe = null;
      marginSliders();
      change({}, steps);
    },
    change,
    run: play,
    // Turns the centre next to the picked sample's own until the two are `degrees` apart.
    closer(degrees) {
      if (playing) pause("Paused");
      const { own, rival } = scene.focus;
      const w = engine.net.centres.value;
      const at = (j) => Math.atan2(w[2 * j + 1], w[2 * j]);
      const side = Math.sin(at(rival) - at(own)) >= 0 ? 1 : -1;
      const angle = at(own) + (side * degrees) / DEG;
      engine.net.moveCentre(rival, [Math.cos(angle), Math.sin(angle)]);
      schedule();
    },
    config: () => engine.config(),
    figures: () => engine.figures,
  };

  function visit(at) {
    stop = Math.max(0, Math.min(STOPS.length - 1, at));
    const { title, begin, ask, choices, answer, reveal, tell } = STOPS[stop];
    begin(lab);
    schedule();
    $(".ml-tour").hidden = false;
    $(".ml-tour h3").textContent = `${stop + 1} of ${STOPS.length}: ${title}`;
    $('[data-tour="ask"]').textContent = ask;
    $('[data-tour="tell"]').textContent = "";
    $('[data-do="back"]').disabled = stop === 0;
    $('[data-do="next"]').disabled = stop === STOPS.length - 1;
    const box = $('[data-tour="choices"]');
    box.innerHTML = choices.map((choice, i) => `<button type="button" data-choice="${i}">${choice}</button>`).join("");
    box.onclick = (event) => {
      const chosen = event.target.dataset.choice;
      if (chosen === undefined || $('[data-tour="tell"]').textContent) return;
      box.querySelector(`[data-choice="${answer}"]`).dataset.right = "true";
      if (Number(chosen) !== answer) event.target.dataset.right = "false";
      reveal(lab);
      $('[data-tour="tell"]').textContent = `${Number(chosen) === answer ? "Yes." : "Not quite."} ${tell(lab)}`;
    };
    box.querySelector("button").focus({ preventScroll: true });
  }

  // -------------------------------------------------------------- wiring

  const wires = new AbortController();
  const on = (thing, name, f, extra = {}) => thing.addEventListener(name, f, { signal: wires.signal, ...extra });
  on(root, "input", ({ target: input }) => {
    const name = input.dataset.in;
    if (!name || name === "preset") return;
    change({ [name]: input.value });
  });
  on(root, "change", ({ target: input }) => {
    if (input.dataset.in !== "preset" || !(input.value in PRESETS)) return;
    lab.start(PRESETS[input.value].setting, 900);
    input.value = "";
  });
  on(root, "click", (event) => actions[event.target.dataset.do]?.());
  const api = { scene, focus, engine, views, state: () => state, schedule, change, actions, letter, root };
  control(api, on);
  follow(api, on);
  // A link is the whole setting: what it does not name is as at the start.
  if (ownsUrl)
    on(window, "hashchange", () => {
      const flat = fromHash(location.hash);
      if (!flat) return;
      root.scrollIntoView();
      state = DEFAULTS;
      change(flat);
      marginSliders();
      showSetting();
    });
  const restyle = () => {
    theme = makeTheme(root);
    schedule();
  };
  const looks = new MutationObserver(restyle);
  for (const node of [document.documentElement, document.body])
    looks.observe(node, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "class"] });
  on(matchMedia("(prefers-color-scheme: dark)"), "change", restyle);
  const sizes = new ResizeObserver(() => schedule());
  sizes.observe(root);
  let met = false;
  const sight = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const view = views.find(({ canvas }) => canvas === entry.target);
      if (view) view.shown = entry.isIntersecting;
      else visible = entry.isIntersecting;
    }
    if (visible && !met) {
      met = true;
      play(900);
    } else if (visible) schedule();
  }, { rootMargin: "100px" });
  for (const { canvas } of views) sight.observe(canvas);
  sight.observe(root);
  if (model.on) model.on("change:setting", () => {
    const flat = model.get("setting") ?? {};
    if (JSON.stringify({ ...flatten(state), ...flat }) !== JSON.stringify(flatten(state))) change(flat);
  });

  $(".ml-more").open = root.clientWidth >= 560;
  marginSliders();
  showSetting();
  engine.measure(true);
  draw();
  // For tests and for the curious: what the page knows about itself.
  root.lab = { engine, stats, scene, views, state: () => state, playing: () => playing };
  return () => {
    wires.abort();
    [looks, sizes, sight].forEach((observer) => observer.disconnect());
    playing = false;
  };
}

// In a built page: every waiting element becomes a lab. Only the first one speaks through the URL.
export function mountAll() {
  document.querySelectorAll("[data-margin-lab]:not([data-mounted])").forEach((el, i) => {
    el.dataset.mounted = "true";
    const values = { preset: el.dataset.preset, url: i === 0 };
    render({ el, model: { get: (name) => values[name], set() {}, save_changes() {} } });
  });
}
