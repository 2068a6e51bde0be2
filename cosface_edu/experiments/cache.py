"""Where results are kept between runs, and what makes a kept result invalid.

A result is stored under a key: the hash of its configuration, of its images and of the package's source that the
result depends on, which is computed. Change a loss and every toy trains again; change a figure and none does.
"""

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cosface_edu.experiments.closure import PACKAGE, code_hash
from cosface_edu.files import atomically, can_be_locked


def folder() -> Path:
    """COSFACE_CACHE if set; else `.cache` beside the package in a clone, or the user's cache folder if installed.

    Raises:
        OSError: the user has no home, and a folder of one's own cannot be had among everybody's temporary files.
    """
    chosen = os.environ.get("COSFACE_CACHE")
    if chosen:
        return Path(chosen)
    if (PACKAGE.parent / "pyproject.toml").exists():
        return PACKAGE.parent / ".cache"
    try:
        return Path.home() / ".cache" / "cosface-edu"
    except RuntimeError:  # a user without a name and a home, as containers have them
        return _own_temporary()


def _own_temporary() -> Path:
    """A folder among everybody's temporary files that nobody else can write to; they could put weights into it."""
    user = getattr(os, "getuid", lambda: None)()  # Windows has no such number, and temporary files by user
    path = Path(tempfile.gettempdir()) / ("cosface-edu" if user is None else f"cosface-edu-{user}")
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()  # of a link itself: it may lead anywhere
    if user is not None and (not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o022):
        raise PermissionError(f"{path}: this folder is somebody else's, or others may write to it: nothing is kept")
    return path


def key(module: str, **what: Any) -> str:
    """Name of a result: hash of what is given (JSON values), of the code that makes it, and of torch's version.

    Args:
        module: `__name__` of what makes the result; all that it imports of the package counts, see `closure`.
        **what: what else the result depends on.
    """
    text = json.dumps({"code": code_hash(module), "torch": torch.__version__, **what}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@contextmanager
def lock(name: str) -> Iterator[None]:
    """One process at a time makes a result; others that want it wait, and then find it. Chapters run side by side."""
    try:
        path = folder() / "locks" / f"{name}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        waits = can_be_locked(path)
    except OSError:  # nothing can be kept there, so there is nothing to wait for
        waits = False
    if not waits:
        yield
        return
    with FileLock(path):
        yield


def load(name: str) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """Tensors and texts kept under a name, or None if there are none that can be read."""
    try:
        path = folder() / "toy" / f"{name}.safetensors"
        if not path.exists():
            return None
        with safe_open(path, framework="pt") as file:
            return {k: file.get_tensor(k) for k in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError):  # cut short by a full disk or a kill: as good as absent
        return None


def save(name: str, tensors: dict[str, Tensor], texts: dict[str, str]) -> None:
    """Keep tensors and texts under a name, whole or not at all. A folder that cannot be written is no error."""
    try:
        target = folder() / "toy" / f"{name}.safetensors"
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomically(target) as part:
            save_file({k: v.contiguous() for k, v in tensors.items()}, part, texts)
    except (OSError, SafetensorError):  # a read-only checkout or a full disk still trains; it only forgets
        return
