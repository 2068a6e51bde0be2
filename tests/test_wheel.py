"""The wheel holds the package, all of it and nothing else, and says what it is."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path, PurePath

import pytest

import cosface_edu
from cosface_edu.experiments import shipped
from cosface_edu.publishing import run_chapters

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of both archives, built as `pip install .` builds, with the setuptools that is here."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "MANIFEST.in"):
        shutil.copy(ROOT / name, folder)
    leave = shutil.ignore_patterns("__pycache__", "vendor")
    for name in ("cosface_edu", "book", "benchmarks"):
        shutil.copytree(ROOT / name, folder / name, ignore=leave)
    (folder / "tests").mkdir()
    shutil.copy(__file__, folder / "tests")
    build = "from setuptools import build_meta; build_meta.build_sdist('.'); build_meta.build_wheel('.')"
    subprocess.run([sys.executable, "-c", build], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> zipfile.ZipFile:
    (file,) = built.glob("*.whl")
    return zipfile.ZipFile(file)


@pytest.fixture(scope="module")
def source(built: Path) -> set[str]:
    """Files of the source archive, as they lie in the project."""
    (file,) = built.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        return {member.name.partition("/")[2] for member in archive if member.isfile()}


def test_the_source_archive_holds_what_the_wheel_is_built_from(source: set[str]) -> None:
    """And neither a part of the tests nor pictures of the book: photographs are nowhere."""
    assert {"pyproject.toml", "README.md", "LICENSE", "cosface_edu/losses/cosface.py"} <= source
    assert any(name.startswith("book/results/") for name in source)
    strays = {name for name in source if name.startswith(("tests/", "build/", "runs/", "_build/"))}
    strays |= {name for name in source if PurePath(name).suffix in {".jpg", ".jpeg", ".png", ".pyc", ".pt"}}
    assert not strays


def test_every_file_of_the_package_is_in_it_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    files = (path for path in (ROOT / "cosface_edu").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    ours = {path.relative_to(ROOT).as_posix() for path in files}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name and ".data/" not in name} == ours


def test_the_records_that_chapters_draw_travel_with_it(wheel: zipfile.ZipFile) -> None:
    folders = [ROOT / name for name in run_chapters.RESULTS]
    records = {path.relative_to(ROOT).as_posix() for folder in folders for path in folder.glob("*.json")}
    assert len(records) > 15
    carried = {name.partition(f".data/data/{shipped.SHARE}/")[2] for name in wheel.namelist() if ".data/" in name}
    assert carried == records


@pytest.mark.parametrize("kind", ["figures/lab/*.js", "figures/lab/*.webp", "figures/*.json", "evaluation/*.html"])
def test_what_is_no_python_is_in_it_too(wheel: zipfile.ZipFile, kind: str) -> None:
    assert any(PurePath(name).match(f"cosface_edu/{kind}") for name in wheel.namelist())


def test_it_says_what_it_is_and_asks_for_little(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    metadata = Parser().parsestr(wheel.read(name).decode())
    assert metadata["Version"] == cosface_edu.__version__
    assert metadata["License-Expression"] == "MIT"
    needed = {line.split(">")[0] for line in metadata.get_all("Requires-Dist") if "extra ==" not in line}
    assert needed == {"torch", "numpy"}
    assert sum(entry.compress_size for entry in wheel.infolist()) < 2_000_000
