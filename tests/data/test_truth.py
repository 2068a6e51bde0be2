"""Labels of pairs by their value, and folds where a file says nothing about them."""

import numpy as np
import pytest
import torch

from cosface_edu.data.truth import deal, sorted_by_kind, truths


@pytest.mark.parametrize(
    "values",
    [
        [True, False],
        [1, 0],
        [1, -1],
        [1.0, 0.0],
        ["1", "0"],
        ["1", "-1"],
        ["True", "False"],
        [b"1", b"0"],
        [np.int64(1), np.int16(-1)],
        [np.bool_(True), False],
        np.array([[1], [0]]),
        np.array([1, 0], dtype=object),
        np.array([1, 0], dtype=np.uint8),
        torch.tensor([1, -1]),
        torch.tensor([1.0, 0.0], requires_grad=True),
    ],
    ids=repr,
)
def test_labels_are_read_by_value(values: object) -> None:
    found = truths(values)
    assert found.dtype == bool
    assert found.tolist() == [True, False]


@pytest.mark.parametrize(
    "values",
    [[1, 2], [0, 255], [0.3, 0.9], [-1, 0], [1, 0, -1], [None, True], ["yes", "no"], [float("nan"), 1.0]],
    ids=repr,
)
def test_other_labels_are_refused(values: object) -> None:
    with pytest.raises(ValueError, match="labels of pairs are true or false"):
        truths(values)


def test_runs_of_a_file_in_the_official_order_are_its_folds() -> None:
    same = torch.tensor(([True] * 300 + [False] * 300) * 10)  # lfw.bin's
    assert deal(same, 10).tolist() == torch.arange(10).repeat_interleave(600).tolist()
    assert not sorted_by_kind(same, 10)


@pytest.mark.parametrize(
    "same",
    [
        [True] * 100 + [False] * 100,
        [False] * 100 + [True] * 100,
        [True] * 150 + [False] * 50,
        ([True] * 25 + [False] * 25) * 4,
        [True] * 98 + [False] * 4 + [True] * 2 + [False] * 96,  # but for a few
    ],
    ids=["genuine first", "impostors first", "more genuine ones", "in blocks", "nearly"],
)
def test_pairs_sorted_by_kind_are_dealt_by_kind(same: list[bool]) -> None:
    kinds = torch.tensor(same)
    fold = deal(kinds, 10)
    for kind in (kinds, ~kinds):
        counts = fold[kind].bincount(minlength=10)
        assert counts.max() - counts.min() <= 1
        assert (fold[kind].diff() >= 0).all()  # in the order given


def test_a_shuffled_file_keeps_its_runs() -> None:
    same = torch.arange(6000) % 2 == 0
    same = same[torch.randperm(6000, generator=torch.Generator().manual_seed(0))]
    assert torch.equal(deal(same, 10), torch.arange(6000) * 10 // 6000)
