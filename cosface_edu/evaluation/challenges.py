"""Identification and BLUFR from a network and its images to a report, as `evaluate` does for pairs."""

import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import torch
from matplotlib.axes import Axes

from cosface_edu import __version__, data
from cosface_edu.data.pairs import Pictures
from cosface_edu.data.walk import find_pictures
from cosface_edu.files import folder_to_write
from cosface_edu.palette import GENUINE, IMPOSTOR

from .blufr import BLUFR, blufr, read_blufr
from .identification import Identification, MegaFace, identify, megaface
from .measured import Measured
from .report import write_summary

SIZES = tuple(10**k for k in range(1, 7))  # numbers of distractors that MegaFace's curves are read at
RANKS = 20
CMC_RANKS = (1, 5, 10, RANKS)
OPEN_SET_FARS = (0.1, 0.01, 0.001)
KEPT = 10_000  # highest impostor scores: at FAR 1e-6, 3,530 probes and a million distractors need 3,531

# What the reports' figures show, for those who cannot see them.
CMC = "Cumulative match characteristic: share of known probes whose person is among the k best"
RANK1 = "Rank-1 identification rate against the number of distractors, on a logarithmic axis"
TRIALS = "Verification and detection rate of each of BLUFR's trials"

# The embedded default: people that no training set of the book reaches, 40 of them probed among 1,000 others.
FACEWORLD = "faceworld"
FACEWORLD_PROBES: dict[str, Any] = {"identities": 40, "per_identity": 4, "first": 100_000}
FACEWORLD_DISTRACTORS: dict[str, Any] = {"identities": 1000, "per_identity": 1, "first": 200_000}


