"""What the chapter on a margin's worth, and the pages that quote it, say of the records at full size."""

import math
from collections import Counter
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest

from cosface_edu import geometry
from cosface_edu.experiments.jobs import swept
from cosface_edu.experiments.record import load as record
from cosface_edu.experiments.statistics import compared
from cosface_edu.figures import paper, sweeps

ROOT = Path(__file__).resolve().parents[2]


def readme() -> str:
    return " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


def test_the_margin_pays_at_ten_thousand_people() -> None:
    rows = record("gpu-table")["results"]["rows"]
    hard = {
        (row["options"]["s"], row["options"].get("m", 0)): row["tar_1e-06"]
        for row in rows
        if row["part"] == "search" and row["loss"] in ("nsl", "cosface")
    }
    margins = (0, 0.1, 0.2, 0.35)
    for s, worth in ((16, 0.12), (32, 0.306)):
        curve = [hard[s, m] for m in margins]
        assert curve == sorted(curve)
        assert curve[-1] - curve[0] == pytest.approx(worth, abs=0.005)
    assert [round(100 * hard[16, m]) for m in (0, 0.35)] == [69, 81]
    assert [round(100 * hard[32, m]) for m in (0, 0.35)] == [41, 71]
    assert max(hard[8, m] for m in margins) - min(hard[8, m] for m in margins) < 0.03
    assert max(hard, key=hard.__getitem__) == (16, 0.35)
    assert max(m for s, m in hard if s == 16) == 0.35
    assert hard[64, 0.2] < 0.001
    noisy = next(
        r for r in rows if r["part"] == "search" and r["options"] == {"s": 64, "m": 0.2} and r["loss"] == "cosface"
    )
    assert noisy["accuracy"] == pytest.approx(0.98, abs=0.005)
    assert 8 < geometry.min_scale(10_572, 0.9) < 16
    best = {}
    for row in rows:
        if row["part"] == "search" and row["tar_0.0001"] > best.get(row["loss"], row)["tar_0.0001"] - 1e-9:
            best[row["loss"]] = row
    assert [round(100 * best[loss]["accuracy"], 1) for loss in ("nsl", "cosface")] == [99.5, 99.6]
    by_rate = sorted(best, key=lambda loss: -best[loss]["tar_1e-06"])
    assert by_rate[:3] == ["cosface", "asoftmax_normfea", "asoftmax"]
    stuck = next(r for r in rows if r["loss"] == "arcface" and r["options"] == {"s": 64, "m": 0.5})
    assert stuck["accuracy"] < 0.52


