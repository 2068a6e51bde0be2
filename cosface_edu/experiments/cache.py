"""Where toy results are kept between runs, and what makes a kept result invalid.

A result is stored under a key: the hash of its configuration, of its images and of the package's source that the
result depends on. Change a loss and every toy trains again; change a figure and none does.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cosface_edu.files import atomically

_PACKAGE = Path(__file__).resolve().parents[1]
# All that a toy run executes of this package. Folders count with every file in them.
_SOURCES = ("losses", "faces", "networks/toy.py", "data/images.py", "experiments/toy.py", "experiments/cache.py")


def folder() -> Path:
    """COSFACE_CACHE if set; else `.cache` beside the package in a clone, or the user's cache folder if installed."""
    chosen = os.environ.get("COSFACE_CACHE")
    if chosen:
        return Path(chosen)
    if (_PACKAGE.parent / "pyproject.toml").exists():
        return _PACKAGE.parent / ".cache"
    return Path.home() / ".cache" / "cosface-edu"


@cache
def code_key(sources: tuple[str, ...] = _SOURCES) -> str:
    """Hash of the package's source that a result depends on, a toy's by default, and of torch's version."""
    digest = hashlib.sha256(torch.__version__.encode())
    for source in sources:
        path = _PACKAGE / source
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.relative_to(_PACKAGE).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def key(**what: Any) -> str:
    """Name of a result: hash of what is given (JSON values) and of the code."""
    text = json.dumps({"code": code_key(), **what}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@contextmanager
def lock(name: str) -> Iterator[None]:
    """One process at a time makes a result; others that want it wait, and then find it. Chapters run side by side."""
    path = folder() / "locks" / f"{name}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:  # nothing can be kept there, so there is nothing to wait for
        yield
        return
    with FileLock(path):
        yield


def load(name: str) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """Tensors and texts kept under a name, or None if there are none that can be read."""
    path = folder() / "toy" / f"{name}.safetensors"
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            return {k: file.get_tensor(k) for k in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError):  # cut short by a full disk or a kill: as good as absent
        return None


def save(name: str, tensors: dict[str, Tensor], texts: dict[str, str]) -> None:
    """Keep tensors and texts under a name, whole or not at all. A folder that cannot be written is no error."""
    target = folder() / "toy" / f"{name}.safetensors"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomically(target) as part:
            save_file({k: v.contiguous() for k, v in tensors.items()}, part, texts)
    except (OSError, SafetensorError):  # a read-only checkout or a full disk still trains; it only forgets
        return
