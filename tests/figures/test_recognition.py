"""The curves drawn are the results' own."""

import numpy as np
import torch

from cosface_edu.evaluation import identify, verify
from cosface_edu.figures import recognition


def _result():
    generator = np.random.default_rng(0)
    same = np.arange(400) % 2 == 0
    return verify(generator.normal(size=400) + 2 * same, same)


def test_every_pair_is_in_the_histogram() -> None:
    result = _result()
    fig = recognition.scores_and_threshold(result)
    assert sum(bar.get_height() for bar in fig.axes[0].patches) == len(result.scores)
    assert fig.axes[0].lines[0].get_xdata()[0] == result.thresholds.mean()


def test_the_threshold_is_named_where_it_stands_and_does_not_strike_through_the_legend() -> None:
    fig = recognition.scores_and_threshold(_result(), threshold=0.5)
    (axes,), (line,), (name,) = fig.axes, fig.axes[0].lines, fig.axes[0].texts
    fig.draw_without_rendering()
    assert name.get_text() == "threshold 0.50"
    assert name.get_position()[0] == line.get_xdata()[0]
    assert axes.get_legend().get_window_extent().y0 > name.get_window_extent().y1


def test_roc_starts_at_the_smallest_rate_that_can_be_seen() -> None:
    result = _result()
    x, y = recognition.roc({"a": result}, mark=0.1).axes[0].lines[0].get_data()
    assert min(x) >= 1 / 200
    assert (x[-1], y[-1]) == (1, 1)


def test_false_accepts_of_everybody_cross_a_mark_at_its_rate_and_end_at_one_score() -> None:
    result = _result()
    impostors = result.scores[~result.same]
    curve, few, mark = recognition.false_accepts({"all": impostors, "few": impostors[:10]}, marks=[0.1]).axes[0].lines
    at = mark.get_xdata()[0]
    assert (impostors > at).mean() == 0.1
    x, y = curve.get_data()
    assert y[np.searchsorted(x, at)] == 0.1
    assert min(few.get_ydata()) == 1 / 10


def test_cmc_ends_where_the_result_does() -> None:
    result = identify(torch.eye(5), torch.arange(5), torch.eye(5).roll(1, 0), torch.arange(5))
    line = recognition.cmc({"a": result}, upto=5).axes[0].lines[0]
    assert list(line.get_ydata()) == list(result.cmc(5))
