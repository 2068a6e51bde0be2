"""Right answers that are written otherwise than the book's: in torch and float32, by another formula, rounded."""

import math
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cosface_edu import exercises
from cosface_edu.exercises import answers, built, truth


def passes(name: str, answer: object) -> None:
    verdict = exercises.check(name, answer)
    assert verdict.passed, verdict.message


def lmcl(cos, labels, s, m):
    cos, labels = torch.as_tensor(cos), torch.as_tensor(labels)
    return F.cross_entropy(s * (cos - m * F.one_hot(labels, cos.shape[-1])), labels)


def gradient(cos, labels, s, m):
    cos = torch.tensor(cos, requires_grad=True)
    (len(cos) * lmcl(cos, labels, s, m)).backward()
    return cos.grad


def tar_at_far(genuine, impostor, far):
    falling = torch.tensor(impostor).sort(descending=True).values
    return (torch.tensor(genuine) > falling[int(far * len(impostor))]).float().mean()


def fit(p, q):
    p, q = torch.tensor(p), torch.tensor(q)  # complex64
    return torch.linalg.lstsq(torch.stack([p, torch.ones_like(p)], dim=1), q[:, None]).solution[:, 0]


def rank_one(genuine, strangers, sizes):
    best = [torch.tensor(strangers)[:, :n].amax(1) for n in sizes]
    return torch.stack([(torch.tensor(genuine) > b).float().mean() for b in best])


def psi(theta, m):
    k = min(math.floor(m * theta / math.pi), m - 1)
    return (-1) ** k * torch.cos(torch.tensor(m * theta)) - 2 * k


def lmcl_edge(phi, m):
    phi = torch.tensor(phi)
    edge = phi / 2 - torch.asin(m / (2 * torch.sin(phi / 2)))
    return edge.where(1 - phi.cos() >= m, torch.nan)


def softmax_edge(phi, ratio):
    phi = torch.tensor(phi)
    return torch.atan2(1 - ratio * phi.cos(), ratio * phi.sin())


def floor(people, s, m):
    angles = 2 * math.pi * torch.arange(people) / people
    return lmcl(angles.cos()[None], torch.tensor([0]), s, m)


def length_gradient(u, y, length):
    length = torch.tensor(length, requires_grad=True)
    F.cross_entropy(length * torch.tensor(u), torch.tensor(y)).backward()
    return length.grad


def false_accepts(scores, same, group, threshold):
    scores, impostor, group = torch.tensor(scores), ~torch.tensor(same), np.array(group)
    mine = {g: impostor & torch.from_numpy(group == g) for g in set(group)}
    return {g: (scores[chosen] >= threshold).float().mean() for g, chosen in mine.items()}


def highest_threshold(scores, far):
    allowed = int(far * len(scores) + 1e-9)
    if allowed == 0:
        raise ValueError("too few pairs")
    return torch.tensor(scores).topk(allowed).values[-1]


IN_TORCH = {
    "a-softmax-psi": psi,
    "align-fit": fit,
    "boundaries-width": lambda m: torch.tensor([m, m]).norm(),
    "consent-rates": false_accepts,
    "evaluating-rank": rank_one,
    "feature-norm-length": length_gradient,
    "find-the-bug-dropped-margin": lambda theta, m1, m2, m3: torch.cos(torch.tensor(m1 * theta + m2)) - m3,
    "gpu-hours": lambda *given: torch.tensor(truth.STEPS * truth.BATCH / 3600) / math.prod(given),
    "gradients-by-hand": gradient,
    "how-large-m-eight": torch.cat([torch.eye(4), -torch.eye(4)]),
    "how-large-s-million": torch.tensor(31),
    "lmcl-edge": lmcl_edge,
    "lmcl-loss": lmcl,
    "margin-lab-floor": floor,
    "nsl-posterior": lambda s, C, c: torch.tensor([s] + [s * c] * (C - 1)).softmax(0)[0],
    "rehearsal-gain": lambda accuracy: (
        torch.tensor([v for (_, m), v in accuracy.items() if m > 0]).max()
        - torch.tensor([v for (_, m), v in accuracy.items() if m == 0]).max()
    ),
    "softmax-cheat": lambda features: 3 * torch.tensor(features),
    "softmax-edge": softmax_edge,
    "tables-pairs": lambda d, n: torch.tensor(d) * n / 100,
    "training-epochs": lambda steps, batch, images: torch.tensor(float(steps)) * batch / images,
    "training-rate": lambda step: torch.tensor(truth.learning_rate(step)),
    "verification-tar": tar_at_far,
    "which-s-first-loss": lambda C, s, m: torch.logaddexp(torch.tensor(0.0), torch.tensor(s * m + math.log(C - 1))),
    "worth-million": lambda rates, n: ((1 - torch.tensor(rates)) ** n).mean(),
    "where-units": lambda nsl, cosface: torch.tensor(
        [100 * (cosface - nsl), (cosface - nsl) / (1 - nsl), cosface / nsl]
    ),
    "your-own-loop-threshold": highest_threshold,
}


