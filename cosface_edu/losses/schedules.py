"""Quantities that change while a loss is trained: the margin's warm-up and A-Softmax's λ.

Each schedule is stepped once an iteration by the training loop, after the optimiser, and carries its own state for
the checkpoint (`state_dict`, `load_state_dict`), as learning-rate schedulers do.
"""

from typing import Any

from torch import nn

from cosface_edu.checks import check_count, check_number

from .partial import PartialFC
from .settings import Choice, Count, Given, Scale, Setting


class LambdaAnnealing:
    """λ = max(floor, base · (1 + gamma · step)^-power), the weight of the plain cosine in A-Softmax.

    The defaults are those of the released SphereFace solver (facts: λ = 892.86 at iteration 1, 5 from about 1,658
    on), so that ψ itself never weighs more than 1/6.

    Args:
        base: λ at step 0.
        gamma: how fast it falls.
        power: exponent of the fall.
        floor: the least λ.

    Raises:
        ValueError: for a number below 0.

    Example:
        >>> from cosface_edu.losses import ASoftmax, LambdaAnnealing
        >>> head = ASoftmax(in_features=8, num_classes=4, annealing=LambdaAnnealing())
        >>> head.rule
        MultiplicativeAngle(m=4, lam=1000.0)
        >>> head.annealing.step()
        >>> round(head.annealing.value, 2)
        892.86
    """

    def __init__(self, base: float = 1000.0, gamma: float = 0.12, power: float = 1.0, floor: float = 5.0) -> None:
        self.base, self.gamma, self.power, self.floor = base, gamma, power, floor
        self._go_to(0)

    def __setattr__(self, name: str, value: Any) -> None:
        number = name in ("base", "gamma", "power", "floor")
        if number:
            check_number(name, value, 0)
        super().__setattr__(name, value)
        if number and "_value" in vars(self):  # set later: λ follows
            self._go_to(self.steps_done)

    def _go_to(self, steps: int) -> None:
        self.steps_done = steps
        self._value = max(self.floor, self.base * (1 + self.gamma * steps) ** -self.power)

    @property
    def value(self) -> float:
        """λ now: a number that lies ready, which the compiler takes for a variable; a count it would take as fixed."""
        return self._value

    def step(self) -> None:
        """One training iteration has passed."""
        self._go_to(self.steps_done + 1)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"steps_done": self.steps_done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint."""
        self._go_to(int(state["steps_done"]))


class MarginWarmUp:
    """The margin goes linearly from `start` to the head's own m over `steps` iterations, then stays.

    A margin at full size from the first step can trap class centres in a bad arrangement; a growing one lets them
    spread first.

    Args:
        head: a head with a margin that can be set; its value at this moment is the final one, or, where an earlier
            warm-up has set that (a notebook's cell that runs twice), the final one of the earlier.
        steps: number of iterations of the warm-up, ≥ 1.
        start: margin at step 0; None for the one that asks for least: 1 for a factor on the angle and for Circle loss,
            whose smaller m asks for more, else 0.
        setting: which margin: "m", or "m1", "m2", "m3" of the combined margin.

    Raises:
        ValueError: the head has no such setting, it is a scale, a count or a choice, or steps < 1.

    Example:
        >>> from cosface_edu.losses import CosFace, MarginWarmUp
        >>> head = CosFace(in_features=8, num_classes=4, m=0.4)
        >>> warm_up = MarginWarmUp(head, steps=2)
        >>> for _ in range(3):
        ...     print(head.m)
        ...     warm_up.step()
        0.0
        0.2
        0.4
    """

    def __init__(self, head: nn.Module, steps: int, start: float | None = None, setting: str = "m") -> None:
        head = head.head if isinstance(head, PartialFC) else head
        numbers = {name: found for name, found in getattr(head, "settings", {}).items() if _may_grow(found)}
        if setting not in numbers:
            known = f" ({', '.join(numbers)})" if numbers else ", which has none"
            raise ValueError(f"setting must name a number of {type(head).__name__}{known}, got {setting!r}")
        if start is None:
            start = numbers[setting].easiest
        self.head, self.steps, self.start, self.setting = head, check_count("steps", steps, 1), start, setting
        now = float(getattr(head, setting))
        left, end = vars(head).get("_warm_ups", {}).get(setting, (None, None))
        self.end = end if now == left else now
        self.steps_done = 0
        self._apply()

    @property
    def value(self) -> float:
        """The margin now."""
        share = min(self.steps_done / self.steps, 1.0)
        return self.start + share * (self.end - self.start)

    def _apply(self) -> None:
        setattr(self.head, self.setting, self.value)
        vars(self.head).setdefault("_warm_ups", {})[self.setting] = (self.value, self.end)

    def step(self) -> None:
        """One training iteration has passed: set the head's margin."""
        self.steps_done += 1
        self._apply()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"steps_done": self.steps_done, "end": self.end}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from a checkpoint; the head's margin is set at once."""
        self.steps_done, self.end = int(state["steps_done"]), float(state["end"])
        self._apply()


def _may_grow(setting: Setting) -> bool:
    """Whether a setting is a number that may pass through all between two: no scale, count, choice or object."""
    return not isinstance(setting, Scale | Count | Choice | Given)