def test_the_lead_at_each_losss_own_scale() -> None:
    runs = swept.judged(record("gpu-table")["results"]["rows"])
    assert {run["seed"] for run in runs} == {0, 1, 2}
    others = {"asoftmax", "asoftmax_normfea", "lsoftmax", "softmax_center", "softmax_contrastive"}
    assert {run["loss"] for run in runs} == {"softmax", "nsl", "cosface", "arcface"} | others
    assert len(runs) == 27
    ahead = {
        key: compared(runs, itemgetter(key))["cosface_minus"]
        for key in ("accuracy", "tar_0.0001", "tar_1e-06", "rank1")
    }
    rank1 = {loss: found["mean"] for loss, found in compared(runs, itemgetter("rank1"))["losses"].items()}
    assert [round(100 * (1 - rank1[loss])) for loss in ("nsl", "cosface")] == [15, 11]
    assert ahead["rank1"]["nsl"]["mean"] == pytest.approx(0.047, abs=0.001)
    assert ahead["rank1"]["nsl"]["low"] > 0.03
    assert 0 < ahead["tar_0.0001"]["nsl"]["low"] < ahead["tar_0.0001"]["nsl"]["mean"] < 0.01
    assert ahead["tar_1e-06"]["nsl"]["mean"] == pytest.approx(0.05, abs=0.005)
    assert ahead["tar_1e-06"]["nsl"]["low"] < 0
    nsl = [run["tar_1e-06"] for run in runs if run["loss"] == "nsl"]
    assert max(nsl) - min(nsl) == pytest.approx(0.035, abs=0.002)
    assert 4000 * ahead["accuracy"]["nsl"]["mean"] == pytest.approx(1.5, abs=0.5)
    pictures, each = 1000 * 8, 8
    strangers = (pictures * (pictures - 1) - pictures * (each - 1)) // 2
    assert (int(1e-6 * strangers), round(strangers / 1e6)) == (31, 32)
    interval = [round(100 * ahead["rank1"]["nsl"][key], 1) for key in ("mean", "low", "high")]
    assert "**{} points** of rank 1 ({} … {}, over three training seeds;".format(*interval) in readme()
    first = {loss: 100 * np.mean([run["rank1"] for run in runs if run["loss"] == loss]) for loss in ("cosface", "nsl")}
    assert f"in {first['cosface']:.1f} % of the searches" in readme()
    assert f"without a margin, in {first['nsl']:.1f} %" in readme()
    assert sum(row["part"] == "search" and row["loss"] == "nsl" for row in record("gpu-table")["results"]["rows"]) == 4
    level = {key: {loss for loss, lead in by.items() if lead["low"] < 0 < lead["high"]} for key, by in ahead.items()}
    assert level["rank1"] == {"asoftmax"}
    assert level["tar_0.0001"] == {"asoftmax", "arcface"}
    assert level["tar_1e-06"] == {"asoftmax", "arcface", "asoftmax_normfea", "nsl"}
    assert level["accuracy"] == {"asoftmax", "arcface", "asoftmax_normfea", "lsoftmax"}
    assert max(lead["mean"] for lead in ahead["accuracy"].values()) < 0.003
    leads = [round(100 * ahead["rank1"][loss]["mean"], 1) for loss in ("asoftmax", "asoftmax_normfea", "lsoftmax")]
    assert leads == [1.6, 2.2, 9.7]
    assert all(rank1[loss] < rank1["softmax"] for loss in ("softmax_center", "softmax_contrastive"))
    millionth = compared(runs, itemgetter("tar_1e-06"))["losses"]
    second = [
        100 * (np.array(millionth[loss]["values"]) - millionth["softmax"]["values"])
        for loss in ("softmax_center", "softmax_contrastive")
    ]
    assert second[0].min() > 1 < second[0].mean() == pytest.approx(2, abs=0.1)
    assert second[1].min() < 0 < second[1].max()
    assert math.comb(1024, 2) / 10_572 == pytest.approx(50, abs=1)  # pairs of one person in a batch


def test_most_other_losses_had_one_setting_and_cosface_the_best_of_twelve() -> None:
    rows = record("gpu-table")["results"]["rows"]
    tried = Counter(row["loss"] for row in rows if row["part"] == "search")
    others = {"softmax", "softmax_center", "softmax_contrastive", "lsoftmax", "asoftmax", "asoftmax_normfea"}
    assert tried["cosface"] == 12
    assert {loss: tried[loss] for loss in others if tried[loss] > 1} == {"asoftmax_normfea": 4}


def test_the_rows_of_table_2_stand_as_the_paper_has_them_but_for_the_second_terms() -> None:
    theirs = paper.column("table2", "MF1 rank 1")
    runs = swept.judged(record("gpu-table")["results"]["rows"])
    ours = {loss: found["mean"] for loss, found in compared(runs, itemgetter("rank1"))["losses"].items()}
    assert sorted(theirs, key=theirs.get)[-4:] == ["L-Softmax", "A-Softmax", "A-Softmax-NormFea", "LMCL"]
    same = {"softmax", "softmax_contrastive", "lsoftmax", "softmax_center", "asoftmax", "asoftmax_normfea", "cosface"}
    order = sorted(same, key=ours.get)
    assert order[-4:] == ["lsoftmax", "asoftmax_normfea", "asoftmax", "cosface"]
    assert round(theirs["LMCL"] - theirs["Softmax"]) == 22
    assert round(100 * (ours["cosface"] - ours["softmax"])) == 14
    assert round(theirs["LMCL"] - theirs["A-Softmax-NormFea"]) == round(100 * (ours["cosface"] - ours[order[-3]])) == 2
    for term in ("Contrastive", "Center"):
        assert theirs[f"Softmax + {term}"] - theirs["Softmax"] == pytest.approx(10, abs=1)


