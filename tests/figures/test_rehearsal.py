"""Recorded rehearsals are read as they were written, and drawn point for point."""

import numpy as np
import pytest

from cosface_edu.faces import FaceWorldDataset, Stretched
from cosface_edu.figures import rehearsal


@pytest.fixture
def report() -> dict:
    runs = [{"loss": "softmax", "seed": k, "accuracy": 0.90 + k / 100} for k in (0, 1)]
    for s in (8.0, 16.0):
        runs += [{"loss": "nsl", "s": s, "seed": k, "accuracy": 0.91 + s / 1000} for k in (0, 1)]
        runs += [{"loss": "cosface", "s": s, "m": 0.2, "seed": k, "accuracy": 0.95 - s / 1000} for k in (0, 1)]
    return {"runs": runs}


def test_points_by_scale_and_margin(report: dict) -> None:
    points = rehearsal.by_point(report["runs"])
    assert points[None, 0.0] == [90.0, 91.0]
    assert points[8.0, 0.2] == pytest.approx([94.2, 94.2])


def test_each_loss_at_its_own_best(report: dict) -> None:
    assert rehearsal.best_gain(report) == (
        "NSL reaches 92.60 % at s = 16, LMCL 94.20 % at s = 8, m = 0.2: Δ = +1.60 points"
    )


def test_what_a_margin_is_worth_at_each_scale(report: dict) -> None:
    table = rehearsal.gain_by_scale(report)
    assert "| 8 | 91.80 % | 0.2 | 94.20 % | +2.40 points |" in table
    assert "| 16 | 92.60 % | 0.2 | 93.40 % | +0.80 points |" in table


def test_two_scales_of_one_tone_are_told_apart(report: dict) -> None:
    report["runs"] += [run | {"s": 12.0} for run in report["runs"] if run.get("s") == 16.0]
    (axes,) = rehearsal.accuracy_against_margin(report).axes
    lines = {line.get_label(): line for line in axes.lines if line.get_label().startswith("s = ")}
    assert list(lines) == ["s = 8", "s = 12", "s = 16"]
    assert lines["s = 12"].get_color() == lines["s = 16"].get_color()
    assert len({line.get_marker() for line in axes.lines}) == 3 + 1  # and lines of means have none


def test_the_comparison_says_settings_intervals_and_gains() -> None:
    mean = {"mean": 0.9, "values": [0.89, 0.91], "low": 0.77, "high": 1.03, "level": 0.95}
    report = {
        "runs": [
            {"loss": "softmax", "seed": 0, "known": 1.0},
            {"loss": "softmax", "seed": 1, "known": 0.9},
            {"loss": "cosface", "s": 8.0, "m": 0.2, "seed": 0, "known": 0.8},
        ],
        "statistics": {
            "accuracy": {
                "losses": {"softmax": mean, "cosface": mean},
                "cosface_minus": {"softmax": {"mean": 0.01, "values": [0.01]}},
            }
        },
    }
    table = rehearsal.comparison(report).replace("\u00a0", " ")
    assert table.splitlines()[2:] == [
        "| Softmax | 90.00 (77.00 … 103.00) |",
        "| CosFace, s = 8, m = 0.2 | 90.00 (77.00 … 103.00) |",
        "| CosFace ahead of Softmax | 1.00 |",
    ]
    assert rehearsal.known(report) == "softmax 95.0 %, cosface 80.0 %"


def test_a_verdict_is_read_off_the_intervals() -> None:
    def verdict(gains: dict, **rates: dict) -> str:
        return rehearsal.verdict({"statistics": {"accuracy": {"cosface_minus": gains}, **rates}})

    gains = {"softmax": {"low": 0.01, "high": 0.03}, "nsl": {"low": -0.01, "high": 0.02}}
    assert verdict(gains) == (
        "Against Softmax, CosFace is ahead by accuracy (the whole interval lies above 0). "
        "Against NSL, CosFace is neither ahead nor behind by accuracy (0 lies in the interval)."
    )
    assert "behind" in verdict({"nsl": {"low": -0.03, "high": -0.01}})
    rates = {f"TAR at FAR {far}": {"cosface_minus": {"nsl": {"low": 0.02, "high": 0.04}}} for far in ("0.01", "0.001")}
    assert verdict({"nsl": gains["nsl"]}, **rates) == (
        "Against NSL, CosFace is neither ahead nor behind by accuracy (0 lies in the interval); "
        "ahead by TAR at FAR 0.01 and TAR at FAR 0.001 (the whole interval lies above 0)."
    )


