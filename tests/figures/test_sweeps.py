"""Losses at full size are compared seed by seed, and drawn as recorded."""

import matplotlib.pyplot as plt
import pytest

from cosface_edu.experiments.jobs import swept
from cosface_edu.experiments.statistics import compared
from cosface_edu.figures import style, sweeps


def row(part: str, loss: str, seed: int, value: float, **options: float) -> dict:
    return {"part": part, "loss": loss, "options": options, "seed": seed, "rank1": value}


ROWS = [
    row("search", "nsl", 0, 0.1, s=64.0),
    *(row("table", "nsl", seed, 0.5 + 0.1 * seed, s=8.0) for seed in (1, 0)),
    *(row("table", "cosface", seed, 0.6 + 0.1 * seed, s=16.0, m=0.2) for seed in (0, 1, 2)),
    row("margin", "nsl", 0, 0.3, s=16.0),
    row("margin", "cosface", 0, 0.4, s=64.0, m=0.1),
    row("margin", "cosface", 1, 0.2, s=64.0, m=0.1) | {"diverged": 7},
]


def rank(of: dict) -> float:
    return of["rank1"]


def test_only_seeds_that_all_have_are_compared() -> None:
    runs = swept.judged(ROWS)
    assert [(run["loss"], run["seed"], run["s"]) for run in runs] == [
        ("nsl", 0, 8.0),
        ("nsl", 1, 8.0),
        ("cosface", 0, 16.0),
        ("cosface", 1, 16.0),
    ]
    backwards = swept.judged(ROWS[::-1])  # whichever run ended first
    assert [(run["loss"], run["seed"]) for run in backwards] == [(run["loss"], run["seed"]) for run in runs]
    table = sweeps.by_loss(ROWS, {"rank 1": rank}).replace("\u00a0", " ")
    assert "| NSL, s = 8 | 55.00 (" in table
    assert "| CosFace ahead of NSL | 10.00 (10.00 … 10.00) |" in table


def test_a_curve_has_the_runs_of_the_parts_asked_for() -> None:
    found = sweeps.curves(ROWS, ("table", "margin"))
    assert {s: {m: len(runs) for m, runs in by.items()} for s, by in found.items()} == {
        8.0: {0.0: 2},
        16.0: {0.0: 1, 0.2: 3},
        64.0: {0.1: 1},
    }
    (axes,) = sweeps.against_margin(ROWS, ("margin",), {"rank 1": rank}).axes
    dots = sorted(y for line in axes.lines if line.get_linestyle() == "None" for y in line.get_ydata())
    assert dots == pytest.approx([30, 40])
    (line,) = [line for line in axes.lines if line.get_label() == "s = 64"]
    assert line.get_color() == style.scale(64).colour  # though 16 is the only one before it
    plt.close("all")


def test_the_best_of_a_search_is_named() -> None:
    rates = {"accuracy": 0.9, "tar_0.0001": 0.5, "tar_1e-06": 0.2}
    rows = [row("search", "nsl", 0, value, s=s) | rates for s, value in ((8.0, 0.1), (16.0, 0.3), (32.0, 0.2))]
    assert "| NSL | 3 | s = 16 | 90.0 | 50.0 | 20.0 |" in sweeps.searched(rows, "rank1").replace("\u00a0", " ")


def cell(people: int, pictures: int, gains: tuple[float, ...]) -> list[dict]:
    """Runs in a cell of the map: at s = 8, the newest seed first, CosFace ahead by `gains`; NSL at s = 16 is worse."""
    places = {"people": people, "pictures": pictures}
    at_8 = {"world": 0, "options": {"s": 8.0}, "tar_0.0001": 0.5}
    runs = [
        places | at_8 | {"loss": loss, "seed": seed, "rank1": 0.1 * seed + more}
        for seed, gain in reversed(list(enumerate(gains)))
        for loss, more in (("cosface", 0.5 + gain), ("nsl", 0.5))
    ]
    search = [
        places | {"world": 1, "loss": loss, "options": {"s": s}, "seed": 0, "rank1": 0.9, "tar_0.0001": 0.1 / s}
        for s in (16.0, 8.0)
        for loss in ("cosface", "nsl")
    ]
    return [*search, *close(people, pictures, len(gains), 0.4), *runs]


