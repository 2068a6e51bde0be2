"""Figures and tables of the strangers' record, from made-up runs."""

import io

import numpy as np

from cosface_edu.figures import strangers


def made_up(loss: str, m: float | None, s: float, seed: int, D: int = 2) -> dict:
    owner = np.repeat(np.arange(3), 4).tolist()
    degrees = {
        "centres": [0.0, 120.0, 240.0],
        **{k: list(np.linspace(0, 300, 12)) for k in ("known", "strangers")},
        **{f"{k}_owner": owner for k in ("known", "strangers")},
    }
    rates = {"eer": 0.2 + 0.01 * seed, "tar": 0.1, "within": 8.0, "between": 30.0}
    run = {"loss": loss, "m": m, "s": s, "D": D, "seed": seed, "test": 0.9, "known": rates, "strangers": rates}
    return run | ({"cloud_gap": 25.0, "degrees": degrees} if D == 2 else {})


RUNS = [
    made_up(loss, m, s, seed)
    for seed in (0, 1)
    for loss, m, s in (
        ("softmax", None, 10.0),
        ("asoftmax", 4.0, 10.0),
        *(("cosface", m, s) for s in (10.0, 64.0) for m in (0.0, 0.2)),
    )
]


def test_table_has_a_row_for_each_setting_and_its_spread() -> None:
    lines = strangers.table(RUNS).splitlines()
    assert len(lines) == 2 + 6
    assert lines[6].startswith("| NSL, s\u00a0=\u00a064 | 90.0")
    assert "| gap between clouds |" in lines[0]
    assert "20.5\u00a0±\u00a00.7" in lines[2]
    assert len({line.count("|") for line in lines}) == 1


def test_table_of_more_features_says_how_many() -> None:
    lines = strangers.table([made_up("cosface", 0.2, 64.0, 0, D=D) for D in (4, 16)]).splitlines()
    assert "gap" not in lines[0]
    assert [line.split("|")[2].strip() for line in lines] == ["D", "--:", "4", "16"]


def test_lines_go_through_the_means() -> None:
    panels = strangers.against_margin(RUNS).axes
    (line,) = [line for line in panels[1].lines if line.get_label() == "LMCL, s = 64"]
    assert np.allclose(line.get_ydata(), 20.5)


def test_circles_draw_known_people_and_strangers() -> None:
    figure = strangers.circles([strangers.chosen(RUNS, loss="softmax", seed=0)[0], RUNS[2]])
    figure.savefig(io.BytesIO(), dpi=40)
    assert all(len(axes.lines) == 1 + 3 for axes in figure.axes)
