"""Wrong answers that come close: each is refused, and where its mistake has a name the check says it."""

import math
import random
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cosface_edu import exercises
from cosface_edu.exercises import truth


def said(name: str, answer: object) -> str:
    verdict = exercises.check(name, answer)
    assert not verdict.passed
    assert "your code raised" not in verdict.message
    return verdict.message


# ---------------------------------------------------------------- before margins, beyond


def no_clamp(x, labels, alpha):
    x = F.normalize(x)
    d2, same = 2 - 2 * x @ x.T, labels[:, None] == labels
    return (d2.where(same, -1.0).amax(1) - d2.where(~same, 9.0).amin(1) + alpha).mean()


def in_blocks(x, labels, alpha):
    """Takes people for neighbours in the batch, as a sampler lays them."""
    labels = labels.sort().values
    x = F.normalize(x)
    d2, same = 2 - 2 * x @ x.T, labels[:, None] == labels
    return (d2.where(same, -1.0).amax(1) - d2.where(~same, 9.0).amin(1) + alpha).clamp(min=0).mean()


@pytest.mark.parametrize("answer", [no_clamp, in_blocks])
def test_triplets_are_clamped_and_follow_the_labels(answer) -> None:
    assert "never less than 0" in said("before-margins-triplet", answer)


def test_a_person_who_is_there_twice_is_one_class() -> None:
    def sample(labels, C, n):
        others = torch.randperm(C)
        return torch.cat([labels, others[~torch.isin(others, labels)][: n - len(labels)]]).sort().values

    assert said("beyond-partial", sample) == "A class is there twice."


def test_a_share_without_the_batch_s_own_classes_is_none() -> None:
    found = said("beyond-partial", lambda labels, C, n: torch.randperm(C)[:n].sort().values)
    assert "samples have lost their own class" in found


def test_a_share_of_the_classes_is_no_run_of_neighbours() -> None:
    def sample(labels, C, n):
        positive = labels.unique()
        others = torch.tensor([c for c in range(C) if c not in set(positive.tolist())])
        first = int(torch.randint(len(others), (1,)))
        return torch.cat([positive, others.roll(-first)[: n - len(positive)]]).sort().values

    assert "neighbours" in said("beyond-partial", sample)


def test_the_same_strangers_each_time_are_no_random_share() -> None:
    def sample(labels, C, n):
        others = torch.arange(0, C, 5)
        return torch.cat([labels.unique(), others[~torch.isin(others, labels)]])[:n].sort().values

    assert "ever took part" in said("beyond-partial", sample)


def readily_first(labels, C, n):
    """Draws with repetition, and cuts off what is too many of the sorted rest."""
    positive = labels.unique()
    others = torch.randint(C, (n + 30,)).unique()
    return torch.cat([positive, others[~torch.isin(others, positive)][: n - len(positive)]]).sort().values


def evens_more_often(labels, C, n):
    draw = torch.rand(C)
    draw[::2] += 0.05
    draw[labels] = 2.0
    return draw.topk(n).indices.sort().values


@pytest.mark.parametrize("sample", [readily_first, evens_more_often])
def test_every_negative_has_the_same_chance(sample) -> None:
    assert "drawn more readily" in said("beyond-partial", sample)


