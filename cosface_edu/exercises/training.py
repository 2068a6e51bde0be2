"""Checks of the chapter on training."""

from cosface_edu.exercises import exercise
from cosface_edu.training.config import preset


@exercise("training-epochs")
def _epochs(answer) -> str:
    for steps, batch, images in [(30_000, 512, 490_000), (240_000, 512, 5_000_000), (100, 10, 1000)]:
        truth, given = steps * batch / images, float(answer(steps, batch, images))
        assert abs(given - truth) < 1e-9, (
            f"{steps:,} steps of {batch} over {images:,} images are {truth:.2f} epochs, not {given:.2f}"
        )
    return "the small schedule passes over CASIA-WebFace about 31 times."


@exercise("training-rate")
def _rate(answer) -> str:
    config = preset("casia")
    for step in (0, 1, 15_999, 16_000, 23_999, 24_000, 27_999, 28_000, 29_999):
        truth, given = config.learning_rate(step), float(answer(step))
        assert abs(given - truth) < 1e-9 * truth, f"at step {step:,} the preset has {truth:g}, you say {given:g}"
    return "equal to the preset `casia` at every change."
