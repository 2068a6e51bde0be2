"""Sphinx extension that runs the chapters: outputs of an older package are forgotten, what must run runs side by side.

Jupyter Book alone looks at a chapter's own text to decide whether its outputs are stale, and runs one after the other.
"""

import hashlib
import os
import shutil
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.base import ProjectNb
from jupyter_cache.executors.basic import ExecutionWorkerLocalMProc, ProcessData
from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from tqdm import tqdm
from traitlets.config import Config

from cosface_edu.devices import cores
from cosface_edu.figures import frontend

logger = logging.getLogger(__name__)

PACKAGE = Path(__file__).resolve().parents[1]
RESULTS = ("book/results", "book/by-hand", "benchmarks/results")  # recorded; pages draw them
MOST_AT_ONCE = 8  # chapters: each has a kernel of its own, half a gigabyte with PyTorch in it


def fingerprint(root: Path) -> str:
    """Hash of what a chapter's output depends on besides its own text: the package, recorded results, the tools.

    Args:
        root: the folder that holds _toc.yml.
    """
    digest = hashlib.sha256()
    for folder in (PACKAGE, *(root / name for name in RESULTS)):
        files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        for path in sorted(files):
            digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    for tool in ("torch", "matplotlib", "plotly", "jupyter-book", "myst-nb"):
        digest.update(f"{tool}{metadata.version(tool)}".encode())
    # Chapters that use real faces where they are to be had must run again when these come or go.
    digest.update(os.environ.get("COSFACE_DATA", "").encode())
    return digest.hexdigest()


def _forget_stale_outputs(app: Sphinx, config) -> None:
    build = Path(app.outdir).parent
    stamp = build / ".fingerprint"
    now = fingerprint(Path(app.srcdir))
    if stamp.exists() and stamp.read_text(encoding="utf-8") == now:
        return
    if (build / ".jupyter_cache").exists():
        logger.info("the package changed since the last build: every chapter runs again")
    for stale in (build / ".jupyter_cache", Path(app.doctreedir), Path(app.outdir)):
        shutil.rmtree(stale, ignore_errors=True)
    Path(app.outdir).mkdir(parents=True)
    stamp.write_text(now, encoding="utf-8")


class Worker(ExecutionWorkerLocalMProc):
    """jupyter-cache's own, with an encrypted connection to the kernel: each warns about a plain one."""

    @staticmethod
    def execute(project_nb: ProjectNb, data: ProcessData) -> ExecutionResult:
        encrypted = Config(KernelManager={"transport_encryption": "auto"})
        folder = str(Path(project_nb.uri).parent)
        return single_nb_execution(project_nb.nb, folder, data.timeout, data.allow_errors, config=encrypted)


def _run_side_by_side(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Run the pages about to be read that have no outputs yet, and put the outputs where myst-nb finds them.

    A chapter that fails is left to myst-nb, which runs it again and shows where.
    """
    if app.config.nb_execution_mode != "cache":
        return
    cache = get_cache(env.mystnb_config.execution_cache_path)  # type: ignore[attr-defined]  # myst-nb puts it there
    pages = {env.doc2path(name) for name in docnames}
    for page in sorted(pages):
        if page.endswith(".md") and "{code-cell}" in Path(page).read_text(encoding="utf-8"):
            cache.add_nb_to_project(page, read_data={"name": "myst_nb_md", "type": "plugin"})
    waiting = [record for record in cache.list_unexecuted() if record.uri in pages]
    if not waiting:
        return
    workers = min(cores(), len(waiting), MOST_AT_ONCE)
    os.environ.setdefault("OMP_NUM_THREADS", str(cores() // workers))
    logger.info("running %d chapters, %d at a time (those that train take minutes) ...", len(waiting), workers)
    timeout = app.config.nb_execution_timeout  # seconds a cell
    tasks = [ProcessData(record.pk, record.uri, cache, timeout, False) for record in waiting]
    with get_context("spawn").Pool(workers) as pool:
        done = pool.imap_unordered(Worker(), tasks)
        for failed, page in tqdm(done, total=len(tasks), unit="chapter", mininterval=10):
            if failed:
                logger.info("%s failed; it will be run again, to say where", Path(page).name)


def setup(app: Sphinx) -> dict:
    # For the kernels that are started here side by side, and for those that myst-nb starts itself.
    os.environ[frontend.BUILD] = "html"
    # Priorities: the outputs go before Sphinx reads what it knows of them; chapters run when all is configured.
    app.connect("config-inited", _forget_stale_outputs, priority=900)
    app.connect("env-before-read-docs", _run_side_by_side, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
