"""Ten-fold verification against plain loops over every threshold, and against the mistakes of well-known code."""

import ast
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from cosface_edu.evaluation import verify

PACKAGE = Path(__file__).parents[2] / "cosface_edu"


def lfw_shaped(rng, gap=1.5, digits=None):
    same = np.tile(np.r_[np.ones(300, bool), np.zeros(300, bool)], 10)
    scores = rng.normal(np.where(same, gap, 0.0) * 0.3, 0.2)
    return (scores if digits is None else scores.round(digits)), same


def accuracy_at(scores, same, threshold):
    return np.mean((scores >= threshold) == same)


def all_thresholds(scores):
    """One below, one above and one between any two neighbouring scores."""
    distinct = np.unique(scores)
    return np.r_[-np.inf, (distinct[1:] + distinct[:-1]) / 2, np.inf]


@pytest.mark.parametrize("digits", [None, 1])  # a digit leaves many ties
def test_each_fold_has_the_best_threshold_of_the_other_nine(digits):
    rng = np.random.default_rng(1)
    scores, same = lfw_shaped(rng, digits=digits)
    scores, same = scores[::5], same[::5]  # 1,200 pairs: the plain loop is slow
    result = verify(scores, same)
    for fold in range(10):
        tested = result.folds == fold
        others = ~tested
        best = max(accuracy_at(scores[others], same[others], t) for t in all_thresholds(scores[others]))
        assert accuracy_at(scores[others], same[others], result.thresholds[fold]) == best
        assert result.accuracies[fold] == accuracy_at(scores[tested], same[tested], result.thresholds[fold])


@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=8, max_size=40),
    st.integers(2, 4),
)
@settings(max_examples=200, deadline=None)
def test_exact_on_anything(pairs, folds):
    scores, same = np.array([p[0] / 3 for p in pairs]), np.array([p[1] for p in pairs])
    if min(same.sum(), (~same).sum()) < folds:
        return
    result = verify(scores, same, folds)
    for fold in range(folds):
        others = result.folds != fold
        best = max(accuracy_at(scores[others], same[others], t) for t in all_thresholds(scores[others]))
        assert accuracy_at(scores[others], same[others], result.thresholds[fold]) == best


def test_of_several_best_thresholds_the_middle_one_is_taken():
    """Accepting the first two of the other fold, four, or six is right equally often."""
    kinds = [True, True, False, True, False, True, False]  # +1 +1 -1 +1 -1 +1 -1: best after the 2nd, 4th and 6th
    scores, same = np.tile(np.arange(7, 0, -1) / 10, 2), np.array(kinds * 2)
    assert verify(scores, same, np.repeat([0, 1], 7)).thresholds == pytest.approx([0.35, 0.35])


def test_a_fold_never_sees_its_own_answers():
    """Its threshold stays when its scores and answers change; code that fits on all pairs fails here."""
    rng = np.random.default_rng(2)
    scores, same = lfw_shaped(rng)
    before = verify(scores, same)
    fold = before.folds == 3
    changed = scores.copy()
    changed[fold] = rng.permutation(scores[fold]) + 0.3
    after = verify(changed, same)
    assert after.thresholds[3] == before.thresholds[3]
    assert (after.thresholds != before.thresholds).any()


def test_pure_noise_is_not_flattered():
    """A threshold fitted on the pairs it is tested on finds more than half of noise right, always."""
    accuracies, fitted = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        same = np.tile([True, False], 60)
        scores = rng.normal(size=120)
        accuracies.append(verify(scores, same).accuracy)
        fitted.append(max(accuracy_at(scores, same, t) for t in all_thresholds(scores)))
    assert np.mean(accuracies) == pytest.approx(0.5, abs=0.03)
    assert np.mean(fitted) > 0.55


