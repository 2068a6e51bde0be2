"""The plain formulas that answers are compared with are the package's own."""

import cmath
import math
import warnings

import numpy as np
import pytest
import torch

from cosface_edu import geometry
from cosface_edu.align import estimate_similarity
from cosface_edu.evaluation import megaface, verify
from cosface_edu.exercises import truth
from cosface_edu.experiments import numerical
from cosface_edu.losses import CosFace, margins
from cosface_edu.losses.margins import AdditiveAngle, AdditiveCosine, Combined, MultiplicativeAngle, NoMargin
from cosface_edu.networks.sphereface import BLOCKS, RELEASED_64, SphereFace
from cosface_edu.training.config import preset

ARCS = [math.radians(degrees) for degrees in (15, 30, 45, 60, 90, 120, 150, 179)]


def close(given: float, right: float, tolerance: float = 1e-6) -> None:
    assert given == pytest.approx(float(right), abs=tolerance, nan_ok=True)


@pytest.mark.parametrize("phi", ARCS)
@pytest.mark.parametrize("m", [0.05, 0.2, 0.35, 0.7])
def test_edges_and_gaps_on_an_arc(phi: float, m: float) -> None:
    close(truth.lmcl_edge(phi, m), geometry.edge_on_arc(AdditiveCosine(m), phi))
    close(truth.lmcl_gap(phi, m), geometry.gap_on_arc(AdditiveCosine(m), phi))
    close(truth.arcface_gap(phi, m), geometry.gap_on_arc(AdditiveAngle(m), phi))
    if m < 1 - math.cos(phi):
        close(truth.lmcl_margin(phi, truth.lmcl_gap(phi, m)), m)
    close(truth.combined_gap(phi, m, 0.2), geometry.gap_on_arc(Combined(1, m, 0.2), phi), 1e-5)
    close(truth.softmax_edge(phi, 1 + m / 40), geometry.edge_on_arc(NoMargin(), phi, ratio=1 + m / 40))


@pytest.mark.parametrize("m", [0.05, 0.2, 0.35, 0.7])
def test_how_close_two_may_be_off_their_centres(m: float) -> None:
    closest, rule = truth.lmcl_closest(m), AdditiveCosine(m)
    assert np.isnan(geometry.accepted_arcs(rule, [0, closest - 1e-5])).all()
    assert np.isfinite(geometry.accepted_arcs(rule, [0, closest + 1e-5])).all()


@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_a_softmax(m: int) -> None:
    close(truth.a_softmax_edge(1.0, m), geometry.edge_on_arc(MultiplicativeAngle(m), 1.0))
    for theta in np.linspace(0, math.pi, 101):
        right = margins.MultiplicativeAngle(m).target(torch.tensor(math.cos(theta), dtype=torch.float64))
        close(truth.a_softmax_psi(float(theta), m), right)


def test_the_band_on_the_plane_of_cosines() -> None:
    for m in (0.1, 0.35):
        first, second = ((float(geometry.boundary(AdditiveCosine(m), c)), c) for c in (0.0, 0.3))
        # class 2's boundary is the mirror image in the diagonal; both rise at 45°
        assert second[0] - first[0] == pytest.approx(0.3)
        assert truth.band_width(m) == pytest.approx(abs(first[0] - first[1]) * math.sqrt(2))


def test_bounds_on_m_and_s() -> None:
    for C in (2, 3, 7, 8, 50):
        close(truth.circle_margin(C), geometry.max_margin(C, 2), 1e-9)
        for P, m in ((0.9, 0.0), (0.99, 0.4)):
            close(truth.simplex_scale(C, P, m), geometry.min_scale(C, P, m))


