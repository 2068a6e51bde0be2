"""Bootstrapped intervals: their width against theory, and what resampling people changes."""

import warnings

import numpy as np
import pytest

from cosface_edu.evaluation import bootstrap, bootstrap_difference, verify


@pytest.fixture
def result():
    rng = np.random.default_rng(0)
    same = np.tile([True, False], 500)
    return verify(rng.normal(np.where(same, 1.0, -1.0), 1.0), same)


def test_width_agrees_with_the_binomial_law(result):
    low, high, level = bootstrap(result, samples=200)
    assert level == 0.95
    assert low < result.accuracy < high
    expected = 2 * 1.96 * np.sqrt(result.accuracy * (1 - result.accuracy) / 1000)
    assert high - low == pytest.approx(expected, rel=0.3)


def test_same_seed_same_interval_and_level_widens(result):
    a = bootstrap(result, samples=60, seed=1)
    assert a == bootstrap(result, samples=60, seed=1)
    wide = bootstrap(result, samples=60, seed=1, level=0.99)
    assert wide.low <= a.low < a.high <= wide.high
    assert wide.level == 0.99
    assert bootstrap(result, samples=60, seed=2) != a


@pytest.mark.parametrize(("level", "ends"), [(0.9, (5, 95)), (0.5, (25, 75)), (1, (0, 100))])
def test_what_is_left_out_is_left_out_at_both_ends_alike(result, level, ends):
    values = iter(np.random.default_rng(0).permutation(101).astype(float))  # a resample each: 0, 1, …, 100
    assert bootstrap(result, lambda drawn: next(values), samples=101, level=level)[:2] == pytest.approx(ends)


def test_distances_are_warned_of_once_and_not_for_each_resample(result):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        bootstrap(verify(-result.scores, result.same), samples=20)
    assert ["pass similarities" in str(warning.message) for warning in told] == [True]


def test_any_statistic(result):
    low, high, _ = bootstrap(result, lambda r: r.tar_at_far(0.01), samples=60)
    assert low < result.tar_at_far(0.01) < high


def test_people_widen_the_interval_where_they_recur():
    """Twenty people whose pairs stand or fall together: 1,000 pairs know little more than twenty."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(20), 50)
    same = np.tile([True, False], 500)
    hard = rng.random(20) < 0.4
    scores = np.where(same, 1.0, 0.0) + np.where(hard[person], rng.normal(0, 2.0, 1000), 0)
    result = verify(scores, same)
    people = np.stack([person, np.where(same, person, (person + 1) % 20)], axis=1)
    pairs_interval, people_interval = (bootstrap(result, people=p, samples=150) for p in (None, people))
    assert people_interval.high - people_interval.low > 1.5 * (pairs_interval.high - pairs_interval.low)


def test_an_impostor_pair_comes_as_often_as_both_of_its_people():
    """Five people; a pair is known by its score, a person's number of draws by that of the person's genuine pair."""
    pairs = [(a, b) for a in range(5) for b in range(a, 5)]
    scores = np.arange(len(pairs)) / 100
    result = verify(scores, np.array([a == b for a, b in pairs]), folds=2)
    seen = []

    def count(drawn):
        times = {pair: int((drawn.scores == score).sum()) for pair, score in zip(pairs, scores, strict=True)}
        assert sum(times[a, a] for a in range(5)) == 5
        assert all(times[a, b] == times[a, a] * times[b, b] for a, b in pairs if a != b)
        seen.append(max(times.values()))
        return 0.0

    bootstrap(result, count, people=pairs, samples=30)
    assert max(seen) > 1


def test_pairs_are_drawn_among_those_of_their_fold_and_kind():
    """Folds of unequal length, of unequal shares: every resample has as many of each, and the same scores' folds."""
    folds, same = np.array([0] * 6 + [1] * 10 + [2] * 4), np.tile([True, False, False, True, False], 4)
    result = verify(np.linspace(0, 1, 20), same, folds)
    seen = set()

    def count(drawn):
        rows = np.searchsorted(result.scores, drawn.scores)
        assert np.array_equal(drawn.folds, folds[rows])
        assert np.array_equal(np.bincount(2 * drawn.folds + drawn.same), np.bincount(2 * folds + same))
        seen.add(tuple(rows))
        return 0.0

    bootstrap(result, count, samples=20)
    assert len(seen) > 10


