"""The table of formats: how a data set is recognised, opened and checked, and what it yields. Every command asks it.

A format is one file that ends in `register(Format(...))`. A stranger's own may lie anywhere that is imported before
`open` is called; where several formats recognise a source, the one registered last is taken.
"""

import importlib
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .alike import Comparison, written_alike
from .dataset import OnBroken
from .report import CheckReport

Source = str | os.PathLike[str]
Yields = Literal["people", "pairs"]


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: what it is called, such as 'identity folders'.
        recognise: whether a source is of this format.
        open: from (source, (height, width), on_broken, settings) to the data set: faces with labels, or `Pairs`.
        check: looks at everything in `report.path` and fills the report; may show progress.
        yields: 'people' (faces with labels, to train on or to identify) or 'pairs' (to verify).
        takes: names of the settings that `open` understands beside the size.
        tree: whether the pictures are files in a folder, to be taken at any depth where labels do not matter.
        fallback: whether to ask it last, after all that are more particular.

    Example:
        >>> from cosface_edu import data
        >>> found = data.recognise("faceworld")
        >>> found.yields, found.takes
        ('people', ('identities', 'per_identity', 'seed', 'first', 'start'))
    """

    name: str
    recognise: Callable[[Source], bool]
    open: Callable[[Source, tuple[int, int], OnBroken, Mapping[str, Any]], Any]
    check: Callable[[CheckReport, bool], None]
    yields: Yields
    takes: tuple[str, ...] = ()
    tree: bool = False
    fallback: bool = False


_formats: dict[str, Format] = {}
# Rooms above this one that register a format when they are imported: asked for where nothing else knows a name.
_ABOVE = ("cosface_edu.faces",)


def register(format: Format) -> Format:
    """Add a format to the table, or replace the one of this name.

    Args:
        format: what it is, how it is known, opened and checked.

    Returns:
        The format.

    Example:
        >>> from dataclasses import replace
        >>> from cosface_edu import data
        >>> faceworld = data.recognise("faceworld")
        >>> twin = replace(faceworld, name="twin world", recognise=lambda source: str(source) == "twins")
        >>> data.register(twin).name
        'twin world'
        >>> data.recognise("twins").name
        'twin world'
    """
    _formats.pop(format.name, None)
    _formats[format.name] = format
    return format


def known() -> list[Format]:
    """All formats, in the order in which they are asked."""
    return sorted(reversed(_formats.values()), key=lambda format: format.fallback)


def recognise(source: Source, yields: Yields | None = None) -> Format:
    """The format of a source.

    Args:
        source: a file, a folder or the name of a world that is drawn.
        yields: ask only formats that yield this.

    Returns:
        The format; what recognises it is asked in the order of the table.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: no format knows it, or none that yields what is wanted.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu import data
        >>> for name in ("anna", "bela"):
        ...     Path("people", name).mkdir(parents=True)
        ...     for number in (1, 2):
        ...         Image.new("RGB", (96, 112), "grey").save(f"people/{name}/{number}.png")
        >>> data.recognise("people").name
        'identity folders'
        >>> data.recognise("faceworld").yields
        'people'
    """
    if not Path(source).exists():
        for room in _ABOVE:
            importlib.import_module(room)
    asked = [format for format in known() if format.recognise(source)]
    for format in asked:
        if yields in (None, format.yields):
            return format
    if asked:
        raise ValueError(f"{source} is {asked[0].name}, which holds {asked[0].yields}; {yields} are wanted here")
    if not Path(source).exists():
        worlds = ", ".join(repr(format.name) for format in known() if format.recognise(format.name))
        raise FileNotFoundError(
            f"{source}: no such folder or file, and not {worlds} either; see data/README.md for what goes where"
        )
    if not Path(source).is_file():
        raise ValueError(f"{source}: a pipe or a device; a file or a folder is wanted")
    if tarfile.is_tarfile(source) or zipfile.is_zipfile(source):
        raise ValueError(f"{source}: an archive; unpack it and name the folder")
    raise ValueError(f"{source}: of no known format; known are {', '.join(format.name for format in known())}")


def open(
    source: Source,
    size: tuple[int, int] = (112, 96),
    *,
    yields: Yields | None = None,
    on_broken: OnBroken = "fail",
    **settings: Any,
) -> Any:
    """Open a data set by what it is: identity folders, .rec or the folder it lies in, .bin, LFW, 'faceworld' …

    Args:
        source: a file, a folder or the name of a world that is drawn.
        size: (height, width) of the images handed out.
        yields: 'people' or 'pairs', where only one of them serves.
        on_broken: 'fail' or 'skip', see `FolderDataset`; pairs always fail.
        settings: for formats that take them, such as `exclude` of folders or `identities` of a drawn world; the others
            pay no heed.

    Returns:
        Faces with labels, or `Pairs`, as the format yields.

    Raises:
        FileNotFoundError: nothing there, or nothing in it.
        ValueError: of no known format, or of one that yields something else.
        TypeError: a setting that no format takes.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu import data
        >>> for name in ("anna", "bela"):
        ...     Path("people", name).mkdir(parents=True)
        ...     for number in (1, 2):
        ...         Image.new("RGB", (96, 112), "grey").save(f"people/{name}/{number}.png")
        >>> faces = data.open("people")
        >>> image, label = faces[3]
        >>> image.shape, label, faces.labels
        (torch.Size([3, 112, 96]), 1, tensor([0, 0, 1, 1]))
    """
    format = recognise(source, yields)
    taken = {name for other in known() for name in other.takes}
    if unknown := settings.keys() - taken:
        raise TypeError(f"no format takes {', '.join(sorted(unknown))}; known are {', '.join(sorted(taken))}")
    return format.open(source, size, on_broken, {name: settings[name] for name in format.takes if name in settings})


def check(path: Source, progress: bool = False, *, against: Source | Iterable[Source] = ()) -> CheckReport:
    """Look at every picture of a data set.

    It may be of any format: a folder of identity folders (CASIA-WebFace); a .rec/.idx pair or a folder with one; a
    .bin file of pairs; a folder with LFW's lists of pairs and its pictures in it or in `lfw/`; YouTube Faces with
    `splits.txt`.

    Held against another set, each of its pictures that is in the other is a problem; people of the same name are a
    fact. Crops are found again after another JPEG, in another size or in grey, and cut to 112×96 or to 112×112; not
    mirrored, not cut by another template, and no photograph in which the face was found.

    Args:
        path: folder or file.
        progress: show a progress bar.
        against: data sets, of any format, that should have no picture in common with it, such as those it is tested on.

    Returns:
        Facts and problems, and in `shared` what it has in common with each of `against`. A data set that cannot be read
        at all is a report with that problem, not an exception.

    Raises:
        FileNotFoundError: nothing there.
        ValueError: of no known format, or a data set held against itself.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu import data
        >>> for name in ("anna", "bela"):
        ...     Path("people", name).mkdir(parents=True)
        ...     for number in (1, 2):
        ...         Image.new("RGB", (96, 112), "grey").save(f"people/{name}/{number}.png")
        >>> report = data.check("people")
        >>> report.pictures, report.identities, report.problems
        (4, 2, [])
    """
    others = [(Path(other), recognise(other)) for other in _several(against)]
    for other, _ in others:
        if other.exists() and other.resolve() == Path(path).resolve():
            raise ValueError(f"{other} is held against itself: every picture would be a copy; name another data set")
    found = recognise(path)
    comparisons = []
    for other, of_other in others:
        comparison = Comparison(other)
        seen = _looked_at(CheckReport(other, of_other.name, watchers=[comparison.add]), of_other, progress)
        comparisons.append((comparison, seen))
    report = CheckReport(Path(path), found.name, watchers=[comparison.meet for comparison, _ in comparisons])
    _looked_at(report, found, progress)
    for comparison, seen in comparisons:
        theirs = {written_alike(name): name for name in seen.people}
        ours = [(name, theirs.get(written_alike(name))) for name in report.people]
        comparison.shared.people = [(name, other) for name, other in ours if other is not None]
        report.tell_shared(comparison.shared, seen.problems)
    return report


def _several(sources: Source | Iterable[Source]) -> list[Source]:
    return [sources] if isinstance(sources, str | os.PathLike) else list(sources)  # a string is its letters otherwise


def _looked_at(report: CheckReport, format: Format, progress: bool) -> CheckReport:
    try:
        format.check(report, progress)
    except (FileNotFoundError, ValueError) as error:
        report.problems.append(str(error))
    return report
