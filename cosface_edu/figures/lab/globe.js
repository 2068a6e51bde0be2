// The sphere as it is seen from a side, and the plane: from feature space to the screen and back.
import { makeJudge } from "./regions.js";

// Coordinates on the screen: the plane as it is, space turned by scene.turn and seen from far away.
export function project(scene, x, i) {
  if (scene.k === 2) return [x[2 * i], -x[2 * i + 1], 1];
  const t = scene.turn;
  const [a, b, c] = [x[3 * i], x[3 * i + 1], x[3 * i + 2]];
  return [t[0] * a + t[1] * b + t[2] * c, -(t[3] * a + t[4] * b + t[5] * c), t[6] * a + t[7] * b + t[8] * c];
}

// The way back: a screen direction to a vector of length 1 in feature space (on the near half of the sphere).
export function unproject(scene, dx, dy) {
  if (scene.k === 2) {
    const r = Math.hypot(dx, dy) || 1e-9;
    return [dx / r, -dy / r];
  }
  const r = Math.max(1, Math.hypot(dx, dy));
  const p = [dx / r, -dy / r, Math.sqrt(Math.max(0, 1 - (dx * dx + dy * dy) / (r * r)))];
  const t = scene.turn;
  return [0, 1, 2].map((d) => t[d] * p[0] + t[3 + d] * p[1] + t[6 + d] * p[2]);
}

// The sphere, shaded pixel by pixel at a coarse grain.
export function globe(ctx, scene, cx, cy, r, grain = 90) {
  const { theme, config, w, classes } = scene;
  if (!scene.globe) {
    scene.globe = document.createElement("canvas");
    scene.globe.width = scene.globe.height = grain;
  }
  const pen = scene.globe.getContext("2d");
  const image = pen.createImageData(grain, grain);
  const judge = makeJudge(config, w, classes, 3);
  const t = scene.turn;
  const colours = theme.palette.map((c) => [1, 3, 5].map((at) => parseInt(c.slice(at, at + 2), 16)));
  for (let row = 0; row < grain; row++)
    for (let column = 0; column < grain; column++) {
      const dx = ((column + 0.5) / grain) * 2 - 1;
      const dy = ((row + 0.5) / grain) * 2 - 1;
      const q = 1 - dx * dx - dy * dy;
      if (q < 0) continue;
      const [x, y, z] = [dx, -dy, Math.sqrt(q)]; // on the near half; the camera's matrix takes it to feature space
      const { best, holds } = judge(t[0] * x + t[3] * y + t[6] * z, t[1] * x + t[4] * y + t[7] * z, t[2] * x + t[5] * y + t[8] * z);
      const p = 4 * (row * grain + column);
      image.data.set(colours[best], p);
      image.data[p + 3] = (holds ? 120 : 26) * (0.6 + 0.4 * z);
    }
  pen.putImageData(image, 0, 0);
  ctx.imageSmoothingEnabled = true;
  ctx.drawImage(scene.globe, cx - r, cy - r, 2 * r, 2 * r);
}
