"""What comes from disk: image folders, .rec/.idx, lfw.bin, pair lists.

Every data set yields `(image, label)`: a (3, H, W) float RGB image in [0, 1] and an int.
"""

from cosface_edu.extras import need

need(__name__)

import os
from pathlib import Path

from .alike import Copy, Shared
from .augment import Augment
from .bins import BrokenBin, bin_pairs, read_bin
from .crops import photographs
from .dataset import Faces
from .folders import LFW_OVERLAP, LFW_OVERLAP_BY_NAME, FolderDataset
from .formats import Format, check, open, recognise, register
from .images import BrokenImage, decode, fit, normalise, read_image, to_bytes, to_float
from .pairs import BrokenPairs, Pairs, lfw_pairs, pictures, ytf_pairs
from .records import BrokenRecord, RecordDataset, write_records
from .report import CheckReport
from .twice import in_both

__all__ = [
    "LFW_OVERLAP",
    "LFW_OVERLAP_BY_NAME",
    "Augment",
    "BrokenBin",
    "BrokenImage",
    "BrokenPairs",
    "BrokenRecord",
    "CheckReport",
    "Copy",
    "Faces",
    "FolderDataset",
    "Format",
    "Pairs",
    "RecordDataset",
    "Shared",
    "bin_pairs",
    "check",
    "decode",
    "fit",
    "in_both",
    "lfw_pairs",
    "normalise",
    "open",
    "photographs",
    "pictures",
    "read_bin",
    "read_image",
    "recognise",
    "register",
    "root",
    "to_bytes",
    "to_float",
    "write_records",
    "ytf_pairs",
]


def root() -> Path:
    """Where real data lies: the folder named by COSFACE_DATA, `data/` under the current folder without it.

    Returns:
        The folder, which need not be there.

    Example:
        >>> import os
        >>> from cosface_edu import data
        >>> os.environ["COSFACE_DATA"] = "faces"
        >>> data.root().name
        'faces'
    """
    return Path(os.environ.get("COSFACE_DATA") or "data").expanduser()
