"""The book's records by name: what makes each of them again, and a list of what is there."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from cosface_edu import data
from cosface_edu.experiments import (
    comparison,
    few,
    groups,
    lookalikes,
    record,
    rehearsal,
    search,
    shipped,
    spots,
    strangers,
)
from cosface_edu.experiments.closure import code_hash
from cosface_edu.experiments.runs import Say

Record = dict[str, Any]

#: A record's name -> what makes it, given what takes lines of progress.
MAKERS: dict[str, Callable[[Say], Record]] = {
    "rehearsal": lambda say: rehearsal.rehearse(seeds=3, say=say),
    "faceworld-grid": lambda say: rehearsal.grid(seeds=(0, 1), say=say),
    "faceworld-many": lambda say: rehearsal.many(seeds=5, say=say),
    "casia-mini": lambda say: rehearsal.real_faces(data.root(), losses=("nsl", "cosface"), say=say),
    "casia-mini-together": lambda say: rehearsal.real_faces(data.root(), members=3, losses=("cosface",), say=say),
    "casia-mini-plain": lambda say: rehearsal.real_faces(data.root(), plain=True, say=say),
    "casia-mini-plain-together": lambda say: rehearsal.real_faces(
        data.root(), members=3, losses=("cosface",), plain=True, say=say
    ),
}

#: Those that write each run as it comes and go on where they were stopped, see `record.begun`.
KEEPERS: dict[str, Callable[[Path, Say], object]] = {
    comparison.NAME: lambda path, say: comparison.record_table(out=path, say=say),
    "strangers": lambda path, say: strangers.main(out=path),
    "groups": lambda path, say: groups.main(out=path),
    few.NAME: lambda path, say: few.main(path, say=say),
    lookalikes.NAME: lambda path, say: lookalikes.main(path, say=say),
    search.NAME: lambda path, say: search.main(path, say=say),
    spots.NAME: lambda path, say: spots.main(path, say=say),
}


def make(name: str, out: str | os.PathLike[str] | None = None, say: Say = print) -> Path:
    """Make a record again and write it.

    Args:
        name: of the record.
        out: a .json file; the book's own by default.
        say: takes a line of progress.

    Returns:
        The file.

    Raises:
        ValueError: no such record, or one that another command makes; the message names it.
    """
    path = record.path_of(out or name)
    if name in KEEPERS:
        KEEPERS[name](path, say)
        return path
    if name not in MAKERS:
        if there := [path for path in shipped.results() if path.stem == name]:
            raise ValueError(f"{name}: made by another command: {record.load(there[0])['command']}")
        raise ValueError(f"there is no record {name!r}: choose one of {', '.join(sorted([*MAKERS, *KEEPERS]))}")
    return record.save(path, MAKERS[name](say))


class Listed(NamedTuple):
    """A record in the list: `state` says whether the code that made it is today's, its rows' several, or unknown."""

    name: str
    date: str
    commit: str
    state: str
    command: str
    parents: list[str]


def listed() -> Iterator[Listed]:
    """Every record of the book that is here, beside the package or installed with it."""
    for path in shipped.results():
        found = record.load(path)
        commit = (found["commit"] or "unknown")[:7]
        yield Listed(path.stem, found["date"], commit, _state(found), found["command"], found["parents"])


def _state(found: Record) -> str:
    if found["module"] is None:
        return "unknown"
    codes = set(record.said(found, "code"))
    if len(codes) > 1:
        return "of several"
    return "the same" if codes == {code_hash(found["module"])} else "changed"
