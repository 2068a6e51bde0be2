"""What `make` asks of Python before it makes anything."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make here")


def python(path: Path, new: bool) -> Path:
    """What answers as a Python that is new enough or too old, makes no environment, and writes down what was asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"""#!/bin/sh
[ "$1" = -c ] && exit {0 if new else 1}
echo "$@" >> {path}.asked
exit 3
""")
    path.chmod(0o755)
    return path


def install(own: Path, venv: Path) -> str:
    done = subprocess.run(
        ["make", "install", f"PYTHON={own}", f"VENV={venv}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0
    return done.stdout


def test_a_python_that_is_too_old_is_refused_before_anything_is_made(tmp_path) -> None:
    for own in (python(tmp_path / "python3", new=False), tmp_path / "nothing"):
        assert "Python 3.11 or newer is needed" in install(own, tmp_path / "venv")
    assert [path.name for path in tmp_path.iterdir()] == ["python3"]


@pytest.mark.parametrize(
    ("before", "asked"), [(None, "-m venv {}"), ("new", "-m venv {}"), ("old", "-m venv --clear {}")]
)
def test_an_environment_is_made_anew_only_where_its_python_is_too_old(tmp_path, before, asked) -> None:
    venv = tmp_path / "venv"
    if before:
        python(venv / "bin" / "python", new=before == "new")
        (venv / "pyvenv.cfg").touch()
    own = python(tmp_path / "python3", new=True)
    install(own, venv)
    assert Path(f"{own}.asked").read_text().split() == asked.format(venv).split()
