"""The lab's people: FaceWorld faces as sixteen numbers each, and one small picture that holds all the faces.

The sixteen numbers are Fisher's discriminants (Belhumeur et al. 1997, "fisherfaces"), learned on three hundred *other*
people of the same world. Principal components of so few pixels carry mostly light and pose: a network trained on them
learns its fifty pictures a person by heart and names half of the held-out ones wrongly.

`python -m cosface_edu.figures.lab.make_data` writes `data.js` anew; a test says when that is due.
"""

import base64
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline

from cosface_edu.faces import FaceWorld
from cosface_edu.files import write_atomically

IDENTITIES, PER_CLASS, TRAIN, DIM = 10, 60, 50, 16
OTHERS = range(1000, 1300)  # the people whom the discriminants are learned on
SCALE = 0.01  # vectors are stored as whole hundredths
FACE = (28, 24)  # height and width of a face in the sheet; also what the vectors are computed from
DATA = Path(__file__).parent / "data.js"


def _pixels(identities: Iterable[int], n: int) -> NDArray[np.float64]:
    images, _ = FaceWorld(seed=0).sample_many(list(identities), n, size=FACE)
    return images.flatten(1).numpy().astype(np.float64)


def vectors() -> list[int]:
    """Each face's discriminants in whole hundredths, row after row, identity after identity."""
    n = 16
    labels = np.repeat(np.arange(len(OTHERS)), n)
    # Fewer components than pictures: the scatter within people must have an inverse.
    model = make_pipeline(PCA(200, svd_solver="covariance_eigh"), LinearDiscriminantAnalysis(n_components=DIM))
    model.fit(_pixels(OTHERS, n), labels)
    rows = model.transform(_pixels(range(IDENTITIES), PER_CLASS))  # (I·n, DIM)
    rows = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    # A discriminant's sign is arbitrary: the entry of largest size is made positive, so that every machine agrees.
    largest = rows[np.abs(rows).argmax(axis=0), np.arange(DIM)]
    return np.rint(rows * np.sign(largest) / SCALE).astype(int).ravel().tolist()


def sheet() -> Image.Image:
    """All faces in one picture: a row for each identity, a column for each image."""
    images, _ = FaceWorld(seed=0).sample_many(range(IDENTITIES), PER_CLASS, size=FACE)
    height, width = FACE
    grid = images.reshape(IDENTITIES, PER_CLASS, 3, height, width).permute(0, 3, 1, 4, 2)  # (I, H, n, W, 3)
    pixels = (grid.reshape(IDENTITIES * height, PER_CLASS * width, 3) * 255).round().byte().numpy()
    return Image.fromarray(pixels)


def encode() -> dict[str, Any]:
    """What `data.js` holds."""
    buffer = io.BytesIO()
    sheet().save(buffer, "WEBP", quality=36, method=6)
    return {
        "dim": DIM,
        "perClass": PER_CLASS,
        "train": TRAIN,
        "scale": SCALE,
        "face": list(FACE),
        "values": vectors(),
        "sheet": "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode(),
    }


def read(path: Path = DATA) -> dict[str, Any]:
    """The object in a `data.js`."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text[text.index("{") : text.rindex("}") + 1])


def write(path: Path = DATA) -> None:
    """Write `data.js`, as a whole or not at all."""
    text = (
        "// Made by `python -m cosface_edu.figures.lab.make_data`; do not edit.\n"
        f"export const DATA = {json.dumps(encode(), separators=(',', ':'))};\n"
    )
    write_atomically(path, text.encode())


if __name__ == "__main__":
    write()
