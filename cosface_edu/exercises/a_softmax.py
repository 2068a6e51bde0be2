"""Checks of the A-Softmax chapter."""

import numpy as np
import torch

from cosface_edu import geometry
from cosface_edu.exercises import exercise
from cosface_edu.losses import margins


@exercise("a-softmax-psi")
def _psi(answer) -> str:
    theta = np.linspace(0, np.pi, 721)
    for m in (1, 2, 3, 4):
        truth = margins.MultiplicativeAngle(m).target(torch.cos(torch.tensor(theta))).numpy()
        given = np.array([float(answer(angle, m)) for angle in theta])
        rises = np.flatnonzero(np.diff(given) > 1e-9)
        assert not rises.size, f"for m = {m} your ψ rises again after {np.degrees(theta[rises[0]]):.0f}°"
        worst = np.abs(given - truth).argmax()
        assert abs(given[worst] - truth[worst]) < 1e-6, (
            f"for m = {m} at {np.degrees(theta[worst]):.0f}° the loss uses {truth[worst]:.4f}, "
            f"you say {given[worst]:.4f}"
        )
    return "equal to the rule that the loss uses, for m = 1 to 4."


@exercise("a-softmax-need")
def _need(answer) -> str:
    m, phi = float(answer), 1.0
    assert m >= 1, f"a factor below 1 is no margin, you say {m}"
    within = 2 * float(geometry.edge_on_arc(margins.MultiplicativeAngle(m), phi))
    between = phi - within
    assert within <= between + 1e-6, (
        f"with m = {m:g} a class of the toy spans {np.degrees(within):.1f}° on an arc of {np.degrees(phi):.1f}°, "
        f"and the next class is only {np.degrees(between):.1f}° away"
    )
    assert m < 3.01, f"m = {m:g} is enough, but a smaller one is, too"
    return "at this m the widest class is just as wide as the narrowest gap."
