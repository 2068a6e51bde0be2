"""The paper-to-code map names only what exists."""

import importlib
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "book" / "paper-map.md").read_text()


def resolves(dotted: str) -> bool:
    """Whether a dotted name leads through modules and attributes to something."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[cut:]:
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


def test_functions_exist() -> None:
    names = set(re.findall(r"`(cosface_edu[\w.]*)`", TEXT))
    assert names
    assert not [name for name in names if not resolves(name)]


def test_tests_exist() -> None:
    paths = set(re.findall(r"`((?:tests|benchmarks)/[\w./-]+)`", TEXT))
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_chapters_exist() -> None:
    chapters = set(re.findall(r"\{doc\}`([\w-]+)`", TEXT))
    assert not [chapter for chapter in chapters if not (ROOT / "book" / f"{chapter}.md").exists()]
