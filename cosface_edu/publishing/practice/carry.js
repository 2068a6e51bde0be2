// "Build CosFace yourself" goes over several chapters: what a reader wrote in the earlier ones is there in the later ones.
import { THREAD } from "./manifest.js";
import { read, solved, solvedCode, write } from "./store.js";

const ALONE = "margin-book-thread-alone";
// Whether the book's functions stand in for pieces that are missing.
const byBook = () => read(ALONE) !== "yes";

export function useBook(on) {
  write(ALONE, on ? "no" : "yes");
}

// What built.bring is given: the pieces that are kept, of those before this one; nothing for exercises outside the
// thread, and all where no exercise is named.
export function carried(name) {
  const order = THREAD.map(([piece]) => piece);
  const before = name ? order.slice(0, Math.max(0, order.indexOf(name))) : order;
  return { sources: Object.fromEntries(before.filter(solved).map((piece) => [piece, solvedCode(piece)])), book: byBook() };
}

// { yours, missing, book } of the pieces before this one; null where there are none.
export function carriedWords(name) {
  const at = THREAD.findIndex(([piece]) => piece === name);
  if (at < 1) return null;
  const pieces = THREAD.slice(0, at).map(([piece, chapter, functions], i) => ({ piece, chapter, functions, label: `ex-build-${i + 1}` }));
  return {
    yours: pieces.filter(({ piece }) => solved(piece)).flatMap(({ functions }) => functions),
    missing: pieces.filter(({ piece }) => !solved(piece)),
    book: byBook(),
  };
}
