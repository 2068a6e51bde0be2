"""Identification, MegaFace and BLUFR against plain loops."""

import re
import sys

import numpy as np
import pytest
import scipy.io
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from cosface_edu.evaluation import (
    blufr,
    draw_trials,
    identification,
    identify,
    megaface,
    read_blufr,
    tar_over_all_pairs,
)
from cosface_edu.evaluation.blufr import Trial
from cosface_edu.evaluation.identification import HighestScores


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    """Blocks that end in the middle of everything."""
    monkeypatch.setattr(identification, "BLOCK", 37)
    monkeypatch.setattr(sys.modules["cosface_edu.evaluation.blufr"], "ROWS", 23)  # the name itself is the function


def people(n, each, spread=1.0, dim=8):
    centres = torch.randn(n, dim)
    features = centres.repeat_interleave(each, 0) + spread * torch.randn(n * each, dim)
    return features, torch.arange(n).repeat_interleave(each)


class NoDoubles(TorchFunctionMode):
    """As on MPS: no tensor there is of doubles. Those that NumPy will have are made on the CPU, after `Tensor.cpu`."""

    def __init__(self) -> None:
        super().__init__()
        self.here: list[torch.Tensor] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.cpu:
            self.here.append(args[0].clone())
            return self.here[-1]
        if func is torch.Tensor.double:
            assert any(args[0] is tensor for tensor in self.here), "doubles on the device"
        if func is torch.Tensor.to:
            assert args[0].dtype != torch.float64, "doubles sent to the device"
        return func(*args, **(kwargs or {}))


def test_a_device_without_doubles_identifies(monkeypatch) -> None:
    features, labels = people(20, 3)
    doubles = features.double()
    with NoDoubles():
        identify(features[1:], labels[1:], doubles[:1], labels[:1])
        megaface(features, labels, [doubles[:30]], sizes=[10])
        tar_over_all_pairs(features, labels, 0.1)


def cosine(a, b):
    return float(F.cosine_similarity(a.double(), b.double(), dim=0))


def megaface_of(mates, impostors):
    """A result with these scores of mates and of all impostor pairs."""
    return identification.MegaFace([1], [1.0], np.ones(len(mates)), np.array(mates), len(impostors), impostors)


def test_ranks_and_open_set_against_loops():
    features, labels = people(30, 4)
    enrolled = (torch.arange(120) % 4 < 2) & (labels < 20)  # two images each of the first twenty people
    gallery, gallery_labels, probes, probe_labels = (x[m] for m in (enrolled, ~enrolled) for x in (features, labels))
    result = identify(probes, probe_labels, gallery, gallery_labels)

    ranks, mates, unknown = [], [], []
    for probe, label in zip(probes, probe_labels, strict=True):
        scores = [cosine(probe, other) for other in gallery]
        mine = [s for s, owner in zip(scores, gallery_labels, strict=True) if owner == label]
        if not mine:
            unknown.append(max(scores))
            continue
        ranks.append(1 + sum(s >= max(mine) for s, o in zip(scores, gallery_labels, strict=True) if o != label))
        mates.append(max(mine))
    assert result.ranks.tolist() == ranks
    np.testing.assert_allclose(result.mate_scores, mates, atol=1e-5)
    np.testing.assert_allclose(result.unknown_scores, unknown, atol=1e-5)
    assert result.rank(1) == np.mean(np.array(ranks) == 1)
    np.testing.assert_allclose(result.cmc(5), [np.mean(np.array(ranks) <= k) for k in range(1, 6)])
    assert (np.diff(result.cmc(40)) >= 0).all()
    assert result.cmc(40)[-1] == 1

    for far in (1 / 40, 0.1, 0.5, 1.0):
        allowed = [t for t in [-2.0, *unknown] if np.mean([u > t for u in unknown]) <= far]
        expected = max(np.mean([r == 1 and m > t for r, m in zip(ranks, mates, strict=True)]) for t in allowed)
        assert result.detection_rate(far) == expected
    with pytest.raises(ValueError, match="40 unknown probes"):
        result.detection_rate(0.01)


