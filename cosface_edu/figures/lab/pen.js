// What all pictures are drawn with: the page's colours, a canvas's pen, words, lines, sectors and axes.
import { DEG, TAU } from "./core.js";
import { PEOPLE } from "./palette.js";

export function makeTheme(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(`--ml-${name}`).trim();
  const dark = read("scheme") === "dark";
  const theme = { dark, palette: PEOPLE };
  for (const name of ["ink", "soft", "line", "ground", "accent", "warn"]) theme[name] = read(name);
  theme.font = (size, weight = "") => `${weight} ${size}px system-ui, sans-serif`;
  return theme;
}

// How many CSS pixels a unit of a picture is: more than one where the reader's letters are larger, as far as there is room.
export const zoomOf = (canvas) => Math.max(1, Math.min(parseFloat(getComputedStyle(canvas).fontSize) / 15, canvas.clientWidth / 220));

// The canvas's pen, its ground wiped, and its size in units; null where it is not laid out.
export function penOf(canvas) {
  const [W, H] = [canvas.clientWidth, canvas.clientHeight];
  if (!W || !H) return null;
  const ratio = Math.min(2, devicePixelRatio || 1);
  if (canvas.width !== Math.round(W * ratio) || canvas.height !== Math.round(H * ratio))
    [canvas.width, canvas.height] = [Math.round(W * ratio), Math.round(H * ratio)];
  const ctx = canvas.getContext("2d");
  const zoom = zoomOf(canvas);
  ctx.setTransform(ratio * zoom, 0, 0, ratio * zoom, 0, 0);
  ctx.clearRect(0, 0, W, H);
  return { ctx, W: W / zoom, H: H / zoom };
}

// A dark letter or a light one, whichever is better seen on the colour (WCAG's luminance, with a plain power).
export function letterOn(colour) {
  const [r, g, b] = [1, 3, 5].map((at) => (parseInt(colour.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#111" : "#fff";
}

export const tint = (colour, alpha) => colour + Math.round(alpha * 255).toString(16).padStart(2, "0");

export function text(ctx, theme, string, x, y, { size = 12, align = "left", colour = theme.soft, weight = "", base = "alphabetic" } = {}) {
  ctx.font = theme.font(size, weight);
  ctx.textAlign = align;
  ctx.textBaseline = base;
  ctx.fillStyle = colour;
  ctx.fillText(string, x, y);
}

export function line(ctx, points, colour, width = 1, dash = []) {
  ctx.beginPath();
  for (const point of points) ctx.lineTo(...point);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.stroke();
  ctx.setLineDash([]);
}

export function ring(ctx, theme, x, y, colour, r = 6) {
  ctx.beginPath();
  ctx.arc(x, y, r, 0, TAU);
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.lineWidth = 3;
  ctx.strokeStyle = theme.ground;
  ctx.stroke();
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = theme.ink;
  ctx.stroke();
}

export function sector(ctx, cx, cy, r, from, to, colour) {
  ctx.beginPath();
  ctx.moveTo(cx, cy);
  ctx.arc(cx, cy, r, -from, -to, true);
  ctx.closePath();
  ctx.fillStyle = colour;
  ctx.fill();
}

// ---------------------------------------------------------------- plots with axes

export function axes(ctx, W, H, theme, [x0, x1], [y0, y1], xTicks, yTicks, xLabel, yLabel) {
  const box = { left: 38, right: W - 16, top: 26, bottom: H - 36 };
  const X = (x) => box.left + ((x - x0) / (x1 - x0)) * (box.right - box.left);
  const Y = (y) => box.bottom - ((y - y0) / (y1 - y0)) * (box.bottom - box.top);
  for (const [value, label] of xTicks) {
    line(ctx, [[X(value), box.top], [X(value), box.bottom]], theme.line);
    text(ctx, theme, label, X(value), box.bottom + 17, { align: "center", size: 11 });
  }
  for (const [value, label] of yTicks) {
    line(ctx, [[box.left, Y(value)], [box.right, Y(value)]], theme.line);
    // The lowest one stands on the line: below it the other axis begins.
    text(ctx, theme, label, box.left - 8, Y(value), { align: "right", base: value === y0 ? "alphabetic" : "middle", size: 11 });
  }
  text(ctx, theme, xLabel, box.right, H - 5, { align: "right", size: 12 });
  text(ctx, theme, yLabel, 4, 12, { size: 12 });
  return { X, Y, box };
}

export const range = (from, to, count) => Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));
export const UNIT_TICKS = [-1, -0.5, 0, 0.5, 1].map((v) => [v, String(v)]);
export const ANGLE_TICKS = [0, 45, 90, 135, 180].map((v) => [v / DEG, `${v}°`]);
