"""Free features under a loss: the trap of a rule that rises again, and losses that do not have it."""

from cosface_edu.experiments import free
from cosface_edu.losses import ArcFace, CosFace


def test_a_rule_that_rises_again_is_solved_by_learning_nothing() -> None:
    last = free.descend(lambda: ArcFace(64, 92, s=30.0, m=0.5, beyond_pi="exact"))[-1]
    assert last.loss < 2
    assert last.accuracy < 0.05
    assert last.target < -0.99
    assert last.loss < free.descend(lambda: ArcFace(64, 92, s=30.0, m=0.5, beyond_pi="exact"))[0].loss / 10


def test_a_small_scale_and_a_rule_that_falls_are_no_trap() -> None:
    for make in (
        lambda: ArcFace(64, 92, s=4.0, m=0.5, beyond_pi="exact"),
        lambda: ArcFace(64, 92, s=30.0, m=0.5),
        lambda: CosFace(64, 92, s=30.0, m=0.35),
    ):
        assert free.descend(make)[-1].accuracy > 0.95


def test_opposite_loss_is_that_of_features_opposite_to_every_centre() -> None:
    last = free.descend(lambda: ArcFace(64, 92, s=30.0, m=0.5, beyond_pi="exact"))[-1]
    assert abs(free.opposite_loss(92, 30.0, 0.5) - last.loss) < 0.1
    assert free.opposite_loss(92, 4.0, 0.5) > 4
