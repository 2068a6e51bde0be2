// Which s and m for one's own data: the bounds of geometry.advise, in the page. Tested against Python over a grid.
import { DEG } from "./core.js";
import { minScale } from "./regions.js";
import { PEOPLE } from "./palette.js";
import { axes, line, text, tint } from "./pen.js";

const SURE = 0.99; // the posterior that the scales are for
const FIRST_MARGIN = 0.2;
const SHARE_OF_ROOM = 0.7;
const OFF_CENTRE = 45 / DEG;
const CELLS = 8000; // of the angle from 0 to π
export const MOST = 1e6; // of each count

// Angles between two random directions in D dimensions, and the probability of each (density sin^{D-2}θ).
function randomAngles(D) {
  const angles = Float64Array.from({ length: CELLS }, (_, i) => ((i + 0.5) * Math.PI) / CELLS);
  const share = angles.map((a) => Math.sin(a) ** (D - 2));
  const total = share.reduce((a, b) => a + b, 0);
  return { angles, share: share.map((v) => v / total) };
}

// Levenshtein's bound of degree 3: no C > 2D unit vectors have a smaller largest cosine.
function levenshtein(C, D) {
  const last = (Math.sqrt(D + 3) - 1) / (D + 2);
  const [a, b, c] = [D * (C - D - 1), D * (D - 1), 2 * D - C];
  return Math.min(last, (-b + Math.sqrt(b * b - 4 * a * c)) / (2 * a));
}

// Upper bound on m: exact up to 2D classes and on the circle, else the smaller of two.
export function marginRoom(C, D, { angles, share } = randomAngles(D)) {
  if (C <= D + 1) return C / (C - 1);
  if (D === 2) return 1 - Math.cos((2 * Math.PI) / C);
  if (C <= 2 * D) return 1;
  let [at, full] = [-1, 0];
  while (full < (1 - 1e-9) / C) full += share[++at];
  return Math.min(1 - levenshtein(C, D), 1 - Math.cos(Math.min(2 * angles[at] + Math.PI / CELLS, Math.PI)));
}

// Least s without which some centre stays below the posterior; Infinity where m leaves no room.
export function scaleForAll(C, room, p, m) {
  if (m >= room * (1 - 1e-4)) return Infinity;
  return Math.max(minScale(C, p, m), Math.log(p / (1 - p)) / (room - m));
}

// The loss with features and centres in random directions.
export function randomStartLoss(C, s, m, { angles, share }) {
  const least = (1 - 1e-9) / (2 * (C - 1));
  let [full, from] = [0, 0];
  while ((full += share[from]) < least) from++;
  const top = s * Math.cos(angles[from]);
  let sum = 0;
  for (let i = from; i < CELLS; i++) sum += share[i] * Math.exp(s * Math.cos(angles[i]) - top);
  const others = Math.log(C - 1) + top + Math.log(sum);
  const softplus = (x) => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));
  return share.reduce((mean, p, i) => mean + p * softplus(s * m + others - s * Math.cos(angles[i])), 0);
}

export function advise(people, features, pictures) {
  const random = randomAngles(features);
  const room = marginRoom(people, features, random);
  const m = SHARE_OF_ROOM * room >= FIRST_MARGIN ? FIRST_MARGIN : Number((SHARE_OF_ROOM * room).toPrecision(2));
  const [without, withM] = [0, m].map((margin) => scaleForAll(people, room, SURE, margin));
  const adacos = people > 2 ? Math.SQRT2 * Math.log(people - 1) : null;
  const tried = (s, margin) => ({ s, m: margin, start: randomStartLoss(people, s, margin, random) });
  const [plain, first] = [without, withM].map((least) => Math.ceil(Math.max(least, adacos ?? 0)));
  const off = Math.log(((people - 1) * SURE) / (1 - SURE)) / (Math.cos(OFF_CENTRE) - m);
  return {
    people, features, pictures, images: people * pictures, largestM: room, scaleWithout: without, scaleWith: withM,
    scaleOff: room >= Math.cos(OFF_CENTRE) ? off : null, adacos, tries: [tried(plain, 0), tried(first, m), tried(2 * first, m)],
  };
}

const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
const short = (value) => value.toFixed(value ? Math.max(2, 1 - Math.floor(Math.log10(value))) : 2);
const setting = ({ s, m }) => `s = ${s.toFixed(0)}, m = ${m ? short(m) : "0"}`;
const orNone = (value) => (value === null ? "–" : value.toFixed(1));

// The advice as lines of a table, the same as Advice.rows() in Python.
export function adviceRows({ images, largestM, scaleWithout, scaleWith, scaleOff, adacos, tries: [plain, first, sharper] }) {
  const m = short(first.m);
  return [
    ["pictures in all", grouped(images), "no bound depends on them; what is learned does"],
    ["m at most", short(largestM), "even the best arrangement of centres has no room for more"],
    ["s at least, m = 0", scaleWithout.toFixed(1), "below it some centre never reaches a posterior of 0.99"],
    [`s at least, m = ${m}`, scaleWith.toFixed(1), "the same with the first margin below"],
    [`s for 45°, m = ${m}`, orNone(scaleOff), "a posterior of 0.99 at 45° off the centre, others at 90°"],
    ["AdaCos' fixed s", orNone(adacos), "a posterior of 0.5 at 45° off the centre, no margin"],
    ["try first", setting(plain), `no margin, to compare with; the loss begins near ${plain.start.toFixed(1)}`],
    ["then", setting(first), `the loss begins near ${first.start.toFixed(1)}`],
    ["then", setting(sharper), `the loss begins near ${sharper.start.toFixed(1)}`],
  ];
}

