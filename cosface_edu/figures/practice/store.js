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

// A Python file that a teacher reads: every answer that was begun, with its verdict and date.
export function exported() {
  const names = byChapter().flatMap(([, list]) => list);
  const count = names.filter(solved).length;
  const pieces = [
    `# Answers to The Margin Book, saved ${new Date().toISOString()}: ${count} of ${names.length} solved.\n` +
      "# Verdicts are those of the reader's browser. With cosface-edu installed this file checks them again.\n" +
      "\nfrom cosface_edu import exercises\n",
  ];
  for (const name of names) {
    const entry = kept(name);
    if (!entry) continue;
    const checked = entry.checked;
    const says = !checked
      ? "not checked"
      : `${checked.passed ? "solved" : "not solved"}, checked ${checked.date}\n${checked.message}`;
    const code = checked?.passed ? checked.code : entry.code;
    pieces.push(
      `\n\n# --- ${name} (chapter ${EXERCISES[name][0]})\n${comment(says)}\n\n${code.trimEnd()}\n` +
        (checked ? `\nprint(${checked.line})\n` : ""),
    );
  }
  return pieces.join("");
}
