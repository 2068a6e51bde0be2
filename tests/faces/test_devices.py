"""FaceWorld away from the processor: everything drawn stays on the world's device, and bytes come in parts."""

import pytest
import torch

from cosface_edu.data import to_bytes
from cosface_edu.faces import FaceWorld
from cosface_edu.faces import world as module


def test_nothing_is_left_on_the_processor() -> None:
    """The meta device computes no number, and stops where a tensor of another device meets it, as a GPU would."""
    world = FaceWorld(seed=0, device="meta")
    images, points = world.images(torch.arange(4), torch.arange(4), (56, 48))
    assert images.device.type == points.device.type == "meta"
    assert images.shape == (4, 3, 56, 48)
    scenes, _ = world.scenes([1, 2], 2, (64, 64))
    assert scenes.shape == (4, 3, 64, 64)
    assert world.bytes(torch.arange(3), torch.arange(3), (28, 24)).dtype == torch.uint8


def test_bytes_are_the_pictures_rounded_whatever_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK_PIXELS_DEVICE", 16 * 28 * 24)  # two parts, the second not full
    world, who, which = FaceWorld(seed=3), torch.arange(20) // 2, torch.arange(20) % 2
    assert torch.equal(world.bytes(who, which, (28, 24)), to_bytes(world.images(who, which, (28, 24))[0]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_draws_the_same_faces() -> None:
    who, which = torch.arange(100), torch.arange(100) % 7
    here, points = FaceWorld(seed=0).images(who, which)
    there, its_points = FaceWorld(seed=0, device="cuda").images(who, which)
    torch.testing.assert_close(there.cpu(), here, rtol=0, atol=1 / 255)
    torch.testing.assert_close(its_points.cpu(), points, rtol=0, atol=1e-2)