@pytest.mark.parametrize("name", IN_TORCH)
def test_an_answer_in_torch_s_own_precision(name: str) -> None:
    passes(name, IN_TORCH[name])


@pytest.mark.parametrize("holder", [np.float32, np.asarray, np.atleast_2d, torch.tensor, lambda v: torch.tensor([v])])
def test_a_number_may_lie_in_an_array(holder) -> None:
    assert answers.number(holder(0.5)) == 0.5
    assert answers.numbers([holder(0.5), holder(2.0)], 2) == [0.5, 2.0]


@pytest.mark.parametrize("holder", [np.array, torch.tensor, tuple])
def test_a_list_may_be_an_array(holder) -> None:
    assert answers.table(holder([[0.5, 1.0], [2.0, 3.0]]), 2, 2) == [[0.5, 1.0], [2.0, 3.0]]
    passes("performance-fit", holder([2.048, 4.096]))


MONOTONE = {
    "line in cosθ": lambda theta, m: torch.cos(theta) - (1 - math.cos(m)),
    "line in θ": lambda theta, m: -1 - (theta + m - math.pi),
    "steep line": lambda theta, m: -1 - 20 * (theta + m - math.pi),
    "parabola": lambda theta, m: -1 - 0.5 * (theta + m - math.pi) ** 2,
    "reflected": lambda theta, m: -2 - torch.cos(theta + m),
}


@pytest.mark.parametrize("after", MONOTONE.values(), ids=MONOTONE)
def test_every_falling_continuation_repairs_the_turn(after) -> None:
    passes(
        "arcface-monotone", lambda theta, m: torch.where(theta + m <= math.pi, torch.cos(theta + m), after(theta, m))
    )


def test_what_is_promised_to_be_near_enough_is() -> None:
    exact = 2 * math.sin(math.pi / 4) * math.sin(0.15)
    for m in (exact - 0.0009, 0.2105, 0.211, 0.2122, exact + 0.0009):
        passes("cosine-or-angle-translate", m)
    for m in (exact - 0.0011, exact + 0.0011):
        assert not exercises.check("cosine-or-angle-translate", m).passed
    for degrees in (30.2, 30.3, 30.39):
        passes("eight-gap", degrees)
    for scale in (24.27, 24.66):
        passes("gradients-equal-silence", scale)


def test_the_mean_of_a_batch_of_one_may_be_taken_or_left() -> None:
    def grade(norms, mean, std, moves):
        if len(norms) > 1:
            std = 0.99 * std + 0.01 * norms.std()
        mean = 0.99 * mean + 0.01 * norms.mean() if len(norms) > 1 or moves else mean
        return (0.333 * (norms - mean) / (std + 1e-3)).clamp(-1, 1), mean, std

    for moves in (True, False):
        passes("find-the-bug-batch-of-one", lambda norms, mean, std, moves=moves: grade(norms, mean, std, moves))


def test_an_answer_may_work_in_what_it_is_given() -> None:
    """Checks hand in copies, and compare with what they kept."""

    def gradient_in_place(cos, labels, s, m):
        for row, y in zip(cos, labels, strict=True):
            row[:] = truth.cosine_gradient(row, y, s, m)
        return cos

    def met_in_place(pictures, classes, centres, m):
        share = truth.margin_met(pictures, classes, centres, m)
        centres.clear()
        pictures.clear()
        return share

    def largest_in_place(centres):
        for i, w in enumerate(centres):
            centres[i] = [a / math.hypot(*w) for a in w]
        return 1 - max(
            sum(a * b for a, b in zip(v, w, strict=True)) for i, v in enumerate(centres) for w in centres[:i]
        )

    def piece_in_place(x, y, W, s, m):
        x[:], W[:] = built.gradient(x, y, W, s, m)
        return x, W

    passes("build-gradient", piece_in_place)
    passes("gradients-by-hand", gradient_in_place)
    passes("eight-met", met_in_place)
    passes("how-large-m-largest", largest_in_place)


def test_negatives_may_be_drawn_in_any_fair_way() -> None:
    def shuffled(labels, C, n):
        order = torch.randperm(C)
        positive = torch.isin(order, labels)
        return torch.cat([order[positive], order[~positive]])[:n].sort().values

    def by_python(labels, C, n):
        positive = set(labels.tolist())
        others = [c for c in range(C) if c not in positive]
        return torch.tensor(sorted([*positive, *random.sample(others, n - len(positive))]))

    def by_weight(labels, C, n):
        kept = torch.zeros(C, dtype=torch.bool).index_fill(0, labels, True)
        negatives = torch.multinomial((~kept).float(), n - int(kept.sum()))
        return kept.index_fill(0, negatives, True).nonzero()[:, 0]

    for sample in (shuffled, by_python, by_weight):
        for _ in range(5):
            passes("beyond-partial", sample)