def test_a_margin_is_worth_what_the_scale_leaves_it() -> None:
    curves = sweeps.curves(record("gpu-table")["results"]["rows"], ("table", "margin"))
    best, large = (
        {m: {key: np.mean([run[key] for run in runs]) for key in ("accuracy", "tar_1e-06", "rank1")}
         for m, runs in curves[s].items()}
        for s in (16, 64)
    )  # fmt: skip
    assert sorted(large) == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    seeds = {(s, m): len(runs) for s in (16, 64) for m, runs in curves[s].items()}
    three, two = {(16, 0), (16, 0.35)}, {(64, 0), (64, 0.1), *((16, m) for m in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6))}
    assert all(count == (3 if at in three else 2 if at in two else 1) for at, count in seeds.items())
    hard = [large[m]["tar_1e-06"] for m in sorted(large)]
    assert max(hard) == hard[-2]
    assert max(hard) - hard[0] == pytest.approx(0.39, abs=0.005)
    assert large[0.5]["rank1"] - large[0]["rank1"] == pytest.approx(0.33, abs=0.005)
    worth = [best[m]["rank1"] - best[0]["rank1"] for m in (0.1, 0.35, 0.4, 0.5, 0.6)]
    assert all(0.044 < value < 0.055 for value in worth[1:])
    assert worth[0] > max(worth) / 2
    assert (large[0.5]["rank1"] - large[0]["rank1"]) / (best[0.35]["rank1"] - best[0]["rank1"]) == pytest.approx(
        7, abs=0.5
    )
    assert all(0 < best[m]["rank1"] - large[m]["rank1"] < 0.02 for m in (0.4, 0.5, 0.6))
    assert best[0]["rank1"] - large[0]["rank1"] == pytest.approx(0.3, abs=0.005)
    accuracies = [run["accuracy"] for runs in curves[16].values() for run in runs]
    assert max(accuracies) - min(accuracies) < 0.0025
    assert max(run["accuracy"] for run in large.values()) == pytest.approx(0.998, abs=0.0005)
    ends = [("accuracy", 0.989, 0.997), ("rank1", 0.55, 0.888)]  # what the alternative text says
    assert all(
        (large[0][key], large[0.6][key]) == (pytest.approx(low, abs=0.001), pytest.approx(high, abs=0.001))
        for key, low, high in ends
    )


