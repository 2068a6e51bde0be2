"""Check of the chapter on running it all on a GPU."""

from cosface_edu.exercises import exercise
from cosface_edu.training.config import preset


@exercise("gpu-hours")
def _hours(answer) -> str:
    config = preset("casia")
    for speed, gpus, efficiency in [(500.0, 1, 1.0), (500.0, 8, 0.9), (2000.0, 4, 0.8)]:
        truth = config.steps * config.batch / (speed * gpus * efficiency) / 3600
        given = float(answer(speed, gpus, efficiency))
        assert abs(given - truth) < 1e-6 * truth, (
            f"{speed:g} images/s on each of {gpus} GPU(s) at {efficiency:.0%} takes {truth:.2f} hours, "
            f"you say {given:.2f}"
        )
    return "images over images per second."
