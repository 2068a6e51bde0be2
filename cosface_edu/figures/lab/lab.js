// The Margin Lab: one state, seven linked views, and the controls that change it.
import { mountBuild } from "./build.js";
import { DEG, LOSSES } from "./core.js";
import { DATA } from "./data.js";
import { GALLERY } from "./expression.js";
import { DEFAULTS } from "./engine.js";
import { fromHash, toHash } from "./setting.js";
import { PRESETS } from "./tour.js";
import { Lab } from "./state.js";
import { makeTheme } from "./pen.js";
import { draw, findViews, PICTURES } from "./drawing.js";
import { Loop } from "./loop.js";
import { BAR, showMargins, showSetting, showVerdict } from "./controls.js";
import { BOX, Guide } from "./guide.js";
import { control, follow } from "./pointer.js";

const PAGE = `${BAR}${BOX}${PICTURES}
<p class="ml-help">Keys in a picture: ←→ turn the sample, ↑↓ choose another, shift ←→ turn its centre, Esc puts it back; space play, . step, R reset, [ ] margin</p>
<p class="ml-hidden" aria-live="polite" data-live></p>`;

// The flat setting to begin with, and whether the address gave it.
function opening(model, ownsUrl) {
  const linked = ownsUrl ? fromHash(location.hash) : null;
  const preset = Object.hasOwn(PRESETS, model.get("preset")) ? PRESETS[model.get("preset")].setting : {};
  return { flat: linked ?? { ...preset, ...model.get("setting") }, linked: Boolean(linked) };
}

// Says the setting to the page around the lab: to a widget's Python side, and in the address.
function makeSpeaker(model, lab, ownsUrl) {
  let writing = 0;
  return () => {
    if (model.get("setting") !== undefined) {
      model.set("setting", lab.flat());
      model.save_changes();
    }
    if (!ownsUrl) return;
    clearTimeout(writing);
    writing = setTimeout(() => history.replaceState(null, "", toHash(lab.setting)), 200); // browsers limit how often it may be called
  };
}

async function copyLink(url, button, say) {
  try {
    await navigator.clipboard.writeText(url);
    say("Link copied");
    button.textContent = "Link copied";
    setTimeout(() => (button.textContent = "Copy link"), 2000);
  } catch {
    prompt("Link to this setting", url); // no clipboard, as on some pages opened from disk
  }
}

// Watches the page's mode, the lab's size and what is in sight; returns a function that ends it.
function watch(root, lab, views, loop, on, seen) {
  const restyle = () => {
    lab.theme = makeTheme(root);
    loop.schedule();
  };
  const looks = new MutationObserver(restyle);
  for (const node of [document.documentElement, document.body])
    looks.observe(node, { attributes: true, attributeFilter: ["data-theme", "data-jp-theme-light", "class"] });
  on(matchMedia("(prefers-color-scheme: dark)"), "change", restyle);
  const sizes = new ResizeObserver(() => {
    // The bar sticks below the book's own header, whose height is not the one that its theme names.
    root.style.setProperty("--ml-top", `${document.querySelector(".bd-header-article")?.offsetHeight ?? 0}px`);
    loop.schedule();
  });
  sizes.observe(root);
  let met = false;
  const sight = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const view = views.find(({ canvas }) => canvas === entry.target);
      if (view) view.shown = entry.isIntersecting;
      else loop.visible = entry.isIntersecting;
    }
    if (loop.visible && !met) {
      met = true;
      seen();
    } else if (loop.visible) loop.schedule();
  }, { rootMargin: "100px" });
  for (const { canvas } of views) sight.observe(canvas);
  sight.observe(root);
  return () => [looks, sizes, sight].forEach((observer) => observer.disconnect());
}

