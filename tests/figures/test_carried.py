"""What carries over to photographs is drawn as recorded."""

import matplotlib.pyplot as plt
import pytest

from cosface_edu.experiments.jobs import carried
from cosface_edu.figures import carried as draw


def rates(accuracy: float) -> dict:
    return {"accuracy": accuracy, "tar_0.01": 0.2}


def run(variant: str, seed: int, accuracy: float, difference: float | None) -> dict:
    row = {"variant": variant, "seed": seed, "cfp-ff": rates(accuracy), "pairsDevTest": rates(accuracy - 0.1)}
    if difference is None:
        return row
    return row | {"difference": difference, "interval": [difference - 0.01, difference + 0.02]}


UNTRAINED = run("", 0, 0.6, -0.1)
RUNS = [
    run(carried.BASE, 0, 0.7, None) | {carried.UNTRAINED: {k: v for k, v in UNTRAINED.items() if k != "variant"}},
    run("grey", 1, 0.67, -0.04),
    run(carried.BASE, 1, 0.71, 0.01),
    run("grey", 0, 0.65, -0.05),
    run("photographs", 0, 0.8, 0.1),
]


def test_every_variant_has_a_name() -> None:
    assert set(draw.CALLED) == {*carried.VARIANTS, carried.UNTRAINED, carried.STATISTICS}


def test_the_first_base_is_compared_with_nothing_and_what_came_with_it_is() -> None:
    found = draw.compared(RUNS)
    assert {name: [run["seed"] for run in rows] for name, rows in found.items()} == {
        carried.BASE: [1],
        carried.UNTRAINED: [0],
        "grey": [0, 1],
        "photographs": [0],
    }


def test_dots_and_intervals_are_in_points() -> None:
    (axes,) = draw.differences(RUNS).axes
    dots = [line.get_xdata()[0] for line in axes.lines if line.get_marker() != "None"]
    assert dots == pytest.approx([1, -10, -5, -4, 10])
    bars = [
        tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"
    ]
    assert pytest.approx((-6, -3)) in bars
    assert [label.get_text() for label in axes.get_yticklabels()][2] == draw.CALLED["grey"]
    plt.close("all")


def test_table_has_a_number_for_every_seed() -> None:
    lines = draw.table(RUNS, [carried.BASE, "photographs"]).splitlines()
    assert "| the base: drawn people only | 70.0, 71.0 | 20.0, 20.0 | 60.0, 61.0 |" in lines
    assert lines[-1] == "| as many real people instead | 80.0 | 20.0 | 70.0 |"
