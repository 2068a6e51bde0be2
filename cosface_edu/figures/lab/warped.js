// Five points of a face and where alignment takes them: the similarity transform, with its points to be moved by hand.
import { DEG, TAU } from "./core.js";
import { PEOPLE } from "./palette.js";
import { line, text } from "./pen.js";

// The least-squares similarity that takes `src` to `dst`, both [[x, y], …]: z·p + t with z = re + i·im, as in
// cosface_edu.align.estimate_similarity (Umeyama 1991). NaN where the points of `src` coincide.
export function similarity(src, dst) {
  const mean = (points, d) => points.reduce((sum, point) => sum + point[d], 0) / points.length;
  const [px, py, qx, qy] = [mean(src, 0), mean(src, 1), mean(dst, 0), mean(dst, 1)];
  let [re, im, spread] = [0, 0, 0];
  src.forEach(([x, y], k) => {
    const [a, b, c, d] = [x - px, y - py, dst[k][0] - qx, dst[k][1] - qy];
    re += a * c + b * d;
    im += a * d - b * c;
    spread += a * a + b * b;
  });
  [re, im] = [re / spread, im / spread];
  return { re, im, x: qx - re * px + im * py, y: qy - im * px - re * py };
}

export const carry = (z, [x, y]) => [z.re * x - z.im * y + z.x, z.im * x + z.re * y + z.y];

// How far each point lands from where it should, in pixels of the crop.
export const misses = (z, src, dst) => src.map((point, k) => Math.hypot(...carry(z, point).map((v, d) => v - dst[k][d])));

const MIRRORED = [1, 0, 2, 4, 3]; // left and right eye, left and right corner of the mouth
const CROP = [96, 112];

// Where photograph and crop stand on the canvas: left, top and pixels of the screen for one of theirs.
function places(W, { size }) {
  const narrow = W < 560;
  const side = narrow ? Math.min(W - 16, 340) : Math.min((W - 40) / 1.86, 330);
  const crop = narrow ? Math.min(side, 300) : side;
  return {
    photo: { left: narrow ? (W - side) / 2 : (W - 1.86 * side - 16) / 2, top: 24, scale: side / size },
    crop: { left: narrow ? (W - crop * (96 / 112)) / 2 : (W - 1.86 * side - 16) / 2 + side + 16, top: narrow ? side + 52 : 24, scale: crop / 112 },
  };
}

// Pixel centres are at whole numbers.
const onto = ({ left, top, scale }, [x, y]) => [left + (x + 0.5) * scale, top + (y + 0.5) * scale];

export const landmarks = {
  title: "Five points on a face, and the crop that alignment makes of them",
  sliders: {},
  buttons: { back: "Put back", mirror: "Mix up left and right" },
  handles: ["left eye", "right eye", "tip of the nose", "left corner of the mouth", "right corner of the mouth"],
  picture: ({ picture }) => picture,
  height(W, data) {
    const { photo, crop } = places(W, data);
    return Math.max(photo.top + data.size * photo.scale, crop.top + 112 * crop.scale) + 10;
  },
  begin: ({ points }) => ({ points: points.map((point) => [...point]) }),
  press(name, state, data) {
    state.points = (name === "back" ? data.points : MIRRORED.map((k) => state.points[k])).map((point) => [...point]);
  },
  place: ({ points }, k, W, data) => onto(places(W, data).photo, points[k]),
  // Moves a point by so many pixels of the screen; a step of the keyboard is a pixel of the picture.
  move(state, k, dx, dy, W, data, steps) {
    const { scale } = places(W, data).photo;
    const by = steps ? [dx, dy] : [dx / scale, dy / scale];
    state.points[k] = state.points[k].map((v, d) => Math.max(0, Math.min(data.size - 1, v + by[d])));
  },
  draw(ctx, W, H, theme, values, data, { points, image }) {
    const { photo, crop } = places(W, data);
    const z = similarity(points, data.template);
    const size = Math.hypot(z.re, z.im);
    const found = misses(z, points, data.template);
    text(ctx, theme, "picture: move the points", photo.left, 15, { size: 12 });
    text(ctx, theme, "crop: template +, points ●", crop.left, crop.top - 9, { size: 12 });
    if (image) ctx.drawImage(image, photo.left, photo.top, data.size * photo.scale, data.size * photo.scale);
    ctx.save();
    ctx.beginPath();
    ctx.rect(crop.left, crop.top, CROP[0] * crop.scale, CROP[1] * crop.scale);
    ctx.clip();
    ctx.fillStyle = "#000";
    ctx.fill();
    if (image && size) {
      // Picture to crop by z, crop to screen by its place; half a pixel makes centres of corners, and back.
      ctx.translate(crop.left + crop.scale / 2, crop.top + crop.scale / 2);
      ctx.scale(crop.scale, crop.scale);
      ctx.transform(z.re, z.im, -z.im, z.re, z.x, z.y);
      ctx.drawImage(image, -0.5, -0.5, data.size, data.size);
    }
    ctx.restore();
    data.template.forEach((goal, k) => {
      const [x, y] = onto(crop, goal);
      if (size) {
        const at = onto(crop, carry(z, points[k]));
        line(ctx, [at, [x, y]], "#fff", 2);
        ctx.beginPath();
        ctx.arc(...at, 4, 0, TAU);
        ctx.fillStyle = PEOPLE[k];
        ctx.fill();
        ctx.strokeStyle = "#fff";
        ctx.stroke();
      }
      for (const [colour, width] of [["#000", 4], ["#fff", 2]]) {
        line(ctx, [[x - 6, y], [x + 6, y]], colour, width);
        line(ctx, [[x, y - 6], [x, y + 6]], colour, width);
      }
    });
    if (!size) return "All points in one place: no transform is better than another.";
    const worst = found.indexOf(Math.max(...found));
    const mean = found.reduce((sum, miss) => sum + miss, 0) / found.length;
    return `Turned by ${(Math.atan2(z.im, z.re) * DEG).toFixed(1)}°, scaled by ${size.toFixed(3)}. ` +
      `The points miss the template by ${mean.toFixed(1)} pixels on average, most the ${this.handles[worst]}: ${found[worst].toFixed(1)}.`;
  },
};