def of_each_centre(pick):
    return lambda x, weight, n: pick(F.normalize(x) @ F.normalize(weight).T, len(weight) // n, n)


@pytest.mark.parametrize(
    ("pick", "word"),
    [
        (lambda cos, C, n: cos.view(-1, C, n).mean(2), "With n = 3"),
        (lambda cos, C, n: cos.view(-1, n, C).amax(1), "With n = 3"),  # another order of the rows
        (lambda cos, C, n: cos, "Expected the shape"),
        (lambda cos, C, n: cos.view(-1, C, n).amax(2) / 0, "not finite"),
    ],
)
def test_a_class_scores_by_the_best_of_its_own_centres(pick, word: str) -> None:
    assert word in said("beyond-subcenter", of_each_centre(pick))


# ---------------------------------------------------------------- a fair gain


def at_scales_of_both(accuracy):
    """NSL counts only at scales at which CosFace ran too."""
    scales = {s for s, m in accuracy if m > 0}
    without = max(v for (s, m), v in accuracy.items() if m == 0 and s in scales)
    return max(v for (s, m), v in accuracy.items() if m > 0) - without


def test_nsl_s_best_scale_may_be_one_that_cosface_had_not() -> None:
    assert "each at its own scale" in said("rehearsal-gain", at_scales_of_both)


# ---------------------------------------------------------------- bounds, gaps and rates


def test_on_the_circle_more_than_two_neighbours_count() -> None:
    def neighbours(C, P, m):
        return math.log((1 if C == 2 else 2) * P / (1 - P)) / (1 - math.cos(2 * math.pi / C) - m)

    def floor(people, s, m):
        others = {1, people - 1}
        return math.log(1 + sum(math.exp(s * (math.cos(2 * math.pi * k / people) - 1 + m)) for k in others))

    assert "For C=20" in said("how-large-s-circle", neighbours)
    assert "20 people" in said("margin-lab-floor", floor)


def test_the_nearest_class_need_not_be_the_next_in_the_list() -> None:
    def by_index(pictures, classes, centres, m):
        def cos(picture, c):
            return math.cos(math.radians(picture - centres[c % 8]))

        leads = [cos(p, c) - max(cos(p, c + 1), cos(p, c - 1)) for p, c in zip(pictures, classes, strict=True)]
        return sum(lead >= m for lead in leads) / len(leads)

    said("eight-met", by_index)


def test_two_centres_in_one_direction_are_no_neighbour_to_leave_out() -> None:
    def filtered(centres):
        unit = [[a / math.hypot(*w) for a in w] for w in centres]
        cosines = [sum(a * b for a, b in zip(v, w, strict=True)) for v in unit for w in unit]
        return 1 - max(cos for cos in cosines if cos < 0.9999)

    assert "in one direction" in said("how-large-m-largest", filtered)


def one_impostor_too_many(genuine, impostor, far):
    threshold = sorted(impostor, reverse=True)[int(far * len(impostor))]
    return sum(score >= threshold for score in genuine) / len(genuine)


def quantile(genuine, impostor, far):
    return float((np.array(genuine) >= np.quantile(impostor, 1 - far)).mean())


@pytest.mark.parametrize("answer", [one_impostor_too_many, quantile])
def test_a_false_accept_rate_is_kept_where_scores_are_tied(answer) -> None:
    assert "same score" in said("verification-tar", answer)

    def of_pairs(scores, same, far):
        return answer(scores[same].tolist(), scores[~same].tolist(), far)

    said("find-the-bug-test-far", of_pairs)


def test_at_the_threshold_is_accepted() -> None:
    def above(scores, same, group, threshold):
        rates = {}
        for g in set(group):
            mine = [s for s, genuine, h in zip(scores, same, group, strict=True) if h == g and not genuine]
            rates[g] = sum(s > threshold for s in mine) / len(mine)
        return rates

    assert "score at least the threshold" in said("consent-rates", above)


def test_an_edge_that_is_not_there_is_no_number() -> None:
    def held(phi, m):
        return phi / 2 - math.asin(min(1.0, m / (2 * math.sin(phi / 2))))

    assert "nothing on the arc meets m = 0.35: return nan" in said("lmcl-edge", held)


def test_how_close_two_may_be_with_samples_off_their_centres_is_another_question() -> None:
    """2 sin(φ/2) = m, where 1 - cosφ = m is asked."""
    assert "if samples leave their centres" in said("cosine-or-angle-closest", 20.16)
    assert "on its centre does not meet" in said("cosine-or-angle-closest", 40)
    assert "so they do at a smaller angle" in said("cosine-or-angle-closest", 60)


def test_more_than_is_needed_is_told_so() -> None:
    assert "a smaller one is, too" in said("a-softmax-need", 4)
    assert "for m = 0.1 you say 14 people" in said(
        "margin-lab-people", lambda m: math.floor(2 * math.pi / math.acos(1 - m)) + 1
    )


# ---------------------------------------------------------------- find the bug, one's own loop


def overwritten(fc, x):
    fc.weight.data = F.normalize(fc.weight.data)
    return fc(F.normalize(x))


NORMALISED = [
    (overwritten, "overwritten"),
    (lambda fc, x: F.linear(F.normalize(x.detach()), F.normalize(fc.weight)), "x gets no gradient"),
    (lambda fc, x: F.linear(F.normalize(x), F.normalize(fc.weight.detach())), "centres get no gradient"),
    (lambda fc, x: F.linear(F.normalize(x), fc.weight / fc.weight.detach().norm(dim=1, keepdim=True)), "another"),
]


@pytest.mark.parametrize(("answer", "word"), NORMALISED)
def test_a_normalisation_changes_no_weight_and_stops_no_gradient(answer, word) -> None:
    assert word in said("find-the-bug-normalise", answer)


def cosines(forward):
    class Cosines(torch.nn.Module):
        def __init__(self, in_features, num_classes):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.randn(num_classes, in_features))

        def forward(self, x):
            return forward(x, self.weight)

    return Cosines


