"""Faces in folders, one folder an identity: the shape in which CASIA-WebFace is handed on."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from .alike import written_alike
from .crops import photographs
from .dataset import EncodedDataset, OnBroken
from .formats import Format, register
from .images import read_file
from .report import CheckReport
from .walk import walk

#: The identities of CASIA-WebFace that SphereFace removed because they are in LFW too: 10,575 become 10,572.
LFW_OVERLAP = ("0166921", "1056413", "1193098")
#: A longer list, matched by name, with the three above in it.
LFW_OVERLAP_BY_NAME = (
    *("0000513", "0004539", "0004763", "0005009", "0005082", "0005172", "0166921", "0208962", "0430107"),
    *("0662519", "0955471", "1056413", "1091782", "1193098", "1303492", "2425974", "3478560"),
)


class FolderDataset(EncodedDataset):
    """Aligned crops under `root/identity/picture`, identities in alphabetical order.

    Args:
        root: the folder of identity folders.
        size: (height, width) of the images handed out, see `fit`.
        exclude: names of identities to leave out, or one name.
        on_broken: 'fail', or 'skip' to hand out another picture of the same set in place of a broken one, with a
            warning.

    Attributes:
        names: identity names; a label is an index into them.
        labels: (N,) int64.
        num_classes: how many identities.
        excluded: identities found but left out, because they are named in `exclude`.
        empty: folders without a picture, which are no identities.
        stray: pictures that lie in no identity folder, or deeper in one; they are left out.
        beside: what else is there, a line each: other files, hidden pictures.
        left_out: all that is there and is not handed out, a line each: what lies beside, stray and excluded too.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.data import FolderDataset
        >>> for name in ("anna", "bela"):
        ...     Path("people", name).mkdir(parents=True)
        ...     for number in (1, 2):
        ...         Image.new("RGB", (96, 112), "grey").save(f"people/{name}/{number}.png")
        >>> faces = FolderDataset("people", exclude=["bela"])
        >>> faces.names, len(faces), faces.excluded
        (['anna'], 2, ['bela'])
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        size: tuple[int, int] = (112, 96),
        exclude: str | Iterable[str] = LFW_OVERLAP,
        on_broken: OnBroken = "fail",
    ) -> None:
        """List the pictures; none is opened yet.

        Args:
            root: the folder of identity folders.
            size: (height, width) of the images handed out; larger crops are cut about the centre, see `fit`.
            exclude: identity folders to leave out, or the name of one. By default CASIA's overlap with LFW: training
                on people that are tested on would be cheating. Names that are not there do no harm.
            on_broken: a picture that cannot be decoded raises ('fail'), or the next whole one of the same
                person stands in for it and a warning names it ('skip'). Evaluation must use 'fail'.

        Raises:
            FileNotFoundError: no such folder, or no identity folder with a picture in it.
        """
        super().__init__(size, on_broken)
        self.root = Path(root)
        found = walk(self.root)
        exclude = frozenset([exclude] if isinstance(exclude, str) else exclude)  # a string is its letters otherwise
        self.excluded = [name for name in found.folders if name in exclude]
        by_person: dict[str, list[str]] = {}
        self.stray: list[str] = []
        for picture in found.pictures:
            person, _, file = picture.partition("/")
            if file and "/" not in file:
                by_person.setdefault(person, []).append(file)
            else:
                self.stray.append(picture)
        inside = {picture.partition("/")[0] for picture in self.stray if "/" in picture}
        self.empty = [name for name in found.folders if name not in by_person and name not in inside]
        self.beside = found.left_out
        self.names = sorted(name for name in by_person if name not in exclude)
        files = [file for name in self.names for file in by_person[name]]
        counts = [len(by_person[name]) for name in self.names]
        if not files:
            lines = [f"{len(self.stray):,} pictures lie elsewhere, such as {self.stray[0]}"] if self.stray else []
            also = "".join(f"; {line}" for line in [*self.beside, *lines])
            raise FileNotFoundError(
                f"{self.root}: no pictures in identity folders (wanted {self.root}/NAME/picture.jpg); "
                f"the folder is empty or one level too high or too low{also}"
            )
        # one numpy block, not half a million Python strings: forked workers then share it instead of copying it
        self._files = np.array(files)
        self.labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))

    @property
    def num_classes(self) -> int:
        return len(self.names)

    @property
    def left_out(self) -> list[str]:
        found = list(self.beside)
        if self.stray:
            found.append(f"{len(self.stray):,} pictures not directly in an identity folder, such as {self.stray[0]}")
        if self.excluded:
            names = ", ".join(self.excluded[:3]) + (", …" if len(self.excluded) > 3 else "")
            found.append(f"{len(self.excluded):,} identities that are excluded by name: {names}")
        return found

    def __len__(self) -> int:
        return len(self._files)

    def path(self, index: int) -> Path:
        """Where picture `index` lies."""
        return self.root / self.names[int(self.labels[index])] / str(self._files[index])

    def person(self, label: int) -> str:
        return self.names[label]

    def encoded(self, index: int) -> tuple[bytes, int, str]:
        path = self.path(index)
        return read_file(path), int(self.labels[index]), str(path)


CASIA_WEBFACE = (10_575, 494_414)


def _check(report: CheckReport, progress: bool) -> None:
    faces = FolderDataset(report.path, exclude=())
    report.identities, report.people = faces.num_classes, faces.names
    report.tell_copies(faces, report.look_at(faces, progress))
    report.facts += [f"left out: {line}" for line in faces.beside]
    report.facts += [doubt] if (doubt := photographs(faces)) is not None else []
    counts = faces.labels.bincount()
    report.facts.append(
        f"pictures of an identity: {int(counts.min())} to {int(counts.max())}, median {int(counts.median())}"
    )
    alike: dict[str, list[str]] = {}
    for name in faces.names:
        alike.setdefault(written_alike(name), []).append(name)
    if twins := [" and ".join(names) for names in alike.values() if len(names) > 1]:
        report.facts.append(
            "identities whose names differ in case, in the writing of accents or in underscores for spaces alone: "
            f"{len(twins):,}, such as {twins[0]}; where they are one person, put them into one folder"
        )
    if single := int((counts == 1).sum()):
        report.facts.append(f"{single:,} identities have one picture: they train, but make no genuine pair")
    report.problems += [
        f"{report.path / name}: no picture in it; remove the folder or fetch it again" for name in faces.empty
    ]
    if faces.stray:
        report.problems.append(
            f"{report.path}: {len(faces.stray):,} pictures not directly in an identity folder, e.g. {faces.stray[0]}: "
            "they are left out"
        )
    if all(re.fullmatch(r"\d{7}", name) for name in faces.names):
        report.compare("CASIA-WebFace", CASIA_WEBFACE)
        for what, names in (("SphereFace's list", LFW_OVERLAP), ("the longer list, by name", LFW_OVERLAP_BY_NAME)):
            if found := [name for name in names if name in faces.names]:
                report.facts.append(f"also in LFW, by {what}: {', '.join(found)}")


register(
    Format(
        "identity folders",
        recognise=lambda source: Path(source).is_dir(),
        open=lambda source, size, on_broken, settings: FolderDataset(source, size, on_broken=on_broken, **settings),
        check=_check,
        yields="people",
        takes=("exclude",),
        tree=True,
        fallback=True,
    )
)
