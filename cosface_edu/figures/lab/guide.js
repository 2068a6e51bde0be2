// The box of the guided tour: a question, a prediction, the lab's answer.
import { button } from "./controls.js";
import { STOPS } from "./tour.js";

export const BOX = `
<section class="ml-tour" aria-label="Guided tour" hidden><h3></h3><p data-tour="ask"></p><div class="ml-buttons" data-tour="choices"></div><p data-tour="tell" aria-live="polite"></p>
<div class="ml-buttons">${button("back", "Back")}${button("next", "Next")}${button("close", "Close tour")}</div></section>`;

export class Guide {
  // hands: what a stop may do to the lab (see STOPS).
  constructor(root, hands) {
    Object.assign(this, { root, hands, stop: -1 });
  }

  $(selector) {
    return this.root.querySelector(selector);
  }

  visit(at) {
    this.stop = Math.max(0, Math.min(STOPS.length - 1, at));
    const { title, begin, ask, choices } = STOPS[this.stop];
    begin(this.hands);
    this.$(".ml-tour").hidden = false;
    this.$(".ml-tour h3").textContent = `${this.stop + 1} of ${STOPS.length}: ${title}`;
    this.$('[data-tour="ask"]').textContent = ask;
    this.$('[data-tour="tell"]').textContent = "";
    this.$('[data-do="back"]').disabled = this.stop === 0;
    this.$('[data-do="next"]').disabled = this.stop === STOPS.length - 1;
    const box = this.$('[data-tour="choices"]');
    box.innerHTML = choices.map((choice, i) => `<button type="button" data-choice="${i}">${choice}</button>`).join("");
    box.onclick = ({ target: pressed }) => this.answer(pressed);
    box.querySelector("button").focus({ preventScroll: true });
  }

  // The first press on a choice counts.
  answer(pressed) {
    const chosen = pressed.dataset.choice;
    if (chosen === undefined || this.$('[data-tour="tell"]').textContent) return;
    const { answer, reveal, tell } = STOPS[this.stop];
    this.$(`[data-choice="${answer}"]`).dataset.right = "true";
    const right = Number(chosen) === answer;
    if (!right) pressed.dataset.right = "false";
    reveal(this.hands);
    this.$('[data-tour="tell"]').textContent = `${right ? "Yes." : "Not quite."} ${tell(this.hands)}`;
  }

  close() {
    this.stop = -1;
    this.$(".ml-tour").hidden = true;
    this.$('[data-do="tour"]').focus();
  }
}
