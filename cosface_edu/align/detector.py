"""Find faces and their five points, and choose the one that a picture is about."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from cosface_edu.checks import check_number

from . import cascade
from .similarity import Borders

# The settings of SphereFace's detector, which CosFace's pipeline inherits: `Search(min_face=20, factor=0.85)`.
MIN_SIZE = 20
SPHEREFACE_FACTOR = 0.85
# What is looked for where nobody says otherwise: faces from a quarter of the picture's shorter side on, which is half
# of what the people of CASIA-WebFace and LFW have, at every second level of SphereFace's pyramid. A picture in which
# there is none is looked at again, down to a twentieth.
SHARE = 1 / 4
SECOND_SHARE = 1 / 20
FACTOR = SPHEREFACE_FACTOR**2
# What R-Net hands on to O-Net, the dearest of the three, may overlap so much where the smallest face is not given: half
# as many candidates as by MTCNN's own share, of the same faces.
OVERLAP = 0.5
# In one pass of the cascade: pixels of all pictures, as small as their smallest face allows, about 60 bytes each.
PIXELS = 4 * 1024 * 1024
# A square about a face, this much larger, that reaches over the border has lost something that mirrored borders mend.
NEAR_BORDER = 1.2
# Ways to resize leave a little more than 1; pictures in 0 to 255 have more, and no face would be found in them.
BRIGHTEST = 1.5
# How much a face's distance from the centre counts beside its size under 'both', as in facenet-pytorch.
CENTRE_WEIGHT = 2.0

Which = Literal["centre", "largest", "both"]


class Face(NamedTuple):
    """One detected face, in pixels of its image.

    Attributes:
        box: (4,) left, top, right, bottom.
        score: the last network's probability that this is a face.
        landmarks: (5, 2) eyes, tip of the nose, corners of the mouth as (x, y); left in the picture first.

    Example:
        >>> import torch
        >>> from cosface_edu.align import Face, estimate_similarity, template
        >>> points = 2 * template((112, 96))  # somebody twice as large as a crop
        >>> face = Face(torch.tensor([0.0, 0.0, 192.0, 224.0]), 0.99, points)
        >>> round(estimate_similarity(face.landmarks, template((112, 96)))[0, 0].item(), 3)  # is made half as large
        0.5
    """

    box: Tensor
    score: float
    landmarks: Tensor


@dataclass(frozen=True)
class Search:
    """What to look for.

    Attributes:
        min_face: side of the smallest face in pixels, at least 20; None for what fits the picture, see `SHARE`.
        factor: from one level of the pyramid to the next; between 0 and 1.
        borders: what lies around a picture: nothing ('black') or its mirror image ('mirror'), in which a face that the
            border cuts is whole again.
        face: which of several faces comes first: the one nearest the centre ('centre', SphereFace's choice: data sets
            centre the person they are about), the one with the largest box ('largest'), or both weighed: area minus
            twice the squared distance from the centre ('both').

    Example:
        >>> from cosface_edu.align import Search
        >>> Search(min_face=40, face="largest").borders
        'mirror'
    """

    min_face: float | None = None
    factor: float = FACTOR
    borders: Borders = "mirror"
    face: Which = "centre"

    def __post_init__(self) -> None:
        """Refuse what cannot be looked for, and keep the numbers as Python's own."""
        if self.min_face is not None:
            least = f"a number of at least {MIN_SIZE} pixels"
            object.__setattr__(self, "min_face", check_number("min_face", self.min_face, MIN_SIZE, allowed=least))
        object.__setattr__(self, "factor", float(check_number("factor", self.factor, 0.1, 0.95)))
        for name, allowed in (("borders", ("black", "mirror")), ("face", ("centre", "largest", "both"))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name}={getattr(self, name)!r}: choose one of {', '.join(allowed)}")

    def smallest(self, side: int, share: float = SHARE) -> float:
        """Side of the smallest face looked for in a picture with this shorter side.

        Of the sizes that SphereFace's pyramid has, the largest up to the share: what is found is then found as there.
        """
        if self.min_face is not None:
            return self.min_face
        levels = math.log(side * share / MIN_SIZE) / -math.log(SPHEREFACE_FACTOR) if side * share > MIN_SIZE else 0
        return MIN_SIZE / SPHEREFACE_FACTOR ** math.floor(levels)


