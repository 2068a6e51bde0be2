"""Advice on s and m: its figures are those of the bounds, and of a head that has learned nothing."""

import math

import numpy as np
import pytest
import torch

from cosface_edu import geometry
from cosface_edu.geometry import advise, min_scale, random_start_loss, scale_for_all, start_loss
from cosface_edu.losses import AdaCos, CosFace


@pytest.mark.parametrize("D", [8, 64, 128, 512])
@pytest.mark.parametrize("C", [20, 200, 2000])
@pytest.mark.parametrize("s", [4.0, 16.0, 64.0])
@pytest.mark.parametrize("m", [0.0, 0.35])
def test_random_start_loss_is_that_of_a_head_that_has_learned_nothing(C, D, s, m):
    torch.manual_seed(0)
    head = CosFace(D, C, s=s, m=m)
    torch.nn.init.normal_(head.weight)
    with torch.no_grad():
        found = head(torch.randn(4000, D), torch.randint(C, (4000,))).item()
    assert random_start_loss(C, s, m, D) == pytest.approx(found, rel=0.1)


def test_random_start_loss_of_many_dimensions_is_that_of_equal_cosines():
    assert random_start_loss(10_572, 64, 0.35, 10**9) == pytest.approx(start_loss(10_572, 64, 0.35), rel=1e-5)
    assert random_start_loss(10_572, 64, 0.35, 128) > start_loss(10_572, 64, 0.35) + 10


def even_circle(C, s, m):
    """Posterior of C even centres on a circle, the margin taken off."""
    others = sum(math.exp(s * (math.cos(2 * math.pi * k / C) - 1 + m)) for k in range(1, C))
    return 1 / (1 + others)


@pytest.mark.parametrize("m", [0.0, 0.1, 0.2])
def test_scale_for_all_is_needed_on_the_circle(m):
    """Below it not even the best arrangement, even centres, gives everybody the posterior."""
    s = scale_for_all(8, 2, 0.99, m)
    assert even_circle(8, s, m) < 0.99
    assert even_circle(8, 1.2 * s, m) > 0.99
    assert s > 2.5 * min_scale(8, 0.99, m)


def test_scale_for_all_is_the_paper_s_where_a_simplex_fits():
    assert scale_for_all(8, 7, 0.99, 0.35) == min_scale(8, 0.99, 0.35)
    assert scale_for_all(10_575, 512, 0.99) == min_scale(10_575, 0.99)
    assert scale_for_all(8, 2, 0.99, 0.2929) == math.inf
    assert scale_for_all(8, 2, 0.99, 0.5) == math.inf
    assert scale_for_all(7, 2, 0.99, 0.3765) == math.inf  # the bound, 0.37651, as it is quoted


def test_adacos_scale_is_that_of_the_loss():
    advice = advise(people=92, features=512, pictures=10)
    assert advice.adacos == pytest.approx(AdaCos(512, 92).s, rel=1e-6)
    assert advise(people=2, features=512, pictures=10).adacos is None


@pytest.mark.parametrize(("people", "features"), [(2, 2), (8, 2), (92, 512), (200, 128), (10_000, 128), (10_575, 512)])
def test_tries_are_feasible_and_say_what_they_begin_with(people, features):
    advice = advise(people=people, features=features, pictures=3)
    assert advice.images == 3 * people
    assert advice.largest_m == geometry.max_margin(people, features)
    plain, first, sharper = advice.tries
    assert (plain.m, first.m) == (0.0, sharper.m)
    assert 0 < first.m <= 0.2
    assert first.m < advice.largest_m
    assert sharper.s == 2 * first.s
    for one in advice.tries:
        assert one.s >= scale_for_all(people, features, 0.99, one.m)
        assert one.start == random_start_loss(people, one.s, one.m, features)


def test_what_is_known_of_the_paper_s_sizes():
    advice = advise(people=10_575, features=512, pictures=46)
    assert advice.scale_without == pytest.approx(13.86, abs=0.005)
    assert advice.scale_with == pytest.approx(min_scale(10_575, 0.99, 0.2))
    assert [(one.s, one.m) for one in advice.tries] == [(14, 0.0), (18, 0.2), (36, 0.2)]
    assert advice.scale_off == pytest.approx(math.log(10_574 * 99) / (math.cos(math.pi / 4) - 0.2))
    circle = advise(people=8, features=2, pictures=500)
    assert circle.scale_off is None
    assert circle.tries[1].m == 0.2
    assert advise(people=9, features=2, pictures=500).tries[1].m == 0.16  # 0.7 of 1 - cos 40°
    assert advise(people=1_000_000, features=512, pictures=5).tries[0].s == 20  # AdaCos' 19.5; 18.4 would do


def test_it_can_be_read_as_text_and_in_a_notebook():
    advice = advise(people=10_000, features=128, pictures=3)
    text, page = str(advice), advice._repr_html_()
    assert "10,000 people" in text
    assert "128 features" in text
    assert max(map(len, text.splitlines())) <= 80  # a terminal's width, and a page's column
    for label, value, meaning in advice.rows():
        assert label in text
        assert value in text
        assert meaning in page
    assert "<table" in page
    assert "inf" not in text


def test_a_small_margin_is_shown_with_two_digits():
    """A thousand people on a circle: the room is 0.00002, which is not 0.00."""
    text = str(advise(people=1000, features=2, pictures=3))
    assert "0.000020" in text
    assert "m = 0.000014" in text


def test_many_classes_in_few_dimensions_have_little_room():
    """Levenshtein's bound stops at a cosine of 0.29 in space; caps of a thousandth of the sphere do not."""
    assert geometry.max_margin(1000, 3) > 0.7
    half = math.acos(1 - 2 / 1000)
    assert geometry.margin_room(1000, 3) == pytest.approx(1 - math.cos(2 * half), rel=0.02)
    assert geometry.margin_room(1000, 3) >= 1 - math.cos(2 * half)
    for C in range(10, 3000, 7):  # rounding to cells never makes it less than the caps leave
        assert geometry.margin_room(C, 3) >= min(1 - math.cos(2 * math.acos(1 - 2 / C)), geometry.max_margin(C, 3))
    assert geometry.margin_room(10_575, 512) == geometry.max_margin(10_575, 512)
    golden = 2 * math.pi * torch.arange(1000) * (math.sqrt(5) - 1) / 2
    z = torch.linspace(1 - 1e-3, -1 + 1e-3, 1000)
    spiral = torch.stack([(1 - z**2).sqrt() * golden.cos(), (1 - z**2).sqrt() * golden.sin(), z], dim=1)
    cos = (spiral @ spiral.T).fill_diagonal_(-1)
    assert 1 - cos.max() < geometry.margin_room(1000, 3)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"people": 1}, "people"),
        ({"features": 1}, "features"),
        ({"pictures": 0}, "pictures"),
        ({"people": 2.5}, "people"),
        ({"people": 1_000_001}, "people must be an integer from 2 to 1,000,000"),
        ({"pictures": True}, "pictures"),
    ],
)
def test_what_is_no_count_is_refused(wrong, word):
    with pytest.raises(ValueError, match=word):
        advise(**({"people": 10, "features": 8, "pictures": 3} | wrong))


def test_numpy_s_integers_are_counts_too():
    given = {"people": 10, "features": 8, "pictures": 3}
    assert advise(**{name: np.int64(value) for name, value in given.items()}) == advise(**given)
