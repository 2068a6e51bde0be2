"""Check of the chapter on running it all on a GPU."""

from cosface_edu.exercises import answers, exercise, truth


@exercise(
    "gpu-hours", hint="A step reads a batch of 512 images; divide all images by what all GPUs really do in a second."
)
def _hours(answer) -> str:
    answer = answers.function(answer)
    for speed, gpus, efficiency in [(500.0, 1, 1.0), (500.0, 8, 0.9), (2000.0, 4, 0.8)]:
        right = truth.STEPS * truth.BATCH / (speed * gpus * efficiency) / 3600
        given = answers.number(answer(speed, gpus, efficiency))
        wanted, yours = answers.told(right, given, ".2f")
        assert abs(given - right) < 1e-6 * right, (
            f"{speed:g} images/s on each of {gpus} GPU(s) at {efficiency:.0%} takes {wanted} hours, you say {yours}"
        )
    return "images over images per second."