@pytest.mark.parametrize("m", [0.0, 0.1, 0.25, 0.35])
def test_whom_the_margin_satisfies(m: float) -> None:
    """Those for whom the package's own scores, margin taken off, put the true class first."""
    rng = np.random.default_rng(0)
    centres, classes = rng.uniform(0, 360, 5), rng.integers(0, 5, 200)
    pictures = centres[classes] + rng.normal(0, 15, 200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # such centres leave no room for the larger margins
        head = CosFace(in_features=2, num_classes=5, m=m).double()
    at, towards = (torch.from_numpy(np.radians(angles)) for angles in (pictures, centres))
    with torch.no_grad():
        head.weight.copy_(torch.stack([towards.cos(), towards.sin()], dim=1))
        labels = torch.from_numpy(classes)
        scores = head.logits(torch.stack([at.cos(), at.sin()], dim=1), labels)
    share = float((scores.argmax(dim=1) == labels).double().mean())
    assert 0 < share < 1
    close(truth.margin_met(pictures.tolist(), classes.tolist(), centres.tolist(), m), share)


def test_loss_and_gradients_are_cosface_s() -> None:
    head = CosFace(16, 10, s=8.0, m=0.35).double()
    x, y = torch.randn(1, 16, dtype=torch.float64), 3
    cos = (head.logits(x).detach() / 8.0).requires_grad_()
    row = cos[0].tolist()
    assert truth.lmcl_scores(row, y, 8.0, 0.35) == pytest.approx(head.logits(x, torch.tensor([y]))[0].tolist())
    close(-math.log(truth.softmax(truth.lmcl_scores(row, y, 8.0, 0.35))[y]), head(x, torch.tensor([y])))
    target = AdditiveCosine(0.35).target(cos[0, y])
    scores = 8.0 * torch.cat([cos[0, :y], target[None], cos[0, y + 1 :]])
    torch.nn.functional.cross_entropy(scores[None], torch.tensor([y])).backward()
    assert truth.cosine_gradient(row, y, 8.0, 0.35) == pytest.approx(cos.grad[0].tolist())
    length = torch.tensor(5.0, dtype=torch.float64, requires_grad=True)
    torch.nn.functional.cross_entropy(length * cos.detach(), torch.tensor([y])).backward()
    close(truth.length_gradient(row, y, 5.0), length.grad)


def test_silence() -> None:
    for rule, m, s in ((AdditiveCosine(0.35), 0.35, 64.0), (NoMargin(), 0.0, 24.5), (NoMargin(), 0.0, 5.0)):
        close(truth.quiet_angle(s, m, 10_575), numerical.quiet_angle(rule, s, 10_575), 1e-4)


def test_the_network_and_its_schedule() -> None:
    assert truth.BLOCKS == BLOCKS
    assert RELEASED_64 == (3, 7, 16, 3)
    for size in ((112, 96), (64, 50)):
        counted = sum(p.numel() for p in SphereFace(BLOCKS[4], 512, size).fc.parameters())
        assert truth.fc_parameters(*size) == counted
    config = preset("casia")
    assert (config.steps, config.batch) == (truth.STEPS, truth.BATCH)
    for step in (0, 15_999, 16_000, 24_000, 28_000, 29_999):
        close(truth.learning_rate(step), config.learning_rate(step), 1e-12)


def test_tar_at_far() -> None:
    rng = np.random.default_rng(0)
    genuine, impostor = rng.normal(0.5, 0.2, 300), rng.normal(0, 0.2, 700)
    result = verify(np.concatenate([genuine, impostor]), np.arange(1000) < 300)
    for far in (0.5, 0.1, 0.01):
        close(truth.tar_at_far(genuine.tolist(), impostor.tolist(), far), result.tar_at_far(far), 1e-12)
    few, alike = impostor[:100], impostor[100:]  # one more stranger is some more of those who are like strangers
    assert 0.29 * 100 < 29  # in floats: 29 impostors may pass all the same
    result = verify(np.concatenate([alike, few]), np.arange(700) < 600)
    close(truth.tar_at_far(alike.tolist(), few.tolist(), 0.29), result.tar_at_far(0.29), 1e-12)


def test_similarity() -> None:
    rng = np.random.default_rng(0)
    p, q = rng.normal(size=(2, 5, 2)) * 40 + 60
    matrix = estimate_similarity(torch.tensor(p), torch.tensor(q)).numpy()
    z, t = truth.similarity([complex(*row) for row in p], [complex(*row) for row in q])
    assert cmath.isclose(z, complex(matrix[0, 0], matrix[1, 0]), rel_tol=1e-6)
    assert cmath.isclose(t, complex(matrix[0, 2], matrix[1, 2]), rel_tol=1e-6)


@pytest.mark.parametrize(("people", "s", "m"), [(8, 30.0, 0.2), (8, 30.0, 0.35), (3, 10.0, 0.5)])
def test_loss_of_samples_on_even_centres(people: int, s: float, m: float) -> None:
    head = CosFace(2, people, s=s, m=m).double()
    angles = 2 * math.pi * torch.arange(people, dtype=torch.float64) / people
    with torch.no_grad():
        head.weight.copy_(torch.stack([angles.cos(), angles.sin()], 1))
    close(truth.even_loss(people, s, m), head(head.weight.detach(), torch.arange(people)).detach())


def test_rank_one_is_megaface_s() -> None:
    rng = np.random.default_rng(0)
    unit = torch.nn.functional.normalize(torch.tensor(rng.normal(size=(36, 8))), dim=1)
    unit[1:6:2] = torch.nn.functional.normalize(unit[0:6:2] + 1.2 * unit[1:6:2], dim=1)
    probes, labels, distractors = unit[:6], torch.arange(3).repeat_interleave(2), unit[6:]
    cosines = (probes @ probes.T).tolist()
    genuine, strangers = [cosines[i][i ^ 1] for i in range(6)], (probes @ distractors.T).tolist()
    found = megaface(probes, labels, [distractors], sizes=[3], keep=2)
    assert list(found.rank1) == pytest.approx([truth.rank_one(genuine, strangers, n) for n in found.sizes])
    assert 0 < found.rank1[-1] < found.rank1[0]


@pytest.mark.parametrize("D", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("m", [1.0, 1.2, 1.5, 2.0])
def test_room_for_a_whole_cosine(D: int, m: float) -> None:
    most = truth.most_with_room(D, m)
    assert geometry.max_margin(most, D) >= m - 1e-9
    assert geometry.max_margin(most + 1, D) < m - 1e-9


def test_the_lab_s_floor_is_as_its_page_says() -> None:
    assert [round(truth.even_loss(8, 30.0, m), 2) for m in (0.2, 0.35)] == [0.12, 2.49]
