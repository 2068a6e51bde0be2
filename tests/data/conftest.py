"""Pictures and folders that the data tests read, made on the spot."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cosface_edu import data
from cosface_edu.data.images import encode_jpeg


@pytest.fixture
def jpeg() -> Callable[..., bytes]:
    """jpeg(k) is a small picture of smooth colours that differ with k."""

    def make(k: int = 0, size: tuple[int, int] = (20, 16)) -> bytes:
        y, x = torch.meshgrid(torch.linspace(0, 1, size[0]), torch.linspace(0, 1, size[1]), indexing="ij")
        picture = torch.stack([x, y, torch.full_like(x, (k * 37 % 256) / 255)])
        return encode_jpeg(data.to_bytes(picture))

    return make


@pytest.fixture
def people(tmp_path: Path, jpeg: Callable[..., bytes]) -> Path:
    """Three people in folders: two pictures of anna, three of bob, one of carl, and a file that is no picture."""
    root = tmp_path / "people"
    for k, name in enumerate(["anna/1", "anna/2", "bob/1", "bob/2", "bob/3", "carl/1"]):
        path = root / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg(k))
    (root / "anna" / "notes.txt").write_text("not a picture")
    return root


@pytest.fixture
def real_data() -> Path:
    """The folder of real faces, where there is one."""
    if not (data.root() / "casia-mini").is_dir():
        pytest.skip(
            f"no real faces: {data.root() / 'casia-mini'} is not there; set COSFACE_DATA to a folder that has it"
        )
    return data.root()
