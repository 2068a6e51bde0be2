// A text area in which Python can be written: Tab indents, Enter keeps the indentation, Escape leads out.
const STEP = "    ";

// insertText keeps the browser's own undo.
function type(area, text) {
  if (document.execCommand("insertText", false, text)) return;
  area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input")); // as insertText does: what is written is kept then
}

function lineStart(area) {
  return area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
}

function shift(area, outwards) {
  const start = lineStart(area);
  const end = Math.max(area.selectionEnd, start);
  const before = area.value.slice(start, end);
  const rest = area.value.slice(start, start + STEP.length).match(/^ */)[0].length;
  if (area.selectionStart === area.selectionEnd) {
    if (!outwards) return type(area, STEP);
    if (!rest) return undefined;
    const caret = area.selectionStart;
    area.setSelectionRange(start, start + rest);
    document.execCommand("delete");
    const to = Math.max(start, caret - rest);
    return area.setSelectionRange(to, to);
  }
  const after = before.replace(outwards ? /^ {1,4}/gm : /^(?=.)/gm, outwards ? "" : STEP);
  area.setSelectionRange(start, end);
  type(area, after);
  return area.setSelectionRange(start, start + after.length);
}

// keys: { run, check, leave }, functions.
export function editor(area, keys) {
  area.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) keys.check();
    else if (event.key === "Enter" && event.shiftKey) keys.run();
    else if (event.key === "Escape") keys.leave();
    else if (event.key === "Tab" && !event.ctrlKey && !event.altKey && !event.metaKey) shift(area, event.shiftKey);
    else if (event.key === "Enter") {
      const line = area.value.slice(lineStart(area), area.selectionStart);
      type(area, "\n" + line.match(/^ */)[0] + (/:\s*(#.*)?$/.test(line) ? STEP : ""));
    } else return;
    event.preventDefault();
  });
  const fit = () => {
    area.rows = Math.max(3, area.value.split("\n").length + 1);
  };
  area.addEventListener("input", fit);
  fit();
  return fit;
}
