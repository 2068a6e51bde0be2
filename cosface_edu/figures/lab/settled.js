// Class centres on a circle, each its own only sample: where CosFace lets them settle, and what sharing a place costs.
import { DEG, headLoss, randomStream, TAU } from "./core.js";
import { PEOPLE } from "./palette.js";
import { axes, line, range, text } from "./pen.js";
import { room } from "./regions.js";

// Mean loss of places on the circle that hold `together` classes each; `slope` takes its derivative by their angles.
export function circleLoss(config, places, together, slope) {
  const home = together.flatMap((count, p) => Array(count).fill(p));
  const n = home.length;
  const w = Float64Array.from(home.flatMap((p) => [Math.cos(places[p]), Math.sin(places[p])]));
  const [dx, dw] = [new Float64Array(2 * n), new Float64Array(2 * n)];
  const loss = headLoss(config, w, home.map((_, i) => i), w, n, n, 2, dx, dw);
  slope.fill(0);
  home.forEach((p, i) => (slope[p] += (dx[2 * i + 1] + dw[2 * i + 1]) * w[2 * i] - (dx[2 * i] + dw[2 * i]) * w[2 * i + 1]));
  return loss;
}

// Downhill by steps as long as the last two slopes suggest (Barzilai and Borwein 1988), never uphill.
function descend(config, places, together) {
  let slope = new Float64Array(places.length);
  let loss = circleLoss(config, places, together, slope);
  let rate = 0.01;
  for (let step = 0; step < 400 && Math.max(...slope.map(Math.abs)) > 1e-6 && rate > 1e-9; step++) {
    const next = places.map((angle, p) => angle - rate * slope[p]);
    const turned = new Float64Array(places.length);
    const reached = circleLoss(config, next, together, turned);
    if (reached > loss) {
      rate /= 4;
      continue;
    }
    let [moved, bent] = [0, 0];
    next.forEach((angle, p) => {
      moved += (angle - places[p]) ** 2;
      bent += (angle - places[p]) * (turned[p] - slope[p]);
    });
    rate = bent > 0 ? moved / bent : 2 * rate;
    [places, slope, loss] = [next, turned, reached];
  }
  return { loss, places };
}

const cheapest = (found) => found.reduce((best, one) => (one.loss < best.loss ? one : best));

// The best arrangement of several starts, the first of them even: geometry.settle in the page.
export function settle(config, together, tries = 3) {
  const { normal } = randomStream(1);
  const even = Float64Array.from(together, (_, p) => (TAU * p) / together.length);
  const found = range(0, tries - 1, tries).map((number) => descend(config, even.map((angle) => angle + (number ? 0.1 * normal() : 0)), together));
  return cheapest(found);
}

const SEATS = 8; // class centres
const POINTS = 21; // of the curve
const TOP = 0.5; // largest m shown: beyond it those who were to keep apart come together as well
export const SHARING = ["all apart", "two in one place", "three in one place"].map((name, i) => [name, [i + 1, ...Array(SEATS - 1 - i).fill(1)]]);
const cosface = (m) => ({ loss: "cosface", s: 30, m });

// All three arrangements at m. The way down is short from where the curve's margins on both sides of m settled; before
// the curve is there, it is gone from the start.
export function settleAll(m, known) {
  const at = (m / TOP) * (POINTS - 1);
  const beside = [Math.floor(at), Math.ceil(at)].map((i) => known[i]);
  return SHARING.map(([, together], i) => {
    if (beside.includes(undefined)) return settle(cosface(m), together);
    return cheapest(beside.map((found) => descend(cosface(m), found[i].places, together)));
  });
}

