"""Checks of "Find the bug: in the data and the test"."""

import numpy as np
import torch
import torch.nn.functional as F

from cosface_edu import align
from cosface_edu.data import normalise
from cosface_edu.evaluation.verification import verify
from cosface_edu.exercises import answers, exercise
from cosface_edu.exercises.seeded import seeded
from cosface_edu.faces import FaceWorld


def _scores(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    same = np.arange(n) % 2 == 0
    return generator.normal(np.where(same, 0.6, 0.1), 0.2), same


def _network() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 6, 5)).requires_grad_(False)


@exercise("find-the-bug-test-threshold")
def threshold(accuracy) -> str:
    """(scores, same, fold) -> accuracy by folds."""
    accuracy = answers.function(accuracy)
    # Scores on so many levels that every threshold which is best on the other folds gives the same accuracy.
    for levels in ((0.3, 0.7), (0.5, 0.5), (0.3, 0.3, 0.3, 0.8)):
        fold = np.repeat(np.arange(len(levels)), 20)
        same = np.tile(np.arange(20) % 2 == 0, len(levels))
        scores = np.asarray(levels)[fold] + np.where(same, 0.05, -0.05)
        right = verify(scores, same, fold).accuracy
        got = answers.number(accuracy(scores.copy(), same.copy(), fold.copy()), 0, 1)
        hint = " A threshold still sees the pairs it is tested on." if got > right else ""
        wanted, yours = answers.told(right, got, ".3f")
        assert abs(got - right) < 1e-9, f"By the protocol it is {wanted} here; you say {yours}.{hint}"
    return "no fold sees its own answers."


@exercise("find-the-bug-test-folds")
def folds(answer) -> str:
    """(readable, per_fold) -> official fold of each kept pair."""
    answer = answers.function(answer)
    for seed, per_fold in ((0, 5), (1, 12)):
        readable = np.random.default_rng(seed).random(10 * per_fold) > 0.2
        right = np.repeat(np.arange(10), per_fold)[readable]
        got = np.asarray(answer(readable.copy(), per_fold))
        assert got.shape == right.shape, f"{len(right)} pairs are kept, you return {got.shape}."
        wrong = int((got != right).sum())
        assert wrong == 0, f"{wrong} of {len(right)} kept pairs are in another fold than in the official list."
    return "every pair stays in its fold."


@exercise("find-the-bug-test-flip")
@seeded()
def flip(represent) -> str:
    """(network, images) -> features of image and mirror image."""
    represent = answers.function(represent)
    network, images = _network(), torch.rand(4, 3, 8, 6)
    got = answers.tensor(represent(network, images.clone()), 4, 10)
    assert torch.allclose(got[:, :5], network(images)), "The first half should be the features of the image."
    assert torch.allclose(got[:, 5:], network(images.flip(-1))), "The second half is not that of the mirror image."
    return "both halves are used."


@exercise("find-the-bug-test-concatenate")
@seeded()
def concatenate(score) -> str:
    """(network, a, b) -> cosine of the concatenated features."""
    score = answers.function(score)
    network = _network()
    a, b = torch.rand(2, 1, 3, 8, 6)
    both = [torch.cat([network(x), network(x.flip(-1))], dim=1) for x in (a, b)]
    right = F.cosine_similarity(*both).item()
    got = answers.number(score(network, a.clone(), b.clone()), -1.001, 1.001)
    wanted, yours = answers.told(right, got, ".4f")
    assert abs(got - right) < 1e-5, f"Concatenated, the score is {wanted}; yours is {yours}."
    return "the paper's score."


@exercise("find-the-bug-test-far")
def far(answer) -> str:
    """(scores, same, far) -> highest TAR at FAR ≤ far."""
    answer = answers.function(answer)
    drawn, same = _scores(400, 7)
    for rate, digits in ((0.01, 9), (0.033, 9), (0.1, 9), (0.1, 1), (0.033, 2)):  # with few digits there are ties
        scores = drawn.round(digits)
        right = verify(scores, same).tar_at_far(rate)
        got = answers.number(answer(scores.copy(), same.copy(), rate), 0, 1)
        wanted, yours = answers.told(right, got, ".3f")
        assert answers.close(got, right), (
            f"At FAR {rate} some threshold accepts {wanted} of the genuine; you say {yours}."
        )
    return "a rate that a threshold really attains."


@exercise("find-the-bug-test-bgr")
def bgr(to_tensor) -> str:
    """BGR uint8 (H, W, 3) -> RGB float (3, H, W) in [0, 1]."""
    to_tensor = answers.function(to_tensor)
    pixels = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    got = answers.tensor(to_tensor(pixels.copy()), 3, 8, 6)
    assert got.max() <= 1, "Values should lie in [0, 1]."
    assert np.allclose(got[0].numpy(), pixels[:, :, 2] / 255, atol=1e-6), "The first channel should be red."
    assert np.allclose(got[2].numpy(), pixels[:, :, 0] / 255, atol=1e-6), "The last channel should be blue."
    assert np.allclose(got[1].numpy(), pixels[:, :, 1] / 255, atol=1e-6), "Green belongs in the middle."
    return "red is red again."


@exercise("find-the-bug-test-constant")
def constant(prepare) -> str:
    """Images in [0, 1] -> the paper's range."""
    prepare = answers.function(prepare)
    images = torch.linspace(0, 1, 256).reshape(1, 1, 16, 16).expand(1, 3, 16, 16)
    got = answers.tensor(prepare(images.clone()), 1, 3, 16, 16)
    right = normalise(images)
    assert torch.allclose(got, right, atol=1e-6), (
        f"White becomes {got.max():.5f}; (255 - 127.5)/128 is {right.max():.5f}."
    )
    return "the same constant in training and test."


@exercise("find-the-bug-test-twice")
def twice(crop) -> str:
    """(image, landmarks) -> the crop, aligned once."""
    crop = answers.function(crop)
    image, landmarks = FaceWorld(seed=0).scenes([5], n=1)
    right = align.warp(image, align.estimate_similarity(landmarks, align.TEMPLATE_112x96), (112, 96))
    got = answers.tensor(crop(image.clone(), landmarks.clone()), 1, 3, 112, 96)
    assert torch.allclose(got, right, atol=1e-4), "The eyes are not where the template has them."
    return "once is enough."
