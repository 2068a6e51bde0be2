// What a lab knows, without DOM: its setting, its network, the sample that is looked at, and what it measured.
// Controls change it, the loop trains it, drawing reads it.
import { DATA } from "./data.js";
import { DEFAULTS, Engine } from "./engine.js";
import { apply, flatten } from "./setting.js";

export class Lab {
  constructor(flat) {
    this.setting = apply(DEFAULTS, flat);
    this.engine = new Engine(DATA, this.setting);
    this.focus = { index: 0, probe: null, hover: -1 }; // probe: the picked sample's feature, moved by hand
    this.scene = { turn: [0.8, -0.6, 0, 0.24, 0.32, -0.9165, 0.55, 0.733, 0.4] }; // rows of the camera's matrix
    this.stats = { steps: 0, trainMs: 0, frames: 0, drawMs: 0, changed: 0, response: 0 };
    this.theme = null;
    this.faces = null; // the sheet of faces, once it is loaded
  }

  flat() {
    return flatten(this.setting);
  }

  // Takes a flat setting on top of the present one, or of `base`, and goes on from the weights as they are.
  change(flat, base = this.setting) {
    this.setting = apply(base, flat);
    this.engine.update(this.setting);
    if (this.focus.probe && this.focus.probe.length !== this.setting.k) this.focus.probe = null;
    this.stats.changed = performance.now();
  }

  // Takes a flat setting on top of the defaults and begins anew, from the first step; the seed stays.
  restart(flat) {
    this.setting = { ...apply(DEFAULTS, flat), seed: this.setting.seed };
    this.engine.update(this.setting);
    this.reset();
  }

  // Takes a flat setting on top of the defaults, trained where trained weights are at hand; the seed stays.
  reopen(flat) {
    this.setting = { ...apply(DEFAULTS, flat), seed: this.setting.seed };
    this.engine.update(this.setting);
    this.engine.begin();
    this.focus.probe = null;
  }

  reset() {
    this.engine.reset();
    this.focus.probe = null;
  }

  // Turns the centre next to the picked sample's own until the two are `degrees` apart.
  closer(degrees) {
    const { own, rival } = this.scene.focus;
    const w = this.engine.net.centres.value;
    const at = (j) => Math.atan2(w[2 * j + 1], w[2 * j]);
    const side = Math.sin(at(rival) - at(own)) >= 0 ? 1 : -1;
    const angle = at(own) + (side * degrees * Math.PI) / 180;
    this.engine.net.moveCentre(rival, [Math.cos(angle), Math.sin(angle)]);
  }
}
