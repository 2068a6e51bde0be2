"""Checks of the chapter on the network."""

from cosface_edu.exercises import answers, exercise, truth


@exercise(
    "network-fc", hint="Four stages halve and round up; the layer sees every pixel of 512 channels, and has a bias."
)
def _fc(answer) -> str:
    answer = answers.function(answer)
    for size in [(112, 96), (112, 112), (56, 48), (64, 50)]:
        right, given = truth.fc_parameters(*size), answers.number(answer(*size))
        assert given == right, f"for {size[0]}×{size[1]} the layer has {right:,} parameters, you say {given:,.12g}"
    return "counted on the networks themselves."


@exercise("network-depth", hint="Each stage begins with a convolution of its own, and each block has two.")
def _depth(answer) -> str:
    answer = answers.function(answer)
    for depth, blocks in truth.BLOCKS.items():
        given = answers.number(answer(blocks))
        assert given == depth, f"blocks {blocks} make {depth} convolutions, you say {given:.12g}"
    assert answers.number(answer((3, 7, 16, 3))) == 62, "the released definition has one block less than 64 layers need"
    return "that is what the number in the name counts."
