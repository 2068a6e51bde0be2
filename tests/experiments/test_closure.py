"""The computed closure is what Python really imports, and its hash changes with every file of it alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cosface_edu.experiments.closure import closure, code_hash

IMPORTED = "import json, sys, importlib; importlib.import_module(sys.argv[1]); print(json.dumps(list(sys.modules)))"


@pytest.mark.parametrize("module", ["cosface_edu.experiments.kept", "cosface_edu.losses.margins"])
def test_nothing_that_python_imports_is_missing(module: str) -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED, module], capture_output=True, text=True, check=True)
    real = {name for name in json.loads(done.stdout) if name.split(".")[0] == "cosface_edu"}
    assert real <= set(closure(module))


def test_it_holds_what_hand_lists_forgot() -> None:
    kept = closure("cosface_edu.experiments.kept")
    for name in ("training.distributed", "training.checkpoint", "networks.registry", "data.dataset"):
        assert f"cosface_edu.{name}" in kept
    assert not [name for name in kept if name.startswith(("cosface_edu.figures", "cosface_edu.cli"))]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A package whose `a` imports `b` relatively, `sub.c` inside a function, and a function of `sub`."""
    root = tmp_path / "pack"
    for name, text in {
        "__init__": "",
        "a": "from . import b\nimport os\n\ndef later():\n    from pack.sub.c import thing\n",
        "b": "x = 1\n",
        "other": "from . import a\n",
        "sub/__init__": "from ..base import thing\n",
        "sub/c": "thing = 1\n",
        "base": "thing = 1\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.py").write_text(text)
    return root


def test_relative_imports_packages_and_functions_count(package: Path) -> None:
    assert closure("pack.a", package) == ["pack", "pack.a", "pack.b", "pack.base", "pack.sub", "pack.sub.c"]
    with pytest.raises(ValueError, match=r"pack\.none: no module of pack"):
        closure("pack.none", package)


@pytest.mark.parametrize(
    ("file", "changes"), [("sub/c", True), ("base", True), ("sub/__init__", True), ("other", False)]
)
def test_hash_follows_the_closure(package: Path, file: str, changes: bool) -> None:
    before = code_hash("pack.a", package)
    path = package / f"{file}.py"
    path.write_text(path.read_text() + "# changed\n")
    code_hash.cache_clear()
    assert (code_hash("pack.a", package) != before) == changes


@pytest.mark.parametrize(
    ("text", "changes"),
    [('"""More."""\nx = 1\n\n\ndef f():\n    """Others."""\n', False), ('"""More."""\nx = "another"\n', True)],
)
def test_docstrings_do_not_count(package: Path, text: str, changes: bool) -> None:
    path = package / "b.py"
    path.write_text('x = 1\n\n\ndef f():\n    """Some\n    words."""\n' if not changes else 'x = "one"\n')
    code_hash.cache_clear()
    before = code_hash("pack.a", package)
    path.write_text(text)
    code_hash.cache_clear()
    assert (code_hash("pack.a", package) != before) == changes
