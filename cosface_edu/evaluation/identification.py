"""Identification: whose face is this, among those enrolled, and among a million strangers?

Closed set: the rank of the right person. Open set: the probe may be of nobody enrolled, so a threshold must reject
it. MegaFace (Kemelmacher-Shlizerman et al., CVPR 2016): one photo of the person is hidden among up to a million
distractors. Scores are cosines; galleries pass by in blocks, so that memory does not grow with them, and a tie counts
against the probe: a network that maps everything to one point identifies nobody.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from cosface_edu.checks import check_count

from .arrays import as_tensor
from .labels import check_one_each, numbered

BLOCK = 2048  # gallery rows scored at a time
PART = 256  # columns of a block looked through at a time for the highest of all
TIE = 1e-6  # cosines closer than this are equal: float32 rounds a sum of 512 products about so


@dataclass(frozen=True, eq=False, repr=False)
class Identification:
    """What `identify` found; P probes whose person is enrolled, U whose person is not.

    Attributes:
        ranks: (P,) 1 + the number of gallery images of others that score as high as the best of the right person.
        mate_scores: (P,) score of the best gallery image of the right person.
        unknown_scores: (U,) highest score of a probe that is nobody's.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import identify
        >>> gallery, enrolled = torch.eye(3), [0, 1, 2]
        >>> probes = torch.tensor([[0.9, 0.1, 0.0], [0.6, 0.5, 0.0], [0.0, 0.3, 0.3]])
        >>> found = identify(probes, [0, 1, 7], gallery, enrolled)  # nobody knows person 7
        >>> found.rank(1), found.rank(2)
        (0.5, 1.0)
    """

    ranks: NDArray[np.int64]
    mate_scores: NDArray[np.float64]
    unknown_scores: NDArray[np.float64]

    def __repr__(self) -> str:
        known, unknown = len(self.ranks), len(self.unknown_scores)
        return f"Identification(rank-1 {100 * self.rank(1):.2f} %, {known} known, {unknown} unknown)"

    def rank(self, k: int) -> float:
        """Share of known probes whose person is among the k best."""
        return float(np.mean(self.ranks <= k))

    def cmc(self, upto: int = 20) -> NDArray[np.float64]:
        """Cumulative match characteristic: `rank` for 1, 2, …, upto."""
        return np.array([self.rank(k) for k in range(1, upto + 1)])

    def detection_rate(self, far: float) -> float:
        """Open set: share of known probes that are best matched to their person, and accepted.

        Accepted is what scores more than the best unknown probe that is kept out, so that at most a share `far` of the
        unknown probes are.

        Raises:
            ValueError: if there are fewer than 1/far unknown probes.
        """
        unknown = len(self.unknown_scores)
        if unknown == 0 or not 1 / unknown <= far <= 1:
            raise ValueError(f"false accepts at a rate of {far:g} cannot be measured on {unknown} unknown probes")
        accepted = int(np.floor(far * unknown * (1 + 1e-12)))  # 0.001 · 3000 is 3, also in floating point
        falling = np.sort(self.unknown_scores)[::-1]
        threshold = falling[accepted] if accepted < unknown else -np.inf
        return float(np.mean((self.ranks == 1) & (self.mate_scores > threshold)))


def identify(
    probes: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    gallery: ArrayLike | Tensor,
    gallery_labels: ArrayLike | Tensor,
) -> Identification:
    """Rank a gallery for each probe.

    A probe whose label is not in the gallery is an unknown: it counts in the open set only.

    Args:
        probes: (P + U, D) embeddings; scores are computed on their device.
        labels: (P + U,) whose they are, by number or by name.
        gallery: (G, D) embeddings of those enrolled, one or more of each.
        gallery_labels: (G,).

    Returns:
        Ranks and scores.

    Raises:
        ValueError: if the embeddings are not of one length or not finite, labels are not one for each, or no probe's
            person is enrolled.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import identify
        >>> gallery, enrolled = torch.eye(3), [0, 1, 2]
        >>> probes = torch.tensor([[0.9, 0.1, 0.0], [0.6, 0.5, 0.0], [0.0, 0.3, 0.3]])
        >>> found = identify(probes, [0, 1, 7], gallery, enrolled)  # nobody knows person 7
        >>> found.ranks, found.unknown_scores.round(2)
        (array([1, 2]), array([0.71]))
    """
    unit, gallery = unit_rows(probes, "probes"), as_tensor(gallery)
    labels, gallery_labels = numbered(labels, gallery_labels, device=unit.device)
    check_one_each(labels, unit, "probes")
    check_one_each(gallery_labels, gallery, "gallery")
    known = torch.isin(labels, gallery_labels)
    if not known.any():
        raise ValueError("no probe's person is in the gallery")

    mate = unit.new_full((len(unit),), -torch.inf)
    blocks = unit_blocks(gallery.split(BLOCK), "gallery", like=unit)
    for block, owners in zip(blocks, gallery_labels.split(BLOCK), strict=True):
        probe, image = torch.nonzero(labels[:, None] == owners, as_tuple=True)
        mate.scatter_reduce_(0, probe, (unit[probe] * block[image]).sum(1), "amax")

    highest = HighestScores(len(unit), device=unit.device)
    better = torch.zeros(len(unit), dtype=torch.int64, device=unit.device)
    blocks = scored(unit, gallery.split(BLOCK), "gallery")
    for scores, owners in zip(blocks, gallery_labels.split(BLOCK), strict=True):
        highest.add(scores)
        better += ((scores >= mate[:, None] - TIE) & (labels[:, None] != owners)).sum(1)
    return Identification(
        ranks=(1 + better[known]).cpu().numpy(),
        mate_scores=mate[known].cpu().double().numpy(),
        unknown_scores=highest.of_row[~known, 0].cpu().double().numpy(),
    )


def unit_rows(features: ArrayLike | Tensor, name: str, before: int = 0) -> Tensor:
    """Embeddings at unit length, float32. Comparisons with NaN are all false, so that nobody would beat such a probe.

    They lead to no gradient: scores are written to memory that is used again.

    Args:
        features: (N, D) embeddings.
        name: what an error calls them.
        before: rows that came before these in a stream.

    Returns:
        (N, D).

    Raises:
        ValueError: if a number is not finite; the message names the row.
    """
    features = as_tensor(features).detach().float()
    finite = torch.isfinite(features).all(1)  # (N,)
    if not finite.all():
        row = int(torch.argmin(finite.int()))
        value = features[row][~torch.isfinite(features[row])][0].item()
        raise ValueError(
            f"{name}, row {before + row}: {value} in the features; were the network's weights trained to NaN?"
        )
    return F.normalize(features, dim=1)


def unit_blocks(blocks: Iterable[ArrayLike | Tensor], name: str, like: Tensor) -> Iterator[Tensor]:
    """Blocks of embeddings at unit length, see `unit_rows`, on the device of `like` and as long as its rows."""
    before = 0
    for block in map(as_tensor, blocks):
        if block.shape[1] != like.shape[1]:
            raise ValueError(
                f"{name}: embeddings of {block.shape[1]} numbers beside probes of {like.shape[1]}: one network for both"
            )
        block = block.float() if block.dtype == torch.float64 else block  # before it goes where doubles may be unknown
        yield unit_rows(block.to(like.device), name, before)
        before += len(block)


def scored(unit: Tensor, blocks: Iterable[Tensor], name: str) -> Iterator[Tensor]:
    """Cosines of all probes with each block of a gallery.

    Args:
        unit: (P, D) probes of unit length.
        blocks: each (at most `BLOCK`, D), of any length.
        name: what an error calls them.

    Yields:
        (P, block), in memory that the next one is written to: fresh pages for each would cost a tenth of the product.
    """
    memory = unit.new_empty(len(unit) * BLOCK)
    for block in unit_blocks(blocks, name, like=unit):
        out = memory[: len(unit) * len(block)].view(len(unit), len(block))
        yield torch.mm(unit, block.T, out=out)


class HighestScores:
    """The highest scores of a stream: k of each row, and `pool` of all together.

    A look at each row's maximum tells whether anything in it is new; only such rows are searched, and after a few
    blocks there are hardly any. The stream costs little more than the matrix product that makes it.

    Args:
        rows: rows of every block of scores.
        k: scores to keep of each row.
        pool: scores to keep of all.
        device: where the blocks are.
    """

    def __init__(self, rows: int, k: int = 1, pool: int = 0, device: torch.device | str = "cpu") -> None:
        lowest = torch.tensor(-torch.inf, dtype=torch.float32, device=device)
        self.of_row = lowest.repeat(rows, k)  # falling along each row
        self.of_all = lowest.repeat(pool)  # falling

    def add(self, scores: Tensor) -> None:
        """Take in a block of scores, (rows, any)."""
        highest = scores.amax(1)
        k, pool = self.of_row.shape[1], len(self.of_all)
        if k == 1:
            torch.maximum(self.of_row[:, 0], highest, out=self.of_row[:, 0])
        else:
            new = torch.nonzero(highest > self.of_row[:, -1])[:, 0]
            if len(new):
                candidates = scores[new].topk(min(k, scores.shape[1]), dim=1).values
                self.of_row[new] = torch.cat([self.of_row[new], candidates], dim=1).topk(k, dim=1).values
        if pool:
            rows = torch.nonzero(highest > self.of_all[-1])[:, 0]
            # a part at a time: the first raises the bar, so that the others have little to add
            for part in scores[rows].split(PART, dim=1):
                new = part[part > self.of_all[-1]]
                if len(new):
                    self.of_all = torch.cat([self.of_all, new]).topk(pool).values


@dataclass(frozen=True, eq=False, repr=False)
class MegaFace:
    """What `megaface` found.

    Attributes:
        sizes: numbers of distractors at which the ranks were read.
        rank1: rank-1 identification rate at each of them.
        ranks: (n,) rank of each (probe, mate) pair among all distractors, or k + 1 where it is beyond the k kept.
        mate_scores: (n,) score of each such pair.
        impostors: number of (probe, distractor) pairs.
        impostor_scores: (h,) the highest of their scores, falling; h is `keep`, or all where there are fewer.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import megaface
        >>> probes, labels = torch.tensor([[1.0, 0.1], [1.0, 0.0], [0.1, 1.0], [0.0, 1.0]]), [0, 0, 1, 1]
        >>> strangers = torch.tensor([[0.7, 0.7], [-1.0, 0.2], [0.3, -1.0]])
        >>> found = megaface(probes, labels, strangers, sizes=[1])
        >>> found.ranks, found.impostors
        (array([1, 1, 1, 1]), 12)
    """

    sizes: list[int]
    rank1: list[float]
    ranks: NDArray[np.int64]
    mate_scores: NDArray[np.float64]
    impostors: int
    impostor_scores: NDArray[np.float64]

    def __repr__(self) -> str:
        rank1, size = 100 * self.rank1[-1], self.sizes[-1]
        return f"MegaFace(rank-1 {rank1:.2f} % among {size:,} distractors, {len(self.ranks)} pairs)"

    def rank(self, k: int) -> float:
        """Rank-k identification rate among all distractors."""
        return float(np.mean(self.ranks <= k))

    def tar_at_far(self, far: float = 1e-6) -> float:
        """Share of mates that score above all but a share `far` of the (probe, distractor) pairs.

        Raises:
            ValueError: if there are too few such pairs, or more of their scores would be needed than were kept.
        """
        accepted = int(np.floor(far * self.impostors * (1 + 1e-12)))
        if not 1 <= accepted < len(self.impostor_scores):
            raise ValueError(
                f"FAR {far:g} of {self.impostors:,} pairs means {accepted:,} false accepts; "
                f"1 to {len(self.impostor_scores) - 1:,} can be measured"
            )
        return float(np.mean(self.mate_scores > self.impostor_scores[accepted]))


def megaface(
    probes: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    distractors: Tensor | Iterable[Tensor],
    *,
    ranks: int = 1,
    sizes: Iterable[int] = (),
    keep: int = 5_000,
) -> MegaFace:
    """MegaFace's identification challenge.

    For every ordered pair of images of one person, the second is put among the distractors and the first must find
    it. The person's other images stay out of that gallery.

    Args:
        probes: (P, D) embeddings of people with two images or more; scores are computed on their device.
        labels: (P,) whose they are.
        distractors: (N, D) embeddings of strangers, or blocks of them one after the other, each (any, D); only a
            block is in memory at a time.
        ranks: ranks up to this are told apart, at least 1.
        sizes: numbers of distractors to report rank-1 at besides all of them, such as 10, 100, …, 1,000,000.
        keep: highest (probe, distractor) scores to keep, at least 1, for TAR@FAR; 1,000,000 distractors and 3,530
            probes need 3,531 of them at FAR 1e-6.

    Returns:
        Rank-1 at each number of distractors, ranks and scores.

    Raises:
        ValueError: if nobody has two images, there are no distractors, labels are not one for each probe,
            embeddings are not of one length or not finite, or no rank or no score is asked for.

    Example:
        >>> import torch
        >>> from cosface_edu.evaluation import megaface
        >>> probes, labels = torch.tensor([[1.0, 0.1], [1.0, 0.0], [0.1, 1.0], [0.0, 1.0]]), [0, 0, 1, 1]
        >>> strangers = torch.tensor([[0.7, 0.7], [-1.0, 0.2], [0.3, -1.0]])
        >>> found = megaface(probes, labels, strangers, sizes=[1])
        >>> found.sizes, found.rank1
        ([1, 3], [1.0, 1.0])
    """
    ranks, keep = check_count("ranks", ranks, 1), check_count("keep", keep, 1)
    unit = unit_rows(probes, "probes")
    (labels,) = numbered(labels, device=unit.device)
    check_one_each(labels, unit, "probes")
    mates = (labels[:, None] == labels).fill_diagonal_(False)  # (P, P)
    if not mates.any():
        raise ValueError("no person has two probe images: there is no mate to find")
    probe = torch.nonzero(mates)[:, 0]
    mate_scores = (unit @ unit.T)[mates]  # (n,), in the order of `probe`

    highest = HighestScores(len(unit), ranks, keep, unit.device)
    checkpoints = sorted({size for size in sizes if size > 0})
    seen, read, rank1 = 0, [], []
    for scores in scored(unit, _blocks(distractors, checkpoints), "distractors"):  # (P, block)
        highest.add(scores)
        seen += scores.shape[1]
        if seen in checkpoints:
            read.append(seen)
            rank1.append((mate_scores - TIE > highest.of_row[probe, 0]).sum().item() / len(probe))
    if not seen:
        raise ValueError("there are no distractors")
    found = 1 + (highest.of_row[probe] >= mate_scores[:, None] - TIE).sum(1)  # (n,)
    if not read or read[-1] != seen:
        read.append(seen)
        rank1.append((found == 1).sum().item() / len(probe))
    kept = highest.of_all[torch.isfinite(highest.of_all)]
    return MegaFace(
        read,
        rank1,
        found.cpu().numpy(),
        mate_scores.cpu().double().numpy(),
        len(unit) * seen,
        kept.cpu().double().numpy(),
    )


def _blocks(distractors: Tensor | Iterable[Tensor], stops: list[int]) -> Iterator[Tensor]:
    """Cut a stream into blocks of at most `BLOCK` rows that end at each of the stops."""
    seen = 0
    waiting = iter(stops)
    stop = next(waiting, None)
    whole = isinstance(distractors, Tensor | np.ndarray)
    for part in map(as_tensor, [distractors] if whole else distractors):
        start = 0
        while start < len(part):
            rows = min(BLOCK, len(part) - start)
            if stop is not None:
                rows = min(rows, stop - seen)
            yield part[start : start + rows]
            start += rows
            seen += rows
            if seen == stop:
                stop = next(waiting, None)
