"""Many faces drawn in large blocks are the faces that FaceWorld draws."""

import pytest
import torch

from cosface_edu.faces import FaceWorld, FaceWorldDataset, many

SIZE = (28, 24)


@pytest.mark.parametrize("compiled", [False, True])
def test_blocks_and_parts_change_no_picture(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two blocks of numbers, the first in two parts; neither's last part is full."""
    shapes = set()

    def compile(function, dynamic):
        def run(traits, shot, *rest):
            shapes.add(len(traits["group"]))
            return function(traits, shot, *rest)

        return run

    monkeypatch.setattr(torch, "compile", compile)  # the compiler itself takes minutes on a processor
    monkeypatch.setattr(many, "NUMBERS", 24)
    monkeypatch.setattr(many, "_PIXELS", 16 * SIZE[0] * SIZE[1])
    many._compiled.cache_clear()
    world, who, which = FaceWorld(seed=3), torch.arange(37) // 2 + 5, torch.arange(37) % 2
    found = many.drawn(world, who, which, SIZE, compiled)
    many._compiled.cache_clear()
    assert torch.equal(found, world.bytes(who, which, SIZE))
    assert shapes == ({16} if compiled else set()), "one shape is compiled"


def test_a_data_set_is_drawn_in_its_own_order() -> None:
    faces = FaceWorldDataset(5, 3, SIZE, seed=2, first=7, start=4)
    expected = torch.stack([image for image, _ in faces])
    assert torch.equal(many.dataset_on(faces, "cpu").float() / 255, expected)


def test_nothing_is_left_on_the_processor() -> None:
    world = FaceWorld(seed=0, device="meta")
    assert many.drawn(world, torch.arange(4), torch.arange(4), SIZE).device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("compiled", [False, True])
def test_a_gpu_draws_the_same_faces(compiled: bool) -> None:
    who, which = torch.arange(100), torch.arange(100) % 7
    here = FaceWorld(seed=0).bytes(who, which).int()
    there = many.drawn(FaceWorld(seed=0, device="cuda"), who, which, compiled=compiled).cpu().int()
    assert (here - there).abs().max() <= 1