@pytest.mark.parametrize(
    "forward",
    [
        lambda x, weight: F.linear(F.normalize(x), F.normalize(weight.data.to(x.dtype))),
        torch.no_grad()(lambda x, weight: F.linear(F.normalize(x.float()), F.normalize(weight))),
    ],
)
def test_centres_that_keep_their_precision_still_learn(forward) -> None:
    assert "never learn" in said("find-the-bug-half", cosines(forward))


def test_precision_is_not_lost_for_every_batch() -> None:
    def always_half(x, weight):
        return F.linear(F.normalize(x).half(), F.normalize(weight).half()).float()

    assert "lost precision" in said("find-the-bug-half", cosines(always_half))


def test_centres_that_are_cast_in_place_are_told_so() -> None:
    def cast(x, weight):
        weight.data = weight.data.to(x.dtype)
        return F.linear(F.normalize(x), F.normalize(weight))

    assert "the centres are torch.float16" in said("find-the-bug-half", cosines(cast))


def at_pi(after):
    """ArcFace's target with something else past π - m, of the cosine."""

    def target(cos, m):
        theta = torch.acos(cos.clamp(-1 + 1e-7, 1 - 1e-7))
        return torch.where(theta + m <= math.pi, torch.cos(theta + m), after(cos, m))

    return target


FALLBACKS = [
    (lambda cos, m: cos - m * math.sin(m), "jumps"),  # of released code
    (lambda cos, m: 0 * cos - 1, "no gradient"),
    (lambda cos, m: -2 - cos - math.cos(m) + 1, "rises with θ"),
]


@pytest.mark.parametrize(("after", "word"), FALLBACKS)
def test_a_fallback_past_pi_neither_jumps_nor_stops_nor_turns(after, word: str) -> None:
    assert word in said("find-the-bug-jump", at_pi(after))
    found = said("arcface-monotone", lambda theta, m: at_pi(after)(torch.cos(theta), m))
    assert word.replace("no gradient", "the gradient is zero") in found


@pytest.mark.parametrize("height", [0.008, 0.0005])
def test_a_small_jump_is_one(height: float) -> None:
    def reflected(cos, m):
        return -2 - height - torch.cos(torch.acos(cos) + m)

    assert f"jumps by {height:.2g} at {180 - math.degrees(0.3):.1f}°" in said("find-the-bug-jump", at_pi(reflected))
    assert "jumps" in said("arcface-monotone", lambda theta, m: at_pi(reflected)(torch.cos(theta), m))


def test_another_margin_is_no_repair() -> None:
    assert "it must be cos(θ + m)" in said("arcface-monotone", lambda theta, m: torch.cos(theta) - m)


def test_a_cosine_is_held_hardly_further_in_than_needs_be() -> None:
    found = said("find-the-bug-clamp", lambda cos, m: torch.cos(torch.acos(cos.clamp(-0.996, 0.996)) + m))
    assert "it may be 0.002 off" in found


def test_a_channel_of_colour_may_not_be_lost() -> None:
    def twice_red(pixels):
        return torch.from_numpy(pixels[:, :, [2, 2, 0]]).permute(2, 0, 1) / 255

    assert "Green" in said("find-the-bug-test-bgr", twice_red)


def test_a_batch_of_one_leaves_the_deviation_and_is_graded() -> None:
    def grade(norms, mean, std, spread):
        mean, std = 0.99 * mean + 0.01 * norms.mean(), 0.99 * std + 0.01 * spread(norms)
        return (0.333 * (norms - mean) / (std + 1e-3)).clamp(-1, 1), mean, std

    def shrinks(norms, mean, std):
        return grade(norms, mean, std, lambda norms: torch.nan_to_num(norms.std()))

    def ungraded(norms, mean, std):
        return grade(norms, mean, std, torch.std) if len(norms) > 1 else (torch.zeros(1), mean, std)

    assert "leave it as it was" in said("find-the-bug-batch-of-one", shrinks)
    assert "grades of a batch of one" in said("find-the-bug-batch-of-one", ungraded)
    assert "the deviation is wrong" in said(
        "find-the-bug-batch-of-one",
        lambda *given: grade(*given, lambda norms: norms.std(correction=0) if len(norms) > 1 else given[2]),
    )