@pytest.fixture
def many() -> dict:
    def found(values: list[float]) -> dict:
        return {"mean": sum(values) / len(values), "values": values}

    accuracy = {
        "losses": {"nsl": found([0.90, 0.92]), "cosface": found([0.91, 0.95])},
        "cosface_minus": {"nsl": found([0.01, 0.03])},
    }
    tar = {
        "losses": {"nsl": found([0.5, 0.6]), "cosface": found([0.7, 0.8])},
        "cosface_minus": {"nsl": found([0.2, 0.2])},
    }
    runs = [{"loss": "nsl", "s": 12.0}, {"loss": "cosface", "s": 16.0, "m": 0.2}]
    return {"runs": runs, "statistics": {"accuracy": accuracy, "TAR at FAR 0.001": tar}}


def test_rates_stand_beside_accuracies(many: dict) -> None:
    table = rehearsal.comparison(many)
    assert "m\u00a0=\u00a00.2" in table
    assert table.replace("\u00a0", " ").splitlines() == [
        "| percent (95 % interval) | accuracy | TAR at FAR 0.001 |",
        "|---|--:|--:|",
        "| NSL, s = 12 | 91.00 | 55.00 |",
        "| CosFace, s = 16, m = 0.2 | 93.00 | 75.00 |",
        "| CosFace ahead of NSL | 2.00 | 20.00 |",
    ]


def test_leads_are_dots_with_intervals_beside_a_line_at_zero() -> None:
    gains = {
        "softmax": {"mean": 0.03, "low": 0.01, "high": 0.05},
        "nsl": {"mean": 0.01, "low": -0.01, "high": 0.03},
    }
    two = {"accuracy": {"cosface_minus": gains}, "rank 1": {"cosface_minus": {"nsl": gains["nsl"]}}}
    above, below = ([line.get_xdata() for line in ax.lines] for ax in rehearsal.ahead({"statistics": two}).axes)
    assert np.concatenate(above) == pytest.approx([0, 0, 1, 5, 3, -1, 3, 1])  # zero; each loss's interval and mean
    assert np.concatenate(below) == pytest.approx([0, 0, -1, 3, 1])


def test_each_seed_is_a_line_across_the_losses(many: dict) -> None:
    accuracy, tar = rehearsal.by_seed(many).axes
    assert [list(line.get_ydata()) for line in accuracy.lines[:2]] == [[90.0, 91.0], [92.0, 95.0]]
    assert [list(line.get_ydata()) for line in tar.lines[2:]] == [[50.0, 60.0], [70.0, 80.0]]
    assert [label.get_text() for label in tar.get_xticklabels()] == ["NSL", "CosFace"]


def test_a_search_shows_both_losses_at_each_scale_and_the_best_of_each() -> None:
    base = {"people": 1000, "pictures": 6}
    runs = [
        base | {"loss": "nsl", "s": 4.0, "accuracy": 0.91, "tar": {"0.0001": 0.3}},
        base | {"loss": "nsl", "s": 8.0, "accuracy": 0.90, "tar": {"0.0001": 0.4}},
        base | {"loss": "cosface", "s": 8.0, "m": 0.2, "accuracy": 0.95, "tar": {"0.0001": 0.5}},
    ]
    few, many = rehearsal.by_scale({"runs": [run | {"people": 7, "pictures": 200} for run in runs] + runs}).split(
        "\n\n**"
    )
    assert few.startswith("**1,000 people × 6 pictures**")
    assert "|  | s = 4 | s = 8 |" in few
    assert "| NSL | 91.0 / 30.0 | 90.0 / 40.0 |" in few
    assert "| CosFace, m = 0.2 |  | 95.0 / 50.0 |" in few
    assert few.endswith(
        "Best by accuracy: NSL 91.0 (s = 4), CosFace 95.0 (s = 8, m = 0.2); "
        "by TAR at FAR 0.0001: NSL 40.0 (s = 8), CosFace 50.0 (s = 8, m = 0.2)."
    )
    assert many.startswith("7 people × 200 pictures**")


