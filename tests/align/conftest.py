"""FaceWorld photographs with exact landmarks, drawn once for all alignment tests."""

from pathlib import Path

import pytest
import torch

from cosface_edu import data
from cosface_edu.data.images import encode_jpeg
from cosface_edu.faces import FaceWorld

SIZE = (120, 120)


@pytest.fixture(scope="session")
def scenes() -> tuple[torch.Tensor, torch.Tensor]:
    """Four people's photographs (4, 3, 120, 120) and their landmarks (4, 5, 2)."""
    return FaceWorld(seed=0).scenes(range(4), size=SIZE)


@pytest.fixture
def photographs(tmp_path: Path, scenes: tuple[torch.Tensor, torch.Tensor]) -> Path:
    """Two folders of two photographs each."""
    root = tmp_path / "photographs"
    for number, pixels in enumerate(data.to_bytes(scenes[0])):
        path = root / f"person_{number // 2}" / f"{number % 2}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(pixels))
    return root


@pytest.fixture
def real_data() -> Path:
    """The folder of real faces, where there is one."""
    if not (data.root() / "lfw-dev").is_dir():
        pytest.skip(f"no real faces: no lfw-dev in {data.root()}; set COSFACE_DATA to a folder that has it")
    return data.root()
