"""MTCNN's cascade (Zhang et al., 2016, Figure 1) over pictures of many sizes at once.

Three networks, each surer and dearer than the last: P-Net looks at every window of 12×12 pixels of a pyramid of
smaller and smaller copies, R-Net at what P-Net lets through, at 24×24, O-Net at the rest, at 48×48, and finds five
points. The networks and their weights are facenet-pytorch's; its own loop takes pictures of one size and cuts
candidates one by one, which costs more than the networks.

Coordinates are facenet-pytorch's: a box (x1, y1, x2, y2) covers the pixels x1 − 1 … x2 − 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from facenet_pytorch.models.utils.detect_face import batched_nms_numpy
from torch import Tensor, nn
from torchvision.ops import batched_nms

from .similarity import Borders

WINDOW = 12  # P-Net's
SMALLEST = 48  # O-Net sees the smallest face at this size: nothing is gained by a picture in which it is larger
THRESHOLDS = (0.6, 0.7, 0.9)  # SphereFace's
OVERLAP = 0.7  # MTCNN's
MARGIN = 0.4  # mirrored around a picture, as a share of its shorter side
PIXELS = 2 * 1024 * 1024  # of the pyramid in one pass of P-Net, about 100 bytes each
CANDIDATES = 64  # in one pass of R-Net or O-Net: what they make of more leaves the cache
WASTE = 1.3  # how much larger a canvas may be than the pictures on it


class Base(NamedTuple):
    """What the cascade looks at in place of a picture.

    Attributes:
        pixels: (3, h, w) float, −1 to 1: the picture, made smaller if its smallest face is larger than needed, with
            mirrored borders if they are wanted.
        ratio: (x, y) its pixels for one of the picture's.
        margin: pixels of border on each side.
        min_face: side of the smallest face, in its pixels.
    """

    pixels: Tensor
    ratio: tuple[float, float]
    margin: int
    min_face: float


class Candidates(NamedTuple):
    """Boxes that may be faces.

    Attributes:
        boxes: (n, 4) left, top, right, bottom, in pixels of their bases.
        scores: (n,).
        image: (n,) int64: which base each lies in.
    """

    boxes: Tensor
    scores: Tensor
    image: Tensor

    def only(self, which: Tensor) -> Candidates:
        """Those at these places, or where a mask holds."""
        return Candidates(self.boxes[which], self.scores[which], self.image[which])


@lru_cache(maxsize=4)
def _networks(device: torch.device) -> tuple[nn.Module, nn.Module, nn.Module]:
    """P-Net, R-Net and O-Net; their weights come with the package: nothing is downloaded."""
    p, r, o = (network().eval().to(device, memory_format=torch.channels_last) for network in (PNet, RNet, ONet))
    return p, r, o


@torch.inference_mode()
def find(
    pictures: Sequence[Tensor], min_faces: Sequence[float], factor: float, borders: Borders, overlap: float = OVERLAP
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The faces of each picture.

    Args:
        pictures: each (3, H, W), bytes or floats in [0, 1], of any size, all on one device. From MPS, which has no
            doubles, they are brought to the CPU first, see `Sums`.
        min_faces: side of the smallest face looked for in each, in its pixels.
        factor: from one level of the pyramid to the next.
        borders: what lies around a picture: nothing ('black'), or its mirror image ('mirror'), so that a face may
            reach beyond the border. A face whose middle lies in the mirror is none.
        overlap: of two candidates that share more than this of what both cover, R-Net hands on the better one.

    Returns:
        For each its boxes (n, 4), scores (n,) and points (n, 5, 2), in pixels of the picture, on the CPU.
    """
    pictures = [picture.cpu() if picture.device.type == "mps" else picture for picture in pictures]
    bases = [_base(picture, least, borders) for picture, least in zip(pictures, min_faces, strict=True)]
    device = bases[0].pixels.device
    p_net, r_net, o_net = _networks(device)

    sums = Sums(bases)
    found, offsets = _windows(bases, sums, factor, p_net)
    sides = (found.boxes[:, 2:] - found.boxes[:, :2]).repeat(1, 2)  # (n, 4)
    found = _square(found._replace(boxes=found.boxes + offsets * sides))

    found, crops = sums.cut(found, 24)
    if len(crops):
        offsets, scores = _in_parts(r_net, crops)
        sure = scores[:, 1] > THRESHOLDS[1]
        found, offsets = found._replace(scores=scores[:, 1]).only(sure), offsets[sure]
        keep = batched_nms(found.boxes, found.scores, found.image, overlap)
        found = _square(_moved(found.only(keep), offsets[keep]))

    points = torch.zeros(0, 5, 2, device=device)
    found, crops = sums.cut(found, 48)
    if len(crops):
        offsets, places, scores = _in_parts(o_net, crops)
        sure = scores[:, 1] > THRESHOLDS[2]
        found, offsets, places = found._replace(scores=scores[:, 1]).only(sure), offsets[sure], places[sure]
        sides = found.boxes[:, 2:] - found.boxes[:, :2] + 1
        # (n, 10), first all x, then all y -> (n, 5, 2)
        points = places.unflatten(1, (2, 5)).mT * sides[:, None] + found.boxes[:, None, :2] - 1
        found = _moved(found, offsets)
        keep = torch.as_tensor(batched_nms_numpy(found.boxes, found.scores, found.image, 0.7, "Min"))
        found, points = found.only(keep), points[keep]
    return _by_picture(bases, found, points)