def evaluate_identification(
    measured: Measured,
    probes: str | os.PathLike[str],
    gallery: str | os.PathLike[str],
    size: tuple[int, int] = (112, 96),
    out: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Who of those enrolled is it, and is it any of them? Closed set and open set.

    Args:
        measured: the network.
        probes: folder of identity folders; people without a folder in the gallery are unknown.
        gallery: folder of identity folders: those enrolled.
        size: (height, width) of the network's images.
        out: folder for report.json and report.html; none is written without it.

    Returns:
        Figures as plain values.

    Raises:
        FileNotFoundError: if a folder is missing or has no identity folders.
        ValueError: if no probe's person is in the gallery.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.evaluation import Measured, evaluate_identification
        >>> for name, colour in (("anna", "tan"), ("bela", "brown")):
        ...     for folder in ("probes", "gallery"):
        ...         Path(folder, name).mkdir(parents=True)
        ...         for number in (1, 2):
        ...             Image.new("RGB", (96, 112), colour).save(f"{folder}/{name}/{number}.png")
        >>> measured = Measured(lambda images: images.mean(3).flatten(1))
        >>> found = evaluate_identification(measured, "probes", "gallery")
        >>> next(iter(found["rows"].items()))
        ('rank 1', 1.0)
    """
    if out is not None:
        folder_to_write(out)
    shown, enrolled = (data.open(source, size, yields="people", exclude=()) for source in (probes, gallery))
    both = [_people(shown), _people(enrolled)]
    numbers = {name: number for number, name in enumerate(sorted({*both[0], *both[1]}))}
    labels, gallery_labels = (np.array([numbers[name] for name in people]) for people in both)
    twice = _in_both(shown, enrolled, "enrolled", "each finds itself, and rank 1 counts it: enrol others")
    found = identify(measured.features(shown), labels, measured.features(enrolled), gallery_labels)
    unknown = len(found.unknown_scores)
    report = {
        "protocol": "identification",
        "test": f"{Path(probes).name} among {Path(gallery).name}",
        "counts": {
            "people enrolled": len({*both[1]}),
            "images of them": len(enrolled),
            "probes of people enrolled": len(found.ranks),
            "probes of others": unknown,
            **twice,
        },
    }
    rows = {f"rank {k}": found.rank(k) for k in CMC_RANKS}
    # a rate below 1/unknown cannot be seen in so few probes, so it is left out, not guessed
    measurable = [far for far in OPEN_SET_FARS if far * unknown >= 1]
    rows |= {f"detected and identified at FAR {far:g}": found.detection_rate(far) for far in measurable}
    return _told(measured, report, rows, partial(_cmc, found), CMC, out)


def evaluate_megaface(
    measured: Measured,
    probes: str | os.PathLike[str] = FACEWORLD,
    distractors: str | os.PathLike[str] = FACEWORLD,
    size: tuple[int, int] = (112, 96),
    out: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """MegaFace's challenge, see `megaface`, on folders: one picture of the probe's person among strangers.

    Args:
        measured: the network.
        probes: folder of identity folders, two pictures or more of each, or 'faceworld'.
        distractors: folder of any depth, or what else `data.pictures` takes, of people who are not among the probes;
            or 'faceworld'. Their features are made in blocks and forgotten: memory does not grow with their number.
        size: (height, width) of the network's images.
        out: folder for report.json and report.html; none is written without it.

    Returns:
        Figures as plain values.

    Raises:
        FileNotFoundError: if a folder is missing or has no pictures.
        ValueError: if nobody has two pictures.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.evaluation import Measured, evaluate_megaface
        >>> for name, colour in (("anna", "tan"), ("bela", "brown")):
        ...     for folder in ("probes", "strangers"):
        ...         Path(folder, name).mkdir(parents=True)
        ...         for number in (1, 2):
        ...             Image.new("RGB", (96, 112), colour).save(f"{folder}/{name}/{number}.png")
        >>> measured = Measured(lambda images: images.mean(3).flatten(1))
        >>> found = evaluate_megaface(measured, "probes", "strangers")
        >>> next(iter(found["rows"].items()))
        ('rank 1', 0.0)
    """
    if out is not None:
        folder_to_write(out)
    shown = data.open(probes, size, yields="people", exclude=(), **FACEWORLD_PROBES)
    strangers, _, _ = data.pictures(distractors, size, **FACEWORLD_DISTRACTORS)
    twice = _in_both(shown, strangers, "among the distractors", "each finds itself before its mate: leave them out")
    found = megaface(
        measured.features(shown), shown.labels, measured.stream(strangers), ranks=RANKS, sizes=SIZES, keep=KEPT
    )
    fars = [far for far in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6) if 1 <= far * found.impostors < len(found.impostor_scores)]
    drawn = str(distractors) == FACEWORLD
    among = "drawn distractors (FaceWorld)" if drawn else f"distractors ({Path(distractors).absolute().name})"
    report = {
        "protocol": "MegaFace's",
        "test": f"{Path(probes).name} among {len(strangers):,} {among}",
        "counts": {
            "probes": len(shown),
            "pairs of probe and mate": len(found.ranks),
            "distractors": len(strangers),
            **twice,
        },
    }
    rows = {f"rank {k}": found.rank(k) for k in CMC_RANKS}
    rows |= {f"rank 1 among {number:,}": rate for number, rate in zip(found.sizes, found.rank1, strict=True)}
    rows |= {f"TAR at FAR {far:g}": found.tar_at_far(far) for far in fars}
    return _told(measured, report, rows, partial(_rank1, found), RANK1, out)


def evaluate_blufr(
    measured: Measured,
    images: str | os.PathLike[str],
    config: str | os.PathLike[str],
    size: tuple[int, int] = (112, 96),
    out: str | os.PathLike[str] | None = None,
    *,
    far: float = 1e-3,
    open_set_far: float = 1e-2,
) -> dict[str, Any]:
    """BLUFR, see `blufr`, on the folder of all 13,233 aligned images of LFW.

    Args:
        measured: the network.
        images: folder with name/name_0001.jpg.
        config: the benchmark's blufr_lfw_config.mat.
        size: (height, width) of the network's images.
        out: folder for report.json and report.html; none is written without it.
        far: of verification; BLUFR's is the default.
        open_set_far: of identification; likewise.

    Returns:
        Figures as plain values.

    Raises:
        FileNotFoundError: if an image that the benchmark lists is missing.
        ValueError: if the configuration lacks something.

    Example:
        >>> from cosface_edu.evaluation import Measured, evaluate_blufr
        >>> measured = Measured(lambda images: images.mean(3).flatten(1))
        >>> evaluate_blufr(measured, "lfw", "blufr_lfw_config.mat")
        Traceback (most recent call last):
            ...
        FileNotFoundError: [Errno 2] No such file or directory: 'blufr_lfw_config.mat'
    """
    if out is not None:
        folder_to_write(out)
    names, labels, trials = read_blufr(config)
    stems = [name.rpartition(".")[0] for name in names]
    found_paths = find_pictures(Path(images), [(stem.rsplit("_", 1)[0], stem) for stem in stems])
    missing = [name for name, path in zip(names, found_paths, strict=True) if path is None]
    if missing:
        raise FileNotFoundError(
            f"{Path(images) / missing[0].rsplit('_', 1)[0] / missing[0]}: listed in {config}, not there "
            f"({len(missing)} of {len(names)} are missing); BLUFR needs every image of LFW, aligned with "
            "--missing centre-crop"
        )
    paths = [path for path in found_paths if path is not None]
    found = blufr(measured.features(Pictures(paths, size)), labels, trials, far, open_set_far)
    report = {
        "protocol": "BLUFR",
        "test": Path(images).name,
        "counts": {"images": len(paths), "trials": len(trials)},
        "verification": found.verification.tolist(),
        "detection": found.detection.tolist(),
    }
    rows = {
        f"TAR at FAR {far:g}, mean − standard deviation": found.figures["verification"],
        f"rank-1 detection at FAR {open_set_far:g}, mean − standard deviation": found.figures["detection"],
    }
    return _told(measured, report, rows, partial(_trials, found), TRIALS, out)


def _in_both(shown: Any, others: Any, where: str, remedy: str) -> dict[str, int]:
    """A line for the report, and a warning, where probes lie among the others too."""
    found = data.in_both(shown, others)
    if found:
        warnings.warn(f"{len(found):,} probes are {where} too, such as {found[0]}: {remedy}", stacklevel=3)
    return {f"probes that are {where} too": len(found)} if found else {}


def _people(faces: Any) -> list[str]:
    """Whose each face is: by name where a data set has names, by number where it has not.

    Two folders of one name may differ in how accents are written, as one character or as two: a Mac's are often the
    latter, and people would be strangers to their own pictures.
    """
    names = [normalize("NFC", name) for name in getattr(faces, "names", ())]
    return [names[label] if names else str(label) for label in torch.as_tensor(faces.labels).tolist()]


def _told(
    measured: Measured,
    report: dict[str, Any],
    rows: dict[str, float],
    draw: Callable[[Axes], None],
    title: str,
    out: str | os.PathLike[str] | None,
) -> dict[str, Any]:
    """Complete a report, and write it if asked to."""
    report = {"cosface_edu": __version__, **report, "rows": rows, "embedder": measured.described()}
    if out is not None:
        write_summary(report, draw, title, out)
    return report


def _cmc(found: Identification, axes: Axes) -> None:
    axes.plot(range(1, RANKS + 1), 100 * found.cmc(RANKS), marker="o", markersize=3, color=GENUINE)
    axes.set(xlabel="rank k", ylabel="found among the k best, %")


def _rank1(found: MegaFace, axes: Axes) -> None:
    axes.plot(found.sizes, [100 * rate for rate in found.rank1], marker="o", color=GENUINE)
    axes.set(xscale="log", xlabel="distractors", ylabel="rank 1, %")


def _trials(found: BLUFR, axes: Axes) -> None:
    numbers = range(1, len(found.verification) + 1)
    axes.plot(numbers, 100 * found.verification, "o", color=GENUINE, label="TAR, verification")
    axes.plot(numbers, 100 * found.detection, "s", color=IMPOSTOR, label="detection, open set")
    axes.set(xlabel="trial", ylabel="%", xticks=list(numbers))
    axes.legend(frameon=False)
