// How many are solved: below the heading of a chapter's exercises, and over all chapters where a page asks for it.
import { EXERCISES } from "./manifest.js";
import { byChapter, chapterOf, exported, kept, keep, lasts, solved, whenKept } from "./store.js";
import { element, mountExercises } from "./exercise.js";

function counted(names) {
  return names.filter(solved).length;
}

function mountChapter() {
  const chapter = chapterOf(location.pathname);
  const names = Object.keys(EXERCISES).filter((name) => EXERCISES[name][0] === chapter);
  const heading = document.querySelector("article #exercises > h2");
  if (!heading || !names.length) return;
  const words = element("span");
  const lost = element("span", {},
    "This browser does not keep what you write: export it before you leave the page. ",
    element("button", { type: "button", onclick: save }, "Export my answers"));
  heading.after(element("p", { class: "mp-count" }, words, lost));
  const say = () => {
    words.textContent = `${counted(names)} of the ${names.length} that this page can check are solved. ${lasts() ? "Answers are kept in this browser." : ""}`;
    lost.hidden = lasts();
  };
  whenKept(say);
  say();
}

function save() {
  const address = URL.createObjectURL(new Blob([exported()], { type: "text/x-python" }));
  element("a", { href: address, download: "margin-book-answers.py" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function mountOverview(node) {
  const chapters = byChapter();
  const names = chapters.flatMap(([, list]) => list);
  const words = element("p", {});
  const bar = element("progress", { max: names.length, "aria-label": "Exercises solved" });
  const rows = chapters.map(([chapter, list]) => {
    const link = document.querySelector(`.bd-sidebar-primary a[href$="${chapter}.html"]`);
    const count = element("span", {});
    const title = link ? element("a", { href: `${link.getAttribute("href")}#exercises` }, link.textContent.trim()) : chapter;
    return { list, count, row: element("li", {}, title, " ", count) };
  });
  const say = () => {
    words.textContent = `${counted(names)} of ${names.length} exercises solved in this browser. ${lasts() ? "" : "It keeps nothing from page to page: export your answers on the page where you write them."}`;
    bar.value = counted(names);
    for (const { list, count } of rows) count.textContent = `${counted(list)} of ${list.length}`;
  };
  const forget = () => {
    if (window.confirm("Throw away every answer that this browser keeps?")) for (const name of names) if (kept(name)) keep(name, null);
  };
  node.replaceChildren(
    element("div", { class: "mp mp-overview", role: "group", "aria-label": "Your exercises" },
      words, bar,
      element("details", {}, element("summary", {}, "By chapter"), element("ul", {}, ...rows.map(({ row }) => row))),
      element("div", { class: "mp-bar" },
        element("button", { type: "button", onclick: save }, "Export my answers"),
        element("button", { type: "button", onclick: forget }, "Forget them"))),
  );
  whenKept(say);
  say();
}

export function mountPractice() {
  mountExercises();
  mountChapter();
  document.querySelectorAll("[data-margin-progress]").forEach(mountOverview);
}
