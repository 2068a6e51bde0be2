"""README.md, followed: commands run, files and targets that it names exist, and its badges say what the files say."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
STARTS = ("To read", "To study", "To teach", "To build with it")


def quick_starts() -> dict[str, list[list[str]]]:
    """Who -> the commands to type."""
    section = re.search(r"^## Four quick starts\n(.*?)^## ", TEXT, re.M | re.S)[1]
    blocks = re.findall(r"^\*\*([^*]+)\*\*.*?^```bash\n(.*?)^```$", section, re.M | re.S)
    return {who: [shlex.split(line, comments=True) for line in block.splitlines()] for who, block in blocks}


def run(arguments: list[str], folder: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{shlex.join(arguments)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def test_there_are_four_and_each_is_short() -> None:
    assert tuple(quick_starts()) == STARTS
    assert all(0 < len(commands) < 10 for commands in quick_starts().values())


@pytest.mark.parametrize("who", STARTS)
def test_a_quick_start_runs(who: str, tmp_path: Path) -> None:
    """Ours run as they are, in an empty folder; what others' programs open or install must be there."""
    extras = PROJECT["optional-dependencies"]
    for program, *arguments in quick_starts()[who]:
        name = program.removeprefix(".venv/bin/")
        if name == "cosface-edu":
            assert len(run(["-m", "cosface_edu", *arguments], tmp_path)) > 50
        elif name == "make":
            assert f"\n{arguments[0]}: " in (ROOT / "Makefile").read_text()
        elif name == "pip":
            assert re.fullmatch(r"\.\[(\w+)\]", arguments[1])[1] in extras
        elif name == "jupyter":
            assert arguments == ["lab", "book"]
            run(["-m", "jupyterlab", "--version"], tmp_path)
        else:
            assert name == "cp", f"nobody follows {program}"


@pytest.mark.book
def test_what_the_quick_starts_open_is_built(html: Path) -> None:
    opened = set(re.findall(r"_build/html/[\w/-]+\.\w+", TEXT))
    assert len(opened) == 4
    assert not [path for path in opened if not (ROOT / path).is_file()]


def test_the_lab_s_link_is_a_setting_of_the_lab() -> None:
    from cosface_edu.losses import available

    (link,) = re.findall(r"margin-lab\.html`: with `#lab&([^`]+)`", TEXT)
    setting = dict(pair.split("=") for pair in link.split("&"))
    assert setting["loss"] in available()
    assert set(setting) <= {"loss", "m", "s", "ids"}


@pytest.mark.parametrize("code", re.findall(r"^```python\n(.*?)^```$", TEXT, re.M | re.S))
def test_its_python_runs(code: str) -> None:
    exec(compile(code, "README.md", "exec"), {})


def test_files_that_it_names_exist() -> None:
    named = set(re.findall(r"\]\(([\w./-]+)\)", TEXT))
    named |= set(re.findall(r"`((?:cosface_edu|tests|book|data|benchmarks)/[\w./-]*)`", TEXT))
    assert len(named) > 10
    assert not [path for path in named if not (ROOT / path).exists()]


def test_targets_that_it_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"(?:`|^)make ([a-z]+)", TEXT, re.M))
    assert targets
    assert not [target for target in targets if f"\n{target}: " not in makefile]


def test_systems_are_those_that_the_tests_ran_on() -> None:
    assert [c for c in PROJECT["classifiers"] if c.startswith("Operating")] == ["Operating System :: POSIX :: Linux"]
    assert "Tests run on Linux, on x86-64." in TEXT


def test_badges_say_what_the_files_say() -> None:
    badges = re.findall(r"img\.shields\.io/badge/([^)]+)\)\]\((\S+?)\)", TEXT)
    assert {path for _, path in badges} == {"pyproject.toml", "LICENSE"}, "a badge that no file here proves"
    versions = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r"Python :: 3\.\d+$", c)]
    assert dict((path, badge) for badge, path in badges) == {
        "pyproject.toml": f"Python-{versions[0]}_to_{versions[-1]}-0072b2",
        "LICENSE": f"licence-{PROJECT['license']}-009e73",
    }
    assert PROJECT["requires-python"] == f">={versions[0]}"
    assert "MIT License" in (ROOT / "LICENSE").read_text()


def test_the_moving_picture_moves_and_is_light() -> None:
    path = ROOT / "book" / "figures" / "margin-lab.webp"
    assert path.stat().st_size < 1_000_000
    with Image.open(path) as film:
        assert film.n_frames > 20
        assert film.width >= 600
