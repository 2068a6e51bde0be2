"""What the pages about GPUs, about a loss's cost and about CosFace's kin say of their own numbers."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from cosface_edu import geometry, losses
from cosface_edu.experiments.jobs import swept
from cosface_edu.experiments.statistics import compared
from cosface_edu.losses.adaface import AdaptiveMargin
from cosface_edu.losses.combined import Combined

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "book" / "results"


def record(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text())


def test_on_a_gpu_what_a_head_costs() -> None:
    rows = {(r["what"], r["C"]): r for r in record("gpu-heads")["results"]["rows"] if not r["tf32"]}
    small, product = rows["cosface", 10_575], rows["bare product", 10_575]
    assert small["times_the_product"] == pytest.approx(2.9, abs=0.1)
    assert small["ms"] - product["ms"] < 2
    fused, chunked = (rows[what, 1_000_000] for what in ("cosface", "cosface, in chunks"))
    assert fused["times_the_product"] < 1
    made = {r["what"]: r for r in record("gpu-rates")["results"]["rows"] if "C" in r}
    for C in (100_000, 1_000_000):
        for tf32 in (False, True):
            same = [r for name, r in made.items() if name.endswith(f"compiled, C = {C}, TF32 {tf32}")]
            assert len(same) == 4
            assert min(same, key=lambda r: r["ms"])["what"].startswith("plain form")
    ours, plain = (made[f"{what}, compiled, C = 1000000, TF32 False"] for what in ("cosface", "plain form"))
    assert plain["peak_gb"] / fused["peak_gb"] == pytest.approx(4 / 3, abs=0.02)
    assert plain["peak_gb"] < ours["peak_gb"]
    assert chunked["peak_gb"] < fused["peak_gb"]
    assert chunked["ms"] > fused["ms"]


def test_on_a_gpu_how_long_networks_take() -> None:
    rows = {(r["network"], r["compiled"]): r for r in record("gpu-networks")["results"]["rows"]}
    assert 1e3 * 512 / rows["sphereface20", False]["forward_backward_per_s"] == pytest.approx(20, abs=1)  # ms
    small, large = rows["sphereface64", True]["hours"].values()
    assert small < 0.5 < 1 < large
    late = {
        r["what"]: r["forward_backward_per_s"] for r in record("gpu-rates")["results"]["rows"] if "iresnet" in r["what"]
    }
    for layers, gain in ((50, 1.59), (100, 1.88)):
        plain = rows[f"iresnet{layers}", False]["forward_backward_per_s"]
        assert late[f"iresnet{layers}, compiled"] / plain == pytest.approx(gain, abs=0.01)


def test_consent_says_what_carries_over() -> None:
    rows = record("gpu-carried")["results"]["rows"]
    bases = [row for row in rows if row["variant"] == "base"]
    first = {row["variant"]: row for row in rows if row["seed"] == 0}
    assert len(bases) == 3
    tests = ("cfp-ff", "pairsDevTest")
    mean = {test: np.mean([row[test]["accuracy"] for row in bases]) for test in tests}
    start = {test: np.mean([row["untrained"][test]["accuracy"] for row in bases]) for test in tests}
    real = {test: first["photographs"][test]["accuracy"] for test in tests}
    for test in tests:
        assert real[test] - mean[test] == pytest.approx(0.095, abs=0.005)
        assert 0.5 < (mean[test] - start[test]) / (real[test] - start[test]) < 0.65
    values = [row["cfp-ff"]["accuracy"] for row in bases]
    assert max(values) - min(values) == pytest.approx(0.01, abs=0.002)
    assert max(bases, key=lambda row: row["cfp-ff"]["accuracy"])["seed"] == 0
    changes = {name: row for name, row in first.items() if name not in ("base", "photographs")}
    assert (len(changes), sum(row["interval"][0] < 0 < row["interval"][1] for row in changes.values())) == (17, 11)
    assert sum(row["on"] == "cpu" for row in changes.values()) == 8
    cost, lfw = ({name: 100 * (mean[test] - row[test]["accuracy"]) for name, row in changes.items()} for test in tests)
    for name, points in {
        "a quarter of the people": 1.5,
        "a quarter of the pictures": 0,
        "ten thousand people": 3.3,
        "four times the steps": -1.7,
        "no light": 4.6,
        "no pose": 1,
        "blurred": 1.9,
    }.items():
        assert cost[name] == pytest.approx(points, abs=0.1), name
    assert lfw["four times the steps"] == pytest.approx(1, abs=0.1)
    assert all(lfw[name] == pytest.approx(6.5, abs=0.1) for name in ("no light", "no pose"))
    taken = [cost[name] for name in ("plain", "softmax", "one colouring", "no expression", "one background")]
    assert [round(end, 1) for end in (min(taken), max(taken))] == [0.3, 1.3]
    assert cost["grey"] < 0
    for name in ("four times the people", "twice the light", "twice the pose", "grain"):
        assert min(cost[name], lfw[name]) > 0, name
    looks = {people: 1972 * 256 / (people * 20) for people in (1010, 4040)}
    assert [round(times) for times in looks.values()] == [25, 6]
    for row in bases:
        worse = row["cfp-ff"]["accuracy"] - row["statistics"]["cfp-ff"]["accuracy"]
        assert 0.005 < worse < 0.025
    assert first["ten thousand people"]["steps"] * 256 / (10_572 * 46) == pytest.approx(1, abs=0.05)


def test_real_faces_show_nothing_for_the_margin_at_four_times_the_people() -> None:
    rows = record("gpu-faces")["results"]["rows"]
    judged = {
        loss: [row for row in rows if row["part"] == "table" and row["loss"] == loss] for loss in ("nsl", "cosface")
    }
    assert {row["loss"] for row in swept.judged(rows)} == {"softmax", "nsl", "cosface", "arcface"}
    for test in ("pairsDevTest", "cfp-ff"):
        leads = compared(swept.judged(rows), lambda row, test=test: row[test]["accuracy"])["cosface_minus"]
        assert all(lead["low"] < 0 < lead["high"] for lead in leads.values())
    lead = compared(swept.judged(rows), lambda row: row["pairsDevTest"]["tar_0.01"])["cosface_minus"]["nsl"]
    assert [round(100 * lead[key], 1) for key in ("mean", "low", "high")] == [4.1, -2.4, 10.5]
    hardly = {
        row["options"]["s"]
        for row in rows
        if row["part"] == "search" and row["options"].get("m") == 0.5 and row["cfp-ff"]["accuracy"] < 0.7
    }
    assert hardly == {16, 32, 64}
    for test in ("pairsDevTest", "cfp-ff"):
        nsl, cosface = (np.mean([run[test]["accuracy"] for run in runs]) for runs in judged.values())
        assert abs(cosface - nsl) < 0.005
    assert {run["seed"] for run in judged["cosface"]} == {0, 1, 2, 3, 4}
    ahead = {
        test: np.mean([c[test]["tar_0.01"] - n[test]["tar_0.01"] for n, c in zip(*judged.values(), strict=True)])
        for test in ("pairsDevTest", "cfp-ff")
    }
    assert [round(100 * value) for value in ahead.values()] == [4, 0]
    for s in (8, 16, 32):
        curve = [
            row["cfp-fp"]["tar_0.01"]
            for row in sorted(rows, key=lambda row: row["options"].get("m", 0))
            if row["part"] == "search" and row["loss"] in ("nsl", "cosface") and row["options"]["s"] == s
        ]
        assert len(curve) == 4
        assert curve != sorted(curve)
    assert all(0.6 < run["known"] < 0.8 for runs in judged.values() for run in runs)


def test_on_a_gpu_says_what_feeds_the_network() -> None:
    rows = {row["what"]: row for row in record("gpu-rates")["results"]["rows"]}
    feed, files, drawn = rows["feed"], rows["records"], rows["drawing"]
    assert 0.95 < feed["share, in its memory"] < 0.96
    assert 0.95 < feed["share, sent from the host's"] < 0.96
    assert files["per_s"] / feed["one batch over and over"] > 2
    assert files["share"] == pytest.approx(0.83, abs=0.005)
    note = record("gpu-rates")["note"]
    sent, before, again = (float(re.search(words, note)[1].replace(",", "")) for words in (
        r"([\d.]+) % of the loop", r"and ([\d,]+) pictures a second", r"decoded ([\d,]+) a second"))  # fmt: skip
    assert 1 - sent / 100 == pytest.approx(1 / 6, abs=0.01)
    assert before / files["per_s"] == pytest.approx(0.54, abs=0.01)
    assert again / files["decoder_per_s"] == pytest.approx(1.25, abs=0.02)
    assert drawn["per_s"] / drawn["before_per_s"] == pytest.approx(3, abs=0.2)
    fast = rows["drawing, compiled"]
    assert 26 < fast["per_s"] / drawn["before_per_s"] < 30
    assert 1e6 / fast["per_s"] == pytest.approx(7, abs=0.2)
    assert fast["first_seconds"] == pytest.approx(120, abs=10)
    assert max(drawn["largest_difference_in_bytes"], fast["largest_difference_in_bytes"]) == 1
    assert pytest.approx(16, abs=0.5) == 10_572 * 46 * 3 * 112 * 96 / 1e9


def test_performance_a_loss_takes_less_than_the_product_unless_it_has_more_to_do() -> None:
    bench = json.loads((ROOT / "benchmarks" / "results" / "losses.json").read_text())
    ratios = {row["loss"]: row["ratio"] for row in bench["time"]}
    assert {name for name, ratio in ratios.items() if ratio > 0.99} == {
        "circle", "curricularface", "softmax_contrastive", "sphereface2", "subcenter_arcface",
    }  # fmt: skip
    assert ratios["circle"] == pytest.approx(1, abs=0.01)
    assert 1 < ratios["curricularface"] < 1.1
    assert ratios["subcenter_arcface"] == pytest.approx(2.3, abs=0.06)
    assert losses.create("subcenter_arcface", in_features=2, num_classes=3).sub_centers == 3


@pytest.mark.parametrize(
    ("phi", "m2", "m3"), [(math.pi / 2, 0.3, 0.2), (1.0, 0.2, 0.1), (1.57, 0.0, 0.35), (1.57, 0.5, 0.0)]
)
def test_arcface_two_margins_add_up_in_closed_form(phi: float, m2: float, m3: float) -> None:
    gap = m2 + 2 * math.asin(m3 / (2 * math.sin((phi + m2) / 2)))
    assert geometry.gap_on_arc(Combined(1.0, m2, m3), phi) == pytest.approx(gap, abs=1e-6)


def test_beyond_adaface_pulls_poor_images_harder_up_to_90_degrees_and_asks_less_of_them_everywhere() -> None:
    degrees = np.array([45.0, 50.0, 62.0, 75.0, 89.0, 91.0, 105.0])
    angles = torch.linspace(0, math.pi, 2001, dtype=torch.float64)

    def pull(z: float) -> np.ndarray:
        theta = torch.tensor(np.radians(degrees), requires_grad=True)
        psi = AdaptiveMargin(0.4, z).target(theta.cos())
        loss = torch.log1p(10_574 * torch.exp(-64 * psi)).sum()  # the other centres at 90°
        (slope,) = torch.autograd.grad(loss, theta)
        return slope.numpy()

    assert (pull(-1.0) > pull(1.0)).tolist() == [False, False, True, True, True, False, False]
    poor, good = (AdaptiveMargin(0.4, z).target(angles.cos()) for z in (-1.0, 1.0))
    assert (poor > good).all()


def test_find_the_bug_straight_through_is_near_between_50_and_110_degrees() -> None:
    theta = np.radians(np.linspace(50, 110, 601))
    true = np.sin(theta + 0.5) / np.sin(theta)
    assert [round(true.max(), 2), round(true.min(), 2)] == [1.28, 0.70] == [round(true[0], 2), round(true[-1], 2)]
    assert [round(1 / true[end] - 1, 2) for end in (0, -1)] == [-0.22, 0.42]
