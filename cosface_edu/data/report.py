"""What `cosface-edu check DATASET` finds: what a data set on disk is, and what is wrong with it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from .dataset import EncodedDataset


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

        def look(index: int) -> tuple[int, ...] | str:
            try:
                pixels = faces.read(index)[0]
            except ValueError as error:  # broken pictures and records: each kind says which and why
                return str(error)
            rows = np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())  # (H, W, 3), as a decoder leaves them
            marks[index] = int.from_bytes(blake2b(rows.data, digest_size=8).digest()) or 1
            return tuple(pixels.shape[-2:])

        with ThreadPoolExecutor() as pool, tqdm(total=len(faces), unit="picture", disable=not progress) as bar:
            for start in range(0, len(faces), 1024):  # in pieces: a map over everything would keep everything
                for found in pool.map(look, range(start, min(start + 1024, len(faces)))):
                    if isinstance(found, str):
                        self.problems.append(found)
                    else:
                        sizes[found] += 1
                    bar.update()
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
        return "\n".join(lines)