const SHOWN = 6; // of the recorded comparisons

// The recorded comparisons, those of the nearest size first: doubling people counts as much as doubling pictures.
export function nearestFirst(records, people, pictures) {
  const away = (one) => Math.hypot(Math.log(one.people / people), Math.log(one.pictures / pictures));
  return [...records].sort((a, b) => away(a) - away(b));
}

// ---------------------------------------------------------------- the picture: s to the right, m upwards

const LOWER = 0.07; // of the height lies below m = 0: what stands there covers no number of the axis
const TICKS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const element = (name, words) => {
  const node = document.createElement(name);
  node.textContent = words;
  return node;
};
const tableOf = (caption, heads, rows) => {
  const table = document.createElement("table");
  table.append(element("caption", caption));
  if (heads.length) {
    const row = table.createTHead().insertRow();
    heads.forEach((words) => row.append(Object.assign(element("th", words), { scope: "col" })));
  }
  const body = table.createTBody();
  for (const [first, ...rest] of rows) {
    const row = body.insertRow();
    row.append(Object.assign(element("th", first), { scope: "row" }), ...rest.map((words) => element("td", words)));
  }
  return table;
};

export const adviceFigure = {
  title: "Which s and m: what the bounds allow for your people and features",
  sliders: {
    people: { words: "people", least: 2, most: MOST, step: 1, start: 10000, number: true },
    features: { words: "features (dimensions)", least: 2, most: MOST, step: 1, start: 128, number: true },
    pictures: { words: "pictures of each person", least: 1, most: MOST, step: 1, start: 3, number: true },
  },
  height: (W) => Math.min(340, Math.max(260, W * 0.5)),
  draw(ctx, W, H, theme, { people, features, pictures }, records) {
    const found = advise(people, features, pictures);
    const room = found.largestM;
    const wanted = Math.max(2.2 * found.tries[1].m, 1.15 * Math.min(room, 0.5));
    const decade = 10 ** Math.floor(Math.log10(wanted));
    const high = decade * [1, 2, 4, 6, 8, 10].find((times) => times * decade >= wanted);
    const [low, top] = [0, Math.log2(256)];
    const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => share * high);
    const { X, Y, box } = axes(ctx, W, H, theme, [low, top], [-LOWER * high, high], TICKS.map((s) => [Math.log2(s), String(s)]), marks.map((v) => [v, short(v)]), "scale s", "margin m");
    const clamp = (s) => Math.min(top, Math.max(low, Math.log2(s)));
    const edge = [];
    for (let i = 0; i <= 100; i++) {
      const m = (i / 100) * high;
      const s = scaleForAll(people, room, SURE, m);
      if (Number.isFinite(s) && s <= 256) edge.push([X(clamp(s)), Y(m)]);
    }
    if (edge.length > 1) {
      ctx.beginPath();
      [...edge, [X(top), edge[edge.length - 1][1]], [X(top), Y(0)]].forEach((point) => ctx.lineTo(...point));
      ctx.fillStyle = tint(PEOPLE[2], 0.22);
      ctx.fill();
      line(ctx, edge, PEOPLE[2], 2.5);
    }
    if (room < high) {
      line(ctx, [[box.left, Y(room)], [box.right, Y(room)]], theme.warn, 2, [6, 4]);
      text(ctx, theme, "no room above", box.left + 6, Y(room) - 6, { colour: theme.warn, weight: "bold" });
    }
    if (found.adacos) {
      line(ctx, [[X(clamp(found.adacos)), box.top], [X(clamp(found.adacos)), box.bottom]], theme.soft, 1.5, [2, 3]);
      text(ctx, theme, "AdaCos", X(clamp(found.adacos)) - 4, box.top + 12, { align: "right" });
    }
    const nearest = nearestFirst(records ?? [], people, pictures)[0];
    for (const [s, m] of nearest?.settings ?? []) {
      if (m > high) continue;
      ctx.strokeStyle = PEOPLE[5];
      ctx.lineWidth = 2.5;
      ctx.strokeRect(X(clamp(s)) - 5, Y(m) - 5, 10, 10);
    }
    found.tries.forEach(({ s, m }, i) => {
      ctx.beginPath();
      ctx.arc(X(clamp(s)), Y(m), 9, 0, 2 * Math.PI);
      ctx.fillStyle = theme.ink;
      ctx.fill();
      text(ctx, theme, String(i + 1), X(clamp(s)), Y(m), { align: "center", base: "middle", weight: "bold", colour: theme.ground });
    });
    const [plain, first] = found.tries;
    return `${grouped(people)} people, ${grouped(features)} features, ${grouped(pictures)} pictures of each person. Try ${setting(plain)} first, then ${setting(first)}: ` +
      `the loss begins near ${plain.start.toFixed(1)} and ${first.start.toFixed(1)}. Left of the green some centre never reaches a posterior of 0.99. Dots: what to try, in turns.` +
      (nearest ? ` Squares: the settings of the nearest record, ${nearest.record}.` : "");
  },
  // What stands below the picture.
  tables({ people, features, pictures }, records) {
    const bounds = tableOf("What the bounds say", [], adviceRows(advise(people, features, pictures)));
    if (!records?.length) return [bounds];
    const rows = nearestFirst(records, people, pictures).slice(0, SHOWN).map((one) => [
      one.record, `${grouped(one.people)} × ${Math.round(one.pictures)}`, one.said, one.lacks,
    ]);
    return [bounds, tableOf("What the book has recorded, the nearest size first", ["record", "people × pictures", "what came of it", "what it does not show"], rows)];
  },
};
