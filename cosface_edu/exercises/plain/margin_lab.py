"""Checks of the Margin Lab chapter."""

from cosface_edu.exercises import answers, exercise, truth


@exercise("margin-lab-people", hint="Neighbours stand 2π/C apart, and m must not exceed 1 - cos of that.")
def _people(answer) -> str:
    most = answers.function(answer)
    for m in (0.1, 0.2, 0.35, 0.6, 1.2):
        right = max(people for people in range(2, 200) if truth.circle_margin(people) >= m)
        given = answers.number(most(m))
        yours = answers.told(right, given, ".0f")[1]
        assert given == right, (
            f"for m = {m} you say {yours} people. On a circle {right} have room up to "
            f"m = {truth.circle_margin(right):.3f}, {right + 1} up to {truth.circle_margin(right + 1):.3f}"
        )
    return "set that many people in the lab, then one more: the crosses appear where you said."


@exercise("margin-lab-floor", hint="Write down the scores of a sample on its own centre, then the loss of one sample.")
def _floor(answer) -> str:
    floor = answers.function(answer)
    for people, s, m in (
        (8, 30.0, 0.2),
        (8, 30.0, 0.35),
        (8, 64.0, 0.0),
        (3, 10.0, 0.5),
        (2, 4.0, 0.0),
        (20, 4.0, 0.1),
    ):
        right, given = truth.even_loss(people, s, m), answers.number(floor(people, s, m))
        wanted, yours = answers.told(right, given, ".4f")
        # in float32 scores of thirty are a few millionths off, and so is the loss
        assert abs(given - right) < 1e-5 * max(1, right), (
            f"{people} people, s = {s:g}, m = {m:g}: every sample on its own centre has the loss {wanted}, "
            f"you say {yours}"
        )
    return "now watch the lab's loss: what it has above this is the width of its clouds."