def test_tries_are_listed_run_by_run() -> None:
    row = {"loss": "nsl", "setting": "s = 8", "accuracies": [0.85, 0.86], "standard_errors": [0.01, 0.02]}
    table = rehearsal.tries({"rows": [row, row | {"aucs": [0.93, 0.9412], "training_accuracy": 0.9}]})
    assert table.count("| nsl | s = 8 | – | 85.00 % | 1.00 % | – |") == 1
    assert "| nsl | s = 8 | 90.0 % | 86.00 % | 2.00 % | 0.9412 |" in table


def test_networks_alone_and_together() -> None:
    runs = [{"accuracy": 0.86 + k / 100, "auc": 0.94, "training_seconds": 120.0} for k in range(4)]
    groups = [{"members": 2, "accuracy": 0.88 + k / 100, "auc": 0.95} for k in range(2)]
    table = rehearsal.together({"runs": runs, "together": groups})
    assert "| one network (4 results) | 87.50 % (" in table
    assert "| 0.9400 | 2 minutes of one core |" in table
    assert "| 2 networks together (2 results) | 88.50 % (" in table
    assert "| 0.9500 | 4 minutes of one core |" in table


def test_networks_alone_are_told_apart_by_what_they_see() -> None:
    runs = [{"accuracy": 0.86, "auc": 0.94, "training_seconds": 120.0, "size": [56, 48]} for _ in range(2)]
    runs += [{"accuracy": 0.84, "auc": 0.93, "training_seconds": 240.0, "size": [70, 60]}]
    groups = [{"members": 3, "accuracy": 0.88, "auc": 0.95}]
    table = rehearsal.together({"runs": runs, "together": groups})
    assert "| one network (2 results) | 86.00 % (86.00 … 86.00) | 0.9400 | 2 minutes of one core |" in table
    assert "| one network, 0.8 of the face (1 results) | 84.00 % | 0.9300 | 4 minutes of one core |" in table
    assert "| 3 networks together (1 results) | 88.00 % | 0.9500 | 8 minutes of one core |" in table


def test_copies_and_parts_are_what_is_trained_on() -> None:
    fig = rehearsal.copies_and_parts()
    shapes = [ax.images[0].get_array().shape for ax in fig.axes]
    assert shapes == [(112, 96, 3)] * 3 + [(56, 48, 3)] * 3
    assert [ax.get_title() for ax in fig.axes[::2]] == ["0.9 times as wide", "1.11 times as wide", "0.8 of the face"]
    face, _ = FaceWorldDataset(1, 1, first=3)[0]
    people = Stretched(FaceWorldDataset(1, 1, first=3), (112, 96))
    np.testing.assert_allclose(fig.axes[0].images[0].get_array(), people[0][0].permute(1, 2, 0))
    np.testing.assert_allclose(fig.axes[1].images[0].get_array(), face.permute(1, 2, 0))


def test_two_networks_by_what_they_see() -> None:
    two = [{"name": "the whole face, twice", "accuracies": [0.86, 0.88], "aucs": [0.94, 0.95]}]
    assert "| the whole face, twice | 2 | 87.00 % | 0.9450 |" in rehearsal.two_together({"two": two})


def test_every_seed_is_a_point(report: dict) -> None:
    ax = rehearsal.accuracy_against_margin(report).axes[0]
    assert sum(len(line.get_xdata()) for line in ax.lines if line.get_linestyle() == "None") == 8
