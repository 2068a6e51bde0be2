"""What the pages say of their own numbers, asked of the functions and records that the pages show."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from cosface_edu import evaluation, geometry, networks
from cosface_edu.experiments import groups, numerical
from cosface_edu.experiments.kept import SHORT
from cosface_edu.faces import FaceWorld
from cosface_edu.figures import comparison, paper
from cosface_edu.figures import rehearsal as draw
from cosface_edu.losses import CosFace
from cosface_edu.losses.margins import (
    AdditiveAngle,
    AdditiveCosine,
    Curricular,
    MultiplicativeAngle,
    NoMargin,
    PowerCosine,
)

BOOK = Path(__file__).resolve().parents[2] / "book"
CASIA = 10_575


def record(name: str) -> dict:
    return json.loads((BOOK / f"{name}.json").read_text())


def test_gradients_a_lead_of_022_is_certainty() -> None:
    """At s = 64 among 10,575 classes: 0.145 is an even bet, 0.22 a posterior of 0.99, 0.15 is neither."""

    def posterior(lead: float) -> float:
        return float(numerical.posterior(NoMargin(), 64.0, lead, 0.0, CASIA))

    assert posterior(0.145) == pytest.approx(0.5, abs=0.02)
    assert posterior(0.15) < 0.6
    assert posterior(0.22) > 0.99
    assert math.cos(math.radians(75)) == pytest.approx(0.26, abs=0.005)


def test_how_large_s_30_clears_the_paper_s_column_only() -> None:
    rows = [(C, P) for C in (8, 10_575, 90_000, 1_000_000) for P in (0.9, 0.99, 0.9999)]
    assert all(geometry.min_scale(C, P) < 30 for C, P in rows)
    assert sum(geometry.min_scale(C, P, 0.35) > 30 for C, P in rows) == 2


def test_a_softmax_falls_six_below_the_cosine() -> None:
    cos = torch.cos(torch.linspace(0, math.pi, 10_001, dtype=torch.float64))
    below = cos - MultiplicativeAngle(4).target(cos)
    assert below.max() == pytest.approx(6.0, abs=1e-6)
    assert below[5000] == pytest.approx(3.0, abs=1e-6)  # at 90°


def test_cosine_or_angle_gaps() -> None:
    arcface = np.degrees(geometry.gap_on_arc(AdditiveAngle(0.5), np.radians([30, 90])))
    assert arcface == pytest.approx([28.65, 28.65], abs=0.01)  # all but 1.35° of an arc of 30
    assert np.degrees(geometry.gap_on_arc(AdditiveCosine(0.35), np.radians(90))) == pytest.approx(arcface[1], abs=0.02)


def test_lmcl_how_close_two_may_be_on_their_centres_and_off_them() -> None:
    """LMCL from 49.5° on and from 20.2° on, ArcFace from 28.6°; SphereFace2's pair 45° apart reaches 0.563."""
    rule = AdditiveCosine(0.35)
    assert np.isnan(geometry.gap_on_arc(rule, np.radians([49.4, 49.5]))).tolist() == [True, False]
    assert np.isnan([geometry.accepted_arcs(rule, np.radians([0, d]))[0, 0] for d in (20.1, 20.2)]).tolist() == [
        True,
        False,
    ]
    assert np.isnan(geometry.gap_on_arc(AdditiveAngle(0.5), np.radians([28.6, 28.7]))).tolist() == [True, False]
    own, rival = PowerCosine(0.0, 3.0).others(torch.cos(torch.deg2rad(torch.tensor([30.0, 75.0]))))
    assert (own - rival).item() / 2 == pytest.approx(0.563, abs=5e-4)


def test_lmcl_samples_lean_away_from_a_look_alike() -> None:
    """Two centres 30° apart among a hundred: on them 0.134 is the largest m, and descent on the loss meets 0.35."""
    torch.manual_seed(0)
    head = CosFace(64, 100, s=64.0, m=0.35).requires_grad_(False)
    first, second, *_ = rows = torch.nn.functional.normalize(head.weight)
    across = torch.nn.functional.normalize(second - (second @ first) * first, dim=0)
    rows[1] = math.cos(math.pi / 6) * first + math.sin(math.pi / 6) * across
    head.weight.copy_(rows)
    x, labels = rows[:2].clone().requires_grad_(), torch.arange(2)
    step = torch.optim.SGD([x], lr=0.1)
    for _ in range(200):
        step.zero_grad()
        head(x, labels).backward()
        step.step()
    cos = torch.nn.functional.normalize(x.detach()) @ rows.T
    own, others = cos.diagonal(), cos.clone().fill_diagonal_(-1).amax(1)
    assert (own - others).min() > 0.4
    assert torch.rad2deg(own.acos()).min() > 40


