"""Text is UTF-8 on every machine: Windows takes another encoding for what names none."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = [path for folder in ("cosface_edu", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]


def texts_without_encoding(source: str) -> list[int]:
    """Lines that read or write text, by a path's own method or by `open`, and do not say in which encoding."""
    lines = []
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call) or any(word.arg == "encoding" for word in call.keywords):
            continue
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        modes = [word.value for word in call.keywords if word.arg == "mode"]
        if isinstance(call.func, ast.Name) and call.func.id == "open":
            modes += call.args[1:2]
        elif method == "open":  # a path's, where it takes a mode or nothing at all; other things are opened by name
            modes += [a for a in call.args if isinstance(a, ast.Constant) and set(str(a.value)) <= set("rwxab+t")]
            if call.args and not modes:
                continue
        elif method not in ("read_text", "write_text"):
            continue
        if not any(isinstance(mode, ast.Constant) and "b" in mode.value for mode in modes):
            lines.append(call.lineno)
    return lines


def test_what_the_check_finds() -> None:
    told = "open(a, encoding='utf-8')\np.read_text(encoding='utf-8')\nopen(a, 'rb')\np.open('wb')\nImage.open(file)"
    assert texts_without_encoding(told) == []
    untold = "open(a)\nopen(a, 'w')\np.read_text()\np.write_text(b)\np.open()\np.open('a')\nopen(a, mode='r')"
    assert texts_without_encoding(untold) == [1, 2, 3, 4, 5, 6, 7]


def test_text_names_its_encoding() -> None:
    found = {str(path.relative_to(ROOT)): texts_without_encoding(path.read_text(encoding="utf-8")) for path in SOURCES}
    assert len(found) > 200
    assert {path: lines for path, lines in found.items() if lines} == {}
