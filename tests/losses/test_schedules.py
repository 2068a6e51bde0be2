"""Margin warm-up and λ annealing: their values, and continuing from a checkpoint."""

import pytest
import torch
from torch._dynamo.testing import CompileCounter

from cosface_edu import losses


def test_annealing_follows_the_sphereface_solver():
    annealing = losses.LambdaAnnealing()
    head = losses.ASoftmax(5, 7, m=4, annealing=annealing)
    assert head.rule.lam == 1000
    annealing.step()
    assert head.rule.lam == pytest.approx(892.86, abs=0.005)
    while annealing.value > 5:
        annealing.step()
    assert annealing.steps_done == pytest.approx(1658, abs=1)
    annealing.step()
    assert head.rule.lam == 5


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_annealing_is_the_formula(power):
    annealing = losses.LambdaAnnealing(base=100.0, gamma=0.5, power=power, floor=1.0)
    for step in range(30):
        assert annealing.value == pytest.approx(max(1.0, 100 * (1 + 0.5 * step) ** -power))
        annealing.step()


def test_warm_up_grows_to_the_heads_own_margin():
    head = losses.CosFace(5, 7, m=0.4)
    warm_up = losses.MarginWarmUp(head, steps=4)
    margins = [head.m]
    for _ in range(5):
        warm_up.step()
        margins.append(head.m)
    assert margins == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.4])
    assert head.rule == losses.AdditiveCosine(0.4)


@pytest.mark.parametrize(
    "name", sorted({losses.card(name).name for name in losses.available() if losses.card(name).takes("m")})
)
def test_warm_up_begins_where_the_loss_asks_for_least(name):
    """Circle loss asks for more with a smaller m, and a factor on the angle for nothing at 1."""
    head = losses.create(name, in_features=16, num_classes=7)
    full = head.rule
    losses.MarginWarmUp(head, steps=4)
    cos = torch.linspace(-0.9, 0.9, 19, dtype=torch.float64)
    lead = [rule.target(cos[:, None]) - rule.others(cos[None, :], cos[:, None]) for rule in (head.rule, full)]
    assert (lead[0] >= lead[1]).all()
    assert (lead[0] > lead[1]).any()


def test_warm_up_of_the_factor_of_a_combined_margin():
    combined = losses.CombinedMargin(5, 7, m1=1.2)
    losses.MarginWarmUp(combined, steps=2, setting="m1")
    assert combined.m1 == 1


@pytest.mark.parametrize("before", [0, 3, 10])
def test_a_warm_up_made_again_ends_where_the_first_would(before):
    """A notebook's cell that makes one is run twice."""
    head = losses.CosFace(5, 7, m=0.4)
    for steps in (before, 10):
        warm_up = losses.MarginWarmUp(head, steps=10)
        assert head.m == 0
        for _ in range(steps):
            warm_up.step()
    assert head.m == pytest.approx(0.4)
    head.m = 0.2  # a margin of one's own is the end of the next
    warm_up = losses.MarginWarmUp(head, steps=1)
    warm_up.step()
    assert head.m == 0.2


def test_warm_up_of_a_sampled_head():
    head = losses.PartialFC(losses.ASoftmax(5, 7, m=4))
    warm_up = losses.MarginWarmUp(head, steps=2)
    assert head.head.m == 1
    warm_up.step()
    assert head.head.m == 2.5


@pytest.mark.filterwarnings("ignore:.*beyond the geometric bound")
def test_a_schedule_does_not_make_the_compiler_begin_again():
    annealing = losses.LambdaAnnealing()
    head = losses.ASoftmax(5, 7, annealing=annealing)
    x, labels = torch.randn(4, 5), torch.tensor([0, 3, 6, 2])
    torch.compiler.reset()
    counter = CompileCounter()
    compiled = torch.compile(head, backend=counter)
    for _ in range(10):
        torch.testing.assert_close(compiled(x, labels), head(x, labels))
        annealing.step()
    assert counter.frame_count <= 2  # a number the first time, a variable from then on


def test_both_continue_from_a_checkpoint():
    head = losses.ArcFace(5, 7, m=0.5)
    warm_up, annealing = losses.MarginWarmUp(head, steps=10), losses.LambdaAnnealing()
    for _ in range(3):
        warm_up.step()
        annealing.step()
    saved = warm_up.state_dict(), annealing.state_dict()
    new_head = losses.ArcFace(5, 7, m=0.5)
    new_warm_up, new_annealing = losses.MarginWarmUp(new_head, steps=10), losses.LambdaAnnealing()
    new_warm_up.load_state_dict(saved[0])
    new_annealing.load_state_dict(saved[1])
    assert new_head.m == head.m == pytest.approx(0.15)
    assert new_annealing.value == annealing.value
    other = losses.MarginWarmUp(losses.ArcFace(5, 7, m=0.2), steps=10)  # its end comes with the checkpoint
    other.load_state_dict(saved[0])
    assert (other.head.m, other.end) == (head.m, 0.5)


def test_warm_up_of_a_factor_and_of_another_setting():
    head = losses.ASoftmax(5, 7, m=4)
    warm_up = losses.MarginWarmUp(head, steps=2, start=1.0)
    warm_up.step()
    assert head.m == 2.5
    combined = losses.CombinedMargin(5, 7, m2=0.4)
    losses.MarginWarmUp(combined, steps=2, setting="m2").step()
    assert combined.m2 == pytest.approx(0.2)


def test_bad_arguments():
    with pytest.raises(ValueError, match="steps"):
        losses.MarginWarmUp(losses.CosFace(5, 7), steps=0)
    with pytest.raises(ValueError, match="setting"):
        losses.MarginWarmUp(losses.NSL(5, 7), steps=3)
    with pytest.raises(ValueError, match="floor"):
        losses.LambdaAnnealing(floor=-1)


@pytest.mark.parametrize("setting", ["in_features", "training", "chunk_size", "s", "beyond_pi", "m2"])
def test_a_warm_up_leaves_all_but_margins_alone(setting):
    head = losses.ArcFace(5, 7)
    before = getattr(head, setting, None)
    with pytest.raises(ValueError, match=rf"setting must name a number of ArcFace \(m\), got '{setting}'"):
        losses.MarginWarmUp(head, steps=3, setting=setting)
    assert getattr(head, setting, None) == before


@pytest.mark.parametrize(("name", "value", "lam"), [("base", 56, 50), ("gamma", 0, 1000), ("power", 0, 1000)])
def test_lambda_follows_a_number_that_is_set_later(name, value, lam):
    head = losses.ASoftmax(5, 7, m=4, annealing=losses.LambdaAnnealing())
    head.annealing.step()
    setattr(head.annealing, name, value)
    assert head.rule.lam == head.annealing.value == pytest.approx(lam)
    head.annealing.floor = 2_000
    assert head.rule.lam == 2_000
    with pytest.raises(ValueError, match=name):
        setattr(head.annealing, name, -1)
    assert getattr(head.annealing, name) == value