ACCURACIES = {
    "constant": lambda head, x, labels: 1.0,
    "with the margin": lambda head, x, labels: (head.logits(x, labels).argmax(1) == labels).double().mean().item(),
    "scores, not cosines": lambda head, x, labels: ((x @ head.weight.T).argmax(1) == labels).double().mean().item(),
    "in the first five": lambda head, x, labels: (
        (head.logits(x).topk(5).indices == labels[:, None]).any(1).double().mean().item()
    ),
}


@pytest.mark.parametrize("answer", ACCURACIES.values(), ids=ACCURACIES)
def test_another_accuracy_is_refused(answer) -> None:
    assert "nearest to their own centre" in said("find-the-bug-accuracy", answer)


def test_a_share_is_not_given_in_per_cent() -> None:
    def per_cent(head, x, labels):
        return 100 * (head.logits(x).argmax(1) == labels).double().mean().item()

    assert "lies between 0 and 1" in said("find-the-bug-accuracy", per_cent)


def test_an_argmax_over_the_batch_has_another_shape() -> None:
    def over_the_batch(head, x, labels):
        return (head.logits(x).argmax(0) == labels).double().mean().item()

    assert not exercises.check("find-the-bug-accuracy", over_the_batch).passed


def test_centres_are_copied_into_the_new_head() -> None:
    def backwards(old, old_names, new, new_names):
        with torch.no_grad():
            for place, name in enumerate(new_names):
                if name in old_names:
                    old.weight[old_names.index(name)] = new.weight[place]

    def replaced(old, old_names, new, new_names):
        rows = new.weight.detach().clone()
        for place, name in enumerate(new_names):
            if name in old_names:
                rows[place] = old.weight[old_names.index(name)].detach()
        new.weight = torch.nn.Parameter(rows)

    def by_default_the_first(old, old_names, new, new_names):
        with torch.no_grad():
            for place, name in enumerate(new_names):
                new.weight[place] = old.weight[old_names.index(name) if name in old_names else 0]

    assert "from `old` to `new`" in said("your-own-loop-centres", backwards)
    assert "Di is new, and row 0 was changed" in said("your-own-loop-centres", by_default_the_first)
    assert "another parameter" in said("your-own-loop-centres", replaced)


@pytest.mark.parametrize("taken", [torch.Tensor.detach, lambda row: row])  # the second makes it a result, no parameter
def test_centres_that_were_copied_are_still_trained(taken) -> None:
    def frozen(old, old_names, new, new_names):
        new.weight.requires_grad_(False)
        for place, name in enumerate(new_names):
            if name in old_names:
                new.weight[place] = taken(old.weight[old_names.index(name)])

    assert "must still be trained" in said("your-own-loop-centres", frozen)


def test_a_batch_is_taken_in_chunks() -> None:
    assert "64 samples at once" in said("performance-chunks", lambda head, x, labels, chunk: head(x, labels))


# ---------------------------------------------------------------- what is wrong has a name


def test_a_gradient_of_the_mean_and_one_with_its_sign_turned_are_told_so() -> None:
    def times(factor):
        return lambda cos, labels, s, m: [
            [factor * g for g in truth.cosine_gradient(row, y, s, m)] for row, y in zip(cos, labels, strict=True)
        ]

    assert "the sum of the losses: yours is of their mean" in said("gradients-by-hand", times(1 / 6))
    assert "sign is turned" in said("gradients-by-hand", times(-1))
    assert "largest error: " in said("gradients-by-hand", times(2))


def test_all_gpus_count_and_none_is_as_fast_as_alone() -> None:
    work = truth.STEPS * truth.BATCH / 3600
    assert "on each of 8 GPU(s)" in said("gpu-hours", lambda speed, gpus, efficiency: work / speed)
    assert "on each of 8 GPU(s) at 90%" in said("gpu-hours", lambda speed, gpus, efficiency: work / speed / gpus)


def test_a_whole_number_is_asked_for() -> None:
    for s in (30.69, 30.9, 18.4):
        assert said("how-large-s-million", s) == f"A whole number is asked for, and {s} is none."
    assert "stays below 0.99" in said("how-large-s-million", 30)
    assert said("how-large-s-million", math.inf) == "Answer with a finite number."


def room(D: int, m: float) -> float:
    return 2 * D if m == 1 else min(D + 1, m / (m - 1))


def test_a_floor_that_is_forgotten_or_falls_short_is_told_so() -> None:
    assert "is no whole number" in said("how-large-m-whole", room)
    assert "9 dimensions m = 1.3 leaves room for 4; the function says 5" in said(
        "how-large-m-whole", lambda D, m: math.ceil(room(D, m))
    )
    fell = said("how-large-m-whole", lambda D, m: 2 * D if m == 1 else min(D + 1, math.floor(1 / (1 - 1 / m))))
    assert "the function says 2" in fell
    assert "1e-9" in fell