def detect(images: Tensor | Sequence[Tensor], search: Search | None = None) -> list[list[Face]]:
    """Detect the faces of each image, on the device where the images are; of images on MPS, on the CPU.

    Args:
        images: (B, 3, H, W) float RGB in [0, 1], or a list of (3, H, W) of any sizes, floats or bytes.
        search: what to look for; None for `Search()`.

    Returns:
        For each image its faces, the one that the image is taken to be about first; an empty list where none was
        found.

    Raises:
        ValueError: for images that are no RGB.

    Example:
        >>> import torch
        >>> from cosface_edu.align import Search, detect
        >>> detect([torch.zeros(3, 160, 120)], Search(min_face=40))  # one picture, and nobody in it
        [[]]
    """
    wanted = search or Search()
    for image in images if not isinstance(images, Tensor) else [images]:
        if not isinstance(image, Tensor):
            remedy = "torch.from_numpy(array).permute(2, 0, 1) is one of an array (H, W, 3), RGB and not OpenCV's BGR"
            read = remedy if isinstance(image, np.ndarray) else "data.read_image reads a picture as one"
            raise ValueError(f"wanted tensors, got {type(image).__name__}: {read}")
        if image.is_floating_point() and image.numel() and float(image.max()) > BRIGHTEST:
            raise ValueError(f"floats must lie in [0, 1], got {float(image.max()):.4g}: divide them by 255")
        if image.ndim != (4 if isinstance(images, Tensor) else 3) or image.shape[-3] != 3:
            raise ValueError(f"wanted images (B, 3, H, W), or a list of (3, H, W), got {tuple(image.shape)}")
    found: list[list[Face]] = [[] for _ in images]
    # no level of the pyramid would be left of a smaller picture
    todo = [number for number, image in enumerate(images) if min(image.shape[-2:]) >= MIN_SIZE]

    overlap = (
        OVERLAP if wanted.min_face is None else cascade.OVERLAP
    )  # SphereFace's settings are followed to the letter

    def look(numbers: list[int], share: float, borders: Borders) -> None:
        least = {number: wanted.smallest(min(images[number].shape[-2:]), share) for number in numbers}
        for part in _parts(images, least):
            faces = cascade.find([images[n] for n in part], [least[n] for n in part], wanted.factor, borders, overlap)
            for number, (boxes, scores, points) in zip(part, faces, strict=True):
                order = _order(boxes, images[number].shape[-2:], wanted.face)
                if order:
                    found[number] = [Face(boxes[i], float(scores[i]), points[i]) for i in order]

    look(todo, SHARE, "black")
    if wanted.borders == "mirror":  # costs twice as much, so only where something lies at the border
        look([n for n in todo if not found[n] or _at_border(found[n][0], images[n].shape[-2:])], SHARE, "mirror")
    if wanted.min_face is None:
        look([number for number in todo if not found[number]], SECOND_SHARE, wanted.borders)
    return found


def _at_border(face: Face, size: Sequence[int]) -> bool:
    """Whether what the cascade looked at, a square about the face, may have been cut by the image's border."""
    middle = (face.box[:2] + face.box[2:]) / 2
    reach = NEAR_BORDER * (face.box[2:] - face.box[:2]).max() / 2
    return bool((middle - reach < 0).any() or (middle + reach > torch.tensor([size[1], size[0]])).any())


def _parts(images: Tensor | Sequence[Tensor], least: dict[int, float]) -> Iterable[list[int]]:
    """Numbers of images in parts that fit the memory."""
    part: list[int] = []
    pixels = 0.0
    for number, side in least.items():
        height, width = images[number].shape[-2:]
        own = height * width / max(1.0, side / cascade.SMALLEST) ** 2
        if part and pixels + own > PIXELS:
            yield part
            part, pixels = [], 0.0
        part.append(number)
        pixels += own
    if part:
        yield part


def _order(boxes: Tensor, size: Sequence[int], which: Which) -> list[int]:
    """(n, 4) boxes in an image of (height, width), best first."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    away = (middle - torch.tensor([size[1], size[0]]) / 2).square().sum(1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    cost = {"centre": away, "largest": -area, "both": CENTRE_WEIGHT * away - area}[which]
    return torch.argsort(cost, stable=True).tolist()
