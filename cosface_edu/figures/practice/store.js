// The reader's work, kept in the browser: one entry an exercise, { code, checked: { code, passed, message, date } }.
import { EXERCISES } from "./manifest.js";

const KEPT = "margin-book-exercise:";
const listeners = [];

export function kept(name) {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT + name));
    return found && typeof found.code === "string" ? found : null;
  } catch {
    return null;
  }
}

export function keep(name, entry) {
  try {
    if (entry) localStorage.setItem(KEPT + name, JSON.stringify(entry));
    else localStorage.removeItem(KEPT + name);
  } catch {
    // A browser that keeps nothing: the page works all the same, until it is closed.
  }
  changed();
}

export function changed() {
  for (const listener of listeners) listener();
}

// A check that passed stays: who tries further has not lost it.
export function keepCheck(name, code, line, verdict) {
  const before = kept(name);
  const checked = { code, line, passed: verdict.passed, message: verdict.message, date: new Date().toISOString() };
  keep(name, { code, checked: before?.checked?.passed && !verdict.passed ? before.checked : checked });
}

export function solved(name) {
  return kept(name)?.checked?.passed === true;
}

// The code that passed, or "".
export function solvedCode(name) {
  return solved(name) ? kept(name).checked.code : "";
}

export function whenKept(listener) {
  listeners.push(listener);
}

// [[chapter, [name, …]], …] in the order of the table of contents.
export function byChapter() {
  const order = [...document.querySelectorAll(".bd-sidebar-primary a[href]")].map((link) => chapterOf(link.href));
  const found = new Map();
  for (const [name, [chapter]] of Object.entries(EXERCISES)) found.set(chapter, [...(found.get(chapter) ?? []), name]);
  return [...found].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
}

export function chapterOf(address) {
  return address.replace(/[?#].*$/, "").split("/").pop().replace(/\.html$/, "");
}

function comment(text) {
  return String(text).replace(/^/gm, "# ");
}

// The code as a string of Python that reads as code; where a raw string cannot hold it as it is, line by line.
function quoted(code) {
  const text = `\n${code.trimEnd()}\n`;
  const strange = /[^\P{Cc}\n\t]/u.test(text); // a control character, which a file of Python may not hold
  const quotes = ['"""', "'''"].find((three) => !strange && !text.includes(three));
  if (quotes) return `r${quotes}${text}${quotes}`;
  return text.split(/(?<=\n)/).map((line) => JSON.stringify(line)).join("\n");
}

// Lines in quotes: pages carry their scripts without indentation.
const RUNS = [
  "from cosface_edu.exercises import cell",
  "",
  "",
  "def answer(name, code):",
  "    outcome = cell.run(code[1:])  # without the line break behind the quotes",
  "    if outcome['printed']:",
  "        print(outcome['printed'])",
  "    verdict = outcome['verdict']",
  "    said = verdict['message'] if verdict else outcome['error'] or 'it runs; it was not checked'",
  "    print(f'{name}: {said}')",
  "",
].join("\n");

// A Python file that a teacher reads and may run: every answer that was begun, with its verdict and date.
export function exported() {
  const names = byChapter().flatMap(([, list]) => list);
  const count = names.filter(solved).length;
  const pieces = [
    `# Answers to The Margin Book, saved ${new Date().toISOString()}: ${count} of ${names.length} solved.\n` +
      "# Verdicts are those of the reader's browser. With cosface-edu installed this file runs each answer as the page did,\n" +
      "# by itself, and checks it again: one that fails holds up no other.\n\n" + RUNS,
  ];
  for (const name of names) {
    const entry = kept(name);
    if (!entry) continue;
    const checked = entry.checked;
    const code = checked?.passed ? checked.code : entry.code;
    const says = !checked
      ? "not checked"
      : `${checked.passed ? "solved" : "not solved"}, checked ${checked.date}${checked.code === code ? "" : ", changed since"}\n${checked.message}`;
    const cell = checked ? `${code.trimEnd()}\n\n${checked.line}` : code;
    pieces.push(`\n\n# --- ${name} (chapter ${EXERCISES[name][0]})\n${comment(says)}\nanswer(${JSON.stringify(name)}, ${quoted(cell)})\n`);
  }
  return pieces.join("");
}
