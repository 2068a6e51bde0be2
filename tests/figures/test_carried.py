"""What carries over to photographs is drawn as recorded."""

import matplotlib.pyplot as plt
import pytest

from cosface_edu.experiments import carried
from cosface_edu.figures import carried as draw


def run(variant: str, seed: int, accuracy: float, difference: float | None) -> dict:
    row = {"variant": variant, "seed": seed, "accuracy": accuracy, "tar": 0.2}
    if difference is None:
        return row
    return row | {"difference": difference, "interval": [difference - 0.01, difference + 0.02]}


RUNS = [
    run(carried.BASE, 0, 0.7, None),
    run(carried.BASE, 1, 0.71, 0.01),
    run("grey", 0, 0.65, -0.05),
    run("grey", 1, 0.67, -0.04),
    run("photographs", 0, 0.8, 0.1),
]


def test_every_variant_has_a_name() -> None:
    assert set(draw.CALLED) == {*carried.VARIANTS, carried.UNTRAINED, carried.STATISTICS}


@pytest.mark.parametrize("first", [{}, {"difference": 0.0, "interval": [0.0, 0.0]}])
def test_the_first_base_is_not_compared_with_itself(first: dict) -> None:
    found = draw.compared([RUNS[0] | first, *RUNS[1:]])
    assert {name: len(rows) for name, rows in found.items()} == {carried.BASE: 1, "grey": 2, "photographs": 1}


def test_dots_and_intervals_are_in_points() -> None:
    (axes,) = draw.differences(RUNS).axes
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() != "None"]
    assert dots == pytest.approx([1, -5, -4, 10])
    bars = [
        tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"
    ]
    assert pytest.approx((-6, -3)) in bars
    assert [label.get_text() for label in axes.get_yticklabels()][1] == draw.CALLED["grey"]
    plt.close("all")


def test_table_has_a_number_for_every_seed() -> None:
    lines = draw.table(RUNS).splitlines()
    assert "| the base: drawn people only | 70.0, 71.0 | 20.0, 20.0 |" in lines
    assert lines[-1] == "| as many real people instead | 80.0 | 20.0 |"
