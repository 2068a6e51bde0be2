"""One call from a network and a test to a report."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cosface_edu import __version__, data
from cosface_edu.checks import check_count
from cosface_edu.data import Pairs, lfw_pairs, normalise, ytf_pairs
from cosface_edu.data.pairs import Pictures
from cosface_edu.files import folder_to_write

from .bootstrap import Interval, bootstrap
from .embedding import Embedder, Flip, Precision, cosine_scores
from .measured import Measured
from .pairs import faceworld_pairs
from .report import write_report
from .templates import pool
from .verification import Verification, verify

FARS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """A network's figures on one test, and what is needed to read them.

    Attributes:
        test: name of the test.
        pairs: the test.
        verification: ten-fold result.
        interval: of the accuracy.
        interval_over: 'people' or 'pairs': what was resampled.
        embedder: what was evaluated and how: name, dimension, flip, precision, seconds.

    Example:
        >>> from cosface_edu.evaluation import evaluate, faceworld_pairs
        >>> network = lambda images: images.mean(3).flatten(1)  # no more than the rows' mean colours
        >>> pairs = faceworld_pairs(identities=40, per_identity=3, count=20, size=(56, 48))
        >>> found = evaluate(network, pairs, test="small", samples=20)
        >>> found.test, found.interval_over, found.embedder["dimension"]
        ('small', 'people', 336)
    """

    test: str
    pairs: Pairs
    verification: Verification
    interval: Interval
    interval_over: str
    embedder: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pictures, as plain values."""
        result = self.verification
        impostors = int((~result.same).sum())
        return {
            "cosface_edu": __version__,
            "test": self.test,
            "pairs": len(result.same),
            "genuine": int(result.same.sum()),
            "images": len(self.pairs.images),
            "accuracy": result.accuracy,
            "standard_error": float(result.standard_error),
            "std": result.std,
            "interval": {**self.interval._asdict(), "over": self.interval_over},
            "folds": [
                {"accuracy": float(accuracy), "threshold": float(threshold)}
                for accuracy, threshold in zip(result.accuracies, result.thresholds, strict=True)
            ],
            "eer": result.eer,
            "auc": result.auc,
            # a rate below 1/impostors cannot be seen in so few pairs, so it is left out, not guessed
            "tar_at_far": {f"{far:g}": result.tar_at_far(far) for far in FARS if far * impostors >= 1},
            "embedder": self.embedder,
            "worst": {
                kind: [
                    {
                        "pair": int(row),
                        "images": [_name(self.pairs, int(side[row])) for side in (self.pairs.first, self.pairs.second)],
                        "score": float(result.scores[row]),
                        "wrong": bool(result.accepted[row] != result.same[row]),
                    }
                    for row in rows
                ]
                for kind, rows in zip(("impostors", "genuine"), result.worst(), strict=True)
            },
        }


def evaluate(
    network: Embedder,
    pairs: Pairs,
    out: str | os.PathLike[str] | None = None,
    *,
    test: str = "pairs",
    flip: Flip = "concat",
    preprocess: Any = normalise,
    batch: int = 64,
    workers: int = 0,
    precision: Precision = "auto",
    samples: int = 1000,
    progress: bool = False,
) -> Evaluation:
    """Verify pairs by a network's embeddings: LFW's protocol, on any test.

    Args:
        network: a network, or any callable from (B, 3, H, W) to (B, D).
        pairs: the test; see `open_pairs`. Images that belong to a set (a video) are averaged first.
        out: folder for report.json and report.html; none is written without it.
        test: the test's name in the report.
        flip: what to do with mirror images, see `embed`.
        preprocess: None for a callable that takes images in [0, 1], see `embed`.
        batch: images at a time.
        workers: processes that read images.
        precision: see `embed`.
        samples: resamplings for the interval.
        progress: whether to show a bar.

    Returns:
        The test's figures and what they rest on.

    Raises:
        ValueError: if there are no resamplings, before anything is embedded; and as for `embed` and `verify`.

    Example:
        >>> from cosface_edu.evaluation import evaluate, faceworld_pairs
        >>> network = lambda images: images.mean(3).flatten(1)  # no more than the rows' mean colours
        >>> pairs = faceworld_pairs(identities=40, per_identity=3, count=20, size=(56, 48))
        >>> found = evaluate(network, pairs, test="small", samples=20)
        >>> len(found.verification.accuracies), found.interval.level  # ten folds
        (10, 0.95)
    """
    check_count("samples", samples, 1)  # embedding may take hours
    if out is not None:
        folder_to_write(out)
    measured = Measured(
        network,
        flip=flip,
        preprocess=preprocess,
        batch=batch,
        workers=workers,
        precision=precision,
        progress=progress,
    )
    result = verify_pairs(measured.features(pairs.images), pairs)
    people = _people(pairs)
    evaluation = Evaluation(
        test=test,
        pairs=pairs,
        verification=result,
        interval=bootstrap(result, people=people, samples=samples),
        interval_over="pairs" if people is None else "people",
        embedder=measured.described(),
    )
    if out is not None:
        write_report(evaluation.to_dict(), result, _pictures(evaluation), out)
    return evaluation