def test_a_network_that_maps_all_to_one_point_identifies_nobody():
    features, labels = torch.ones(40, 512) / 3, torch.arange(10).repeat_interleave(4)
    result = identify(features[1:], labels[1:], features[::4], labels[::4])
    assert result.rank(1) == 0
    assert megaface(features, labels, torch.ones(50, 512) / 7).rank1 == [0.0]


def test_identify_bad_input():
    features, labels = people(4, 2)
    one_each = "one label for each embedding: {} has 8, and labels of shape {}"
    for protocol, name in (
        (lambda wrong: identify(features, wrong, features, labels), "probes"),
        (lambda wrong: identify(features, labels, features, wrong), "gallery"),
        (lambda wrong: megaface(features, wrong, features), "probes"),
        (lambda wrong: tar_over_all_pairs(features, wrong, 0.1), "features"),
        (lambda wrong: blufr(features, wrong, draw_trials(labels)), "features"),
    ):
        for wrong in (labels[:-1], labels[:, None]):
            with pytest.raises(ValueError, match=re.escape(one_each.format(name, tuple(wrong.shape)))):
                protocol(wrong)
    with pytest.raises(ValueError, match="no probe's person"):
        identify(features, labels, features, labels + 100)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_features_that_are_not_finite_are_refused_by_name_and_row(value):
    """Compared with NaN everything is false: such a probe would have rank 1."""
    features, labels = people(10, 5)  # more than a block
    spoilt = features.clone()
    spoilt[[41, 44], 3] = value
    where = f"row 41: {value} in the features"
    with pytest.raises(ValueError, match=f"^probes, {where}"):
        identify(spoilt, labels, features, labels)
    with pytest.raises(ValueError, match=f"^gallery, {where}"):
        identify(features, labels, spoilt, labels)
    with pytest.raises(ValueError, match=f"^gallery, {where}"):
        identify(features, labels, spoilt, labels % 5)  # where nobody looks for those in rows 41 and 44, too
    with pytest.raises(ValueError, match=f"^probes, {where}"):
        megaface(spoilt, labels, features)
    with pytest.raises(ValueError, match=f"^distractors, {where}"):
        megaface(features, labels, iter(spoilt.split(7)))
    for protocol in (
        lambda: tar_over_all_pairs(spoilt, labels, 0.1),
        lambda: blufr(spoilt, labels.numpy(), draw_trials(labels)),
    ):
        with pytest.raises(ValueError, match=f"^features, {where}"):
            protocol()


def test_embeddings_of_another_length_are_refused():
    features, labels = people(4, 2)
    with pytest.raises(ValueError, match=r"^gallery: embeddings of 6 numbers beside probes of 8"):
        identify(features, labels, features[:, :6], labels)
    with pytest.raises(ValueError, match=r"^distractors: embeddings of 6 numbers beside probes of 8"):
        megaface(features, labels, features[:, :6])


def test_megaface_against_loops():
    features, labels = people(6, 3, spread=1.2)
    distractors = torch.randn(200, 8)
    sizes = (10, 37, 100, 1000)
    result = megaface(features, labels, distractors, ranks=5, sizes=sizes, keep=100)

    scores = [[cosine(p, d) for d in distractors] for p in features]
    pairs = [(i, j) for i in range(18) for j in range(18) if i != j and labels[i] == labels[j]]
    mates = np.array([cosine(features[i], features[j]) for i, j in pairs])
    for size, rank1 in zip(result.sizes, result.rank1, strict=True):
        assert rank1 == np.mean([m > max(scores[i][:size]) for (i, _), m in zip(pairs, mates, strict=True)])
    assert result.sizes == [10, 37, 100, 200]
    ranks = np.array([1 + sum(s >= m for s in scores[i]) for (i, _), m in zip(pairs, mates, strict=True)])
    assert result.ranks.tolist() == np.minimum(ranks, 6).tolist()
    assert result.rank(5) == np.mean(ranks <= 5)

    falling = sorted((s for row in scores for s in row), reverse=True)
    assert result.impostors == 3600
    for far in (1 / 3600, 0.005, 0.02):
        expected = np.mean(mates > falling[round(far * 3600)])
        assert result.tar_at_far(far) == expected
    for far in (1e-6, 0.1):  # fewer than one pair; more than were kept
        with pytest.raises(ValueError, match="can be measured"):
            result.tar_at_far(far)