def test_the_map_says_where_a_margin_is_worth_most() -> None:
    made = record("gpu-worth")
    rows, config = made["results"]["rows"], made["config"]
    cells = swept.by_cell(rows)
    found = {
        key: {cell: compared(runs, itemgetter(key)) for cell, runs in cells.items()}
        for key in ("tar_0.0001", "rank1", "accuracy")
    }
    ahead = {key: {cell: by["cosface_minus"]["nsl"] for cell, by in of.items()} for key, of in found.items()}
    level = {
        key: {cell: {loss: by["losses"][loss]["mean"] for loss in ("nsl", "cosface")} for cell, by in of.items()}
        for key, of in found.items()
    }
    gain = {key: {cell: 100 * by["mean"] for cell, by in of.items()} for key, of in ahead.items()}
    hard, rank = level["tar_0.0001"], level["rank1"]
    for key in ("tar_0.0001", "rank1"):
        assert [cell for cell, by in ahead[key].items() if by["low"] < 0] == [(10572, 4)], "paid in seven of eight"
        assert max(gain[key], key=gain[key].get) == (1000, 4 if key == "tar_0.0001" else 46)
        assert all(by["high"] > 0 for by in ahead[key].values())
    assert [round(100 * hard[1000, 4][loss]) for loss in ("nsl", "cosface")] == [21, 32]
    assert [round(100 * hard[1000, 46][loss]) for loss in ("nsl", "cosface")] == [77, 85]
    assert [round(100 * rank[1000, 46][loss]) for loss in ("nsl", "cosface")] == [58, 71]
    assert hard[1000, 46]["cosface"] == pytest.approx(hard[1000, 200]["nsl"], abs=0.002)
    assert rank[1000, 46]["cosface"] > rank[1000, 200]["nsl"]
    assert [round(gain["tar_0.0001"][100, pictures]) for pictures in (4, 46, 200)] == [3, 5, 6]
    assert [round(gain["tar_0.0001"][1000, pictures]) for pictures in (4, 46, 200)] == [11, 7, 5]
    assert [round(gain["rank1"][100, pictures]) for pictures in (4, 46, 200)] == [1, 4, 3]
    assert round(gain["rank1"][10572, 46]) == 4
    assert round(gain["tar_0.0001"][10572, 46]) == 2
    for key in (hard, rank):
        missed = {loss: 1 - key[10572, 46][loss] for loss in ("nsl", "cosface")}
        assert missed["cosface"] / missed["nsl"] == pytest.approx(0.75, abs=0.04)
    assert 10572 * 4 < 1000 * 46
    tenfold = [(100, 1000, n) for n in (4, 46, 200)] + [(1000, 10572, n) for n in (4, 46)]
    lifts = [100 * (hard[many, n]["nsl"] - hard[few, n]["nsl"]) for few, many, n in tenfold]
    assert [round(min(lifts)), round(max(lifts))] == [16, 61]
    assert all(lift > gain["tar_0.0001"][few, n] for lift, (few, _, n) in zip(lifts, tenfold, strict=True))
    assert [round(100 * rank[cell]["nsl"]) for cell in ((1000, 46), (10572, 4))] == [58, 66]
    assert [round(100 - 100 * hard[10572, n]["nsl"]) for n in (46, 4)] == [7, 18]
    assert round(100 * hard[10572, 4]["nsl"]) == 82
    assert round(100 * hard[10572, 46]["nsl"]) == 93
    assert all(by["cosface"] < hard[10572, 46]["nsl"] for cell, by in hard.items() if cell[0] <= 1000)
    assert all(by["cosface"] < 0.4 for cell, by in hard.items() if cell[0] == 100)
    chosen = {cell: {run["loss"]: run for run in runs} for cell, runs in cells.items()}
    assert chosen[100, 4]["nsl"]["s"] == chosen[100, 4]["cosface"]["s"] == 64
    assert chosen[10572, 4]["nsl"]["s"] == chosen[10572, 4]["cosface"]["s"] == 8
    assert sum(by["cosface"]["m"] == 0.35 for by in chosen.values()) == 6
    assert all(abs(gain["accuracy"][cell]) < (0.1 if cell[0] == 10572 else 2) for cell in cells)
    shown = config["steps"] * config["batch"]
    assert [round(shown / 2 / pictures) for pictures in (10572 * 46, 1000 * 4)] == [1, 128]
    assert shown / (10572 * 46) == pytest.approx(2, abs=0.2)
    assert shown / (1000 * 4) == pytest.approx(250, abs=10)
    times = {cell: by["cosface"] / by["nsl"] for cell, by in hard.items()}
    assert [round(times[people, 4], 1) for people in (100, 1000)] == [1.7, 1.5]
    assert sorted(times, key=times.get)[-2:] == [(1000, 4), (100, 4)]
    assert all(times[10572, pictures] < 1.03 for pictures in (4, 46))
    fewer = {cell: (by["cosface"] - by["nsl"]) / (1 - by["nsl"]) for cell, by in hard.items()}
    falling = sorted(fewer, key=fewer.get, reverse=True)[:3]
    assert set(falling[:2]) == {(1000, 46), (1000, 200)}
    assert falling[2] == (10572, 46)
    assert [round(100 * fewer[cell]) for cell in falling] == [32, 32, 28]
    of_gpu = [run for run in cells[100, 46] if run["on"] != "cpu"]
    rates = {loss: [run["tar_0.0001"] for run in of_gpu if run["loss"] == loss] for loss in ("nsl", "cosface")}
    left_out = next(run["tar_0.0001"] for run in cells[100, 46] if run["on"] == "cpu")
    assert left_out > max(rates["cosface"])
    assert 100 * (np.mean(rates["cosface"]) - np.mean(rates["nsl"][:2])) == pytest.approx(4, abs=0.1)
    searched = [row for row in rows if row["world"] == 1]
    here = {
        (row["options"]["s"], row["options"].get("m", 0)): 100 * row["tar_0.0001"]
        for row in searched
        if (row["people"], row["pictures"]) == (1000, 46)
    }
    scales = (8, 16, 32, 64)
    assert [max(scales, key=lambda s, m=m: here[s, m]) for m in (0, 0.35)] == [8, 32]
    assert [here[s, 0.35] - here[s, 0] for s in (8, 32)] == pytest.approx([0.5, 22], abs=0.2)
    nsl = {
        cell: sorted(100 * row["tar_0.0001"] for row in searched
                     if row["loss"] == "nsl" and (row["people"], row["pictures"]) == cell)
        for cell in cells
    }  # fmt: skip
    close = {cell: values[-1] - values[-2] for cell, values in nsl.items()}
    assert min(close, key=close.get) == (1000, 46)
    seeds = {cell: [100 * run["tar_0.0001"] for run in runs if run["loss"] == "nsl"] for cell, runs in cells.items()}
    assert [cell for cell in cells if close[cell] < np.ptp(seeds[cell])] == [
        (100, 4),
        (100, 200),
        (1000, 4),
        (1000, 46),
    ]
    assert close[1000, 46] == pytest.approx(0.2, abs=0.02)
    lead = {cell: max(100 * row["tar_0.0001"] for row in searched
                      if row["loss"] == "cosface" and (row["people"], row["pictures"]) == cell) - values[-1]
            for cell, values in nsl.items()}  # fmt: skip
    assert [round(lead[1000, pictures]) for pictures in (4, 46)] == [10, 10]
    assert [chosen[people, 46]["cosface"]["s"] for people in (100, 1000, 10572)] == [64, 32, 16]
    assert [chosen[people, 46]["nsl"]["s"] for people in (100, 1000, 10572)] == [32, 16, 16]
    bound = {people: geometry.min_scale(people, 0.99) for people in (1000, 10572)}
    assert [round(value, 1) for value in bound.values()] == [11.5, 13.9]
    below = [cell for cell, by in chosen.items() if any(run["s"] < bound.get(cell[0], 0) for run in by.values())]
    assert below == [(10572, 4)]
    assert sum(any(run["s"] in (8, 64) for run in by.values()) for by in chosen.values()) == 4
    assert all(by["cosface"]["s"] >= by["nsl"]["s"] for by in chosen.values())
    assert sum(by["cosface"]["s"] > by["nsl"]["s"] for by in chosen.values()) == 4
    assert chosen[1000, 4]["cosface"]["s"] == chosen[1000, 4]["nsl"]["s"] == 32
    for loss, settings in (("nsl", 4), ("cosface", 12)):
        assert sum(row["loss"] == loss for row in searched) == settings * len(cells)


