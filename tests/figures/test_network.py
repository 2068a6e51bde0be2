"""The layer trace against what can be counted by hand."""

from itertools import pairwise

from torch import nn

from cosface_edu.figures.network import shapes, trace, where_the_weight_is
from cosface_edu.networks import sphereface


def test_two_layers_by_hand() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(4, 5, 3, padding=1, bias=False))
    first, second = trace(network, (8, 6))
    assert first.shape == (4, 4, 3)
    assert first.parameters == 4 * 3 * 9 + 4
    assert first.multiply_adds == 4 * 3 * 9 * 12
    assert (first.receptive_field, second.receptive_field) == (3, 7)  # 3, then two steps of 2 pixels more
    assert second.parameters == 5 * 4 * 9


def test_a_look_leaves_frozen_layers_frozen() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4).eval())
    trace(network, (8, 6))
    assert (network.training, network[1].training) == (True, False)


def test_sphereface_counts_its_convolutions() -> None:
    for depth in (4, 20):
        layers = trace(sphereface(depth), (112, 96))
        assert len(layers) == depth + 1  # and the fully connected layer
        assert layers[-1].kind == "linear"
        assert layers[-2].shape == (512, 7, 6)


def test_figure_shares_add_up() -> None:
    layers = trace(sphereface(4), (112, 96))
    fig = where_the_weight_is(layers, {"stages": "stages", "fc": "fc"})
    heights = [bar.get_height() for bar in fig.axes[0].patches]
    assert abs(sum(heights) - 200) < 1e-9


def test_the_picture_of_a_network_names_every_shape() -> None:
    groups = {"stage 1": "stages.0", "stage 4": "stages.3", "FC": "fc"}
    fig = shapes(trace(sphereface(20), (112, 96)), groups)
    said = [text.get_text() for text in fig.axes[0].texts]
    assert said[:4] == ["picture", "3 × 112 × 96", "stage 1", "64 × 56 × 48\n3 conv"]
    assert said[4:] == ["stage 4", "512 × 7 × 6\n3 conv", "FC", "512"]
    heights = [box.get_height() for box in fig.axes[0].patches]
    assert heights[:3] == [112, 56, 7]


def test_shapes_under_the_boxes_keep_their_distance() -> None:
    groups = {f"stage {n + 1}": f"stages.{n}" for n in range(4)} | {"FC": "fc"}
    fig = shapes(trace(sphereface(20), (112, 96)), groups)
    fig.draw_without_rendering()
    below = sorted((text.get_window_extent() for text in fig.axes[0].texts[1::2]), key=lambda box: box.x0)
    assert all(right.x0 - left.x1 > 12 for left, right in pairwise(below))