export const collapse = {
  title: "Eight class centres on a circle as CosFace arranges them, all apart or with some in one place, and the loss of each",
  sliders: { m: { words: "margin m", least: 0, most: TOP, step: 0.01, start: 0.35, unit: "" } },
  height: (W) => (W < 560 ? 2 : 1) * 250 + 240,
  begin: () => ({ curve: [], known: [], shown: null }),
  // The curve, a margin at a time.
  work(state) {
    const m = range(0, TOP, POINTS)[state.curve.length];
    const found = SHARING.map(([, together]) => settle(cosface(m), together));
    state.known.push(found);
    state.curve.push([m, ...found.map(({ loss }) => loss - found[0].loss)]);
    return state.curve.length < POINTS;
  },
  draw(ctx, W, H, theme, { m }, data, state) {
    const narrow = W < 560;
    if (state.shown?.m !== m) state.shown = { m, found: settleAll(m, state.known) };
    const { curve, shown: { found } } = state;
    const least = found.reduce((best, { loss }, i) => (loss < found[best].loss - 1e-9 ? i : best), 0);
    const { limit } = room(cosface(m), SEATS, 2);
    const r = Math.min(W / (narrow ? 4.6 : 7.2), 88);
    SHARING.forEach(([name, together], i) => {
      const cx = narrow ? ((i % 2) + 0.5) * (W / 2) + (i === 2 ? W / 4 : 0) : (i + 0.5) * (W / 3);
      const cy = (narrow && i === 2 ? 250 : 0) + 128;
      const looks = { align: "center", colour: theme.ink, weight: i === least ? "bold" : "" };
      text(ctx, theme, name, cx, cy - r - 26, { ...looks, size: 13 });
      const said = [`loss ${found[i].loss.toFixed(3)}`, ...(i === least ? ["the least"] : [])];
      (narrow ? said : [said.join(", ")]).forEach((words, k) => text(ctx, theme, words, cx, cy + r + 24 + 16 * k, looks));
      ctx.beginPath();
      ctx.arc(cx, cy, r, 0, TAU);
      ctx.strokeStyle = theme.line;
      ctx.lineWidth = 1.5;
      ctx.stroke();
      // Turned so that the shared place is at the top. A number says how many share a place; nearer than 2° is one place.
      const spots = [];
      found[i].places.forEach((angle, p) => {
        const turn = angle - found[i].places[0] + Math.PI / 2;
        const spot = spots.find((other) => Math.cos(other.turn - turn) > Math.cos(2 / DEG));
        if (spot) spot.count += together[p];
        else spots.push({ turn, count: together[p] });
      });
      for (const { turn, count } of spots) {
        const at = (radius) => [cx + radius * Math.cos(turn), cy - radius * Math.sin(turn)];
        line(ctx, [[cx, cy], at(r)], count > 1 ? theme.warn : PEOPLE[i], count > 1 ? 4 : 2);
        if (count > 1) text(ctx, theme, String(count), ...at(r + 11), { align: "center", base: "middle", weight: "bold", size: 13, colour: theme.warn });
      }
    });
    const above = narrow ? 500 : 250;
    ctx.save();
    ctx.translate(0, above);
    const ticks = [0, 0.1, 0.2, 0.3, 0.4, 0.5].map((v) => [v, String(v)]);
    const { X, Y, box } = axes(ctx, W, H - above, theme, [0, TOP], [-0.8, 3], ticks, [0, 1, 2, 3].map((v) => [v, String(v)]), "margin m", "loss, more than all apart");
    line(ctx, [[X(limit), box.top], [X(limit), box.bottom]], theme.warn, 1.5, [3, 3]);
    // On the side where the line at m is not.
    const side = m > limit ? -1 : 1;
    text(ctx, theme, `bound ${limit.toFixed(3)}`, X(limit) + 4 * side, box.bottom - 3, { size: 11, colour: theme.warn, align: side > 0 ? "left" : "right" });
    line(ctx, [[X(m), box.top], [X(m), box.bottom]], theme.soft, 1);
    SHARING.forEach((_, i) => {
      line(ctx, curve.map((point) => [X(point[0]), Y(point[1 + i])]), PEOPLE[i], 2.5, [[], [7, 4], [2, 3]][i]);
      ctx.beginPath();
      ctx.arc(X(m), Y(found[i].loss - found[0].loss), 5, 0, TAU);
      ctx.fillStyle = PEOPLE[i];
      ctx.fill();
    });
    // The names, where the curves are farthest apart; at their ends they meet.
    const [apart, two, three] = SHARING.map(([name]) => (narrow ? name.split(" in ")[0] : name));
    const widest = curve[POINTS >> 1];
    if (widest) {
      const to = X(widest[0]) + 12;
      text(ctx, theme, apart, box.left + 6, Y(0) + 13);
      text(ctx, theme, two, to, Y(0.4 * widest[2]), { align: "right", base: "middle" });
      text(ctx, theme, three, to, Y(widest[3]) - 7, { align: "right" });
    }
    ctx.restore();
    const words = SHARING.map(([name], i) => `${name} ${found[i].loss.toFixed(3)}`).join(", ");
    return `m = ${m.toFixed(2)}, ${m > limit ? "past" : "below"} the bound ${limit.toFixed(3)}. Loss: ${words}. Cheapest: ${SHARING[least][0]}.`;
  },
};
