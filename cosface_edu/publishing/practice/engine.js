// One Python for the page: fetched at the first run, in a worker, with a limit of time.
import { CHECKED, FOLDER, PARTS, PYODIDE, WORKER } from "./manifest.js";

const LIMIT = 5; // seconds a run may take
const HERE = document.currentScript.src.replace(/[^/]*$/, "");
const arrived = { parts: [], sources: null };
let packed = null; // promise of the Blob with Pyodide's files
let python = null; // promise of a worker that is ready
let last = Promise.resolve(); // runs wait for each other

// Called by the scripts that hold Python and the checks.
export function part(number, base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  arrived.parts[number] = bytes;
}

export function checks(sources) {
  arrived.sources = sources;
}

function script(name) {
  return new Promise((resolve, reject) => {
    const node = document.createElement("script");
    node.src = HERE + name;
    node.onload = resolve;
    node.onerror = () => reject(new Error(`${name} is not beside this page`));
    document.head.append(node);
  });
}

async function fetchPacked(say) {
  let there = 0;
  const names = [CHECKED, ...Array.from({ length: PARTS }, (_, i) => `${FOLDER}/${i}.js`)];
  const wanted = names.map((name) => script(name).then(() => say((0.8 * ++there) / names.length, "Fetching Python …")));
  await Promise.all(wanted);
  return new Blob(arrived.parts);
}

// hear is given each piece of what is printed meanwhile.
function answer(worker, message, hear = () => {}) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => {
      if (data.printed) hear(data.printed);
      else if (data.failed) reject(new Error(data.failed));
      else resolve(data);
    };
    worker.onerror = (event) => reject(new Error(event.message || "the worker stopped"));
    worker.postMessage(message);
  });
}

async function startPython(say) {
  packed = packed ?? fetchPacked(say);
  const blob = await packed.catch((failure) => {
    packed = null;
    throw failure;
  });
  say(0.85, "Starting Python …");
  const address = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  const worker = new Worker(address);
  await answer(worker, { start: { packed: blob, ...PYODIDE, sources: arrived.sources } });
  URL.revokeObjectURL(address);
  return worker;
}

async function once(code, line, earlier, seconds, say) {
  python = python ?? startPython(say);
  const worker = await python.catch((failure) => {
    python = null;
    throw failure;
  });
  say(1, "Running …");
  let clock = 0;
  const late = new Promise((resolve) => {
    clock = setTimeout(() => resolve({ stopped: true }), 1000 * seconds);
  });
  let printed = "";
  const ended = answer(worker, { run: { code, last: line, earlier: JSON.stringify(earlier) } }, (piece) => (printed += piece));
  const data = await Promise.race([ended, late]).catch((failure) => ({ failure }));
  clearTimeout(clock);
  if (data.outcome) return data.outcome;
  worker.terminate();
  // The next one is made ready while the reader reads why.
  python = startPython(() => {});
  python.catch(() => {});
  const why = data.stopped
    ? `stopped after ${seconds} seconds. Is there a loop that never ends?`
    : `Python stopped: ${data.failure.message}`;
  return { printed, value: "", json: "", error: why, verdict: null };
}

// run({ code, last, earlier, seconds, say }) -> promise of { printed, value, json, error, verdict }, as cell.py says.
// `last` is a line to run after the code, `earlier` what built.bring is given; say(share, words) hears how far Python has come. Rejected if Python cannot start.
export function run({ code, last: line = "", earlier = { sources: {}, book: true }, seconds = LIMIT, say = () => {} }) {
  const mine = last.then(() => once(code, line, earlier, seconds, say));
  last = mine.catch(() => {});
  return mine;
}
