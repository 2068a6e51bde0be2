"""Boundaries and arcs found from the rules, against closed forms and against the heads' own scores."""

import numpy as np
import pytest
import torch

from cosface_edu.geometry import accepted_arcs, boundary, edge_on_arc, gap_on_arc
from cosface_edu.losses import ArcFace, ASoftmax, CombinedMargin, CosFace, LSoftmax, Softmax, SphereFaceR
from cosface_edu.losses.margins import (
    AdaptiveMargin,
    AdditiveAngle,
    AdditiveCosine,
    Combined,
    Curricular,
    DividedAngle,
    MultiplicativeAngle,
    NoMargin,
    TruncatedAngle,
)

PHI = np.array([0.7, 1.0, 1.6, 2.5, 3.1])


@pytest.mark.parametrize(
    ("rule", "edge"),
    [
        (NoMargin(), PHI / 2),
        (AdditiveCosine(0.2), PHI / 2 - np.arcsin(0.2 / (2 * np.sin(PHI / 2)))),
        (AdditiveAngle(0.5), (PHI - 0.5) / 2),
        (Curricular(0.5, t=0.3), (PHI - 0.5) / 2),
        (Combined(1, 0.5, 0), (PHI - 0.5) / 2),
        (Combined(1.2, 0.3, 0), (PHI - 0.3) / 2.2),
        (MultiplicativeAngle(2), PHI / 3),
        (MultiplicativeAngle(4), PHI / 5),
        (TruncatedAngle(1.4), PHI / 2.4),
        (DividedAngle(1.4), PHI / 2.4),
        (AdaptiveMargin(0.2, z=-1.0), (PHI - 0.2) / 2),
        (AdaptiveMargin(0.2, z=0.0), PHI / 2 - np.arcsin(0.2 / (2 * np.sin(PHI / 2)))),
    ],
    ids=repr,
)
def test_edge_and_gap_match_closed_forms(rule, edge):
    np.testing.assert_allclose(edge_on_arc(rule, PHI), edge, atol=1e-12)
    np.testing.assert_allclose(gap_on_arc(rule, PHI), PHI - 2 * edge, atol=1e-12)


@pytest.mark.parametrize(
    ("head", "ratio"),
    [
        (Softmax(2, 2), 0.7),
        (LSoftmax(2, 2, m=3), 1.3),
        (ASoftmax(2, 2, m=3), 1.0),
        (CosFace(2, 2, m=0.25), 1.0),
        (ArcFace(2, 2, m=0.4), 1.0),
        (CombinedMargin(2, 2, m1=0.9, m2=0.4, m3=0.15), 1.0),
        (SphereFaceR(2, 2, m=1.3), 1.0),
        (SphereFaceR(2, 2, m=1.3, version=2), 1.0),
    ],
    ids=lambda v: type(v).__name__ if isinstance(v, torch.nn.Module) else str(v),
)
def test_edge_against_the_heads_scores(head, ratio):
    """Walk along the arc and see where a sample labelled 1 stops beating class 2 by the head's own logits."""
    phi = 1.3
    head = head.double()
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0.0], [ratio * np.cos(phi), ratio * np.sin(phi)]]))
    theta = torch.linspace(0, phi, 200_001, dtype=torch.float64)
    samples = torch.stack([theta.cos(), theta.sin()], 1)
    scores = head.logits(samples, torch.zeros(len(theta), dtype=torch.int64))
    last = theta[scores[:, 0] >= scores[:, 1]].max().item()
    assert edge_on_arc(head.rule, phi, ratio) == pytest.approx(last, abs=1e-5)
    other = head.logits(samples, torch.ones(len(theta), dtype=torch.int64))
    first = theta[other[:, 1] >= other[:, 0]].min().item()
    assert gap_on_arc(head.rule, phi, ratio) == pytest.approx(first - last, abs=2e-5)


def test_edge_is_nan_where_nothing_on_the_arc_meets_the_margin():
    m = 0.35
    limit = np.arccos(1 - m)
    assert np.isnan(edge_on_arc(AdditiveCosine(m), limit - 1e-6))
    assert edge_on_arc(AdditiveCosine(m), limit + 1e-6) == pytest.approx(0, abs=1e-2)


def lead_around(circle: np.ndarray, others: list[float]) -> float:
    """Largest lead, in cosine, of a class at 0 over others (degrees) that a sample anywhere on the circle has."""
    rivals = np.cos(circle[:, None] - np.radians(others)).max(1)
    return float((np.cos(circle) - rivals).max())


