// Training and drawing in turn, a picture a frame, for as long as there are steps to go and the lab is in sight.

const STEPS_A_FRAME = 2;
const HASTE = { until: 300, steps: 12 }; // a run from the first step is hurried on to where there is something to see
const BURST = 60; // steps between two pictures where motion is to be reduced

export class Loop {
  // draw() shows the lab; told(why) is called when training starts (null) and when it ends.
  constructor(lab, draw, told) {
    Object.assign(this, { lab, draw, told });
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.playing = false;
    this.paused = false; // by the reader: then a new margin does not start training by itself
    this.visible = true;
    this.remaining = 0; // steps
    this.queued = false;
  }

  train(most, budget) {
    const { engine, stats } = this.lab;
    const begin = performance.now();
    let done = 0;
    do {
      engine.step();
      done += 1;
    } while (done < most && performance.now() - begin < budget);
    stats.steps += done;
    stats.trainMs += performance.now() - begin;
    this.remaining -= done;
  }

  tick() {
    this.queued = false;
    const runs = this.playing && this.visible;
    // After a change the picture comes first: the regions answer the reader before the network does.
    if (runs && !this.lab.stats.changed) this.train(...this.share());
    this.lab.engine.measure(runs);
    this.draw();
    if (this.playing && this.remaining <= 0) this.pause("Settled");
    if (this.playing && this.visible) this.schedule();
  }

  // Most steps and milliseconds until the next picture.
  share() {
    if (this.calm.matches) return [BURST, 300];
    return this.lab.engine.steps < HASTE.until ? [HASTE.steps, 40] : [STEPS_A_FRAME, 9];
  }

  schedule() {
    if (this.queued) return;
    this.queued = true;
    if (this.calm.matches && this.playing && this.lab.stats.frames) setTimeout(() => this.tick(), 400);
    else requestAnimationFrame(() => this.tick());
  }

  play(steps) {
    this.remaining = Math.max(this.remaining, steps);
    this.playing = true;
    this.paused = false;
    this.told(null);
    this.schedule();
  }

  pause(why) {
    this.playing = false;
    this.remaining = 0;
    this.told(why);
  }

  // The reader stops it, or takes one step.
  hold() {
    this.paused = true;
    this.pause("Paused");
  }

  single() {
    if (this.playing) this.pause("Paused");
    this.paused = true;
    this.train(1, 0);
    this.remaining = 0;
    this.lab.engine.measure(true);
    this.schedule();
  }
}