def test_how_large_m_random_centres_leave_room() -> None:
    torch.manual_seed(0)
    assert 1 - numerical.largest_cosines(torch.randn(CASIA, 512)).max() > 0.7


def test_how_large_m_even_spacing_is_left_and_places_are_shared_where_it_says() -> None:
    starts = {
        m: geometry.places_from_random_starts(AdditiveCosine(m), 30.0, 8, starts=50) for m in (0.2, 0.35, 0.45, 0.6)
    }
    assert [int((places < 8).sum()) for places in starts.values()] == [0, 0, 0, 50]
    assert (
        geometry.even_curvature(AdditiveCosine(0.375), 30.0, 8)
        > 0
        > geometry.even_curvature(AdditiveCosine(0.38), 30.0, 8)
    )
    assert (
        geometry.even_curvature(AdditiveCosine(0.43), 10.0, 8)
        > 0
        > geometry.even_curvature(AdditiveCosine(0.435), 10.0, 8)
    )
    even = 2 * math.pi * torch.arange(8, dtype=torch.float64) / 8
    more = {
        (m, k): geometry.settle(AdditiveCosine(m), 30.0, (k, *(1,) * (8 - k))).loss
        - geometry.circle_loss(AdditiveCosine(m), 30.0, even).item()
        for m, k in ((0.41, 2), (0.42, 2), (0.46, 3), (0.47, 3))
    }
    assert more[0.41, 2] > 0 > more[0.42, 2]
    assert more[0.46, 3] > 0 > more[0.47, 3]


