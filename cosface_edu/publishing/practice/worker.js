// Python in a worker of its own, so that an endless loop holds up nobody. It is sent two messages:
//   { start: { packed, files, info, sources } }   packed: Blob, gzip of Pyodide's files one after another; files: their
//     names and sizes; info: which Python that is; sources: path -> text of the package's modules
//   { run: { code, last, earlier } }              answered by what cosface_edu.exercises.cell.run returns; earlier: JSON,
//                                                 exercise -> code that passed, for built.bring
// It answers { ready: true }, { outcome } or { failed: message }; a run is heard before that, { printed: text } for each
// piece, so that what a loop printed is there when the loop has to be stopped.
let runCell = null;

async function unpack(packed, files) {
  const stream = packed.stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const found = {};
  let at = 0;
  for (const [name, size] of files) {
    found[name] = bytes.subarray(at, at + size);
    at += size;
  }
  return found;
}

async function load(bytes) {
  const address = URL.createObjectURL(new Blob([bytes], { type: "text/javascript" }));
  const loaded = await import(address);
  URL.revokeObjectURL(address);
  return loaded;
}

async function start({ packed, files, info, sources }) {
  const found = await unpack(packed, files);
  const types = { "pyodide.asm.wasm": "application/wasm", "python_stdlib.zip": "application/zip" };
  // The only two addresses that Pyodide asks for are answered from memory; nothing else is asked of any network.
  self.fetch = async (address) => {
    const name = String(address.url ?? address).split("/").pop();
    if (!(name in types)) throw new Error("there is no network here");
    return new Response(found[name], { headers: { "Content-Type": types[name] } });
  };
  // Pyodide wants a module worker, which pages opened from disk may not have. It looks for importScripts to tell.
  self.importScripts = undefined;
  const asm = await load(found["pyodide.asm.mjs"]);
  const { loadPyodide } = await load(found["pyodide.mjs"]);
  const pyodide = await loadPyodide({
    indexURL: "https://pages.invalid/",
    stdLibURL: "https://pages.invalid/python_stdlib.zip",
    createPyodideModule: asm.default,
    lockFileContents: JSON.stringify({ info, packages: {} }), // the standard library is all there is
    packageBaseUrl: "https://pages.invalid/",
  });
  for (const [path, text] of Object.entries(sources)) {
    pyodide.FS.mkdirTree("/book/" + path.replace(/\/[^/]*$/, ""));
    pyodide.FS.writeFile("/book/" + path, text);
  }
  runCell = pyodide.runPython(`
import json, sys
sys.path.insert(0, "/book")
from cosface_edu import exercises
from cosface_edu.exercises import built, cell
exercises.in_page()
def run(code, last, earlier, hear):
    built.bring(**json.loads(earlier))
    return json.dumps(cell.run(code, last, hear))
run
`);
}

const hear = (printed) => self.postMessage({ printed });

self.onmessage = async ({ data }) => {
  try {
    if (data.start) {
      await start(data.start);
      self.postMessage({ ready: true });
    } else {
      self.postMessage({ outcome: JSON.parse(runCell(data.run.code, data.run.last, data.run.earlier, hear)) });
    }
  } catch (failure) {
    self.postMessage({ failed: String(failure) });
  }
};
