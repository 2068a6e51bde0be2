"""What a step sees depends on the seed and the step, and on nothing else."""

import pytest
import torch

from cosface_edu.data import Augment
from cosface_edu.training import Config
from cosface_edu.training.batches import InMemory, Part, Steps, hold_out, open_faces, picks
from cosface_edu.training.feed import Augmented
from cosface_edu.training.validation import HeldOut


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
    augmented = Augmented(Part(faces, torch.arange(10)), Augment(flip=True, crop=2, colour=0.2, occlude=0.5))

    def picture(seed: int) -> torch.Tensor:
        return augmented.__getitems__([(3, seed)])[0][0]

    torch.manual_seed(1)
    first = picture(77)
    torch.manual_seed(2)
    assert torch.equal(picture(77), first)
    assert any(not torch.equal(picture(seed), first) for seed in range(5))


@pytest.mark.parametrize("held_out", [0, 4])
def test_one_person_alone_is_nobody_to_be_told_from_others(held_out: int) -> None:
    with pytest.raises(ValueError, match="the data show 1 people: two at least"):
        hold_out(torch.zeros(5, dtype=torch.int64), held_out)


def test_held_out_people_are_never_trained_on(faces) -> None:
    people, others = hold_out(faces.labels, 4)
    assert sorted([*people.tolist(), *others.tolist()]) == list(range(10))
    training = Part(faces, people)
    assert len(training) == 36
    for index in range(len(training)):
        image, label = training[index]
        source = int(training.images[index])
        assert torch.equal(image, faces.images[source])
        assert int(people[label]) == int(faces.labels[source])
    with pytest.raises(ValueError, match="fewer than two"):
        hold_out(faces.labels, 9)


def test_labels_may_be_anybody_s_numbers(faces) -> None:
    far = InMemory.of(faces.images, 2**40 + 7 * faces.labels)  # a table up to the highest would take 8 TB
    some = torch.tensor([5, 2, 8])
    near, part = Part(faces, some), Part(far, 2**40 + 7 * some)  # type: ignore[arg-type]
    assert torch.equal(part.images, near.images)
    assert torch.equal(part.labels, near.labels)
    assert torch.equal(some[near.labels], faces.labels[near.images])


def test_held_out_people_are_drawn_among_all() -> None:
    """The first of a list sorted by name may be one source, or one family."""
    _, others = hold_out(torch.arange(1000), 100)
    assert 400 < others.double().mean() < 600
    assert torch.equal(others, hold_out(torch.arange(1000), 100)[1])


def test_validation_pairs_are_of_held_out_people(faces) -> None:
    held_out = HeldOut(faces, torch.tensor([2, 5, 7, 8]), 20)
    pairs = held_out.pairs
    assert len(pairs) == 40
    assert pairs.images.num_classes == 4
    assert torch.equal(pairs.images.labels[pairs.first] == pairs.images.labels[pairs.second], pairs.same)
    assert torch.equal(pairs.images[7][0], faces.images[31])  # the second image of person 5


def test_images_kept_in_memory_are_the_images(faces) -> None:
    kept = InMemory(faces)
    assert len(kept) == 60
    assert kept[13][1] == faces[13][1]
    torch.testing.assert_close(kept[13][0], faces[13][0], atol=0.5 / 255, rtol=0)
    again = InMemory.of(kept.images, kept.labels)
    assert len(again) == 60
    assert torch.equal(again[13][0], kept[13][0])
    assert (again[13][1], again.left_out) == (kept[13][1], [])


def test_the_data_set_follows_its_name(tmp_path) -> None:
    from cosface_edu.faces import FaceWorldDataset

    assert isinstance(open_faces(Config(identities=3, per_identity=2, size=(16, 16))), FaceWorldDataset)
    with pytest.raises(FileNotFoundError, match=r"nothing\.rec"):
        open_faces(Config(data=str(tmp_path / "nothing.rec")))
    with pytest.raises(FileNotFoundError, match="nothing"):
        open_faces(Config(data=str(tmp_path / "nothing")))


def test_labels_below_0_are_no_person() -> None:
    labels = torch.tensor([-1, -1, 0, 1, 2, 2])
    with pytest.raises(ValueError, match="2 of 6 labels are below 0"):
        hold_out(labels, 0)

    class Faces:
        def __init__(self) -> None:
            self.labels = labels

        def __len__(self) -> int:
            return len(labels)

    with pytest.raises(ValueError, match="labels count people from 0"):
        Part(Faces(), torch.tensor([0, 1, 2]))