export function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "ml";
  root.innerHTML = PAGE;
  el.replaceChildren(root);
  const $ = (selector) => root.querySelector(selector);
  const ownsUrl = Boolean(model.get("url"));
  const { flat: first, linked } = opening(model, ownsUrl);
  if (linked) root.scrollIntoView();
  const lab = new Lab(first);
  const views = findViews(root);
  const speak = makeSpeaker(model, lab, ownsUrl);
  const say = (words) => ($("[data-live]").textContent = words);
  const loop = new Loop(lab, () => draw(root, lab, views), (why) => {
    $('[data-do="play"]').textContent = loop.playing ? "Pause" : "Play";
    if (why === null) return;
    const { loss, accuracy, smallest } = lab.engine.figures;
    say(`${why} at step ${lab.engine.steps}: loss ${loss.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(0)} %, smallest angle between centres ${(smallest * DEG).toFixed(0)}°`);
    model.set("figures", { step: lab.engine.steps, ...lab.engine.figures });
    model.save_changes();
  });
  const schedule = () => loop.schedule();

  function answer(steps) {
    showSetting(root, lab);
    showVerdict(root, lab.setting);
    if (steps && !loop.paused) loop.play(steps);
    else loop.schedule();
    speak();
  }

  function change(flat, steps = 600, base = lab.setting) {
    const { loss } = lab.setting;
    lab.change(flat, base);
    if (lab.setting.loss !== loss) showMargins(root, lab.setting);
    answer(steps);
  }

  // From the first step, or from a trained network.
  function start(flat, steps, trained = false) {
    if (loop.playing) loop.pause("Paused");
    loop.paused = false;
    if (trained) lab.reopen(flat);
    else lab.restart(flat);
    showMargins(root, lab.setting);
    answer(steps);
  }

  const guide = new Guide(root, {
    start,
    open: (flat, steps) => start(flat, steps, true),
    change,
    run: (steps) => loop.play(steps),
    closer(degrees) {
      if (loop.playing) loop.pause("Paused");
      lab.closer(degrees);
      loop.schedule();
    },
    config: () => lab.engine.config(),
    figures: () => lab.engine.figures,
  });

  const actions = {
    play: () => (loop.playing ? loop.hold() : loop.play(2000)),
    step: () => loop.single(),
    reset: () => {
      lab.reset();
      loop.schedule();
      say("Reset");
    },
    link: () => copyLink(location.href.split("#")[0] + toHash(lab.setting), $('[data-do="link"]'), say),
    tour: () => guide.visit(0),
    back: () => guide.visit(guide.stop - 1),
    next: () => guide.visit(guide.stop + 1),
    close: () => guide.close(),
  };

  const wires = new AbortController();
  const on = (thing, name, f, extra = {}) => thing.addEventListener(name, f, { signal: wires.signal, ...extra });
  on(root, "input", ({ target: input }) => {
    const name = input.dataset.in;
    if (!name || name === "preset") return;
    change({ [name]: input.value });
  });
  on(root, "change", ({ target: input }) => {
    if (!input.matches("[data-gallery]") || !input.value) return;
    const [, psi, remark] = GALLERY[input.value];
    change({ psi });
    showVerdict(root, lab.setting, remark);
    input.value = "";
  });
  on(root, "change", ({ target: input }) => {
    if (input.dataset.in !== "preset" || !Object.hasOwn(PRESETS, input.value)) return;
    start(PRESETS[input.value].setting, 600);
    input.value = "";
  });
  // A number outside its limits may be typed: once it is, what is used is shown.
  on(root, "change", ({ target: input }) => {
    if (input.type === "number") input.value = lab.flat()[input.dataset.in];
  });
  on(root, "click", ({ target: pressed }) => {
    const action = pressed.dataset.do;
    if (Object.hasOwn(actions, action)) actions[action]();
  });
  control({ lab, views, schedule, change, actions, say }, on);
  follow({ lab, views, schedule }, on);
  // A link is the whole setting: what it does not name is as at the start.
  if (ownsUrl) {
    const open = () => {
      const flat = fromHash(location.hash);
      if (!flat) return;
      root.scrollIntoView();
      change(flat, 600, DEFAULTS);
    };
    on(window, "hashchange", open);
    // A link to where the address is already changes no hash.
    on(document, "click", ({ target }) => target.closest('a[href^="#lab&"]')?.hash === location.hash && open());
  }
  if (model.on) model.on("change:setting", () => {
    const flat = model.get("setting") ?? {};
    if (JSON.stringify({ ...lab.flat(), ...flat }) !== JSON.stringify(lab.flat())) change(flat);
  });
  const unwatch = watch(root, lab, views, loop, on, () => loop.play(900));

  const faces = new Image();
  faces.onload = () => {
    lab.faces = faces;
    loop.schedule();
  };
  faces.src = DATA.sheet;
  lab.theme = makeTheme(root);
  $(".ml-more").open = root.clientWidth >= 560;
  showMargins(root, lab.setting);
  showSetting(root, lab);
  showVerdict(root, lab.setting);
  lab.engine.measure(true);
  draw(root, lab, views);
  // For tests and for the curious: what the page knows about itself.
  const { engine, stats, scene } = lab;
  root.lab = { engine, stats, scene, views, state: () => lab.setting, playing: () => loop.playing };
  return () => {
    wires.abort();
    unwatch();
    loop.playing = false;
  };
}

// In a built page: every waiting element becomes a lab. Only the first one speaks through the URL.
export function mountAll() {
  document.querySelectorAll("[data-margin-lab]:not([data-mounted])").forEach((el, i) => {
    el.dataset.mounted = "true";
    const values = { preset: el.dataset.preset, url: i === 0 };
    render({ el, model: { get: (name) => values[name], set() {}, save_changes() {} } });
  });
  document.querySelectorAll("[data-margin-build]:not([data-mounted])").forEach((el) => {
    el.dataset.mounted = "true";
    mountBuild(el);
  });
}
