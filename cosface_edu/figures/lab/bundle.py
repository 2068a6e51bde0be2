"""One script out of the lab's modules, without a tool from outside.

The modules follow a strict convention, which makes joining them a matter of lines: imports are single lines of the form
`import { a, b } from "./module.js";`, exports stand before a declaration at the start of a line, comments begin with
`//`, every statement ends with a semicolon, and no two modules declare the same top-level name. `join` refuses
anything else. Readers' pages carry neither comments nor indentation, nor spaces that only people need: together more
than a quarter of the script.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
# Each module comes after those that it imports.
MODULES = (
    "data.js",
    "palette.js",
    "unrolled.js",
    "expression.js",
    "core.js",
    "trained.js",
    "regions.js",
    "engine.js",
    "setting.js",
    "tour.js",
    "state.js",
    "pen.js",
    "scene.js",
    "globe.js",
    "views.js",
    "drawing.js",
    "loop.js",
    "controls.js",
    "guide.js",
    "pointer.js",
    "build.js",
    "lab.js",
)
# The cover's are the same but for the controls and the views that it does not show.
COVER = (*MODULES[: MODULES.index("controls.js")], "cover.js")
# Figures that need no network and no faces.
LIVE = (
    "palette.js",
    "unrolled.js",
    "expression.js",
    "core.js",
    "regions.js",
    "globe.js",
    "pen.js",
    "settled.js",
    "warped.js",
    "capped.js",
    "advice.js",
    "live.js",
)
IMPORT = re.compile(r'import \{ [\w, ]+ \} from "\./(\w+\.js)";$')
DECLARATION = re.compile(r"(?:export )?(?:async )?(?:const|let|function|class) (\w+|\{[^}]*\}|\[[^\]]*\])")
STRING = re.compile(r"""("[^"]*"|'[^']*')""")
# Signs that need no space beside them: + and - only between two names, numbers or brackets.
SIGN = re.compile(r" ?([=*/<>?:,;&|{}()\[\]!]|(?<=[\w)\]] )[-+](?= [\w(])) ?")


def join(sources: dict[str, str]) -> str:
    """The modules' statements in one scope, without imports and exports.

    Args:
        sources: text by file name, in an order in which each module follows those it imports.

    Returns:
        JavaScript whose top-level names are those of all modules, without comments, indentation and needless spaces.

    Raises:
        ValueError: for a module that breaks the convention.
    """
    lines: list[str] = []
    owners: dict[str, str] = {}
    in_template = False
    for name, source in sources.items():
        for number, line in enumerate(source.splitlines(), start=1):
            where = f"{name}:{number}"
            if line.startswith("import"):
                match = IMPORT.fullmatch(line)
                if not match or match[1] not in owners.values():
                    raise ValueError(
                        f'{where}: write one line `import {{ a }} from "./earlier-module.js";`, not {line!r}'
                    )
                continue
            if line.startswith("export") and not DECLARATION.match(line):
                raise ValueError(f"{where}: export a const, let, function or class where it is declared, not {line!r}")
            declared = DECLARATION.match(line)
            if declared and owners.setdefault(declared[1], name) != name:
                raise ValueError(f"{where}: {declared[1]!r} is already declared in {owners[declared[1]]}; rename one")
            spoken = _without_comment(line.removeprefix("export ").strip())
            if spoken:
                lines.append(spoken if in_template else _tight(spoken))
            in_template ^= spoken.count("`") % 2 == 1
    return "\n".join(lines) + "\n"


def _without_comment(line: str) -> str:
    code, mark, _ = f" {line} ".partition(" // ")
    in_string = any(code.count(quote) % 2 for quote in "\"'`")
    return line if in_string or not mark else code.strip()


def _tight(line: str) -> str:
    """A line without the spaces beside its signs; as it is where it holds a template, an escape or a pattern."""
    parts = STRING.split(line)  # code, string, code, …
    slashes = "".join(parts[::2]).replace(" / ", "")
    if "`" in line or "\\" in line or "/" in slashes:
        return line
    parts[::2] = [SIGN.sub(r"\1", code) for code in parts[::2]]
    return "".join(parts)


def _joined(modules: tuple[str, ...]) -> str:
    return join({name: (FOLDER / name).read_text(encoding="utf-8") for name in modules})


def module() -> str:
    """An ES module that anywidget loads: its default export is `{ render }`."""
    return _joined(MODULES) + "export default { render };\n"


def style() -> str:
    """The style sheet without indentation, lines of comment, and spaces that part nothing."""
    lines = [line.strip() for line in (FOLDER / "lab.css").read_text(encoding="utf-8").splitlines()]
    return "".join(f"{_tight_style(line)}\n" for line in lines if line and not line.startswith("/*"))


def _tight_style(line: str) -> str:
    """A line of the style sheet without spaces beside its signs. Words in quotes hold no sign but the colon."""
    line = re.sub(r" ?([{};,]) ?", r"\1", line)
    return line if '"' in line else line.replace(": ", ":")


def script() -> str:
    """The lab as a classic script for built pages: it runs where modules do not, in pages opened from disk."""
    return f'(() => {{\n"use strict";\n{_joined(MODULES)}mountAll();\n}})();\n'


def cover() -> str:
    """The cover as a classic script."""
    return f'(() => {{\n"use strict";\n{_joined(COVER)}mountCover();\n}})();\n'


def live() -> str:
    """The figures that answer as a classic script."""
    return f'(() => {{\n"use strict";\n{_joined(LIVE)}mountLive();\n}})();\n'