def test_half_of_the_largest_lead_was_nsls_scale() -> None:
    rows = record("gpu-worth")["results"]["rows"]
    cells = swept.by_cell(rows)
    rates = {
        (loss, scale, key): [
            100 * row[key]
            for row in rows
            if row["world"] == 0 and (row["people"], row["pictures"]) == (1000, 46)
            and row["loss"] == loss and row["options"]["s"] == scale
        ]
        for loss, scale in (("nsl", 8), ("nsl", 16), ("cosface", 32)) for key in ("tar_0.0001", "rank1")
    }  # fmt: skip
    assert all(len(values) == 3 for values in rates.values())
    mean = {what: np.mean(values) for what, values in rates.items()}
    was, now = (
        [mean["cosface", 32, key] - mean["nsl", scale, key] for key in ("tar_0.0001", "rank1")] for scale in (8, 16)
    )
    assert [round(lead) for lead in was] == [14, 17]
    assert [(a - b) / a for a, b in zip(was, now, strict=True)] == pytest.approx([0.5, 0.27], abs=0.01)
    assert [round(mean["nsl", scale, "tar_0.0001"]) for scale in (8, 16)] == [70, 77]
    apart = mean["nsl", 16, "tar_0.0001"] - mean["nsl", 8, "tar_0.0001"]
    assert apart == pytest.approx(7, abs=0.3)
    assert round(apart / np.ptp(rates["nsl", 16, "tar_0.0001"])) == 8
    searched = [row for row in rows if row["world"] == 1]

    def close(loss: str) -> dict[tuple[int, int], float]:
        """Cells where the search has the best two settings less far apart than seeds are, and by how much."""
        found = {}
        for cell, runs in cells.items():
            of = sorted(r["tar_0.0001"] for r in searched
                        if r["loss"] == loss and (r["people"], r["pictures"]) == cell)  # fmt: skip
            if of[-1] - of[-2] < np.ptp([run["tar_0.0001"] for run in runs if run["loss"] == loss]):
                found[cell] = 100 * (of[-1] - of[-2])
        return found

    assert set(close("nsl")) - {(1000, 46)} == {(100, 4), (100, 200), (1000, 4)}
    assert set(close("cosface")) == {(1000, 4), (100, 46), (10572, 4)}
    assert close("cosface")[10572, 4] == pytest.approx(0.6, abs=0.01)
    tried = [row for row in searched if (row["people"], row["pictures"], row["loss"]) == (10572, 4, "cosface")]
    assert sorted(tried, key=itemgetter("tar_0.0001"))[-2]["options"]["s"] == 16
    in_points = [compared(runs, itemgetter("rank1"))["cosface_minus"]["nsl"]["mean"] for runs in cells.values()]
    assert [round(100 * lead) for lead in in_points].count(12) == 1  # problem 14
    assert "*a margin is worth twelve points of rank 1*" in (ROOT / "book" / "problems.md").read_text(encoding="utf-8")


