"""What `cosface-edu check DATASET` finds: what a data set on disk is, and what is wrong with it."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from .dataset import PictureDataset


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

    def look_at(self, faces: PictureDataset, progress: bool) -> None:
        """Decode every picture of a data set; count sizes, name what is broken."""
        sizes: Counter[tuple[int, ...]] = Counter()

        def look(index: int) -> Tensor | str:
            try:
                return faces.read(index)[0]
            except ValueError as error:  # broken pictures and records: each kind says which and why
                return str(error)

        with ThreadPoolExecutor() as pool, tqdm(total=len(faces), unit="picture", disable=not progress) as bar:
            for start in range(0, len(faces), 1024):  # in pieces: a map over everything would keep everything
                for found in pool.map(look, range(start, min(start + 1024, len(faces)))):
                    if isinstance(found, str):
                        self.problems.append(found)
                    else:
                        sizes[tuple(found.shape[-2:])] += 1
                    bar.update()
        self.pictures += len(faces)
        common = ", ".join(f"{h}×{w} ({count:,})" for (h, w), count in sizes.most_common(5))
        self.facts.append(f"sizes, height × width: {common or 'none'}{', …' if len(sizes) > 5 else ''}")

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
