// Class centres on a circle and one sample of each: how CosFace arranges them, and what even spacing and sharing cost.
import { DEG, headLoss, randomStream, TAU } from "./core.js";
import { PEOPLE } from "./palette.js";
import { axes, line, range, text } from "./pen.js";
import { room } from "./regions.js";

const homes = (together) => together.flatMap((count, p) => Array(count).fill(p)); // the place of each class

// Mean loss of places on the circle that hold `together` classes each, and of a sample of each class. `angles` are
// those of the places, then of the samples; `slope` takes the loss's derivative by them.
export function circleLoss(config, angles, together, slope) {
  const [home, places] = [homes(together), together.length];
  const n = home.length;
  const on = (turn) => [Math.cos(turn), Math.sin(turn)];
  const w = Float64Array.from(home.flatMap((p) => on(angles[p])));
  const x = Float64Array.from(home.flatMap((_, i) => on(angles[places + i])));
  const [dx, dw] = [new Float64Array(2 * n), new Float64Array(2 * n)];
  const loss = headLoss(config, x, home.map((_, i) => i), w, n, n, 2, dx, dw);
  const turned = (d, v, i) => d[2 * i + 1] * v[2 * i] - d[2 * i] * v[2 * i + 1];
  slope.fill(0);
  home.forEach((p, i) => {
    slope[p] += turned(dw, w, i);
    slope[places + i] = turned(dx, x, i);
  });
  return loss;
}

// Downhill by steps as long as the last two slopes suggest (Barzilai and Borwein 1988), never uphill.
function descend(config, angles, together) {
  let slope = new Float64Array(angles.length);
  let loss = circleLoss(config, angles, together, slope);
  let rate = 0.01;
  for (let step = 0; step < 400 && Math.max(...slope.map(Math.abs)) > 1e-6 && rate > 1e-9; step++) {
    const next = angles.map((angle, p) => angle - rate * slope[p]);
    const turned = new Float64Array(angles.length);
    const reached = circleLoss(config, next, together, turned);
    if (reached > loss) {
      rate /= 4;
      continue;
    }
    let [moved, bent] = [0, 0];
    next.forEach((angle, p) => {
      moved += (angle - angles[p]) ** 2;
      bent += (angle - angles[p]) * (turned[p] - slope[p]);
    });
    rate = bent > 0 ? moved / bent : 2 * rate;
    [angles, slope, loss] = [next, turned, reached];
  }
  return { loss, angles };
}

const cheapest = (found) => found.reduce((best, one) => (one.loss < best.loss ? one : best));

// Places evenly spread, every sample on its centre.
function evenly(together) {
  const turns = together.map((_, p) => (TAU * p) / together.length);
  return Float64Array.from([...turns, ...homes(together).map((p) => turns[p])]);
}

// The best arrangement of several starts, the first of them even: geometry.settle in the page.
export function settle(config, together, tries = 3) {
  const { normal } = randomStream(1);
  const even = evenly(together);
  return cheapest(range(0, tries - 1, tries).map((number) => descend(config, even.map((angle) => angle + (number ? 0.1 * normal() : 0)), together)));
}

const SEATS = 8; // class centres
const POINTS = 21; // of the curve
const TOP = 0.5; // largest m shown: beyond it two share in the cheapest arrangement, and more follow
const APART = Array(SEATS).fill(1);
export const KINDS = [["evenly spread", APART], ["cheapest found", APART], ["two in one place", [2, ...APART.slice(2)]]];
const cosface = (m) => ({ loss: "cosface", s: 30, m });

// All three arrangements at m. The way down is short from where the curve's margins on both sides of m settled; before
// the curve is there, it is gone from the start.
export function settleAll(m, known) {
  const config = cosface(m);
  const at = (m / TOP) * (POINTS - 1);
  const beside = [Math.floor(at), Math.ceil(at)].map((i) => known[i]);
  return KINDS.map(([, together], i) => {
    if (!i) return { loss: circleLoss(config, evenly(together), together, new Float64Array(2 * SEATS)), angles: evenly(together) };
    if (beside.includes(undefined)) return settle(config, together);
    return cheapest(beside.map((found) => descend(config, found[i].angles, together)));
  });
}