def _base(picture: Tensor, min_face: float, borders: Borders) -> Base:
    height, width = picture.shape[-2:]
    pixels = picture[None].float()
    if not picture.is_floating_point():
        pixels = pixels / 255.0
    if (times := int(min_face / SMALLEST)) > 1:
        pixels = F.interpolate(pixels, (max(1, height // times), max(1, width // times)), mode="area")
    h, w = pixels.shape[-2:]
    margin = round(MARGIN * min(h, w)) if borders == "mirror" else 0
    if margin:
        pixels = F.pad(pixels, [margin] * 4, mode="reflect")
    return Base((pixels[0] - 127.5 / 255.0) * (255.0 / 128.0), (w / width, h / height), margin, min_face * h / height)


def _windows(bases: Sequence[Base], sums: Sums, factor: float, p_net: nn.Module) -> tuple[Candidates, Tensor]:
    """What P-Net lets through, and how it would move each box, (n, 4) in parts of the box's side."""
    device = bases[0].pixels.device
    boxes, scores, image, offsets = (
        [torch.zeros(0, 4, device=device)],
        [torch.zeros(0, device=device)],
        [torch.zeros(0, dtype=torch.int64, device=device)],
        [torch.zeros(0, 4, device=device)],
    )
    scales = [WINDOW / base.min_face for base in bases]
    while True:
        left = [i for i, base in enumerate(bases) if min(base.pixels.shape[-2:]) * scales[i] >= WINDOW]
        if not left:
            break
        for numbers, canvas, sizes in _canvases(bases, sums, left, scales):
            moves, faces = p_net(canvas)  # (n, 4, rows, columns), (n, 2, rows, columns)
            # windows that lie on their picture: convolutions and the pooling leave (side − 2) / 2 − 4, rounded up
            rows, columns = ((torch.tensor([size[k] for size in sizes]) - 1) // 2 - 4 for k in (0, 1))
            inside = (torch.arange(faces.shape[2]) < rows[:, None])[:, :, None] & (
                torch.arange(faces.shape[3]) < columns[:, None]
            )[:, None]
            which, y, x = torch.nonzero((faces[:, 1] >= THRESHOLDS[0]) & inside.to(device), as_tuple=True)
            number = torch.tensor(numbers, device=device)[which]
            scale = torch.tensor(scales, device=device)[number][:, None]
            corner = 2.0 * torch.stack([x, y], 1)  # (n, 2), P-Net steps by two pixels
            box = torch.cat([((corner + 1) / scale).floor(), ((corner + WINDOW) / scale).floor()], 1)
            score = faces[which, 1, y, x]
            keep = batched_nms(box, score, number, 0.5)
            boxes.append(box[keep])
            scores.append(score[keep])
            image.append(number[keep])
            offsets.append(moves[which, :, y, x][keep])
        scales = [scale * factor for scale in scales]
    found, moved = Candidates(torch.cat(boxes), torch.cat(scores), torch.cat(image)), torch.cat(offsets)
    keep = batched_nms(found.boxes, found.scores, found.image, 0.7)
    return found.only(keep), moved[keep]


def _canvases(
    bases: Sequence[Base], sums: Sums, left: list[int], scales: list[float]
) -> Iterator[tuple[list[int], Tensor, list[tuple[int, int]]]]:
    """One level of the pyramid: bases of many sizes, made small and put on common canvases."""
    same = defaultdict(list)
    for i in left:
        height, width = bases[i].pixels.shape[-2:]
        same[int(height * scales[i] + 1), int(width * scales[i] + 1), height, width].append(i)
    on_it: list[tuple[tuple[int, int], list[int]]] = []
    area = 0
    for (h, w, *_), numbers in sorted(same.items()):
        for start in range(0, len(numbers), most := max(1, PIXELS // (h * w))):
            part = numbers[start : start + most]
            count = sum(len(others) for _, others in on_it) + len(part)
            height, width = (max([side, *(size[k] for size, _ in on_it)]) for k, side in ((0, h), (1, w)))
            whole = height * width * count
            if on_it and (whole > PIXELS or whole > WASTE * (area + h * w * len(part))):
                yield _canvas(sums, on_it)
                on_it, area = [], 0
            on_it.append(((h, w), part))
            area += h * w * len(part)
    yield _canvas(sums, on_it)


def _canvas(
    sums: Sums, on_it: list[tuple[tuple[int, int], list[int]]]
) -> tuple[list[int], Tensor, list[tuple[int, int]]]:
    numbers = [i for _, part in on_it for i in part]
    sizes = [size for size, part in on_it for _ in part]
    height, width = (max(size[k] for size in sizes) for k in (0, 1))
    canvas = torch.zeros(len(numbers), height, width, 3, device=sums.flat.device).permute(0, 3, 1, 2)  # channels_last
    start = 0
    for (h, w), part in on_it:
        canvas[start : start + len(part), :, :h, :w] = sums.small(part, (h, w))
        start += len(part)
    return numbers, canvas, sizes


class Sums:
    """Sums over all pixels above and left of each, from which the mean over any rectangle is four look-ups.

    So every level of the pyramid and every candidate is resized as `torch.nn.functional.interpolate(mode="area")`
    would, many in one go, and each pixel of a picture is read once.

    Args:
        bases: what the rectangles lie on.
    """

    def __init__(self, bases: Sequence[Base]) -> None:
        device = bases[0].pixels.device
        self.sizes = torch.tensor([base.pixels.shape[:0:-1] for base in bases], device=device)  # (B, 2): width, height
        places = (self.sizes + 1).prod(1)
        self.starts = places.cumsum(0) - places  # (B,)
        # doubles: the mean of few pixels is a small difference between large sums
        self.flat = torch.zeros(int(places.sum()), 3, dtype=torch.float64, device=device)  # (all places, 3)
        for base, own in zip(bases, self.flat.split(places.tolist()), strict=True):
            height, width = base.pixels.shape[1:]
            sums = base.pixels.double().cumsum(1).cumsum(2)  # (3, h, w)
            own.view(height + 1, width + 1, 3)[1:, 1:] = sums.permute(1, 2, 0)

    def cut(self, found: Candidates, side: int) -> tuple[Candidates, Tensor]:
        """Candidates that lie on their pictures, and what these show there, (n, 3, side, side)."""
        low = found.boxes[:, :2].trunc().clamp(min=1).long() - 1  # (n, 2)
        high = torch.minimum(found.boxes[:, 2:].trunc().long(), self.sizes[found.image])
        on_it = (high > low).all(1)
        found = found.only(on_it)
        return found, self._resized(found.image, low[on_it], high[on_it], (side, side))

    def small(self, numbers: Sequence[int], size: tuple[int, int]) -> Tensor:
        """Whole pictures made small, (n, 3, *size)."""
        image = torch.tensor(numbers, device=self.flat.device)
        high = self.sizes[image]
        return self._resized(image, torch.zeros_like(high), high, size)

    def _resized(self, image: Tensor, low: Tensor, high: Tensor, size: tuple[int, int]) -> Tensor:
        """The pixels from (n, 2) `low` to `high`, (x, y), of pictures (n,), as (n, 3, *size)."""
        left, right = _bounds(low[:, :1], high[:, :1], size[1])  # (n, width) each
        top, bottom = _bounds(low[:, 1:], high[:, 1:], size[0])  # (n, height) each
        start, stride = self.starts[image][:, None], (self.sizes[image, 0] + 1)[:, None]  # (n, 1)
        count = (bottom - top)[:, :, None] * (right - left)[:, None]  # (n, height, width)
        top, bottom = start + top * stride, start + bottom * stride
        total = self._at(bottom, right)
        total.sub_(self._at(top, right)).sub_(self._at(bottom, left)).add_(self._at(top, left))
        return total.div_(count[..., None]).float().permute(0, 3, 1, 2)

    def _at(self, row: Tensor, column: Tensor) -> Tensor:
        """(n, h) places of rows and (n, w) columns to the sums there, (n, h, w, 3)."""
        place = row[:, :, None] + column[:, None]
        return self.flat.index_select(0, place.view(-1)).view(*place.shape, 3)


def _bounds(low: Tensor, high: Tensor, parts: int) -> tuple[Tensor, Tensor]:
    """Where each of so many parts of (n, 1) `low` to `high` begins and ends, (n, parts) each.

    As in adaptive pooling they are rounded outwards, so neighbours may share a pixel.
    """
    steps, extent = torch.arange(parts, device=low.device), high - low
    return low + steps * extent // parts, low - (steps + 1) * extent // -parts


def _in_parts(network: nn.Module, crops: Tensor) -> list[Tensor]:
    parts = [network(part.contiguous(memory_format=torch.channels_last)) for part in crops.split(CANDIDATES)]
    return [torch.cat(results) for results in zip(*parts, strict=True)]


def _moved(found: Candidates, offsets: Tensor) -> Candidates:
    """Boxes moved by (n, 4) parts of their sides."""
    sides = (found.boxes[:, 2:] - found.boxes[:, :2] + 1).repeat(1, 2)
    return found._replace(boxes=found.boxes + offsets * sides)


def _square(found: Candidates) -> Candidates:
    """Boxes made square about their middle, by the longer side."""
    sides = found.boxes[:, 2:] - found.boxes[:, :2]
    longer = sides.amax(1, keepdim=True)  # (n, 1)
    corner = found.boxes[:, :2] + (sides - longer) / 2
    return found._replace(boxes=torch.cat([corner, corner + longer], 1))


def _by_picture(bases: Sequence[Base], found: Candidates, points: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
    """From pixels of the bases to those of the pictures."""
    boxes, scores, image, points = (t.cpu() for t in (found.boxes, found.scores, found.image, points))
    faces = []
    for number, base in enumerate(bases):
        own = image == number
        ratio = torch.tensor(base.ratio)
        box = (boxes[own] - base.margin) / ratio.repeat(2)
        place = (points[own] - base.margin) / ratio
        middle = (box[:, :2] + box[:, 2:]) / 2
        size = torch.tensor(base.pixels.shape[:0:-1]).sub(2 * base.margin) / ratio  # (w, h)
        real = ((middle >= 0) & (middle <= size)).all(1)
        faces.append((box[real], scores[own][real], place[real]))
    return faces
