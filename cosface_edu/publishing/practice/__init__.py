"""Exercises that check themselves in a built page: an editor below each, and Python compiled for the browser.

The checks are those of the notebook, `cosface_edu.exercises`, taken from their files as they are. Python is Pyodide's
npm package, packed into scripts that a page opened from disk can load; it is loaded at the first run and works in a
worker with a limit of time. The page finds its exercises by itself: a cell that ends in `exercises.check("name", ...)`
within an exercise block, if the check lies in `cosface_edu.exercises.plain`.

Other scripts of a page may use what stands in `window.marginPractice`:

- `run({ code, last, earlier, seconds, say })` → promise of what `exercises/cell.py` returns;
  `last` is a line run after the code, `json` what it is worth, as JSON, and `earlier` what `built.bring` is given.
- `solved(name)`, `solvedCode(name)`: whether an exercise is solved in this browser, and the code that passed;
  `carried(name)`: that of the pieces of "Build CosFace yourself" before this one, or of all, as `run` takes it for
  `earlier`.
- `whenKept(listener)`: called after each change of what is kept.
"""

import base64
import gzip
import json
import os
from pathlib import Path

from cosface_edu import exercises, palette
from cosface_edu.exercises import built, plain
from cosface_edu.figures.lab import bundle
from cosface_edu.files import write_atomically

PYODIDE = "pyodide@314.0.7"
#: What of that package a page needs: its loader, the interpreter, the standard library.
FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
ABOUT = "about.json"  # names and bytes of those files, in the order in which they are packed, and which Python it is
PARTS = 8  # scripts that Python comes in: the bar moves with each
#: Modules of `cosface_edu.exercises` that the page's Python has, besides those of `plain`.
LOADED = ("__init__", "answers", "built", "cell", "failures", "lab_pictures", "truth")
MODULES = ("manifest.js", "engine.js", "store.js", "carry.js", "editor.js", "exercise.js", "progress.js")

_FOLDER = Path(__file__).parent
_PACKAGE = Path(exercises.__file__).parents[1]
_CHECKED = "margin-practice-checks.js"


def folder() -> str:
    """Where the parts lie, beside the page scripts; another version lies elsewhere."""
    return PYODIDE.replace("@", "-")


def pack(package: Path, target: Path) -> None:
    """Write Pyodide as scripts: its files, one after another, compressed, in base64, in `PARTS` parts.

    Args:
        package: the unpacked npm package.
        target: the folder for page scripts; the parts come into `folder()` in it.
    """
    contents = {name: (package / name).read_bytes() for name in FILES}
    packed = gzip.compress(b"".join(contents.values()), mtime=0)
    size = -(-len(packed) // PARTS)
    for number in range(PARTS):
        piece = base64.b64encode(packed[number * size : (number + 1) * size]).decode()
        write_atomically(target / folder() / f"{number}.js", f'marginPractice.part({number}, "{piece}");\n'.encode())
    about = {
        "files": [[name, len(content)] for name, content in contents.items()],
        "info": json.loads((package / "pyodide-lock.json").read_text(encoding="utf-8"))["info"],
    }
    write_atomically(target / folder() / ABOUT, json.dumps(about).encode())  # last: what is complete says so


def sources() -> dict[str, str]:
    """Path -> text of the package's files that the page's Python imports."""
    room = Path(exercises.__file__).parent
    files = [_PACKAGE / "__init__.py", *(room / f"{name}.py" for name in LOADED)]
    files += sorted(Path(plain.__file__).parent.glob("*.py"))
    return {f"cosface_edu/{file.relative_to(_PACKAGE).as_posix()}": file.read_text(encoding="utf-8") for file in files}


def modules(about: dict) -> dict[str, str]:
    """Name -> text of the page script's modules, in an order in which each follows those that it imports.

    Args:
        about: what `pack` wrote of Pyodide.
    """
    known = exercises.in_page()
    manifest = {
        "EXERCISES": {name: [chapter, hint] for name, (chapter, hint) in known.items()},
        "THREAD": [[name, chapter, functions] for name, (functions, chapter) in built.PIECES.items()],
        "WORKER": (_FOLDER / "worker.js").read_text(encoding="utf-8"),
        "FOLDER": folder(),
        "PARTS": PARTS,
        "PYODIDE": about,
        "CHECKED": _CHECKED,
    }
    lines = (f"export const {key} = {json.dumps(value, ensure_ascii=False)};\n" for key, value in manifest.items())
    return {"manifest.js": "".join(lines)} | {
        name: (_FOLDER / name).read_text(encoding="utf-8") for name in MODULES[1:]
    }


def script(about: dict) -> str:
    """The page's script: small, loaded by every page.

    Args:
        about: what `pack` wrote of Pyodide.
    """
    offers = "window.marginPractice = { run, part, checks, solved, solvedCode, carried, whenKept };"
    return f'(() => {{\n"use strict";\n{bundle.join(modules(about))}{offers}\nmountPractice();\n}})();\n'


def style() -> str:
    """The style sheet, with the book's colours."""
    colours = f"--mp-right: {palette.GREEN}; --mp-open: {palette.VERMILION}; --mp-hint: {palette.BLUE};"
    return f":root {{ {colours} }}\n" + (_FOLDER / "practice.css").read_text(encoding="utf-8")


def write_assets(target: str | os.PathLike[str]) -> None:
    """Write the page's script and style, and the checks. `pack` has been there before.

    Args:
        target: the folder of the page scripts.
    """
    target = Path(target)
    about = json.loads((target / folder() / ABOUT).read_text(encoding="utf-8"))
    write_atomically(target / "margin-practice.js", script(about).encode())
    write_atomically(target / "margin-practice.css", style().encode())
    write_atomically(target / _CHECKED, f"marginPractice.checks({json.dumps(sources())});\n".encode())