export const collapse = {
  title: "Eight class centres on a circle, evenly spread, as CosFace arranges them, and with two in one place, and the loss of each",
  sliders: { m: { words: "margin m", least: 0, most: TOP, step: 0.01, start: 0.35, unit: "" } },
  height: (W) => (W < 560 ? 2 : 1) * 250 + 240,
  begin: () => ({ curve: [], known: [], shown: null }),
  // The curve, a margin at a time.
  work(state) {
    const m = range(0, TOP, POINTS)[state.curve.length];
    const found = settleAll(m, []);
    state.known.push(found);
    state.curve.push([m, ...found.map(({ loss }) => loss - found[0].loss)]);
    return state.curve.length < POINTS;
  },
  draw(ctx, W, H, theme, { m }, data, state) {
    const narrow = W < 560;
    if (state.shown?.m !== m) state.shown = { m, found: settleAll(m, state.known) };
    const { curve, shown: { found } } = state;
    const least = cheapest(found).loss;
    const among = found.map(({ loss }) => loss < least + 1e-3); // two kinds can come to the same
    const { limit } = room(cosface(m), SEATS, 2);
    const r = Math.min(W / (narrow ? 4.6 : 7.2), 88);
    KINDS.forEach(([name, together], i) => {
      const cx = narrow ? ((i % 2) + 0.5) * (W / 2) + (i === 2 ? W / 4 : 0) : (i + 0.5) * (W / 3);
      const cy = (narrow && i === 2 ? 250 : 0) + 128;
      const looks = { align: "center", colour: theme.ink, weight: among[i] ? "bold" : "" };
      text(ctx, theme, name, cx, cy - r - 26, { ...looks, size: narrow ? 12 : 13 });
      const said = [`loss ${found[i].loss.toFixed(3)}`, ...(among[i] ? ["the least"] : [])];
      (narrow ? said : [said.join(", ")]).forEach((words, k) => text(ctx, theme, words, cx, cy + r + 24 + 16 * k, looks));
      ctx.beginPath();
      ctx.arc(cx, cy, r, 0, TAU);
      ctx.strokeStyle = theme.line;
      ctx.lineWidth = 1.5;
      ctx.stroke();
      // Turned so that the shared or most crowded place is at the top. A number says how many share a place; nearer than
      // 2° is one place. From each centre an arc leads to its sample.
      const { angles } = found[i];
      const places = [...angles.subarray(0, together.length)];
      const beside = (p) => Math.max(...places.map((other, q) => (q === p ? -1 : Math.cos(other - places[p]))));
      const top = together[0] > 1 ? 0 : places.reduce((best, _, p) => (beside(p) > beside(best) + 1e-3 ? p : best), 0);
      const turn = (angle) => angle - places[top] + Math.PI / 2;
      const at = (angle, radius) => [cx + radius * Math.cos(angle), cy - radius * Math.sin(angle)];
      const spots = [];
      together.forEach((count, p) => {
        const spot = spots.find((other) => Math.cos(other.angle - turn(places[p])) > Math.cos(2 / DEG));
        if (spot) spot.count += count;
        else spots.push({ angle: turn(places[p]), count });
      });
      for (const { angle, count } of spots) {
        line(ctx, [[cx, cy], at(angle, r)], count > 1 ? theme.warn : PEOPLE[i], count > 1 ? 4 : 2);
        if (count > 1) text(ctx, theme, String(count), ...at(angle, r + 13), { align: "center", base: "middle", weight: "bold", size: 13, colour: theme.warn });
      }
      homes(together).forEach((p, one) => {
        const [from, to] = [places[p], angles[together.length + one]].map(turn);
        line(ctx, range(from, to, 9).map((angle) => at(angle, r)), theme.ink, 2);
        ctx.beginPath();
        ctx.arc(...at(to, r), 3.5, 0, TAU);
        ctx.fillStyle = theme.ink;
        ctx.fill();
      });
    });
    const above = narrow ? 500 : 250;
    ctx.save();
    ctx.translate(0, above);
    const ticks = [0, 0.1, 0.2, 0.3, 0.4, 0.5].map((v) => [v, String(v)]);
    const { X, Y, box } = axes(ctx, W, H - above, theme, [0, TOP], [-0.7, 1.6], ticks, [-0.5, 0, 0.5, 1, 1.5].map((v) => [v, String(v)]), "margin m", "loss, more than evenly spread");
    line(ctx, [[X(limit), box.top], [X(limit), box.bottom]], theme.warn, 1.5, [3, 3]);
    // On the side where the line at m is not.
    const side = m > limit ? -1 : 1;
    text(ctx, theme, `bound ${limit.toFixed(3)}`, X(limit) + 4 * side, box.bottom - 3, { size: 11, colour: theme.warn, align: side > 0 ? "left" : "right" });
    line(ctx, [[X(m), box.top], [X(m), box.bottom]], theme.soft, 1);
    KINDS.forEach((_, i) => {
      line(ctx, curve.map((point) => [X(point[0]), Y(point[1 + i])]), PEOPLE[i], 2.5, [[], [7, 4], [2, 3]][i]);
      ctx.beginPath();
      ctx.arc(X(m), Y(found[i].loss - found[0].loss), 5, 0, TAU);
      ctx.fillStyle = PEOPLE[i];
      ctx.fill();
    });
    // The names, where the curves are farthest apart.
    const [even, best, two] = KINDS.map(([name]) => name);
    text(ctx, theme, even, box.left + 6, Y(0) - 7);
    if (curve.length === POINTS) {
      text(ctx, theme, best, X(curve.at(-4)[0]) - 10, Y(curve.at(-4)[2]) + 8, { align: "right" });
      text(ctx, theme, narrow ? "two" : two, X(curve[5][0]) - 8, Y(curve[5][3]) - 6, { align: "right" });
    }
    ctx.restore();
    const words = KINDS.map(([name], i) => `${name} ${found[i].loss.toFixed(3)}`).join(", ");
    const which = KINDS.filter((_, i) => among[i]).map(([name]) => name);
    return `m = ${m.toFixed(2)}, ${m > limit ? "past" : "below"} the bound ${limit.toFixed(3)}. Loss: ${words}. Least: ${which.join(" and ")}.`;
  },
};