def test_a_resample_of_people_has_as_many_folds_as_the_test():
    number, same = np.arange(200) // 2, np.tile([True, False], 100)
    result = verify(np.linspace(0, 1, 200), same, folds=5)
    people = np.stack([number, np.where(same, number, (number + 1) % 100)], axis=1)
    seen = set()
    bootstrap(result, lambda drawn: seen.add(len(drawn.accuracies)) or 0.0, people=people, samples=10)
    assert seen == {5}


def test_a_handful_of_people():
    """Draws that leave no impostor pair, or fewer than there are folds, are not an error."""
    same = np.tile([True, False], 6)
    result = verify(np.linspace(0, 1, 12), same, folds=3)
    people = np.stack([np.arange(12) % 3, np.where(same, np.arange(12), np.arange(12) + 1) % 3], axis=1)
    low, high, _ = bootstrap(result, people=people, samples=50)
    assert 0 <= low <= high <= 1


@pytest.mark.parametrize("samples", [0, -1, 2.5])
def test_resamplings_are_counted(result, samples):
    with pytest.raises(ValueError, match="samples must be an integer of at least 1"):
        bootstrap(result, samples=samples)
    with pytest.raises(ValueError, match="samples must be an integer of at least 1"):
        bootstrap_difference(result, result, samples=samples)


@pytest.mark.parametrize("level", [95, 0, -0.5, float("nan")])
def test_a_level_is_a_share(result, level):
    with pytest.raises(ValueError, match=rf"level must be a share in \(0, 1\], such as 0\.95, got {level}"):
        bootstrap(result, samples=2, level=level)


def test_a_figure_that_a_resample_of_people_cannot_show_is_refused_with_the_reason():
    """Fifty impostor pairs show FAR 0.02, and many draws of their people have fewer."""
    same, number = np.tile([True, False], 50), np.arange(100) // 2
    result = verify(np.linspace(0, 1, 100), same)
    people = np.stack([number, np.where(same, number, (number + 1) % 50)], axis=1)
    told = r"on resample \d+ of 60, with \d+ pairs for the test's 100: FAR 0.02 cannot be measured .* a higher FAR"
    with pytest.raises(ValueError, match=told):
        bootstrap(result, lambda r: r.tar_at_far(0.02), people=people, samples=60)
    assert bootstrap(result, lambda r: r.tar_at_far(0.02), samples=60).level == 0.95  # of pairs there are as many
    assert bootstrap(result, lambda r: r.tar_at_far(0.2), people=people, samples=60).level == 0.95


def test_people_have_to_fit(result):
    with pytest.raises(ValueError, match="two people for each of 1000 pairs"):
        bootstrap(result, people=np.zeros((10, 2)), samples=1)


def test_difference_on_the_same_pairs_is_sharper(result):
    """A second network with the same hard pairs and a little noise less: apart it is lost in the width of both."""
    better = verify(result.scores + np.where(result.same, 0.25, -0.25), result.same)
    low, high, _ = bootstrap_difference(better, result, samples=100)
    assert low > 0
    assert low < better.accuracy - result.accuracy < high
    a, b = bootstrap(better, samples=100), bootstrap(result, samples=100)
    assert high - low < (a.high - a.low) + (b.high - b.low)
    assert bootstrap_difference(result, result, samples=20)[:2] == (0, 0)


def test_difference_needs_the_same_pairs(result):
    for other in (verify(result.scores, ~result.same), verify(result.scores, result.same, folds=5)):
        with pytest.raises(ValueError, match="not of the same pairs in the same folds"):
            bootstrap_difference(result, other)
