"""A check of the performance page."""

import math

from cosface_edu.exercises import answers, exercise


@exercise(
    "performance-fit", hint="Logits are B × C numbers, centres and their gradient C × D each; a float32 has 4 bytes."
)
def fit(gigabytes: tuple[float, float]) -> str:
    """(logits, centres with gradient) in GB for a million classes, 512 dimensions, a batch of 512."""
    both = answers.parts(gigabytes, 2, "numbers, (logits, centres)")
    logits, centres = (answers.number(value, low=0) for value in both)
    assert math.isclose(logits, 2.048, rel_tol=0.05), f"B × C numbers of 4 bytes are not {logits:g} GB."
    assert not math.isclose(centres, 2.048, rel_tol=0.05), "That is the centres without their gradient."
    assert math.isclose(centres, 4.096, rel_tol=0.05), f"Two matrices C × D of 4 bytes a number are not {centres:g} GB."
    return "with 8 GB of memory that leaves little room for copies."
