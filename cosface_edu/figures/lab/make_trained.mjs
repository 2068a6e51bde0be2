// The weights that the lab opens with: `node make_trained.mjs` trains its default setting and writes trained.js.
import fs from "node:fs";
import { DATA } from "./data.js";
import { DEFAULTS, Engine } from "./engine.js";

const STEPS = 1500;
const SCALE = 0.001; // weights are stored as whole thousandths

export function train(steps = STEPS) {
  const engine = new Engine(DATA, DEFAULTS);
  engine.reset();
  for (let i = 0; i < steps; i++) engine.step();
  return engine;
}

if (process.argv[1] === import.meta.filename) {
  const values = Array.from(train().net.params, (value) => Math.round(value / SCALE));
  const text = JSON.stringify({ steps: STEPS, scale: SCALE, values });
  fs.writeFileSync(new URL("trained.js", import.meta.url), `// Made by \`node make_trained.mjs\`; do not edit.\nexport const TRAINED = ${text};\n`);
}
