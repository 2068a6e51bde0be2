"""Examples of the reference that would be the same for every loss: made for each class, and run to fill in the results.

What such an example prints is what it printed when the page was built; the tests run its text as a doctest.
"""

import dataclasses
import inspect
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from cosface_edu import losses
from cosface_edu.losses import Choice, Head, Rule


def example(thing: Any) -> str:
    """An example of a loss or of a rule, as a reader would type it, with what Python answers.

    Args:
        thing: a subclass of `Head` or of `Rule` that `cosface_edu.losses` knows by its name.

    Returns:
        The text of a doctest; empty for anything else, and for a class whose docstring has an example of its own.
    """
    own = isinstance(thing, type) and getattr(losses, thing.__name__, None) is thing and thing not in (Head, Rule)
    if not own or ">>>" in (inspect.getdoc(thing) or ""):
        return ""
    if issubclass(thing, Head):
        return _run(_head(thing))
    if issubclass(thing, Rule):
        return _run(_rule(thing))
    return ""


def _head(loss: type[Head]) -> list[str]:
    """Three centres at right angles, and an embedding of length 5 with the cosines 0.6, 0.8 and 0 to them."""
    name = loss.__name__
    lines = [
        "import torch",
        f"from cosface_edu.losses import {name}",
        f"head = {name}(in_features=3, num_classes=3)",
    ]
    K = loss(3, 3).sub_centers
    centres = "torch.eye(3)" if K == 1 else f"torch.eye(3).repeat_interleave({K}, 0)"
    lines += [
        f"head.weight.data = {centres}  # at right angles",
        "x = torch.tensor([[3.0, 4.0, 0.0]])  # cosines 0.6, 0.8, 0",
        "y = torch.tensor([0])  # the first class is the true one",
        "[round(z, 2) for z in head.logits(x)[0].tolist()]  # without the margin",
    ]
    if _draws(loss):
        lines.append("_ = torch.manual_seed(0)  # margins are drawn")
    lines.append("[round(z, 2) for z in head.logits(x, y)[0].tolist()]  # with it")
    if _draws(loss):
        lines.append("_ = torch.manual_seed(0)")
    return [*lines, "round(head(x, y).item(), 2)"]


def _draws(loss: type[Head]) -> bool:
    """Whether a second look at the same batch finds other scores."""
    head, x, y = loss(3, 3), torch.eye(3), torch.arange(3)
    state = {name: value.clone() for name, value in head.state_dict().items()}
    first = head.logits(x, y)
    head.load_state_dict(state)
    return not torch.equal(first, head.logits(x, y))


def _rule(rule: type[Rule]) -> list[str]:
    """The scores of three cosines, with the setting that the rule's own loss begins with."""
    name = rule.__name__
    lines = ["import torch", f"from cosface_edu.losses import {name}", f"rule = {name}({_settings(rule)})"]
    if rule.uses_length:
        lines += ["cos = torch.tensor([[1.0], [0.6], [0.0]])", "norms = torch.full((3, 1), 60.0)  # lengths"]
        target = "rule.target(cos, norms).flatten()"
    else:
        lines.append("cos = torch.tensor([1.0, 0.6, 0.0])")
        target = "rule.target(cos)"
    lines.append(f"[round(u, 3) for u in {target}.tolist()]  # the true class's")
    if not rule.plain_others:
        lines.append("[round(u, 3) for u in rule.others(cos).tolist()]  # another class's")
    return lines


def _settings(rule: type[Rule]) -> str:
    """What the rule's loss makes it with, before it has learnt anything."""
    made = next((found for found in _rules() if type(found) is rule), None)
    if made is None:
        return ""
    values = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}  # type: ignore[arg-type]
    plain = {name: value.item() if isinstance(value, Tensor) else value for name, value in values.items()}
    return ", ".join(f"{name}={value!r}" for name, value in plain.items())


def _rules() -> Iterator[Rule]:
    """The rules of all losses, of every version of a loss that has several."""
    for name in losses.available():
        loss = losses.card(name).loss
        if issubclass(loss, Head):
            yield loss(3, 3).rule
            for setting in loss.settings.values():
                if isinstance(setting, Choice):
                    yield from (loss(3, 3, **{setting.name: value}).rule for value in setting.among)


def _run(lines: list[str]) -> str:
    """The lines, each with what it evaluates to, as at Python's prompt."""
    names: dict[str, Any] = {}
    text = []
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        for line in lines:
            text.append(f">>> {line}")
            try:
                code = compile(line, "<example>", "eval")
            except SyntaxError:
                exec(line, names)
                continue
            text.append(repr(eval(code, names)))
    return "\n".join(text)
