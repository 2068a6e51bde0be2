// Below an exercise that the page can check: an editor with the starter, and what Run, Check and Hint say.
import { EXERCISES } from "./manifest.js";
import { run } from "./engine.js";
import { carried, carriedWords, useBook } from "./carry.js";
import { keep, keepCheck, kept, solved, whenKept } from "./store.js";
import { editor } from "./editor.js";

const CHECK = /\n*^(exercises\.check\("([\w-]+)".*\))\s*$/m;

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

// { name, starter, line } of a cell that ends in a check, else null.
function question(cell) {
  const text = cell.querySelector(".cell_input pre")?.textContent ?? "";
  const found = text.match(CHECK);
  return found && { name: found[2], line: found[1], starter: text.slice(0, found.index).replace(/^\n+/, "") + "\n" };
}

// By its text: a chapter whose cells were not run shows no verdict in its solutions.
export function solutionOf(block, name) {
  const asks = (cell) => cell.textContent.includes(`exercises.check("${name}"`);
  let next = block.nextElementSibling;
  while (next && !next.classList.contains("exercise")) {
    if (next.classList.contains("solution") && [...next.querySelectorAll(".cell_input pre")].some(asks)) return next;
    next = next.nextElementSibling;
  }
  return null;
}

function showSolution(solution) {
  const button = solution.querySelector("button.toggle-button");
  if (solution.classList.contains("toggle-hidden")) button?.click();
  const title = solution.querySelector(".admonition-title");
  title.tabIndex = -1;
  title.focus();
}

function wantsNotebook(cell) {
  cell.before(
    element("p", { class: "mp-notebook" }, "This one wants the notebook: it works on PyTorch or the package's own objects."),
  );
}

// What a piece of "Build CosFace yourself" takes over from other chapters; nothing for other exercises.
function carriedOver(name) {
  if (!carriedWords(name)) return [];
  const words = element("p", { class: "mp-carried" });
  const show = () => {
    const { yours, missing, book } = carriedWords(name);
    const links = missing.flatMap(({ functions, chapter, label }, i) => [
      i ? "; " : "", element("code", {}, functions.join(", ")), " (", element("a", { href: `${chapter}.html#${label}` }, chapter), ")",
    ]);
    const button = element("button", {
      type: "button",
      onclick: () => {
        useBook(!book);
        words.querySelector("button")?.focus(); // there is none where nothing is missing any more
      },
    }, book ? "Use mine only" : "Use the book's");
    words.replaceChildren(
      ...(yours.length ? ["Carried over from this browser: ", element("code", {}, yours.join(", ")), ". "] : []),
      ...(missing.length ? ["Missing, not solved in this browser yet: ", ...links, book ? "; the book's stand in. " : ". "] : []),
      // Also where none is missing and one does not run any more.
      ...(missing.length || !book ? [button] : []),
    );
  };
  whenKept(show);
  show();
  return [words];
}

function mountExercise(block, cell, asked) {
  const { name, starter, line } = asked;
  const title = block.querySelector(".caption-number")?.textContent.trim() ?? "Exercise";
  const area = element("textarea", {
    class: "mp-code", id: `mp-${name}`, spellcheck: "false", autocapitalize: "off", autocomplete: "off", wrap: "soft",
    "aria-describedby": `mp-keys-${name}`,
  });
  const bar = element("progress", { class: "mp-progress", max: 1, value: 0, hidden: true, "aria-label": "Python is being fetched" });
  const status = element("p", { class: "mp-status", role: "status" });
  const hint = element("p", { class: "mp-hint", hidden: true }, EXERCISES[name][1]);
  const printed = element("pre", { class: "mp-printed", hidden: true, tabindex: 0, "aria-label": "What your code printed" });
  const done = element("span", { class: "mp-done", hidden: true }, "✓ solved");
  const buttons = [];

  const say = (kind, text) => {
    status.className = kind ? `mp-status check check-${kind}` : "mp-status";
    status.textContent = text;
  };
  const mark = () => {
    done.hidden = !solved(name);
  };
  // Not `disabled`: a button that is would lose the focus.
  const rest = (busy) => {
    for (const button of buttons) button.setAttribute("aria-disabled", String(busy));
  };
  async function go(last) {
    if (buttons[0].getAttribute("aria-disabled") === "true") return;
    rest(true);
    printed.hidden = true;
    const code = area.value;
    try {
      const outcome = await run({
        code, last, earlier: carried(name),
        say: (share, words) => {
          bar.hidden = share === 1;
          bar.value = share;
          say("", words);
        },
      });
      printed.textContent = outcome.printed + outcome.value;
      printed.hidden = !printed.textContent;
      const verdict = outcome.verdict ?? { name, passed: false, message: `✗ not yet: ${outcome.error}` };
      if (last) keepCheck(name, code, line, verdict);
      if (last) say(verdict.passed ? "passed" : "open", verdict.message);
      else if (outcome.error) say("open", outcome.error);
      else say("", printed.hidden ? "It ran, and printed nothing." : "It ran.");
    } catch (failure) {
      say("open", `Python did not start in this browser (${failure.message}). The chapter's notebook checks the same cell.`);
    }
    bar.hidden = true;
    rest(false);
  }
  const check = () => go(line);
  const tryOut = () => go("");
  const fit = editor(area, { run: tryOut, check, leave: () => buttons[0].focus() });
  // The editor holds what is kept, also when another tab or another button has written it.
  const show = () => {
    mark();
    const text = kept(name)?.code ?? starter;
    if (area.value === text) return;
    area.value = text;
    fit();
    const before = kept(name)?.checked;
    if (before?.code === text) say(before.passed ? "passed" : "open", String(before.message));
    else say("", "");
  };
  const solution = solutionOf(block, name);
  buttons.push(
    element("button", { type: "button", class: "mp-main", onclick: check }, "Check"),
    element("button", { type: "button", onclick: tryOut }, "Run"),
  );
  const showHint = element("button", {
    type: "button", "aria-expanded": "false",
    onclick: () => {
      hint.hidden = !hint.hidden;
      showHint.setAttribute("aria-expanded", String(!hint.hidden));
    },
  }, "Hint");
  const reset = element("button", {
    type: "button",
    onclick: () => {
      if (area.value !== starter && !window.confirm("Throw your answer away and begin anew?")) return;
      keep(name, null);
      say("", "");
      printed.hidden = true;
    },
  }, "Reset");
  const help = element("button", { type: "button", onclick: () => showSolution(solution) }, "Show solution");
  area.addEventListener("input", () => keep(name, { ...kept(name), code: area.value }));
  cell.classList.add("mp-original");
  cell.after(
    element("div", { class: "mp", role: "group", "aria-label": `${title}, to be answered here` },
      element("p", { class: "mp-label" }, element("label", { for: area.id }, "Your answer"), done),
      ...carriedOver(name),
      area,
      element("p", { class: "mp-keys", id: `mp-keys-${name}` },
        "Check then runs ", element("code", {}, line), ". Ctrl + Enter checks, Shift + Enter runs, Escape leaves the editor."),
      element("div", { class: "mp-bar" }, ...buttons, showHint, ...(solution ? [help] : []), reset),
      hint, bar, status, printed),
  );
  whenKept(show);
  show();
}

export function mountExercises() {
  for (const block of document.querySelectorAll("article .exercise")) {
    for (const cell of block.querySelectorAll(".cell")) {
      const asked = question(cell);
      if (!asked) continue;
      if (Object.hasOwn(EXERCISES, asked.name)) mountExercise(block, cell, asked);
      else wantsNotebook(cell);
    }
  }
}