def close(people: int, pictures: int, seeds: int, tar: float) -> list[dict]:
    """NSL at s = 16, which the search could hardly tell from s = 8."""
    what = {"people": people, "pictures": pictures, "world": 0, "loss": "nsl", "options": {"s": 16.0}}
    return [what | {"seed": seed, "rank1": 0.1 * seed + 0.55, "tar_0.0001": tar} for seed in range(seeds)]


MAP = [
    *cell(100, 4, (0.1, 0.1)),
    *cell(10, 4, (0.3, -0.1)),
    *cell(10, 20, (0.2, 0.2, 0.2)),
    *cell(100, 20, (0.9,)),
    *(run for run in cell(500, 20, (0.9, 0.9)) if run["loss"] == "nsl" or run["world"]),
]


def test_a_cell_of_the_map_is_judged_by_the_seeds_that_both_have() -> None:
    found = {place: compared(runs, rank) for place, runs in swept.by_cell(MAP).items()}
    assert {place: by["cosface_minus"]["nsl"]["values"] for place, by in found.items()} == {
        (10, 4): pytest.approx([0.3, -0.1]),
        (10, 20): pytest.approx([0.2, 0.2, 0.2]),
        (100, 4): pytest.approx([0.1, 0.1]),
    }


def test_of_settings_that_the_search_could_hardly_tell_apart_the_one_judged_best_counts() -> None:
    for seeds, scale in ((3, 16.0), (2, 8.0)):  # one with fewer seeds waits for the others
        rows = [row for row in cell(10, 20, (0.2, 0.2, 0.2)) if row["world"] or row["options"]["s"] == 8]
        runs = swept.by_cell([*rows, *close(10, 20, seeds, 0.6)])[10, 20]
        assert {run["s"] for run in runs if run["loss"] == "nsl"} == {scale}
        assert len(runs) == 6


def test_the_map_says_each_difference_and_hatches_what_may_be_none() -> None:
    (axes,) = sweeps.worth_map(MAP, "rank 1", rank).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["10", "100"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["4", "20"]
    said = {text.get_position(): text.get_text().split("\n")[0] for text in axes.texts}
    assert said == {(0, 0): "+10.0", (1, 0): "+10.0", (0, 1): "+20.0", (1, 1): "not run"}
    hatched = [patch.get_xy() for patch in axes.patches if patch.get_hatch()]
    assert hatched == [(-0.5, -0.5)]
    assert axes.get_title() == "CosFace − NSL: rank 1, points"
    assert not [text for text in axes.texts if "-" in text.get_text()]  # a minus is no hyphen
    plt.close("all")


def test_the_map_s_table_has_both_losses_and_the_difference() -> None:
    table = sweeps.worth_table(MAP, {"rank 1": rank}).replace("\u00a0", " ")
    assert "| 10 × 20 | 60.0 → 80.0 | 20.0 (20.0 … 20.0) | s = 8 | s = 8 |" in table
    assert len(table.splitlines()) == 2 + 3


def test_what_was_measured_anew_stands_under_its_cell_of_the_map() -> None:
    anew = [run | {"world": 2} for run in cell(10, 20, (0.05, 0.15)) if not run["world"] and run["options"]["s"] == 8]
    left_alone = anew[0] | {"seed": 2}  # NSL has no such seed yet
    table = sweeps.measured_anew(MAP, [*anew, left_alone], {"rank 1": rank}).replace("\u00a0", " ")
    heads, _, before, after = table.splitlines()
    assert heads.startswith("| 10 × 20 | rank 1 | points |")
    assert "on the map, 3 seeds | 60.0 → 80.0 | 20.0 (20.0 … 20.0) | s = 8 | s = 8 |" in before
    assert "anew, 2 seeds | 55.0 → 65.0 | 10.0 (−53.5 … 73.5) | s = 8 | s = 8 |" in after
    first = [run for run in anew if run["seed"] == 0]
    assert "| anew, 1 seed | 50.0 → 55.0 | 5.0 | s = 8 |" in sweeps.measured_anew(MAP, first, {"rank 1": rank}).replace(
        "\u00a0", " "
    )
