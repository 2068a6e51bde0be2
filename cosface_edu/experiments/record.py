"""Records: what an experiment found, with all that is needed to trace it and to make it again.

    found = record.new(__name__, what="…", command="cosface-edu record rehearsal", data={…}, config={…},
                       seeds=[0, 1, 2], seconds=…, runs=[…])
    record.save("rehearsal", found)

A record is plain JSON: the fields of `FIELDS`, and beside them what was found (`runs`, `statistics`, …). The records of
the book lie in `book/results`; `cosface-edu record` lists them and `cosface-edu record NAME` makes one again.
"""

import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from cosface_edu import __version__
from cosface_edu.experiments.closure import PACKAGE, code_hash, module_name
from cosface_edu.files import write_atomically

#: What every record says, whatever it found.
FIELDS = {
    "what": "one line",
    "command": "what was typed to make it",
    "commit": "of the package, '+' behind it if files differed from it; None if unknown",
    "module": "of the package, which made it; None if unknown",
    "code": "hash of the package's source that this module imports, see `closure.code_hash`; None if unknown",
    "date": "of its end, in UTC",
    "data": "as used: source and counts",
    "config": "as run",
    "seeds": "of the runs",
    "hardware": "processor, cores, threads of a run, gpu (None without one)",
    "versions": "of Python, torch and this package",
    "seconds": "from beginning to end; None if unknown",
    "parents": "records that runs were taken from; [] if all were made by the command",
    "note": "what a reader must know besides; '' if nothing",
}


def new(
    module: str,
    *,
    what: str,
    command: str,
    data: dict[str, Any],
    config: dict[str, Any],
    seeds: Sequence[int],
    seconds: float,
    parents: Sequence[str] = (),
    note: str = "",
    threads: int | None = None,
    **found: Any,
) -> dict[str, Any]:
    """A record of what was found just now, by this code, on this machine.

    Args:
        module: the experiment's `__name__`.
        what: one line.
        command: what a reader types to make it again.
        data: as used: source and counts.
        config: as run.
        seeds: of the runs.
        seconds: from beginning to end.
        parents: records that runs were taken from.
        note: what a reader must know besides.
        threads: of each run; torch's number by default.
        **found: what was found, such as `runs` (a row each) and `statistics`.
    """
    return {
        "what": what,
        "command": command,
        "commit": commit(),
        "module": module_name(module),
        "code": code_hash(module_name(module)),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "data": data,
        "config": config,
        "seeds": list(seeds),
        "hardware": hardware(threads),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "cosface_edu": __version__,
        },
        "seconds": seconds,
        "parents": list(parents),
        "note": note,
        **found,
    }


