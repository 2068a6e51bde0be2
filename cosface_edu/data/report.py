"""What `cosface-edu check DATASET` finds: what a data set on disk is, and what is wrong with it."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from .alike import Known, Shared, details
from .dataset import EncodedDataset
from .images import decode


@dataclass
class CheckReport:
    """What `check` found.

    Attributes:
        path: what was checked.
        kind: what it is.
        pictures: how many.
        identities: how many people, where the data set says so.
        facts: what there is to know, a line each.
        problems: what is wrong, a line each; each names the file and what to do.
        people: the people's names, where the data set has them.
        shared: what it shares with each of the data sets that it was held against.
        watchers: called with the pictures that are looked at, some at a time.

    Example:
        >>> from pathlib import Path
        >>> from cosface_edu.data import CheckReport
        >>> CheckReport(Path("people"), "identity folders", pictures=4, identities=2).problems
        []
    """

    path: Path
    kind: str
    pictures: int = 0
    identities: int = 0
    facts: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)
    shared: list[Shared] = field(default_factory=list)
    watchers: list[Callable[[list[Known]], None]] = field(default_factory=list, repr=False)

    @property
    def ok(self) -> bool:
        return not self.problems

    def look_at(self, faces: EncodedDataset, progress: bool) -> NDArray[np.uint64]:
        """Decode every picture of a data set; count sizes, name what is broken.

        Returns:
            A number for each picture by which its pixels are known again, 0 for a broken one.
        """
        sizes: Counter[tuple[int, ...]] = Counter()
        marks = np.zeros(len(faces), np.uint64)

        def look(index: int) -> tuple[tuple[int, ...], Known | None] | str:
            try:
                data, label, name = faces.encoded(index)
                pixels = decode(data, name)
            except ValueError as error:  # broken pictures and records: each kind says which and why
                return str(error)
            rows = np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())  # (H, W, 3), as a decoder leaves them
            marks[index] = int.from_bytes(blake2b(rows.data, digest_size=8).digest()) or 1
            known = Known(name, faces.person(label), details(pixels).numpy()) if self.watchers else None
            return tuple(pixels.shape[-2:]), known

        with ThreadPoolExecutor() as pool, tqdm(total=len(faces), unit="picture", disable=not progress) as bar:
            for start in range(0, len(faces), 1024):  # in pieces: a map over everything would keep everything
                seen: list[Known] = []
                for found in pool.map(look, range(start, min(start + 1024, len(faces)))):
                    if isinstance(found, str):
                        self.problems.append(found)
                    else:
                        size, known = found
                        sizes[size] += 1
                        seen += [known] if known is not None else []
                    bar.update()
                for watch in self.watchers:
                    watch(seen)
        self.pictures += len(faces)
        common = ", ".join(f"{h}×{w} ({count:,})" for (h, w), count in sizes.most_common(5))
        self.facts.append(f"sizes, height × width: {common or 'none'}{', …' if len(sizes) > 5 else ''}")
        return marks

    def tell_copies(self, faces: EncodedDataset, marks: NDArray[np.uint64]) -> None:
        """Say which pictures are there more than once, and which of these under several people.

        Args:
            faces: the data set.
            marks: from `look_at`.
        """
        order = np.argsort(marks, kind="stable")  # copies beside each other
        first, second = order[:-1], order[1:]
        copied = (marks[first] == marks[second]) & (marks[first] != 0)
        labels = faces.labels.numpy()
        strange = copied & (labels[first] != labels[second])
        for what, found in (("copies, pixel for pixel", copied), ("copies under another person", strange)):
            if found.any():
                place = int(np.flatnonzero(found)[0])
                names = " and ".join(faces.encoded(int(index))[2] for index in (first[place], second[place]))
                self.facts.append(f"{what}: {int(found.sum()):,}, such as {names}")

    def tell_shared(self, shared: Shared, unread: list[str]) -> None:
        """Say which pictures and people are in another data set too.

        Args:
            shared: from a comparison with it.
            unread: what is wrong with the other, a line each.
        """
        self.shared.append(shared)
        plain = f"; {shared.plain:,} without detail were not compared" if shared.plain else ""
        self.facts.append(
            f"also in {shared.path}: {len(shared.pictures):,} of {shared.ours:,} pictures, copies of {shared.met:,} of "
            f"{shared.theirs:,} there{plain}. Saved anew, resized or made grey they are found; mirrored or cut out "
            "otherwise they are not"
        )
        named = [ours for ours, _ in shared.people if any(map(str.isalpha, ours))]
        numbered = [ours for ours, _ in shared.people if not any(map(str.isalpha, ours))]
        for what, names in (("name", named), ("number", numbered)):
            if names:
                some = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
                doubt = "; the same people only if both sets number alike" if what == "number" else ""
                self.facts.append(f"people in {shared.path} of the same {what}: {len(names):,}, {some}{doubt}")
        for copy in shared.pictures:
            ours, theirs = (f" of {person}" if person else "" for person in (copy.person, copy.other_person))
            self.problems.append(
                f"{copy.picture}{ours} is in both: {copy.other}{theirs}; leave it out of one of them, or what is "
                "measured there is too good"
            )
        for path, compared in ((self.path, shared.ours), (shared.path, shared.theirs)):
            if not compared:
                self.problems.append(f"{path}: no picture of it was compared")
        if unread:
            count = f"{len(unread):,} problem{'s' if len(unread) > 1 else ''}"
            self.problems.append(f"`cosface-edu check {shared.path}` finds {count}, such as {unread[0]}")

    def compare(self, name: str, expected: tuple[int, int]) -> None:
        """Say whether this is the whole of a well-known data set of so many (identities, pictures)."""
        has = f"{expected[0]:,} identities and {expected[1]:,} pictures"
        whole = (self.identities, self.pictures) == expected
        self.facts.append(f"complete: {name} has {has}" if whole else f"not the whole of {name}, which has {has}")

    def __str__(self) -> str:
        people = f" of {self.identities:,} people" if self.identities else ""
        lines = [f"{self.path}: {self.kind}, {self.pictures:,} pictures{people}"]
        lines += [f"  {fact}" for fact in self.facts]
        lines += [f"  problem: {problem}" for problem in self.problems] or ["  nothing wrong found"]
        return "\n".join(line.replace("\n", "\\n") for line in lines)  # names have them, too