def verify_pairs(features: Tensor, pairs: Pairs) -> Verification:
    """Verify pairs by features that are there already.

    Args:
        features: (N, D) of `pairs.images`. Those of a set (a video) are averaged first.
        pairs: the test; one that comes as a single fold, such as a development list, is dealt into ten.

    Returns:
        The result over the test's folds.

    Raises:
        ValueError: if there is not one feature for each of the test's pictures.

    Example:
        >>> from cosface_edu.evaluation import embed, faceworld_pairs, verify_pairs
        >>> network = lambda images: images.mean(3).flatten(1)  # no more than the rows' mean colours
        >>> pairs = faceworld_pairs(identities=40, per_identity=3, count=20, size=(56, 48))
        >>> len(verify_pairs(embed(network, pairs.images), pairs).accuracies)
        10
    """
    if len(features) != len(pairs.images):
        raise ValueError(
            f"{len(features)} features for a test of {len(pairs.images)} pictures: give those of all of them, in their "
            "order, embed(network, pairs.images)"
        )
    if pairs.member_of is not None:
        features = pool(features, pairs.member_of)
    scores = cosine_scores(features, torch.stack([pairs.first, pairs.second], dim=1))
    # in a single fold a threshold would be tested where it was chosen
    folds = pairs.fold.numpy() if len(torch.unique(pairs.fold)) > 1 else 10
    return verify(scores, pairs.same, folds)


def open_pairs(
    source: str | os.PathLike[str],
    pairs: str | os.PathLike[str] | None = None,
    splits: str | os.PathLike[str] | None = None,
    size: tuple[int, int] = (112, 96),
) -> Pairs:
    """Find a test by what its files are.

    Args:
        source: 'faceworld'; anything that yields pairs, see `data.open`, such as a .bin file (LFW, CFP-FP, AgeDB,
            CALFW, CPLFW as InsightFace packs them); or a folder of aligned images, with one of the next two.
        pairs: LFW's pairs.txt or a development list.
        splits: YouTube Faces' splits.
        size: (height, width) of the network's images.

    Returns:
        Pairs.

    Raises:
        FileNotFoundError: if the source, or an image that a list names, is missing.
        ValueError: if a folder comes without a list of pairs or with two, something else holds none, or a list comes
            with a test that brings its own pairs.

    Example:
        >>> import pickle
        >>> from io import BytesIO
        >>> from PIL import Image
        >>> from cosface_edu.evaluation import open_pairs
        >>> file = BytesIO()
        >>> Image.new("RGB", (112, 112), "grey").save(file, "JPEG")
        >>> with open("test.bin", "wb") as out:
        ...     pickle.dump(([file.getvalue()] * 40, [True, False] * 10), out)
        >>> len(open_pairs("test.bin").same)
        20
    """
    path, drawn = Path(source), str(source) == "faceworld"
    if not drawn and not path.exists():
        raise FileNotFoundError(f"{path}: no such test; give a .bin file, a folder of faces, or 'faceworld'")
    if drawn or not path.is_dir():
        for option, file in (("pairs", pairs), ("splits", splits)):
            if file is not None:
                raise ValueError(
                    f"{option} {file}: such a list needs a folder of pictures as the test, and {source} brings its own "
                    f"pairs: name the folder (--test), or leave out {option}"
                )
        return faceworld_pairs(size=size) if drawn else data.open(path, size, yields="pairs")
    if pairs is not None and splits is None:
        return lfw_pairs(pairs, path, size)
    if splits is not None and pairs is None:
        return ytf_pairs(splits, path, size)
    if pairs is None and data.recognise(path).yields == "pairs":
        return data.open(path, size, yields="pairs")
    raise ValueError(
        f"{path} is a folder: say which pairs to verify, either by LFW's pairs.txt or by YouTube Faces' splits"
    )


def _people(pairs: Pairs) -> NDArray | None:
    """(n, 2) who the pairs show, where the test says so."""
    if pairs.member_of is not None:
        return None
    if isinstance(pairs.images, Pictures):
        names = np.array([path.parent.name for path in pairs.images.paths])
    elif hasattr(pairs.images, "num_classes"):
        names = np.asarray(pairs.images.labels)
    else:
        return None  # a .bin file tells pictures apart, not people
    return np.stack([names[pairs.first], names[pairs.second]], axis=1)


def _shown(pairs: Pairs, number: int) -> int:
    """The image that stands for one side of a pair: itself, or a video's first frame."""
    return number if pairs.member_of is None else int(torch.nonzero(pairs.member_of == number)[0])


def _name(pairs: Pairs, number: int) -> str:
    number = _shown(pairs, number)
    return pairs.images.paths[number].stem if isinstance(pairs.images, Pictures) else f"image {number}"


def _pictures(evaluation: Evaluation) -> dict[int, tuple[Tensor, Tensor]]:
    """The two images of each of the worst pairs."""
    pairs = evaluation.pairs

    def picture(number: int) -> Tensor:
        return pairs.images[_shown(pairs, number)][0]

    worst = np.concatenate(evaluation.verification.worst()).tolist()
    return {row: (picture(int(pairs.first[row])), picture(int(pairs.second[row]))) for row in worst}