def test_a_tie_with_a_distractor_counts_against_the_probe_at_every_size():
    """Also one that rounding has broken: the mate is nearer by less than float32 tells."""
    probes = F.normalize(torch.tensor([[1.0, 0.5], [1.0, -0.5]]), dim=1)
    mate = float(probes[0] @ probes[1])
    other = (mate - 5e-7, (1 - (mate - 5e-7) ** 2) ** 0.5)  # its cosine with the probe, and what is left of length 1
    across = torch.stack([-probes[:, 1], probes[:, 0]], dim=1)
    strangers = torch.cat([probes * other[0] + across * other[1], torch.full((3, 2), -1.0)])
    assert (strangers[:2] * probes).sum(1).max() < mate
    assert megaface(probes, [0, 0], strangers, sizes=[2, 3]).rank1 == [0, 0, 0]


def test_a_share_of_the_impostors_is_a_whole_number_in_floating_point_too():
    """0.29 · 100 is 28.999…: 29 may be accepted, and the mate lies between the 29th and the 30th."""
    falling = np.arange(100, 0, -1) / 200
    found = identification.Identification(np.array([1]), np.array([falling[28:30].mean()]), falling)
    assert found.detection_rate(0.29) == 1
    assert found.detection_rate(0.28) == 0
    found = megaface_of([falling[28:30].mean()], falling)
    assert (found.tar_at_far(0.29), found.tar_at_far(0.28)) == (1, 0)


def test_a_mate_that_scores_as_high_as_a_refused_impostor_is_refused_too():
    """A threshold cannot let one of two equal scores through."""
    falling = np.array([0.8, 0.6, 0.6, 0.2])
    found = identification.Identification(np.array([1, 1]), np.array([0.6, 0.7]), falling)
    assert found.detection_rate(0.25) == 0.5
    assert megaface_of([0.6, 0.7], falling).tar_at_far(0.25) == 0.5
    # impostor cosines 1, 1, 0, 0; genuine ones 1 and 0
    assert tar_over_all_pairs(torch.eye(2)[[0, 0, 0, 1]], [0, 0, 1, 1], far=0.25) == 0


def test_megaface_streams_what_it_would_read_whole():
    features, labels = people(5, 3)
    distractors = torch.randn(300, 8)
    whole = megaface(features, labels, distractors, ranks=3, sizes=(50, 111))
    parts = megaface(features, labels, iter(distractors.split([100, 1, 0, 150, 49])), ranks=3, sizes=(50, 111))
    assert whole.sizes == parts.sizes == [50, 111, 300]
    assert whole.rank1 == parts.rank1
    assert whole.ranks.tolist() == parts.ranks.tolist()
    np.testing.assert_allclose(whole.impostor_scores, parts.impostor_scores, atol=1e-6)


def test_megaface_leaves_the_persons_other_images_out():
    """Three equal images of one person and a far distractor: each finds each, though the third scores as high."""
    features = torch.tensor([[1.0, 0.0]] * 3)
    assert megaface(features, [0, 0, 0], torch.tensor([[0.0, 1.0]])).rank1 == [1.0]


def test_megaface_bad_input():
    with pytest.raises(ValueError, match="two probe images"):
        megaface(torch.randn(3, 4), [0, 1, 2], torch.randn(5, 4))
    with pytest.raises(ValueError, match="no distractors"):
        megaface(torch.randn(3, 4), [0, 0, 2], [])


