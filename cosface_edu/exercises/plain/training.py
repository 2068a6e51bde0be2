"""Checks of the chapter on training."""

import math

from cosface_edu.exercises import answers, exercise, truth


@exercise("training-epochs", hint="A step reads a batch of images, not one.")
def _epochs(answer) -> str:
    answer = answers.function(answer)
    for steps, batch, images in [(30_000, 512, 490_000), (240_000, 512, 5_000_000), (100, 10, 1000)]:
        right, given = steps * batch / images, answers.number(answer(steps, batch, images))
        wanted, yours = answers.told(right, given, ".2f")
        assert answers.close(given, right), (
            f"{steps:,} steps of {batch} over {images:,} images are {wanted} epochs, not {yours}"
        )
    return "the small schedule passes over CASIA-WebFace about 31 times."


@exercise(
    "training-rate", hint="Count how many of the three milestones the step has reached; each takes a factor of ten."
)
def _rate(answer) -> str:
    answer = answers.function(answer)
    for step in (0, 1, 15_999, 16_000, 23_999, 24_000, 27_999, 28_000, 29_999):
        right, given = truth.learning_rate(step), answers.number(answer(step))
        wanted, yours = answers.told(right, given, ".6g")
        assert math.isclose(given, right, rel_tol=1e-6), f"at step {step:,} the preset has {wanted}, you say {yours}"
    return "equal to the preset `casia` at every change."