def test_how_large_m_samples_held_on_their_centres_made_another_story() -> None:
    """As the page says of its earlier version: half of the random starts share a place."""
    rule = AdditiveCosine(0.35)
    angles = 2 * math.pi * torch.rand(50, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    angles.requires_grad_()
    optimiser = torch.optim.Adam([angles], lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 800)
    for _ in range(800):
        (angles.grad,) = torch.autograd.grad(geometry.circle_loss(rule, 30.0, angles).sum(), angles)
        optimiser.step()
        schedule.step()
    cos = torch.cos(angles[:, :, None] - angles[:, None, :]) - 2 * torch.eye(8)
    assert 20 <= int((cos.amax(dim=(1, 2)) > math.cos(math.radians(2))).sum()) <= 30


def test_how_large_m_neither_centres_nor_samples_alone_leave_even_spacing() -> None:
    even = 2 * math.pi * torch.arange(8, dtype=torch.float64) / 8
    both = torch.cat([even, even])
    for rule, s in ((AdditiveCosine(0.45), 30.0), (AdditiveCosine(0.5), 10.0)):
        bend = torch.autograd.functional.hessian(
            lambda both, rule=rule, s=s: geometry.circle_loss(rule, s, both[:8], both[8:]), both
        )
        centres, samples = bend[:8, :8], bend[8:, 8:]
        glued = centres + samples + bend[:8, 8:] + bend[8:, :8] + torch.ones(8, 8)  # the turn of all costs nothing
        assert all(torch.linalg.eigvalsh(part).min() > 0 for part in (centres, samples, glued))
        assert torch.linalg.eigvalsh(bend).min() < -0.05


def test_rehearsal_the_grid_bears_out_its_sentences() -> None:
    """A margin is worth most at the large scales; with each loss at its best, less than two seeds differ by."""
    points = draw.by_point(record("results/faceworld-grid")["runs"])
    mean = {point: np.mean(values) for point, values in points.items() if point[0]}
    worth = {s: max(v for (at, m), v in mean.items() if at == s and m) - mean[s, 0.0] for s, _ in mean}
    assert list(worth) == sorted(worth) == sorted(worth, key=worth.__getitem__)
    taken = {s: max(v for (_, m), v in mean.items() if not m) - mean[s, 0.0] for s in worth}
    assert all(taken[s] / 2 < worth[s] < taken[s] for s in (16, 30))
    nsl, lmcl = (max((p for p in mean if bool(p[1]) is margin), key=mean.__getitem__) for margin in (False, True))
    assert 0 < mean[lmcl] - mean[nsl] < np.ptp(points[lmcl])


def _hard(run: dict) -> float:
    return run["tar"]["0.0001"]


def test_rehearsal_made_again_came_out_higher_for_all_losses_by_about_as_much() -> None:
    again = [run for run in record("results/spot-checks")["runs"] if run["record"] == "rehearsal"]
    higher = [run["again"] - run["recorded"] for run in again]
    assert len(higher) == 3
    assert min(higher) > max(higher) - min(higher) > 0


def test_rehearsal_the_search_finds_both_losses_level_at_their_best() -> None:
    """Less than a point apart by either measure; a margin at s = 16 is worth ten points and seven."""
    found = record("results/faceworld-search")["runs"]
    old = {(row["loss"], row["s"]): row for row in record("by-hand/faceworld-tries")["rows"] if row["epochs"] == 14}
    for pictures in (6, 10):
        runs = [run for run in found if run["pictures"] == pictures]
        for value in (lambda run: run["accuracy"], lambda run: run["tar"]["0.0001"]):
            nsl, cosface = (max(value(run) for run in runs if run["loss"] == loss) for loss in ("nsl", "cosface"))
            assert abs(cosface - nsl) < 0.01
        tar = {(run["loss"], run["s"], run.get("m")): run["tar"]["0.0001"] for run in runs}
        worth = {6: 0.10, 10: 0.07}[pictures]
        assert tar["cosface", 16, 0.35] - tar["nsl", 16, None] == pytest.approx(worth, abs=0.006)
        assert tar["cosface", 16, 0.35] - tar["nsl", 16, None] > (tar["nsl", 8, None] - tar["nsl", 16, None]) / 2
    many = [run for run in found if run["pictures"] == 200]
    best = {loss: max((r for r in many if r["loss"] == loss), key=_hard) for loss in ("nsl", "cosface")}
    assert {run["s"] for run in best.values()} == {12}
    assert _hard(best["cosface"]) - _hard(best["nsl"]) == pytest.approx(0.033, abs=0.0005)
    taken = next(run for run in many if (run["loss"], run["s"]) == ("cosface", 16))
    assert _hard(best["cosface"]) - _hard(taken) == pytest.approx(0.01, abs=0.003)
    again = [run for run in found if run["pictures"] == 6 and run["loss"] == "nsl" and run["s"] in (4, 8)]
    apart = [abs(run["tar"][far] - old["nsl", run["s"]]["tar"][far]) for run in again for far in run["tar"]]
    assert len(again) == 2
    assert max(apart) == pytest.approx(0.03, abs=0.005)


def test_paper_tables_say_where_cosface_is_not_first() -> None:
    for table, column, row, rivals in (
        ("table4_large", "rank 1", "CosFace, 3 patches", 1),
        ("table4_small", "rank 1", "CosFace, single patch", 2),
        ("table4_small", "verification", "CosFace, single patch", 1),
    ):
        found = paper.column(table, column)
        assert sum(v > found[row] for name, v in found.items() if "CosFace" not in name) == rivals
    lfw = paper.column("table3", "LFW")
    assert {name for name, v in lfw.items() if v > paper.column("table2", "LFW")["LMCL"]} == {
        "CosFace",
        "DeepID2+",
        "FaceNet",
        "SphereFace",
    }


def test_paper_tables_what_the_cautious_test_tells_apart() -> None:
    """Of seven comparisons with A-Softmax on LFW two are not told apart and two barely are."""
    lfw = paper.column("table2", "LFW")
    p = {name: paper.difference(lfw["A-Softmax"], value, 6000)[1] for name, value in lfw.items() if name != "A-Softmax"}
    assert len(p) == 7
    assert {name for name, value in p.items() if value > 0.05} == {"A-Softmax-NormFea", "LMCL"}
    assert {name for name, value in p.items() if 0.01 < value < 0.05} == {"L-Softmax", "Softmax + Center"}


def test_paper_map_names_the_paper_s_sections() -> None:
    """Where things stand in the paper: Sec. 3.3 features and s, 3.4 theory, 4.2 m and Table 1, 4.3 losses."""
    rows = [line for line in (BOOK / "paper-map.md").read_text().splitlines() if line.startswith("| ")]
    where = {
        "what normalising features does": "Sec. 3.3",
        "lower bound on $s$": "Sec. 3.3, Eq. 6",
        "upper bound on $m$": "Sec. 3.4, Eq. 7",
        "accuracy against $m$": "Sec. 4.2, Fig. 5",
        "with and without feature normalisation": "Sec. 4.2, Table 1",
        "eight losses on the same data and network": "Sec. 4.3, Table 2",
        "LFW and YTF in ten folds": "Sec. 4.4.1",
        "MegaFace: rank 1 among distractors": "Sec. 4.4.2",
    }
    for what, section in where.items():
        (row,) = [row for row in rows if f"| {what} |" in row]
        assert row.startswith(f"| {section} |"), row


def test_on_a_gpu_counts_its_commands() -> None:
    text = (BOOK / "on-a-gpu.md").read_text()
    block = re.search(r"## The commands\n\n```bash\n(.*?)```", text, re.DOTALL)
    assert block
    commands = [line for line in block[1].splitlines() if line.startswith("cosface-edu ")]
    words = {6: "six", 7: "seven", 8: "eight", 9: "nine"}
    assert f"{words[len(commands)]} commands" in text.lower()


def by_setting(runs: list[dict], value: Callable[[dict], float]) -> dict[tuple, float]:
    """Mean over seeds by (loss, m, s) of the runs with two features."""
    found: dict[tuple, list[float]] = {}
    for run in runs:
        if run["D"] == 2:
            found.setdefault((run["loss"], run["m"], run["s"]), []).append(value(run))
    return {key: float(np.mean(values)) for key, values in found.items()}


def test_eight_identities_a_margin_gives_back_what_a_large_scale_takes_away() -> None:
    runs = record("results/strangers")["runs"]
    gap, test = (by_setting(runs, lambda run, k=k: run[k]) for k in ("cloud_gap", "test"))
    assert min(gap, key=gap.get) == min(test, key=test.get) == ("cosface", 0.0, 64.0)
    for m in (0.1, 0.2, 0.35):
        assert gap["cosface", m, 64.0] > gap["cosface", 0.0, 64.0] + 5
        assert test["cosface", m, 64.0] > test["cosface", 0.0, 64.0] + 0.05
    assert 0 < gap["cosface", 0.2, 10.0] - gap["cosface", 0.0, 10.0] < 12


def test_eight_identities_strangers_gain_nothing_more_in_two_dimensions() -> None:
    eer = by_setting(record("results/strangers")["runs"], lambda run: 100 * run["strangers"]["eer"])
    assert eer["cosface", 0.0, 64.0] == max(eer.values())
    others = [rate for key, rate in eer.items() if key != ("cosface", 0.0, 64.0)]
    assert max(others) - min(others) < 3


@pytest.mark.parametrize(("D", "seeds"), [(4, 3), (16, 4)])
def test_eight_identities_strangers_gain_with_more_features(D: int, seeds: int) -> None:
    """At s = 64, with that many of the four seeds, in both rates."""
    runs = [run for run in record("results/strangers")["runs"] if run["D"] == D]
    by_seed = {(run["m"], run["seed"]): run["strangers"] for run in runs}
    better = [
        by_seed[0.2, seed]["tar"] > by_seed[0.0, seed]["tar"] and by_seed[0.2, seed]["eer"] < by_seed[0.0, seed]["eer"]
        for seed in range(4)
    ]
    assert len(runs) == 8
    assert sum(better) == seeds


def test_eight_identities_two_seeds_put_two_people_in_one_place() -> None:
    runs = [run for run in record("results/strangers")["runs"] if (run["m"], run["s"], run["D"]) == (0.0, 64.0, 2)]
    assert sum(run["known"]["between"] < 8 for run in runs) == 2
    assert np.mean([run["known"]["between"] for run in runs]) < 25


def test_beyond_sphereface2_has_a_bound() -> None:
    """2m ≤ g(1) - g(cos φ): 0.378 for eight people on a circle, 0.875 at 90°."""

    def bound(cos: float) -> float:
        high, low = PowerCosine(0.0, 3.0).others(torch.tensor([1.0, cos], dtype=torch.float64))
        return float(high - low) / 2

    assert bound(math.cos(math.pi / 4)) == pytest.approx(0.378, abs=5e-4)
    assert bound(0.0) == pytest.approx(0.875)


def test_consent_what_the_crowd_changes_for_each_group() -> None:
    """Skewed over balanced: A hardly accepted any more, B and C less often, E and F more often; rejects up for all."""
    runs = record("results/groups")["runs"]
    accepts = groups.relative(runs, "false_accepts")
    assert accepts["A"].max() < 0.2
    assert np.exp(np.log(accepts["A"]).mean()) < 0.11
    assert all(accepts[g].max() < 1 for g in "BC")
    assert accepts["D"].min() < 1 < accepts["D"].max()
    assert all(accepts[g].min() > 1 for g in "EF")
    rejects = np.array(list(groups.relative(runs, "false_rejects").values()))  # (groups, seeds)
    assert rejects.min() > 1.1
    assert rejects.max() < 2.1
    skewed, balanced = (
        [run["groups"] for run in runs if run["crowd"] == crowd] for crowd in ("skewed crowd", "balanced crowd")
    )
    passed = {g: np.mean([found[g]["false_accepts"] for found in skewed]) for g in "ABCDEF"}
    assert sorted(passed, key=passed.get)[-2:] == ["E", "F"]
    for crowd, share in ((balanced, 0.35), (skewed, 0.52)):
        of_all = [found[g]["false_rejects"] for found in crowd for g in found]
        assert np.mean(of_all) == pytest.approx(share, abs=0.04)


def test_which_s_and_m_few_pictures() -> None:
    """Softmax and the two advised settings overlap; larger settings end lower with each seed, ArcFace far below."""
    runs = record("results/few-pictures")["runs"]
    rates: dict[tuple, list[float]] = {}
    for run in runs:
        rates.setdefault((run["loss"], run.get("s")), []).append(run["tar"])
    close = [rates["softmax", None], rates["nsl", 11], rates["cosface", 14]]
    assert max(map(min, close)) < min(map(max, close))
    for seed in range(2):
        assert rates["arcface", 64][seed] < rates["cosface", 30][seed] < min(some[seed] for some in close)
    assert all(run["known"] < 0.5 for run in runs if run["loss"] == "arcface")


def test_which_s_and_m_the_first_loss_is_foretold() -> None:
    """Of the untrained networks of a record, to within a few per cent."""
    for run in record("results/few-pictures")["runs"]:
        if run["loss"] in ("nsl", "cosface"):
            foretold = geometry.random_start_loss(400, run["s"], run.get("m", 0.0), 128)
            assert foretold == pytest.approx(run["first_loss"], rel=0.06)


def test_which_s_and_m_17_with_a_margin_7_without() -> None:
    assert geometry.random_start_loss(500, 30, 0.35, 512) == pytest.approx(17.5, abs=0.1)
    assert geometry.random_start_loss(500, 30, 0.0, 512) == pytest.approx(7, abs=0.1)
    assert math.log(500) == pytest.approx(6.2, abs=0.05)
    assert pytest.approx(0.9, abs=0.05) == 30**2 / (2 * 512)


def test_eight_identities_compact_within_and_far_between() -> None:
    """In two dimensions a margin does both; with sixteen features people move apart, and each person spreads."""
    runs = record("results/strangers")["runs"]
    within, between = (by_setting(runs, lambda run, k=k: run["known"][k]) for k in ("within", "between"))
    for s in (10.0, 64.0):
        rising = [("cosface", m, s) for m in (0.0, 0.1, 0.2, 0.35)]
        assert sorted(rising, key=within.get, reverse=True) == rising
        assert between["cosface", 0.0, s] == min(between[key] for key in rising)
    assert between["softmax", None, 10.0] < between["cosface", 0.0, 10.0] - 5
    many = {m: [run["known"] for run in runs if run["D"] == 16 and run["m"] == m] for m in (0.0, 0.2)}
    angle = {(m, k): np.mean([run[k] for run in many[m]]) for m in many for k in ("within", "between")}
    assert angle[0.2, "within"] > angle[0.0, "within"] + 5
    assert angle[0.2, "between"] / angle[0.2, "within"] > 1.3 * angle[0.0, "between"] / angle[0.0, "within"]


def test_feature_norm_the_rate_changes_the_order_and_the_paper_s_does_not_come_out() -> None:
    table = record("results/loss-table")
    fast, slow = (
        {row: values.mean() for row, values in comparison.by_row(table, "accuracy", lr).items()} for lr in (0.1, 0.02)
    )
    normalised = ("A-Softmax-NormFea", "LMCL", "NSL")
    assert max(fast[row] for row in normalised) < fast["Softmax"] - 3
    assert max(fast["NSL, s = 64"], fast["LMCL, s = 64"], slow["NSL, s = 64"], slow["LMCL, s = 64"]) < 70
    assert all(abs(slow[row] - slow["Softmax"]) < 1.5 for row in normalised)
    assert slow["Softmax"] < fast["Softmax"]
    gains = {line.split(" | ")[0].removeprefix("| "): line for line in comparison.differences(table).splitlines()[2:]}
    verdicts = [line for line in comparison.differences(table).splitlines() if "normalis" in line.split(" | ")[0]]
    assert all(float(line.split(" | ")[3].replace("−", "-")) < 0 for line in verdicts)
    assert ["beyond it" in line for line in verdicts] == [True, True, False]
    assert "within the noise" in gains["margin, at equal s = 16"]
    assert "beyond it" in gains["margin, at equal s = 64"]


def test_consent_accepts_from_the_threshold_on_as_the_notation_page_says() -> None:
    notation, page = ((BOOK / f"{name}.md").read_text() for name in ("notation", "consent-and-bias"))
    assert "a score of at least $\\tau$ is accepted" in notation
    assert r"\cos\theta \ge \tau\}" in page
    assert r"\cos\theta < \tau\}" in page
    assert r"\cos\theta > \tau" not in page


def test_nsl_on_the_line_between_two_the_loss_is_log_2_or_more() -> None:
    """Midway between two of 10,575 centres that all stand at 90°."""
    cos = torch.zeros(1, CASIA, dtype=torch.double)
    cos[0, :2] = math.cos(math.pi / 4)
    loss = {s: torch.nn.functional.cross_entropy(s * cos, torch.tensor([0])).item() for s in (8, 16, 64)}
    assert [round(loss[s], 2) for s in (8, 16)] == [3.66, 0.76]
    assert loss[64] == pytest.approx(math.log(2), abs=1e-6)


def test_nsl_at_s_1_the_slope_is_the_same_and_the_force_on_the_direction_is_not() -> None:
    degrees = [0.01, 20, 80]
    pull = numerical.pull(NoMargin(), 1.0, [math.radians(d) for d in degrees], CASIA)
    assert np.round(pull, 2).tolist() == [0.0, 0.34, 0.98]


@pytest.mark.parametrize("m", [1.35, 1.5, 2.5, 3.3, 4])
def test_a_softmax_continues_downwards_for_any_m(m: float) -> None:
    psi = MultiplicativeAngle(m).target(torch.cos(torch.linspace(0, math.pi, 10_001, dtype=torch.float64)))
    assert (psi.diff() < 0).all()
    assert psi.diff().abs().max() < 2e-3  # no jump
    assert psi[0] == 1


@pytest.mark.parametrize("seed", range(3))
def test_verification_an_untrained_network_gives_impostors_high_cosines(seed: int) -> None:
    torch.manual_seed(seed)
    network = networks.create(SHORT.network, size=SHORT.size)
    faces, _ = FaceWorld(seed=0).sample_many(range(50_000, 50_030), n=1, size=SHORT.size)
    unit = torch.nn.functional.normalize(evaluation.embed(network, faces, precision="float32"))
    impostors = (unit @ unit.T)[tuple(torch.triu_indices(30, 30, 1))]
    assert impostors.mean() == pytest.approx(0.65, abs=0.1)


def test_beyond_curricular_raises_the_negatives_below_zero_at_the_start() -> None:
    rule, target = Curricular(0.5, t=0.0), torch.zeros(1, 1, dtype=torch.double)  # at 90°
    assert rule.target(target).item() == pytest.approx(-0.48, abs=0.005)
    cos = torch.tensor([[-0.3, -0.05, 0.05, 0.3]], dtype=torch.double, requires_grad=True)
    scores = rule.others(cos, target)
    assert scores[0, 1].item() == pytest.approx(0.0025)
    assert (scores > cos).tolist() == [[True, True, False, False]]
    (slope,) = torch.autograd.grad(scores.sum(), cos)
    assert (slope < 0).tolist() == [[True, True, False, False]]
