"""One script out of the lab's modules, without a tool from outside.

The modules follow a strict convention, which makes joining them a matter of lines: imports are single lines of the form
`import { a, b } from "./module.js";`, exports stand before a declaration at the start of a line, comments begin with
`//`, every statement ends with a semicolon, and no two modules declare the same top-level name. `join` refuses
anything else.
"""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
# Each module comes after those that it imports.
MODULES = ("data.js", "core.js", "regions.js", "engine.js", "setting.js", "tour.js", "views.js", "pointer.js", "lab.js")
IMPORT = re.compile(r'import \{ [\w, ]+ \} from "\./(\w+\.js)";$')
DECLARATION = re.compile(r"(?:export )?(?:async )?(?:const|let|function|class) (\w+|\{[^}]*\}|\[[^\]]*\])")


_WORD = re.compile(r"[\w$]")


def squeeze(code: str) -> str:
    """Code without comments and the spaces that only the eye needs; strings and templates stay as they are.

    Line ends count as spaces but for those between top-level statements: every statement carries its semicolon. The
    modules hold no block comments and no regular expressions, whose slashes and quotes this would misread.
    """
    out: list[str] = []
    braces: list[int] = []  # depth of braces within each open ${ } of a template
    i = 0
    while i < len(code):
        char = code[i]
        resumes = char == "}" and bool(braces) and braces[-1] == 0
        if char in "\"'`" or resumes:
            quote = "`" if resumes else char
            if resumes:
                braces.pop()
            start, i = i, i + 1
            while code[i] != quote and not (quote == "`" and code.startswith("${", i)):
                i += 2 if code[i] == "\\" else 1
            if code[i] == "$":
                braces.append(0)
                i += 1
            i += 1
            out.append(code[start:i])
            continue
        if braces:
            braces[-1] += {"{": 1, "}": -1}.get(char, 0)
        if code.startswith("//", i):
            i = code.index("\n", i)
            continue
        if not char.isspace():
            out.append(char)
            i += 1
            continue
        end = i
        while end < len(code) and code[end].isspace():
            end += 1
        before, after = out[-1][-1:] if out else "", code[end : end + 1]
        if "\n" in code[i:end] and code[end - 1] == "\n":
            out.append("\n")
        elif (_WORD.match(before) and _WORD.match(after)) or (before == after and before in "+-"):
            out.append(" ")
        i = end
    return "".join(out)


def join(sources: dict[str, str]) -> str:
    """The modules' statements in one scope, without imports and exports.

    Args:
        sources: text by file name, in an order in which each module follows those it imports.

    Returns:
        JavaScript whose top-level names are those of all modules.

    Raises:
        ValueError: for a module that breaks the convention.
    """
    lines: list[str] = []
    owners: dict[str, str] = {}
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
            lines.append(line.removeprefix("export "))
    return "\n".join(lines) + "\n"


def statements() -> str:
    """All of the lab, joined and squeezed."""
    return squeeze(join({name: (FOLDER / name).read_text(encoding="utf-8") for name in MODULES}))


def module() -> str:
    """An ES module that anywidget loads: its default export is `{ render }`."""
    return statements() + "export default { render };\n"


def style() -> str:
    """The style sheet."""
    return (FOLDER / "lab.css").read_text(encoding="utf-8")


def script() -> str:
    """A classic script for built pages: it also runs where modules do not load, in pages opened from disk."""
    return f'(() => {{\n"use strict";\n{statements()}mountAll();\n}})();\n'