def test_the_largest_lead_that_is_left_was_there_again_on_other_people() -> None:
    rows, again = (record(name)["results"]["rows"] for name in ("gpu-worth", "gpu-anew"))
    cell = swept.by_cell(rows)[1000, 4]
    assert {(row["people"], row["pictures"], row["world"]) for row in again} == {(1000, 4, 2)}
    assert {row["on"] for row in again} == {"cpu"}
    assert {row["seed"] for row in again} == {0, 1, 2}
    settings = [{row["loss"]: row["options"] for row in runs} for runs in (cell, again)]
    assert settings[0] == settings[1]
    before, after = (
        {key: compared(runs, itemgetter(key))["cosface_minus"]["nsl"] for key in ("tar_0.0001", "rank1")}
        for runs in (cell, swept.alike(again))
    )
    points = {key: 100 * found["mean"] for key, found in after.items()}
    assert points == pytest.approx({"tar_0.0001": 11.4, "rank1": 7.7}, abs=0.05)
    assert 100 * before["rank1"]["mean"] == pytest.approx(5.5, abs=0.05)
    found = [100 * after["tar_0.0001"][end] for end in ("low", "high")]
    assert found == pytest.approx([9.0, 13.9], abs=0.05)
    assert 100 * after["tar_0.0001"]["values"][0] == pytest.approx(10.3, abs=0.05)
    ends = [100 * before["tar_0.0001"][end] for end in ("low", "high")]
    assert ends == pytest.approx([9.5, 12.6], abs=0.05)
    error = 100 * np.std(before["tar_0.0001"]["values"], ddof=1) / math.sqrt(3)
    assert error == pytest.approx(0.4, abs=0.05)
    assert 1.42 * error == pytest.approx(0.5, abs=0.02)
    assert record("gpu-anew")["seconds"] == pytest.approx(195 * 60, abs=60)


def test_ten_thousand_people() -> None:
    found = record("gpu-casia")
    paper, grown = (tried["config"] for tried in found["results"]["tried"])
    changed = {key for key in paper if paper[key] != grown[key]}
    assert changed <= {"margin_warm_up", "lr_warm_up", "steps", "milestones", "log_every"}
    assert grown["lr_warm_up"] == 500
    assert (1 - found["results"]["strangers"]["accuracy"]) * found["results"]["strangers"]["pairs"] == pytest.approx(4)
    assert 1 / (1 - found["results"]["million"]["rank1"]["1000000"]) == pytest.approx(17, abs=0.5)
    photographs = record("gpu-photographs")["results"].values()
    assert all(list_["accuracy"] == pytest.approx(0.75, abs=0.025) for list_ in photographs)


def test_the_exercises_on_choosing_say_what_the_tables_and_chance_say() -> None:
    rates = {
        cell: {loss: 100 * by["mean"] for loss, by in compared(runs, itemgetter("tar_0.0001"))["losses"].items()}
        for cell, runs in swept.by_cell(record("gpu-worth")["results"]["rows"]).items()
    }
    small, large = rates[1000, 46], rates[10572, 46]
    assert [round(small["nsl"]), round(large["nsl"])] == [77, 93]
    assert [round(small["cosface"]), round(large["cosface"])] == [85, 95]
    largest = np.random.default_rng(1).standard_normal((200_000, 8)).max(axis=1).mean()
    assert largest == pytest.approx(1.42, abs=0.01)