def test_half_a_gap_and_radians_are_told_so() -> None:
    gap = math.degrees(truth.lmcl_gap(math.pi / 4, 0.2))
    assert "in radians" in said("eight-gap", math.radians(gap))
    assert "half the gap" in said("eight-gap", gap / 2)
    assert "to within 0.1°" in said("eight-gap", 30.0)


def unstable_loss(lib):
    def loss(x, y, W, s, m):
        unit = [np.array(v) / np.linalg.norm(v) for v in (x, *W)]
        z = [s * (float(unit[0] @ w) - m * (j == y)) for j, w in enumerate(unit[1:])]
        powers = [lib.exp(v if lib is np else torch.tensor(v, dtype=torch.float64)) for v in z]
        return float(lib.log(sum(powers)) - z[y])

    return loss


@pytest.mark.parametrize("lib", [np, torch])
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_an_overflow_that_raises_nothing_is_told_as_one(lib) -> None:
    def first(C, s, m):
        power = lib.exp(s * m if lib is np else torch.tensor(s * m, dtype=torch.float64))
        return lib.log(1 + (C - 1) * power)

    assert "s = 1000 and m = 1 the exponential overflows" in said("which-s-first-loss", first)
    assert "not for s = 1000" in said("build-loss", unstable_loss(lib))


PRINTED = {"lmcl-loss", "nsl-posterior", "align-fit", "find-the-bug-no-grad", "evaluating-rank", "before-margins-count"}


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_a_function_that_prints_and_does_not_return_is_told_so(name: str) -> None:
    assert said(name, lambda *given: None).startswith("The function returned None")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("align-fit", lambda p, q: 1 + 2j),
        ("before-margins-count", lambda people, pictures: 3),
        ("eight-met", lambda *given: "all"),
        ("nsl-posterior", lambda s, C, c: np.ones(3)),
        ("nsl-posterior", lambda s, C, c: torch.ones(3)),
        ("find-the-bug-batch-of-one", lambda norms, mean, std: norms),
        ("find-the-bug-half", torch.nn.Linear(16, 10)),
    ],
)
def test_an_answer_of_another_kind_is_no_error_of_the_reader_s_code(name, answer) -> None:
    said(name, answer)


def test_a_difference_is_never_shown_as_nothing() -> None:
    def nearly(theta, z, m):
        return torch.cos((theta - m * z).clamp(0, math.pi)) - m - m * z + 1e-4

    wanted, yours = re.search(r"it is (\S+); you have (\S+)\.$", said("beyond-adaface", nearly)).groups()
    assert wanted != yours


# ---------------------------------------------------------------- chance


def test_a_verdict_is_the_same_each_time_and_the_reader_s_generator_is_left_alone() -> None:
    def measure(head, x, labels):
        seen.append((x.clone(), head.weight.detach().clone()))
        return 1.0

    seen: list = []
    torch.manual_seed(random.randrange(1000))
    before = torch.get_rng_state()
    exercises.check("find-the-bug-accuracy", measure)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    exercises.check("find-the-bug-accuracy", measure)
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))


# ---------------------------------------------------------------- what a margin is worth, and where it pays


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda rates, n: 1 - n * sum(rates) / len(rates), "among 2 it is 72.5%, you say 70.0%"),
        (lambda rates, n: (1 - sum(rates) / len(rates)) ** n, "as if every probe had the mean rate"),
        (lambda rates, n: sum((1 - f) ** (n - 1) for f in rates) / len(rates), "among 1 it is 58.3%, you say 100.0%"),
    ],
)
def test_rank_1_goes_by_each_probe_s_own_rate(wrong, named: str) -> None:
    assert named in said("worth-million", wrong)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (lambda nsl, lmcl: (lmcl - nsl, (lmcl - nsl) / (1 - nsl), lmcl / nsl), "the lead in points is 10"),
        (lambda nsl, lmcl: (100 * (lmcl - nsl), (lmcl - nsl) / nsl, lmcl / nsl), "the share of NSL's misses is 0.125"),
        (lambda nsl, lmcl: (100 * (lmcl - nsl), (lmcl - nsl) / (1 - nsl), nsl / lmcl), "the multiple of NSL's finds"),
    ],
)
def test_a_lead_is_told_which_of_its_three_numbers_is_wrong(wrong, named: str) -> None:
    assert named in said("where-units", wrong)
