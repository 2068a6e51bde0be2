"""Whether pictures are aligned crops, as everything that takes them supposes."""

import warnings
from pathlib import Path
from typing import Any

from torch.utils.data import Subset

from .dataset import EncodedDataset
from .images import BrokenImage

#: What an alignment leaves behind in the folder of its crops.
MARKER = "alignment.json"
#: Pictures that are looked at: a template makes crops of one size, and photographs have many.
LOOKED_AT = 5
#: Both sides of a crop by the templates in use are at most twice 112.
LARGEST_CROP = 224


def photographs(faces: Any) -> str | None:
    """A sentence where the pictures in a folder look like photographs; None where they do not, or lie in no folder.

    A network trained on crops finds the eyes of others where it expects them, and errs often, and in silence, on faces
    that were only cut about the picture's centre and shrunk.

    Args:
        faces: a data set, or a part of one.

    Example:
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> from cosface_edu.data import FolderDataset, photographs
        >>> Path("wall/anna").mkdir(parents=True)
        >>> Image.new("RGB", (250, 250), "grey").save("wall/anna/1.png")
        >>> photographs(FolderDataset("wall"))[:50]
        'wall/anna/1.png is 250×250, and no alignment.json '
    """
    while isinstance(faces, Subset):
        faces = faces.dataset
    if not isinstance(faces, EncodedDataset) or len(faces) == 0:
        return None
    sizes: dict[tuple[int, int], str] = {}
    for index in range(0, len(faces), -(-len(faces) // LOOKED_AT)):
        try:
            name, pixels = faces.encoded(index)[2], faces.read(index)[0]
        except BrokenImage:  # whoever asks for it will be told
            continue
        folders = {*Path(name).parents, *Path(name).resolve().parents}  # crops may be reached by a link
        if not Path(name).is_file() or any((folder / MARKER).is_file() for folder in folders):
            return None
        sizes.setdefault((pixels.shape[-2], pixels.shape[-1]), name)
    if not sizes or (len(sizes) == 1 and min(next(iter(sizes))) <= LARGEST_CROP):
        return None
    seen = " and ".join(f"{name} is {height}×{width}" for (height, width), name in list(sizes.items())[:2])
    return (
        f"{seen}, and no {MARKER} lies beside or above: these look like photographs, not aligned crops. If they are,"
        " run `cosface-edu align` on them first; as they are, each is cut about its centre and shrunk"
    )


def warn_of_photographs(faces: Any) -> None:
    """Warn where `photographs` has something to say."""
    if (doubt := photographs(faces)) is not None:
        warnings.warn(doubt, stacklevel=3)