def commit() -> str | None:
    """The package's commit, '+' behind it if files differ from it. COSFACE_COMMIT, where it is set, goes first.

    A copy that was sent to another machine may have no history there, or an older one.
    """
    if said := os.environ.get("COSFACE_COMMIT"):
        return said

    def git(*words: str) -> str:
        return subprocess.run(["git", "-C", str(PACKAGE), *words], capture_output=True, text=True, check=True).stdout

    try:
        # a clone of something else may lie above an installed package: only files that are the clone's own count
        git("ls-files", "--error-unmatch", "__init__.py")
        return git("rev-parse", "HEAD").strip() + ("+" if git("status", "--porcelain", "--", ".").strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def processor() -> str:
    """Name of the processor as its vendor gives it, or the machine type where the system does not tell."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def hardware(threads: int | None = None) -> dict[str, Any]:
    """What a result was computed on.

    Args:
        threads: that torch computed with; None for what it is set to now.

    Returns:
        Plain values by name.
    """
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads or torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def path_of(name: str | os.PathLike[str]) -> Path:
    """Where a record lies: a name in the book's results (`results` here without a book), or a .json file's path.

    Args:
        name: of the record, or the path of a .json file.

    Returns:
        The path; the file need not be there.
    """
    path = Path(name)
    if path.suffix == ".json":
        return path
    book = PACKAGE.parent / "book"
    return (book if book.is_dir() else Path()) / "results" / f"{name}.json"


def save(name: str | os.PathLike[str], record: dict[str, Any]) -> Path:
    """Write a record, whole or not at all.

    Args:
        name: see `path_of`.
        record: of `new`.

    Returns:
        The file.

    Raises:
        ValueError: the record lacks a field, or is not plain values.
    """
    path = path_of(name)
    check(record, str(path))
    text = json.dumps(record, indent=1, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode())
    return path


def load(name: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a record.

    Args:
        name: as for `path_of`.

    Returns:
        The record.

    Raises:
        FileNotFoundError: it is not there; the message says which command makes it.
        ValueError: it lacks a field.
    """
    path = path_of(name)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such record; `cosface-edu record {path.stem}` makes it")
    record = json.loads(path.read_text(encoding="utf-8"))
    check(record, str(path))
    return record


def begun(name: str | os.PathLike[str], module: str, config: dict[str, Any]) -> tuple[list[dict[str, Any]], float]:
    """What an experiment that was interrupted goes on from: runs of this very code with this very configuration.

    Args:
        name: of the record, see `path_of`.
        module: the experiment's `__name__`.
        config: as the record will say it.

    Returns:
        The runs that the record holds and the seconds they took; nothing of another code or configuration.
    """
    path = path_of(name)
    if not path.is_file():
        return [], 0.0
    found = load(path)
    same = found["code"] == code_hash(module_name(module)) and found["config"] == json.loads(json.dumps(config))
    return (list(found["runs"]), found["seconds"]) if same else ([], 0.0)


class Growing:
    """A record that is written anew after each run, so that what is interrupted goes on where it was.

    Args:
        name: of the record, see `path_of`.
        module: the experiment's `__name__`.
        config: as run; runs of another one, or of other code, are dropped, see `begun`.
        **said: of the fields of `new` those that do not follow from the runs: `what`, `command`, `data` …

    Attributes:
        runs: a row each, with its `seed`.
    """

    def __init__(self, name: str | os.PathLike[str], module: str, config: dict[str, Any], **said: Any) -> None:
        self._name, self._module, self._config, self._said = name, module, config, said
        self.runs, self._before = begun(name, module, config)
        self._since = time.perf_counter()

    def add(self, *runs: dict[str, Any], **said: Any) -> None:
        """Write the record with some runs more.

        Args:
            *runs: rows.
            **said: fields that follow from all runs so far, such as `note`.
        """
        self.runs += runs
        grown = new(
            self._module,
            config=self._config,
            seeds=sorted({run["seed"] for run in self.runs}),
            seconds=self._before + time.perf_counter() - self._since,
            runs=self.runs,
            **self._said,
            **said,
        )
        save(self._name, grown)


def check(record: dict[str, Any], name: str) -> None:
    """Refuse a record that does not say where it comes from.

    Args:
        record: what a file holds.
        name: what to call it in the error.

    Raises:
        ValueError: a field of `FIELDS` is missing, or nothing was found.
    """
    missing = [f"{field} ({meaning})" for field, meaning in FIELDS.items() if field not in record]
    if missing:
        raise ValueError(f"{name}: the record does not say {', '.join(missing)}")
    if not record.keys() - FIELDS.keys():
        raise ValueError(f"{name}: the record holds nothing that was found, such as runs")


def said(part: Any, name: str) -> Iterator[Any]:
    """What a record says under a name such as `code` or `commit`, itself and in rows that other calls made.

    Args:
        part: the record, or a part of it.
        name: the key.
    """
    if isinstance(part, dict):
        if name in part:
            yield part[name]
        yield from said(list(part.values()), name)
    elif isinstance(part, list):
        for one in part:
            yield from said(one, name)