@pytest.mark.parametrize("name", ["ranks", "keep"])
def test_megaface_keeps_one_rank_and_one_score_at_least(name):
    with pytest.raises(ValueError, match=f"{name} must be an integer of at least 1, got 0"):
        megaface(torch.eye(2), [0, 0], torch.eye(2), **{name: 0})


def test_highest_scores_of_a_stream():
    blocks = [torch.randn(7, n) for n in (3, 40, 1, 25)]
    blocks.insert(1, torch.full((7, 5), -9.0))
    highest = HighestScores(7, k=4, pool=10)
    for block in blocks:
        highest.add(block)
    joined = torch.cat(blocks, 1)
    torch.testing.assert_close(highest.of_row, joined.topk(4, dim=1).values)
    torch.testing.assert_close(highest.of_all, joined.flatten().topk(10).values)


def test_blufr_against_loops():
    features, labels = people(24, 3, spread=0.8)
    trials = draw_trials(labels.numpy(), trials=3, seed=1)
    result = blufr(features, labels.numpy(), trials, far=0.01, open_set_far=0.1)
    for number, trial in enumerate(trials):
        genuine, impostors = [], []
        for a, i in enumerate(trial.test):
            for j in trial.test[a + 1 :]:
                (genuine if labels[i] == labels[j] else impostors).append(cosine(features[i], features[j]))
        threshold = sorted(impostors, reverse=True)[int(0.01 * len(impostors))]
        assert result.verification[number] == pytest.approx(np.mean(np.array(genuine) > threshold))
        open_set = identify(
            features[trial.probes], labels[trial.probes], features[trial.gallery], labels[trial.gallery]
        )
        assert result.detection[number] == open_set.detection_rate(0.1)
    figures = result.figures
    assert figures["verification"] == pytest.approx(np.mean(result.verification) - np.std(result.verification, ddof=1))
    assert figures["detection"] == pytest.approx(np.mean(result.detection) - np.std(result.detection, ddof=1))


def test_blufr_trials_have_the_protocols_proportions():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5749), np.where(np.arange(5749) < 1680, rng.integers(2, 10, 5749), 1))
    trial = draw_trials(labels, trials=1)[0]
    assert len(np.unique(labels[trial.test])) == 4249
    assert len(trial.gallery) == len(np.unique(labels[trial.gallery])) == 1000
    np.testing.assert_array_equal(np.sort(np.r_[trial.gallery, trial.probes]), trial.test)
    assert np.isin(labels[trial.gallery], labels[trial.probes]).all()


def test_blufr_trials_differ_and_a_seed_repeats_them():
    labels = np.arange(60) // 3
    first, second = draw_trials(labels, trials=2)
    assert not np.array_equal(first.test, second.test)
    again, other = (draw_trials(labels, trials=1, seed=seed)[0] for seed in (0, 1))
    assert np.array_equal(again.gallery, first.gallery)
    assert not np.array_equal(other.test, first.test)


def test_blufr_reads_the_benchmarks_own_file(tmp_path):
    def cells(*columns):
        cell = np.empty((len(columns), 1), dtype=object)
        for row, column in enumerate(columns):
            cell[row, 0] = np.array(column)[:, None] if not isinstance(column, str) else column
        return cell

    content = {
        "imageList": cells("A_0001.jpg", "A_0002.jpg", "B_0001.jpg"),
        "labels": np.array([[1], [1], [2]]),
        "testIndex": cells([1, 2, 3], [2, 3]),
        "galIndex": cells([1], [2]),
        "probIndex": cells([2, 3], [3]),
    }
    scipy.io.savemat(tmp_path / "blufr_lfw_config.mat", content)
    names, labels, trials = read_blufr(tmp_path / "blufr_lfw_config.mat")
    assert names == ["A_0001.jpg", "A_0002.jpg", "B_0001.jpg"]
    assert labels.tolist() == [1, 1, 2]
    assert [t.test.tolist() for t in trials] == [[0, 1, 2], [1, 2]]  # MATLAB counts from 1
    assert [(t.gallery.tolist(), t.probes.tolist()) for t in trials] == [([0], [1, 2]), ([1], [2])]

    del content["galIndex"]
    scipy.io.savemat(tmp_path / "other.mat", content)
    with pytest.raises(ValueError, match="lacks galIndex"):
        read_blufr(tmp_path / "other.mat")