@pytest.mark.parametrize(
    ("others", "bound"),
    [
        ([20], 2 * np.sin(np.radians(10))),
        ([60], 2 * np.sin(np.radians(30))),
        ([150], 2 * np.sin(np.radians(75))),
        ([20, -95], 2 * np.sin(np.radians(10)) * np.sin(np.radians(47.5))),
        ([45, -45], 1 - np.cos(np.radians(45))),
        ([30, 100, -120, -170], 2 * np.sin(np.radians(15)) * np.sin(np.radians(60))),
    ],
)
def test_cosface_can_be_met_off_the_centre(others, bound):
    """2 sin(φ/2) against one rival, 2 sin(α/2) sin(β/2) between two neighbours; on the centre it is 1 - cosφ."""
    assert lead_around(np.linspace(-np.pi, np.pi, 360_001), others) == pytest.approx(bound, abs=1e-8)
    angles = np.radians([0, *others])
    start, end = accepted_arcs(AdditiveCosine(bound - 1e-6), angles)[0]
    assert 0 < end - start < 0.01
    assert np.isnan(accepted_arcs(AdditiveCosine(bound + 1e-6), angles)[0]).all()


def test_the_order_of_cosine_and_angle_turns_round_off_the_arc():
    """The chapter's pair: between 20.2° and 28.6° CosFace has a place off the centre, ArcFace none anywhere."""
    for degrees, cosface, arcface in (
        (20.1, False, False),
        (20.3, True, False),
        (28.5, True, False),
        (28.8, True, True),
    ):
        for rule, met in (
            (AdditiveCosine(0.35), cosface),
            (AdditiveAngle(0.5), arcface),
            (MultiplicativeAngle(2), True),
        ):
            assert np.isfinite(accepted_arcs(rule, np.radians([0, degrees]))).all() == met


@pytest.mark.parametrize(
    "rule",
    [
        NoMargin(),
        AdditiveCosine(0.2),
        AdditiveAngle(0.4),
        MultiplicativeAngle(2),
        DividedAngle(1.4),
        Combined(0.9, 0.3, 0.1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("lengths", [None, [1.0, 1.3, 0.9, 1.1]])
def test_accepted_arcs_are_all_that_a_rule_accepts(rule, lengths):
    angles, long = np.radians([0, 25, 130, 200]), np.array(lengths or np.ones(4))
    arcs = accepted_arcs(rule, angles, lengths)
    turn = torch.linspace(-np.pi, np.pi, 3602, dtype=torch.float64)
    cos = torch.cos(turn[:, None] - torch.tensor(angles))  # (n, C)
    others, target = (part(cos).numpy() * long for part in (rule.others, rule.target))
    for i, (start, end) in enumerate(arcs):
        held = target[:, i] >= np.delete(others, i, 1).max(1)
        inside = (turn.numpy() - start) % (2 * np.pi) <= end - start  # NaN: never
        np.testing.assert_array_equal(inside, held)


def test_cosface_gap_grows_as_centres_come_closer_and_asoftmax_gap_vanishes():
    assert np.all(np.diff(gap_on_arc(AdditiveCosine(0.1), PHI)) < 0)
    assert np.all(np.diff(gap_on_arc(MultiplicativeAngle(4), PHI)) > 0)
    np.testing.assert_allclose(gap_on_arc(AdditiveAngle(0.5), PHI), 0.5, atol=1e-12)
    np.testing.assert_allclose(gap_on_arc(NoMargin(), PHI), 0, atol=1e-12)
    np.testing.assert_allclose(gap_on_arc(NoMargin(), PHI[1:], ratio=0.6), 0, atol=1e-12)  # softmax: no margin either


def test_boundary_on_the_cosine_plane():
    cos2 = np.linspace(-1, 1, 9)
    expected = np.where(cos2 + 0.35 <= 1, cos2 + 0.35, np.nan)
    np.testing.assert_allclose(boundary(AdditiveCosine(0.35), cos2), expected, atol=1e-12)
    np.testing.assert_allclose(boundary(NoMargin(), cos2, ratio=0.5), cos2 / 2, atol=1e-12)
    theta2 = np.array([0.5, 1.2, 2.0])
    np.testing.assert_allclose(boundary(MultiplicativeAngle(4), np.cos(theta2)), np.cos(theta2 / 4), atol=1e-12)
    np.testing.assert_allclose(boundary(AdditiveAngle(0.5), np.cos(theta2)), np.cos(theta2 - 0.5), atol=1e-12)


def test_margin_on_the_cosine_axes():
    """CosFace: the lines cosθ1 - cosθ2 = ±m are √2·m apart, 2m along an axis (paper, Fig. 2)."""
    m = 0.35
    cos2 = np.array([0.0, 0.3])
    first = np.stack([boundary(AdditiveCosine(m), cos2), cos2], 1)  # class 1
    second = first[:, ::-1]  # class 2, by symmetry
    along = (first[1] - first[0]) / np.linalg.norm(first[1] - first[0])
    apart = second[0] - first[0]
    assert np.linalg.norm(apart - (apart @ along) * along) == pytest.approx(np.sqrt(2) * m)
