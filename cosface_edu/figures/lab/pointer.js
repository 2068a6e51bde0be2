// Mouse, touch and keyboard on the views: hover, pick, drag a sample or a centre, turn the sphere.
import { LOSSES, norms } from "./core.js";
import { unproject } from "./globe.js";
import { zoomOf } from "./pen.js";

const NEAR = 16; // pixels

// In units of the picture.
function spot(canvas, { clientX, clientY }) {
  const [box, zoom] = [canvas.getBoundingClientRect(), zoomOf(canvas)];
  return [(clientX - box.left) / zoom, (clientY - box.top) / zoom];
}

// Rows of the camera's matrix after a turn by (dx, dy) radians, kept orthonormal.
function turned(t, dx, dy) {
  const mix = (a, b, angle) => a.map((v, i) => v * Math.cos(angle) + b[i] * Math.sin(angle));
  let [right, up, out] = [t.slice(0, 3), t.slice(3, 6), t.slice(6)];
  [right, out] = [mix(right, out, -dx), mix(out, right, dx)];
  [up, out] = [mix(up, out, -dy), mix(out, up, dy)];
  return [...right, ...up, ...out];
}

// What lies under the pointer: { centre } or { sample }, or null.
function under(view, [x, y]) {
  const far = (p) => Math.hypot(p[0] - x, p[1] - y);
  let best = NEAR;
  let hit = null;
  view.handles.forEach((handle, j) => {
    if (far(handle) < best) [best, hit] = [far(handle), { centre: j }];
  });
  if (hit) return hit;
  if (view.focusSpot && far(view.focusSpot) < NEAR) return { sample: -1 };
  for (let i = 0; i < view.spots.length / 2; i++) {
    const d = Math.hypot(view.spots[2 * i] - x, view.spots[2 * i + 1] - y);
    if (d < best) [best, hit] = [d, { sample: i }];
  }
  return hit;
}

export function follow({ lab, views, schedule }, on) {
  const { scene, focus, engine } = lab;
  const spatial = (view) => view.name === "euclid" || view.name === "circle";
  const curve = (view) => view.name === "target" || view.name === "gradient";

  // The sample goes where the pointer is: in the first two views by direction (and length), in the curves by θ.
  function moveSample(view, [x, y]) {
    const { k, w, focus: now } = scene;
    if (curve(view)) {
      const wide = view.canvas.clientWidth / zoomOf(view.canvas);
      const theta = Math.max(0, Math.min(Math.PI, ((x - 38) / (wide - 54)) * Math.PI));
      const rw = norms(w, scene.classes, k);
      const u = Array.from({ length: k }, (_, d) => w[now.own * k + d] / rw[now.own]);
      // Along the arc on which the sample lies now, or towards the rival where it lies on its centre.
      let v = Array.from({ length: k }, (_, d) => now.x[d] / now.norm - now.cosOwn * u[d]);
      if (Math.hypot(...v) < 1e-3) v = Array.from({ length: k }, (_, d) => w[now.rival * k + d] - u[d]);
      const size = norms(v, 1, k)[0];
      focus.probe = Float64Array.from(u, (value, d) => now.norm * (value * Math.cos(theta) + (v[d] / size) * Math.sin(theta)));
      return;
    }
    const [dx, dy] = [(x - view.cx) / view.unit, (y - view.cy) / view.unit];
    let length = now.norm;
    if (view.name === "euclid") length = k === 2 ? Math.max(0.02 * scene.reach, Math.hypot(dx, dy)) : now.norm;
    const share = view.name === "euclid" && k === 3 ? 1 / now.norm : 1;
    focus.probe = Float64Array.from(unproject(scene, dx * share, dy * share), (v) => v * length);
  }

  for (const view of views) {
    const { canvas } = view;
    let drag = null;
    on(canvas, "touchstart", (event) => {
      if (curve(view) || (spatial(view) && under(view, spot(canvas, event.touches[0])))) event.preventDefault();
    }, { passive: false });
    on(canvas, "pointerdown", (event) => {
      const at = spot(canvas, event);
      const hit = under(view, at);
      if (hit && hit.sample >= 0) [focus.index, focus.probe] = [hit.sample, null];
      if (curve(view)) drag = { sample: focus.index, at, moved: true };
      else if (spatial(view) && hit) drag = { ...hit, at, moved: false };
      else if (spatial(view) && scene.k === 3) drag = { turn: true, at };
      if (drag) canvas.setPointerCapture(event.pointerId);
      if (curve(view)) moveSample(view, at);
      focus.hover = -1;
      schedule();
    });
    on(canvas, "pointermove", (event) => {
      const at = spot(canvas, event);
      if (!drag) {
        const hit = under(view, at);
        const hover = hit?.sample ?? -1;
        scene.hotCentre = hit?.centre ?? -1;
        if (spatial(view)) canvas.style.cursor = hit ? "grab" : "crosshair";
        if (hover !== focus.hover || hit?.centre !== undefined) {
          focus.hover = hover;
          schedule();
        }
        return;
      }
      if (!drag.moved && Math.hypot(at[0] - drag.at[0], at[1] - drag.at[1]) < 4) return;
      drag.moved = true;
      if (drag.turn) {
        scene.turn = turned(scene.turn, (at[0] - drag.at[0]) / view.unit, (at[1] - drag.at[1]) / view.unit);
        drag.at = at;
      } else if (drag.centre !== undefined) {
        const reach = view.name === "circle" ? view.unit : Math.min(canvas.clientWidth, canvas.clientHeight) / zoomOf(canvas) / 2 - 16;
        engine.net.moveCentre(drag.centre, unproject(scene, (at[0] - view.cx) / reach, (at[1] - view.cy) / reach));
      } else moveSample(view, at);
      schedule();
    });
    const leave = () => {
      drag = null;
      focus.hover = -1;
      scene.hotCentre = -1;
      schedule();
    };
    for (const name of ["pointerup", "pointercancel", "pointerleave"]) on(canvas, name, leave);
    on(canvas, "dblclick", () => {
      focus.probe = null;
      schedule();
    });
  }
}