def test_folds_are_lfws_own_for_lfws_order():
    _, same = lfw_shaped(np.random.default_rng(0))
    result = verify(np.random.default_rng(0).normal(size=6000), same)
    np.testing.assert_array_equal(result.folds, np.arange(6000) // 600)


def test_folds_of_a_development_list_hold_both_kinds():
    same = np.r_[np.ones(500, bool), np.zeros(500, bool)]  # pairsDevTest: all matched pairs first
    result = verify(np.random.default_rng(0).normal(size=1000), same)
    for fold in range(10):
        assert same[result.folds == fold].sum() == 50
        assert (~same[result.folds == fold]).sum() == 50


def test_mean_and_standard_error_by_hand():
    same = np.array([True, False] * 4)
    scores = np.array([0.9, 0.1, 0.8, 0.2, 0.15, 0.3, 0.7, 0.4])
    result = verify(scores, same, folds=4)
    # pair by pair: only the fifth, genuine at 0.15, falls on the wrong side of every threshold
    assert result.accuracies.tolist() == [1.0, 1.0, 0.5, 1.0]
    assert result.accuracy == 0.875
    assert result.std == pytest.approx(0.25)
    assert result.standard_error == pytest.approx(0.125)
    assert result.accepted.tolist() == [True, False, True, False, False, False, True, False]
    # without the fourth fold, whose 0.7 and 0.4 would bound it, the threshold lies halfway between 0.3 and 0.8
    assert result.thresholds[3] == pytest.approx(0.55)


def test_roc_and_tar_at_far_against_loops():
    rng = np.random.default_rng(3)
    scores, same = lfw_shaped(rng, digits=2)
    result = verify(scores, same)
    far, tar, thresholds = roc_curve(same, scores, drop_intermediate=False)
    np.testing.assert_allclose(result.roc.far, far)
    np.testing.assert_allclose(result.roc.tar, tar)
    np.testing.assert_allclose(result.roc.thresholds[1:], thresholds[1:])
    assert result.auc == pytest.approx(roc_auc_score(same, scores))
    for rate in (1 / 3000, 1e-3, 0.01, 0.1, 0.5, 1.0):
        allowed = [t for t in all_thresholds(scores) if np.mean(scores[~same] >= t) <= rate]
        assert result.tar_at_far(rate) == max(np.mean(scores[same] >= t) for t in allowed)
        threshold = result.threshold_at_far(rate)
        assert np.mean(scores[~same] >= threshold) <= rate
        assert np.mean(scores[same] >= threshold) == result.tar_at_far(rate)


def test_eer_of_two_normal_laws():
    """Equal spread, means d apart: the rate is Φ(-d/2)."""
    n = 20_000
    grid = torch.special.ndtri((torch.arange(n, dtype=torch.float64) + 0.5) / n).numpy()  # exact quantiles, no chance
    rng = np.random.default_rng(0)  # in rising order a fold would hold a slice of the law
    scores = np.r_[rng.permutation(grid) + 2.0, rng.permutation(grid)]
    result = verify(scores, np.r_[np.ones(n, bool), np.zeros(n, bool)])
    expected = torch.special.ndtr(torch.tensor(-1.0, dtype=torch.float64)).item()
    assert result.eer == pytest.approx(expected, abs=1e-4)
    assert result.accuracy == pytest.approx(1 - expected, abs=2e-3)


def test_eer_extremes():
    same = np.array([True] * 20 + [False] * 20)
    assert verify(np.r_[np.ones(20), np.zeros(20)], same).eer == 0
    assert verify(np.r_[np.zeros(20), np.ones(20)], same).eer == 1
    assert verify(np.zeros(40), same).eer == 0.5


def test_equal_scores_cannot_be_told_apart():
    """All scores the same: a cut inside a run of ties would report what no threshold can do."""
    same = np.array([True] * 20 + [False] * 20)
    result = verify(np.full(40, 0.7), same)
    assert result.accuracy == 0.5
    assert result.auc == 0.5
    assert result.tar_at_far(0.5) == 0


def test_neighbouring_floats_are_told_apart():
    high = np.nextafter(0.5, 1.0)
    result = verify(np.array([high, 0.5] * 4), np.array([True, False] * 4), folds=2)
    assert result.accuracy == 1.0
    assert result.accepted.tolist() == result.same.tolist()  # the threshold is the higher one: a score at it passes


def test_folds_count_alike_whatever_their_length():
    """The mean of the folds' accuracies, though the first has twice as many pairs."""
    scores, same = [0.9, 0.1, 0.8, 0.2, 0.9, 0.7], [True, False] * 3
    result = verify(scores, same, folds=[0, 0, 0, 0, 1, 1])  # halfway between 0.8 and 0.2, 0.7 passes
    assert result.accuracies.tolist() == [1.0, 0.5]
    assert result.accuracy == 0.75


def test_the_first_threshold_of_the_roc_accepts_nobody():
    roc = verify([0.9, 0.1, 0.8, 0.2], [True, False, False, True], 2).roc
    assert (roc.far[0], roc.tar[0]) == (0, 0)
    assert roc.thresholds[0] > 0.9


def test_worst_pairs():
    same = np.array([True, False] * 3)
    scores = np.array([0.1, 0.9, 0.8, 0.2, 0.5, 0.3])
    impostors, genuine = verify(scores, same, folds=3).worst(2)
    assert impostors.tolist() == [1, 5]
    assert genuine.tolist() == [0, 4]


def test_order_of_the_scores_alone_decides():
    """Any rising transform of the scores leaves every accuracy as it was."""
    scores, same = lfw_shaped(np.random.default_rng(4))
    a, b = verify(scores, same), verify(np.exp(3 * scores), same)
    np.testing.assert_array_equal(a.accepted.mean(), b.accepted.mean())
    assert abs(a.accuracy - b.accuracy) < 1e-3  # thresholds sit mid-gap, and a gap's middle is not invariant
    assert a.eer == pytest.approx(b.eer)


def test_tensors_and_lists_do():
    scores, same = torch.tensor([0.9, 0.1, 0.8, 0.2]), torch.tensor([True, False, True, False])
    assert verify(scores, same, 2).accuracy == verify(scores.tolist(), same.tolist(), [0, 0, 1, 1]).accuracy == 1.0


@pytest.mark.parametrize(
    ("scores", "same", "folds", "message"),
    [
        ([0.1, 0.2], [True], 2, "one score and one answer"),
        ([0.1, float("nan"), 0.3, 0.4], [True, False] * 2, 2, "pair 1 has score nan"),
        ([0.1, 0.2, 0.3, 0.4], [True] * 4, 2, "both genuine and impostor"),
        ([0.1, 0.2, 0.3, 0.4], [True, False] * 2, 3, "2 to 2 folds"),
        ([0.1, 0.2, 0.3], [True, False, False], 2, "two genuine and two impostor pairs .* got 1 genuine of 3"),
        ([0.1, 0.2, 0.3, 0.4], [True, False] * 2, [0, 0, 0, 0], "two folds"),
        ([0.1, 0.2, 0.3, 0.4], [True, False] * 2, [0, 1], "one fold number"),
        ([0.1, 0.2, 0.3, 0.4], [True, False] * 2, [0, 1, 0, 1], "only impostor pairs"),
    ],
)
def test_bad_input(scores, same, folds, message):
    with pytest.raises(ValueError, match=message):
        verify(scores, same, folds)


def test_a_rate_too_small_for_the_pairs_is_refused():
    scores, same = lfw_shaped(np.random.default_rng(5))
    result = verify(scores, same)
    with pytest.raises(ValueError, match=r"3000 impostor pairs: the smallest is 0\.00033"):
        result.tar_at_far(1e-4)


@pytest.mark.parametrize("grid", [0.0, 0.1])
def test_a_folds_own_scores_do_not_move_its_threshold(grid: float) -> None:
    """Neither where all scores differ nor where many are equal."""
    rng = np.random.default_rng(0)
    same, numbers = np.tile([True, False], 30), np.arange(60) % 5
    for _ in range(20):
        scores = rng.normal(same, 1.0)
        moved = np.where(numbers == 2, rng.normal(0, 2, 60), scores)
        if grid:
            scores, moved = (np.round(values / grid) * grid for values in (scores, moved))
        assert verify(scores, same, numbers).thresholds[2] == verify(moved, same, numbers).thresholds[2]


@pytest.mark.parametrize("same", [[1, -1, 1, -1], ["1", "0", "1", "0"], [1.0, 0.0, 1.0, 0.0], np.array([1, 0, 1, 0])])
def test_labels_are_taken_by_their_value(same: object) -> None:
    result = verify([0.9, 0.1, 0.8, 0.2], same, 2)
    assert result.same.tolist() == [True, False, True, False]
    with pytest.raises(ValueError, match="labels of pairs are true or false"):
        verify([0.9, 0.1, 0.8, 0.2], [1, 2, 1, 2], 2)


def test_one_score_for_all_pairs_is_warned_of():
    nearly = 1 - 1e-7 * np.random.default_rng(0).random(40)
    for scores, one in ((nearly, 1), (np.zeros(40), 0)):
        with pytest.warns(UserWarning, match=f"all 40 pairs have the score {one}: every picture gets the same"):
            verify(scores, np.arange(40) % 2 == 0)


def test_distances_are_warned_of_and_noise_is_not():
    scores, same = lfw_shaped(np.random.default_rng(0))
    with pytest.warns(UserWarning, match=r"\(AUC 0\.\d+\): pass similarities, not distances"):
        verify(1 - scores, same)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verify(scores, same)
        for seed in range(50):
            verify(np.random.default_rng(seed).normal(size=len(same)), same)


def test_scores_may_be_tensors_of_any_kind():
    scores, same = torch.tensor([0.75, 0.5, 0.25, 0.125] * 5), torch.tensor([True, True, False, False] * 5)
    expected = verify(scores, same, folds=5)
    for other in (scores.bfloat16(), scores.half(), scores.clone().requires_grad_()):
        assert np.array_equal(verify(other, same, folds=5).scores, expected.scores)


def test_results_are_compared_and_kept_in_sets_by_identity():
    """Equality of the fields, as dataclasses have it, is undefined for arrays."""
    scores, same = lfw_shaped(np.random.default_rng(0))
    first, second = verify(scores, same), verify(scores, same)
    assert first == first
    assert first != second
    assert len({first, second, first}) == 2


def test_no_frozen_class_compares_arrays():
    found = []
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            made = " ".join(map(ast.unparse, getattr(node, "decorator_list", ())))
            if isinstance(node, ast.ClassDef) and "frozen=True" in made and "eq=False" not in made:
                fields = [ast.unparse(field.annotation) for field in node.body if isinstance(field, ast.AnnAssign)]
                if any(re.search(r"^(list\[)?(Tensor|\w*Array)\b", field) for field in fields):
                    found.append(node.name)
    assert found == []
