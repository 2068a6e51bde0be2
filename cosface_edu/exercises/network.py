"""Checks of the chapter on the network."""

from cosface_edu.exercises import exercise
from cosface_edu.networks.sphereface import BLOCKS, RELEASED_64, SphereFace


@exercise("network-fc")
def _fc(answer) -> str:
    for size in [(112, 96), (112, 112), (56, 48), (64, 50)]:
        truth = sum(p.numel() for p in SphereFace(BLOCKS[4], 512, size).fc.parameters())
        given = int(answer(*size))
        assert given == truth, f"for {size[0]}×{size[1]} the layer has {truth:,} parameters, you say {given:,}"
    return "counted on the networks themselves."


@exercise("network-depth")
def _depth(answer) -> str:
    for depth, blocks in BLOCKS.items():
        given = int(answer(blocks))
        assert given == depth, f"blocks {blocks} make {depth} convolutions, you say {given}"
    assert int(answer(RELEASED_64)) == 62, "the released definition has one block less than 64 layers need"
    return "that is what the number in the name counts."