export function control({ lab, views, schedule, change, actions, say }, on) {
  const { scene, focus, engine } = lab;
  const rotate = (x, angle) => {
    if (scene.k === 2) {
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      return Float64Array.of(c * x[0] - s * x[1], s * x[0] + c * x[1]);
    }
    // In space: about the axis that points out of the screen.
    const a = scene.turn.slice(6);
    const dot = a[0] * x[0] + a[1] * x[1] + a[2] * x[2];
    const cross = [a[1] * x[2] - a[2] * x[1], a[2] * x[0] - a[0] * x[2], a[0] * x[1] - a[1] * x[0]];
    return Float64Array.from(a, (v, d) => x[d] * Math.cos(angle) + cross[d] * Math.sin(angle) + v * dot * (1 - Math.cos(angle)));
  };
  const nudge = (direction) => {
    const { loss } = lab.setting;
    const last = Object.entries(LOSSES[loss].margins).at(-1);
    if (!last) return "This loss has no margin";
    const [key, [least, most, step]] = last;
    const value = lab.setting.margins[loss][key] + direction * step;
    change({ [key]: Math.max(least, Math.min(most, Number(value.toFixed(4)))) });
    return `${key} = ${lab.setting.margins[loss][key]}`;
  };
  const move = (event, sign) => {
    const { own, x } = scene.focus;
    const angle = (sign * 2 * Math.PI) / 180;
    if (event.shiftKey) {
      const w = engine.net.centres.value.slice(own * scene.k, (own + 1) * scene.k);
      engine.net.moveCentre(own, rotate(w, angle));
    } else focus.probe = rotate(x, angle);
  };
  const next = (by) => {
    const n = engine.task.train.n;
    [focus.index, focus.probe, focus.hover] = [(focus.index + by + n) % n, null, -1];
  };
  // What each does; a sentence to say, or none where the sample's is to be said.
  const keys = {
    ArrowLeft: (event) => move(event, 1),
    ArrowRight: (event) => move(event, -1),
    ArrowUp: () => next(-1),
    ArrowDown: () => next(1),
    Escape: () => void (focus.probe = null),
    " ": () => actions.play(),
    ".": () => {
      actions.step();
      return `Step ${engine.steps}`;
    },
    r: () => actions.reset(),
    R: () => actions.reset(),
    "[": () => nudge(-1),
    "]": () => nudge(1),
  };
  let resting = 0;
  // Brackets are typed with Alt on a Mac and with AltGr, which is Ctrl + Alt, on many keyboards.
  const typed = ({ key, ctrlKey, altKey }) => ("[]".includes(key) ? altKey || !ctrlKey : !ctrlKey && !altKey);
  for (const { canvas } of views)
    on(canvas, "keydown", (event) => {
      const { key } = event;
      if (!Object.hasOwn(keys, key) || event.metaKey || !typed(event)) return;
      event.preventDefault();
      const words = keys[key](event);
      schedule();
      clearTimeout(resting);
      // Said once the keys rest; play and reset speak for themselves.
      if (!" rR".includes(key)) resting = setTimeout(() => say(words ?? scene.sentence), 400);
    });
}
