"""Check of the chapter on verification."""

import numpy as np

from cosface_edu.evaluation import verify
from cosface_edu.exercises import exercise


@exercise("verification-tar")
def _tar(answer) -> str:
    generator = np.random.default_rng(0)
    for far in (0.5, 0.1, 0.01, 0.001):
        genuine, impostor = generator.normal(0.5, 0.2, 500), generator.normal(0.0, 0.15, 2000)
        result = verify(np.concatenate([genuine, impostor]), np.arange(2500) < 500)
        truth, given = result.tar_at_far(far), float(answer(genuine, impostor, far))
        assert abs(given - truth) < 1e-9, f"at FAR = {far:g} the rate is {truth:.3f}, you say {given:.3f}"
    return "equal to the package's on four rates."
