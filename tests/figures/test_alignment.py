"""Points land where they are said to be."""

import torch

from cosface_edu.figures.alignment import pictures


def test_points_and_marks_are_drawn_at_their_pixels() -> None:
    points = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [7.0, 8.0], [9.0, 10.0]])
    fig = pictures(
        torch.rand(3, 3, 20, 16), [points, None, points], marks=points + 1, titles=["a", "b", "c"], columns=2
    )
    first, second = fig.axes[:2]
    assert torch.allclose(torch.tensor(first.collections[0].get_offsets().data).float(), points)
    assert torch.allclose(torch.tensor(first.collections[1].get_offsets().data).float(), points + 1)
    assert len(second.collections) == 1  # the marks alone
    assert first.get_title() == "a"