def test_blufr_bad_input():
    features, labels = people(4, 2)
    everything = np.arange(8)
    with pytest.raises(ValueError, match="cannot be measured on 24 impostor pairs"):
        blufr(features, labels.numpy(), [Trial(everything, everything[::2], everything[1::2])])
    with pytest.raises(ValueError, match="too few"):
        draw_trials(np.arange(5))
    with pytest.raises(ValueError, match="no genuine pair among 8 images"):
        tar_over_all_pairs(features, torch.arange(8), 0.1)
    with pytest.raises(ValueError, match="cannot be measured on 0 impostor pairs"):
        tar_over_all_pairs(features, torch.zeros(8), 0.1)


def test_blufr_needs_a_trial():
    with pytest.raises(ValueError, match="trials must be an integer of at least 1, got 0"):
        draw_trials(torch.arange(60) // 3, trials=0)
    with pytest.raises(ValueError, match="there are no trials: read_blufr reads the benchmark's, draw_trials draws"):
        blufr(torch.eye(4), torch.arange(4), [])


def test_blufr_refuses_numbers_of_images_that_are_not_there():
    features, labels = people(20, 3)
    test, gallery, probes = vars(draw_trials(labels)[0]).values()
    for trial, told in (
        (Trial(test, gallery - 60, probes), r"trial 0, gallery must lie between 0 and 59, .* got -\d+"),
        (Trial(test, gallery, probes + 60), r"trial 0, probes must lie between 0 and 59, .* got \d+"),
        (Trial(test / 2, gallery, probes), r"trial 0, test must be whole numbers .* got torch.float64"),
    ):
        with pytest.raises(ValueError, match=told):
            blufr(features, labels, [trial], far=0.1, open_set_far=0.5)


def test_features_that_want_a_gradient_or_are_halves_serve():
    features, labels = people(20, 3)
    strangers, trials = torch.randn(50, features.shape[1]), draw_trials(labels, trials=2)
    protocols = (
        lambda x, y: identify(x, labels, x[::3], labels[::3]).ranks.tolist(),
        lambda x, y: megaface(x, labels, y, sizes=[10]).rank1,
        lambda x, y: blufr(x, labels, trials, far=0.1, open_set_far=0.5).figures,
        lambda x, y: tar_over_all_pairs(x, labels, 0.1),
    )
    half, other = features.bfloat16(), strangers.bfloat16()
    for protocol in protocols:
        expected = protocol(features, strangers)
        assert protocol(features.clone().requires_grad_(), strangers.clone().requires_grad_()) == expected
        assert protocol(half, other) == protocol(half.float(), other.float())


def test_names_are_as_good_as_numbers_and_arrays_as_tensors():
    features, labels = people(4, 3)
    names = np.array(["dora", "anna", "cleo", "bo"])[labels]
    arrays = features.double().numpy()
    by_number = identify(features[1:], labels[1:], features[:1], labels[:1])
    by_name = identify(arrays[1:], list(names[1:]), arrays[:1], names[:1])
    assert np.array_equal(by_name.ranks, by_number.ranks)
    np.testing.assert_allclose(by_name.unknown_scores, by_number.unknown_scores, atol=1e-6)
    strangers = torch.randn(20, features.shape[1])
    one = megaface(features, labels, strangers)
    assert np.array_equal(megaface(arrays, names, strangers.numpy()).ranks, one.ranks)
    assert tar_over_all_pairs(arrays, names, 0.1) == tar_over_all_pairs(features, labels, 0.1)


def test_another_default_kind_of_numbers_does_not_matter(doubles_by_default):
    features, labels = people(4, 3)
    for given in (features, features.float()):
        identify(given, labels, given, labels)
        megaface(given, labels, given[:5], ranks=2)
        tar_over_all_pairs(given, labels, 0.1)
