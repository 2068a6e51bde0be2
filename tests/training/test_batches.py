"""What a step sees depends on the seed and the step, and on nothing else."""

import pytest
import torch

from cosface_edu.data import Augment
from cosface_edu.training.batches import Steps, TrainingFaces, draw_pairs, hold_out, picks


def test_every_image_once_an_epoch_across_batches_that_do_not_divide_it() -> None:
    seen = torch.cat([picks(seed=4, step=t, batch=24, size=60) for t in range(5)])  # 120 = two epochs
    assert (seen[:60].bincount(minlength=60) == 1).all()
    assert (seen[60:].bincount(minlength=60) == 1).all()
    assert not torch.equal(seen[:60], seen[60:])
    assert not torch.equal(picks(5, 0, 24, 60), picks(4, 0, 24, 60))


def test_a_batch_larger_than_the_data_set() -> None:
    assert (picks(0, 3, 50, 7).bincount() >= 6).all()


@pytest.mark.parametrize(("world", "parts"), [(1, 1), (2, 1), (4, 2), (1, 6)])
def test_processes_and_micro_batches_share_out_the_same_step(config, world, parts) -> None:
    whole = list(Steps(60, config, first=3, rank=0, world=1, parts=1))
    shares = [list(Steps(60, config, first=3, rank=r, world=world, parts=parts)) for r in range(world)]
    for step, everything in enumerate(whole):
        together = [pick for part in range(parts) for share in shares for pick in share[step * parts + part]]
        assert together == everything


def test_a_later_start_continues_the_same_steps(config) -> None:
    assert list(Steps(60, config, 0, 0, 1, 1))[6:] == list(Steps(60, config, 6, 0, 1, 1))


def test_augmentation_follows_the_seed_of_the_pick(faces) -> None:
    training = TrainingFaces(faces, torch.arange(10), Augment(flip=True, crop=2, colour=0.2, occlude=0.5))
    torch.manual_seed(1)
    first = training[(3, 77)][0]
    torch.manual_seed(2)
    assert torch.equal(training[(3, 77)][0], first)
    assert any(not torch.equal(training[(3, seed)][0], first) for seed in range(5))


def test_held_out_people_are_never_trained_on(faces) -> None:
    people, others = hold_out(faces.labels, 4)
    assert sorted([*people.tolist(), *others.tolist()]) == list(range(10))
    training = TrainingFaces(faces, people, None)
    assert len(training) == 36
    for index in range(len(training)):
        image, label = training[(index, 0)]
        source = int(training.images[index])
        assert torch.equal(image, faces.images[source])
        assert int(people[label]) == int(faces.labels[source])
    with pytest.raises(ValueError, match="fewer than two"):
        hold_out(faces.labels, 9)


def test_pairs_are_half_genuine_distinct_and_only_of_the_people_named(faces) -> None:
    pairs, same = draw_pairs(faces.labels, [2, 5, 7], 30)
    assert len({tuple(sorted(p)) for p in pairs.tolist()}) == len(pairs) == 60
    assert torch.equal(faces.labels[pairs[:, 0]] == faces.labels[pairs[:, 1]], same)
    assert int(same.sum()) == 30
    assert set(faces.labels[pairs].flatten().tolist()) <= {2, 5, 7}


def test_pairs_need_two_people() -> None:
    with pytest.raises(ValueError, match="two people"):
        draw_pairs(torch.tensor([0, 0, 0]), [0], 5)
    with pytest.raises(ValueError, match="two images"):
        draw_pairs(torch.tensor([0, 1, 2]), [0, 1, 2], 5)
