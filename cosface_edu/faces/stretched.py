"""People made of people: a face that is stretched has other proportions, so it can stand for somebody else."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import Dataset

from cosface_edu.data import Faces
from cosface_edu.data.images import fit

#: How many times as wide each copy is, and as many times lower: narrow and high, as it is, wide and low.
WIDTHS = (0.9, 1.0, 1 / 0.9)


class Stretched(Dataset[tuple[Tensor, int]]):
    """Every person of a data set several times, each copy stretched otherwise and taken for a person of its own.

    Where people are few, more of them can be worth more than more pictures of them. Stretching is not among the
    changes of `Augment` because it does not keep a face the same person's: the distances between eyes, nose and mouth
    are what tells people apart.

    Args:
        faces: a data set of labelled faces.
        size: (height, width) of its images.
        widths: factors on the width, one a copy; 1 leaves a face as it is.

    Attributes:
        labels: (N·K,) int64; the copies of person c are c, c + C, c + 2C, … of C people and K widths.
        num_classes: K·C.
    """

    def __init__(self, faces: Faces, size: tuple[int, int], widths: Sequence[float] = WIDTHS) -> None:
        """Name the copies; no picture is read yet.

        Args:
            faces: the people as they are. Stretching blurs a picture a little, so its images should be larger than
                `size`.
            size: (height, width) of the images handed out.
            widths: of each copy, as a multiple of the face's own; heights are the inverse.

        Raises:
            ValueError: a width is not positive.
        """
        if not widths or min(widths) <= 0:
            raise ValueError(f"widths={tuple(widths)}: wanted one or more positive numbers")
        self.faces, self.size, self.widths = faces, size, tuple(widths)
        people = int(faces.labels.max()) + 1
        self.labels = torch.cat([faces.labels + copy * people for copy in range(len(widths))])
        self.num_classes = people * len(widths)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        index = range(len(self))[index]  # negative ones too; IndexError past the end
        copy, picture = divmod(index, len(self.faces))
        image, _ = self.faces[picture]
        return fit(stretch(image, self.widths[copy]), self.size), int(self.labels[index])


def stretch(image: Tensor, width: float) -> Tensor:
    """Make what a picture shows wider and lower about its centre, or narrower and higher; its frame stays.

    Args:
        image: (3, H, W) float.
        width: of what it shows, as a multiple of what it was; the height becomes 1/width of what it was. What comes
            into the frame repeats the border.

    Returns:
        (3, H, W).
    """
    if width == 1:
        return image
    # sampled at these places of the original: (x/width, y·width), from −1 at the first edge to 1 at the last
    theta = image.new_tensor([[[1 / width, 0, 0], [0, width, 0]]])
    grid = F.affine_grid(theta, [1, *image.shape], align_corners=False)
    return F.grid_sample(image[None], grid, padding_mode="border", align_corners=False)[0]
