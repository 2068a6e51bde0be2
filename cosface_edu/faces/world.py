"""The embedded default: a world of faces drawn from a seed."""

from collections.abc import Sequence

import torch
from torch import Tensor

from cosface_edu.data.images import to_bytes
from cosface_edu.faces.render import noise_table, render
from cosface_edu.faces.traits import GROUPS, NEUTRAL, Values, draw_shot, draw_traits

_CHUNK_PIXELS = 16 * 112 * 96  # rendered at once: planes of this size stay in a processor's cache
_CHUNK_PIXELS_DEVICE = 1024 * 112 * 96  # elsewhere a kernel's start costs more than a cache saves


class FaceWorld:
    """Any number of people, each with any number of photographs, the same from the same seed.

    Image k of identity i depends on (seed, i, k) alone: not on what else is drawn, in which order, or on which device.
    (A GPU rounds its sums otherwise: its pictures differ from a processor's by less than one byte step.)

    Args:
        seed: which world.
        device: where numbers are drawn and faces rendered, and where results stay.

    Example:
        >>> from cosface_edu.faces import FaceWorld
        >>> images, landmarks = FaceWorld(seed=0).sample(identity=3, n=2, size=(112, 96))
        >>> images.shape, landmarks.shape
        (torch.Size([2, 3, 112, 96]), torch.Size([2, 5, 2]))
    """

    groups = GROUPS

    def __init__(self, seed: int = 0, device: torch.device | str = "cpu"):
        self.seed = seed
        self.device = torch.device(device)
        self._table = noise_table(seed).to(self.device)

    def sample(self, identity: int, n: int, size: tuple[int, int] = (112, 96), start: int = 0) -> tuple[Tensor, Tensor]:
        """Aligned crops of one person.

        Args:
            identity: any non-negative integer.
            n: how many images.
            size: (height, width) in pixels; the landmarks' template scales with the height.
            start: number of the first image; images 0 … n-1 by default.

        Returns:
            images (n, 3, H, W) float32 RGB in [0, 1]; landmarks (n, 5, 2) float32, x and y in pixels, in MTCNN's order:
            eye on the image's left, eye on its right, nose tip, mouth corner on the left, on the right.
        """
        return self.sample_many([identity], n, size, start)

    def sample_many(
        self, identities: Sequence[int] | Tensor, n: int, size: tuple[int, int] = (112, 96), start: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Aligned crops of many people, n of each, one person after the other.

        Returns:
            images (len(identities)·n, 3, H, W) and landmarks (len(identities)·n, 5, 2) as in `sample`; row r shows
            identities[r // n].
        """
        who, which = _product(identities, n, start)
        return self.images(who, which, size)

    def scenes(
        self, identities: Sequence[int] | Tensor, n: int = 1, size: tuple[int, int] = (250, 250), start: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Uncropped photographs: the face has any place and size, with neck, shoulders and background.

        Returns:
            images (len(identities)·n, 3, H, W) and landmarks (len(identities)·n, 5, 2), ordered as in `sample_many`.
        """
        who, which = _product(identities, n, start)
        return self.images(who, which, size, aligned=False)

    def images(
        self, identities: Tensor, images: Tensor, size: tuple[int, int] = (112, 96), aligned: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Any list of (identity, image number) pairs, as a data set's batch needs it.

        Args:
            identities: (B,) int64.
            images: (B,) int64 image numbers.
            size: (height, width) in pixels.
            aligned: crops on the template, or scenes.

        Returns:
            images (B, 3, H, W), landmarks (B, 5, 2).
        """
        return self.render(self.traits(identities), self.shot(identities, images), size, aligned)

    def traits(self, identities: Sequence[int] | Tensor) -> Values:
        """Who the people are: name -> (B,) values or (B, 3) colours."""
        return draw_traits(self.seed, torch.as_tensor(identities, device=self.device))

    def group(self, identities: Sequence[int] | Tensor) -> Tensor:
        """Each person's group, an index into `groups`: its people resemble each other in skin, hair and features."""
        return self.traits(identities)["group"]

    def shot(self, identities: Sequence[int] | Tensor, images: Sequence[int] | Tensor) -> Values:
        """How photographs were taken: pose (radians), light, expression, …; name -> (B,) values or (B, 3) colours."""
        who, which = (torch.as_tensor(numbers, device=self.device) for numbers in (identities, images))
        return draw_shot(self.seed, who, which)

    def neutral(self, identities: Sequence[int] | Tensor) -> Values:
        """A plain frontal shot in even light: the starting point for changing one thing at a time."""
        shot = self.shot(identities, torch.zeros(len(identities), dtype=torch.int64))
        return shot | {name: torch.full_like(shot[name], value) for name, value in NEUTRAL.items()}

    def render(
        self, traits: Values, shot: Values, size: tuple[int, int] = (112, 96), aligned: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Draw people (`traits`) as photographed (`shot`), both with B rows; the rest as `images`."""
        pixels = _CHUNK_PIXELS if self.device.type == "cpu" else _CHUNK_PIXELS_DEVICE
        chunk = max(1, pixels // (size[0] * size[1]))
        rows = len(traits["group"])
        pictures = torch.empty(rows, 3, *size, device=self.device)
        points = torch.empty(rows, 5, 2, device=self.device)
        for low in range(0, rows, chunk):
            part = slice(low, low + chunk)
            who, how = ({k: v[part].to(self.device) for k, v in values.items()} for values in (traits, shot))
            pictures[part], points[part] = render(who, how, size, self._table, aligned)
        return pictures, points

    def bytes(self, identities: Tensor, images: Tensor, size: tuple[int, int] = (112, 96)) -> Tensor:
        """Aligned crops as `images` draws them, rounded to bytes: (B, 3, H, W) uint8 on the world's device.

        Made a part at a time, so that millions of faces need no more memory than their bytes.
        """
        out = torch.empty(len(identities), 3, *size, dtype=torch.uint8, device=self.device)
        block = 16 * max(1, _CHUNK_PIXELS_DEVICE // (16 * size[0] * size[1]))  # whole chunks on every device
        for low in range(0, len(out), block):
            part = slice(low, low + block)
            out[part] = to_bytes(self.images(identities[part], images[part], size)[0])
        return out


def _product(identities: Sequence[int] | Tensor, n: int, start: int) -> tuple[Tensor, Tensor]:
    people = torch.as_tensor(identities, dtype=torch.int64)
    return people.repeat_interleave(n), torch.arange(start, start + n).repeat(len(people))
