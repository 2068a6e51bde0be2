// Class centres spread over a sphere, the region that CosFace leaves to each, and the largest cap inside it.
import { DEG, TAU } from "./core.js";
import { globe, project } from "./globe.js";
import { PEOPLE } from "./palette.js";
import { letterOn, line, range, text } from "./pen.js";
import { edgeOnArc, evenCentres, room, smallestAngle } from "./regions.js";

// Rows of the camera's matrix: to the right, up, and towards the reader. Angles in radians.
export function camera(turn, tilt) {
  const [c, s, a, b] = [Math.cos(turn), Math.sin(turn), Math.cos(tilt), Math.sin(tilt)];
  return [-s, c, 0, -b * c, -b * s, a, a * c, a * s, b];
}

// Points of the circle at an angle `radius` from the unit vector `centre`.
export function rim(centre, radius, count) {
  const [x, y, z] = centre;
  const flat = Math.hypot(x, y);
  const u = flat > 1e-9 ? [-y / flat, x / flat, 0] : [1, 0, 0];
  const v = [y * u[2] - z * u[1], z * u[0] - x * u[2], x * u[1] - y * u[0]];
  return range(0, TAU, count).map((angle) =>
    centre.map((c, d) => c * Math.cos(radius) + Math.sin(radius) * (u[d] * Math.cos(angle) + v[d] * Math.sin(angle))));
}

const kept = {}; // even centres by their number: they take a thousand rounds

export const sphere = {
  title: "Class centres on a sphere, with the regions and caps that CosFace's margin leaves to them",
  sliders: {
    m: { words: "margin m", least: 0, most: 1.5, step: 0.01, start: 0.35, unit: "" },
    classes: { words: "classes", least: 3, most: 10, step: 1, start: 8, unit: "" },
    turn: { words: "turn", least: -180, most: 180, step: 5, start: 30, unit: "°" },
    tilt: { words: "tilt", least: -90, most: 90, step: 5, start: 20, unit: "°" },
  },
  height: (W) => Math.min(W, 420),
  // A drag by so many pixels, as degrees of the sliders.
  drag: ({ turn, tilt }, dx, dy, W) => {
    const r = 0.45 * Math.min(W, 420);
    return { turn: ((turn - (dx / r) * DEG + 540) % 360) - 180, tilt: Math.max(-90, Math.min(90, tilt + (dy / r) * DEG)) };
  },
  begin: () => ({}),
  draw(ctx, W, H, theme, { m, classes, turn, tilt }, data, state) {
    const config = { loss: "cosface", s: 30, m };
    const w = (kept[classes] ??= evenCentres(classes, 3, 0));
    const [cx, cy, r] = [W / 2, H / 2, 0.45 * Math.min(W, H)];
    const scene = Object.assign(state, { theme, config, w, classes, k: 3, turn: camera(turn / DEG, tilt / DEG) });
    ctx.beginPath();
    ctx.arc(cx, cy, r, 0, TAU);
    ctx.strokeStyle = theme.soft;
    ctx.lineWidth = 1;
    ctx.stroke();
    globe(ctx, scene, cx, cy, r, 200);
    const nearest = smallestAngle(w, classes, 3);
    const edge = edgeOnArc(config, nearest);
    const { limit } = room(config, classes, 3);
    for (let j = 0; j < classes; j++) {
      const centre = [...w.subarray(3 * j, 3 * j + 3)];
      if (edge > 0) {
        // Only the near half of a cap is seen.
        let seen = [];
        for (const point of [...rim(centre, edge, 73), null]) {
          const [x, y, depth] = point ? project(scene, point, 0) : [0, 0, -1];
          if (depth >= 0) seen.push([cx + r * x, cy + r * y]);
          else {
            line(ctx, seen, PEOPLE[j], 2.5);
            seen = [];
          }
        }
      }
      const [x, y, depth] = project(scene, centre, 0);
      const at = [cx + r * x, cy + r * y];
      if (depth < 0) continue;
      ctx.beginPath();
      ctx.arc(...at, 10, 0, TAU);
      ctx.fillStyle = PEOPLE[j];
      ctx.fill();
      text(ctx, theme, String.fromCharCode(65 + j), ...at, { align: "center", base: "middle", weight: "bold", colour: letterOn(PEOPLE[j]) });
    }
    const covered = edge > 0 ? classes * (1 - Math.cos(edge)) / 2 : 0;
    const caps = edge > 0
      ? `Each cap reaches ${(edge * DEG).toFixed(1)}° from its centre; all together they cover ${(100 * covered).toFixed(0)} % of the sphere`
      : "No centre lies in its own region: there are no caps";
    return `${classes} classes, nearest centres ${(nearest * DEG).toFixed(1)}° apart, m = ${m.toFixed(2)}. ${caps}. No arrangement allows more than m = ${limit.toFixed(3)}.`;
  },
};
