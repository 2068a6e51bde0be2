// "Build CosFace yourself" goes over several chapters: what a reader wrote in the earlier ones is there in the later ones.
import { THREAD } from "./manifest.js";
import { changed, solved, solvedCode } from "./store.js";

const ALONE = "margin-book-thread-alone";
let book = true; // whether the book's functions stand in for pieces that are missing
try {
  book = localStorage.getItem(ALONE) !== "yes";
} catch {
  // A browser that keeps nothing: it is asked again on the next page.
}

export function useBook(on) {
  book = on;
  try {
    localStorage.setItem(ALONE, on ? "no" : "yes");
  } catch {
    // As above.
  }
  changed();
}

// What built.bring is given: the pieces that this browser keeps.
export function carried() {
  const pieces = THREAD.map(([piece]) => piece).filter(solved);
  return { sources: Object.fromEntries(pieces.map((piece) => [piece, solvedCode(piece)])), book };
}

// { yours, missing, book } of the pieces before this one; null where there are none.
export function carriedWords(name) {
  const at = THREAD.findIndex(([piece]) => piece === name);
  if (at < 1) return null;
  const pieces = THREAD.slice(0, at).map(([piece, chapter, functions], i) => ({ piece, chapter, functions, label: `ex-build-${i + 1}` }));
  return {
    yours: pieces.filter(({ piece }) => solved(piece)).flatMap(({ functions }) => functions),
    missing: pieces.filter(({ piece }) => !solved(piece)),
    book,
  };
}
