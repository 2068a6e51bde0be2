"""Check of the chapter on alignment."""

import numpy as np
import torch

from cosface_edu.align import estimate_similarity
from cosface_edu.exercises import exercise


@exercise("align-fit")
def _fit(answer) -> str:
    generator = np.random.default_rng(0)
    for trial in range(5):
        p, q = generator.normal(size=(2, 5, 2)) * 40 + 60
        if trial == 0:  # an exact similarity first: it is the easiest to get right
            z = 0.5 * np.exp(0.7j)
            moved = z * (p[:, 0] + 1j * p[:, 1]) + 3 - 2j
            q = np.stack([moved.real, moved.imag], axis=1)
        matrix = estimate_similarity(torch.tensor(p), torch.tensor(q)).numpy()
        truth = complex(matrix[0, 0], matrix[1, 0]), complex(matrix[0, 2], matrix[1, 2])
        given = answer(p[:, 0] + 1j * p[:, 1], q[:, 0] + 1j * q[:, 1])
        assert given is not None, "return z and t"
        for name, right, got in zip("zt", truth, given, strict=True):
            assert abs(complex(got) - right) < 1e-6, f"{name} should be {right:.4f}, you say {complex(got):.4f}"
    return "your transform is the package's, on exact and on noisy points."
