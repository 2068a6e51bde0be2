// The reader's work, kept in the browser: one entry an exercise, { code, checked: { code, passed, message, date } }.
import { EXERCISES } from "./manifest.js";

const KEPT = "margin-book-exercise:";
const listeners = [];
// What the browser did not take, by key: it is kept until the page is closed.
const here = new Map();

export function read(key) {
  if (here.has(key)) return here.get(key);
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function write(key, text) {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
    here.delete(key);
  } catch {
    here.set(key, text);
  }
  changed();
}

// Tried once: other tabs hear of each try.
const keeps = (() => {
  try {
    localStorage.setItem(KEPT, "");
    localStorage.removeItem(KEPT);
    return true;
  } catch {
    return false;
  }
})();

// Whether what was written outlives the page.
export function lasts() {
  return keeps && !here.size;
}

export function kept(name) {
  try {
    const found = JSON.parse(read(KEPT + name));
    return found && typeof found.code === "string" ? found : null;
  } catch {
    return null;
  }
}

export function keep(name, entry) {
  write(KEPT + name, entry && JSON.stringify(entry));
}

export function changed() {
  for (const listener of listeners) listener();
}

// A check that passed stays: who tries further has not lost it. So does code that is kept: the editor keeps it as it is
// written, and what was checked may be the older text of another tab.
export function keepCheck(name, code, line, verdict) {
  const before = kept(name);
  const checked = { code, line, passed: verdict.passed, message: verdict.message, date: new Date().toISOString() };
  keep(name, { code: before?.code ?? code, checked: before?.checked?.passed && !verdict.passed ? before.checked : checked });
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

// Another tab has written, or this page comes back from where it heard nothing of it.
addEventListener("storage", changed);
addEventListener("pageshow", changed);

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

// A Python file that a teacher reads and may run: every answer that was begun, with its verdict and date.
export function exported() {
  const names = byChapter().flatMap(([, list]) => list);
  const count = names.filter(solved).length;
  const pieces = [
    `# Answers to The Margin Book, saved ${new Date().toISOString()}: ${count} of ${names.length} solved.\n` +
      "# Verdicts are those of the reader's browser. With cosface-edu installed this file runs each answer as the page did,\n" +
      "# in a process of its own, and checks it again: one that fails or never ends holds up no other.\n\n" +
      "from cosface_edu.exercises.apart import answer\n",
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
