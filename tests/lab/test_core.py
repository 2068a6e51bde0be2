"""The lab's JavaScript against cosface_edu: this test computes the numbers, node's test runner compares them."""

import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from cosface_edu import align, geometry, losses
from cosface_edu.losses.circle import SelfPaced
from cosface_edu.losses.margins import (
    AdaptiveMargin,
    AdditiveAngle,
    AdditiveCosine,
    Combined,
    MultiplicativeAngle,
    NoMargin,
    PowerCosine,
    Rule,
    TruncatedAngle,
)

HERE = Path(__file__).parent

# The lab's name for a setting, and the same thing in Python.
HEADS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"loss": "softmax"}, {}),
    ({"loss": "nsl", "s": 12.0}, {"s": 12.0}),
    ({"loss": "cosface", "s": 12.0, "m": 0.2}, {"s": 12.0, "m": 0.2}),
    ({"loss": "cosface", "s": 64.0, "m": 0.35}, {"s": 64.0, "m": 0.35}),
    ({"loss": "arcface", "s": 12.0, "m": 0.5}, {"s": 12.0, "m": 0.5}),
    ({"loss": "combined", "s": 12.0, "m1": 1.0, "m2": 0.3, "m3": 0.2}, {"s": 12.0, "m1": 1.0, "m2": 0.3, "m3": 0.2}),
    ({"loss": "combined", "s": 12.0, "m1": 1.9, "m2": 0.8, "m3": 0.1}, {"s": 12.0, "m1": 1.9, "m2": 0.8, "m3": 0.1}),
    ({"loss": "combined", "s": 12.0, "m1": 1.0, "m2": 0.0, "m3": 0.1}, {"s": 12.0, "m1": 1.0, "m2": 0.0, "m3": 0.1}),
    *[
        ({"loss": "asoftmax", "m": m, "lam": lam}, {"m": m, "annealing": losses.LambdaAnnealing(lam, 0.0, floor=0.0)})
        for m in (1, 2, 3, 4, 2.5)
        for lam in (0.0, 1.5)
    ],
]

RULES: list[tuple[dict[str, Any], Rule]] = [
    ({"loss": "nsl"}, NoMargin()),
    ({"loss": "cosface", "m": 0.2}, AdditiveCosine(0.2)),
    ({"loss": "cosface", "m": 0.4}, AdditiveCosine(0.4)),
    ({"loss": "arcface", "m": 0.3}, AdditiveAngle(0.3)),
    ({"loss": "arcface", "m": 1.0}, AdditiveAngle(1.0)),
    ({"loss": "combined", "m1": 1.2, "m2": 0.1, "m3": 0.1}, Combined(1.2, 0.1, 0.1)),
    ({"loss": "asoftmax", "m": 2, "lam": 0.0}, MultiplicativeAngle(2)),
    ({"loss": "asoftmax", "m": 4, "lam": 0.5}, MultiplicativeAngle(4, 0.5)),
    ({"loss": "asoftmax", "m": 2.5, "lam": 0.0}, MultiplicativeAngle(2.5)),
]


# The lab's gallery of formulas: title, and the rule at margin m whose ψ the formula must be.
GALLERY: dict[str, Callable[[float], Rule]] = {
    "NSL": lambda m: NoMargin(),
    "CosFace": AdditiveCosine,
    "ArcFace": AdditiveAngle,
    "A-Softmax": lambda m: MultiplicativeAngle(1 + m),
    "SphereFace-R": lambda m: TruncatedAngle(1 + m),
    "Combined": lambda m: Combined(1.1, 0.1, m),
    "AdaFace, poor picture": lambda m: AdaptiveMargin(m, -0.5),
    "AdaFace, clear picture": lambda m: AdaptiveMargin(m, 0.5),
    "SphereFace2": lambda m: PowerCosine(m, 3.0),
    "Circle": SelfPaced,
    "Released ArcFace": lambda m: AdditiveAngle(m, beyond_pi="exact"),
}
# Rules of the package without a ψ(θ) of their own: what they are instead.
NOT_A_PSI = {
    "Curricular": "ArcFace's ψ; the others are bent",
    "DividedAngle": "NSL's ψ; the others are bent",
    "LengthAngle": "its margin depends on the length of the feature",
}
HELD = {"Circle"}  # whose weights are constants in the gradient: the value is ψ, the slope is not ψ's


def _plain(values: Any) -> Any:
    """Lists for JSON, with None for what is not a number."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    return [None if math.isnan(v) else float(v) for v in flat]


def _head_cases(*kinds: str, heads: list[tuple[dict[str, Any], dict[str, Any]]] = HEADS) -> list[dict[str, Any]]:
    cases = []
    for config, options in heads:
        for k in (2, 3):
            for kind in kinds:
                classes, n = 6, 12
                head = losses.create(config["loss"], in_features=k, num_classes=classes, **options).double()
                with torch.no_grad():
                    head.weight.copy_(torch.randn(classes, k, dtype=torch.float64))
                labels = torch.arange(n) % classes
                x = 3 * torch.randn(n, k, dtype=torch.float64)
                if kind == "of length zero":
                    x[::4] = 0
                    with torch.no_grad():
                        head.weight[1] = 0
                elif kind != "random":
                    # a hair beside the centre, or just past its far side, where arccos is steepest
                    away = 1 if kind.startswith("near") else -1
                    x = away * 2 * head.weight.detach()[labels] + 1e-3 * torch.randn(n, k, dtype=torch.float64)
                x.requires_grad_()
                loss = head(x, labels)
                dx, dw = torch.autograd.grad(loss, (x, head.weight))
                cases.append(
                    {
                        "name": f"{json.dumps(config)}, {k} dimensions, {kind}",
                        "config": config,
                        "x": _plain(x.detach()),
                        "labels": labels.tolist(),
                        "w": _plain(head.weight.detach()),
                        "k": k,
                        "loss": loss.item(),
                        "dx": _plain(dx),
                        "dw": _plain(dw),
                    }
                )
    return cases


def _region_cases() -> list[dict[str, Any]]:
    phi, cos2 = np.linspace(0.1, 3.0, 30), np.linspace(-1, 1, 41)
    cases = []
    for config, rule in RULES:
        cases.append(
            {
                "config": config,
                "phi": _plain(phi),
                "edge": _plain(geometry.edge_on_arc(rule, phi)),
                "gap": _plain(geometry.gap_on_arc(rule, phi)),
                "cos2": _plain(cos2),
                "ratio": 1,
                "cos1": _plain(geometry.boundary(rule, cos2)),
                "even": _plain(geometry.edge_on_arc(rule, math.pi / 4))[0],
            }
        )
    softmax = {"config": {"loss": "softmax"}, "phi": [], "edge": [], "gap": [], "ratio": 1.3, "even": 0}
    cases.append(softmax | {"cos2": _plain(cos2), "cos1": _plain(geometry.boundary(NoMargin(), cos2, ratio=1.3))})
    return cases


def _rules(above: type) -> set[type]:
    return {rule for child in above.__subclasses__() for rule in ({child} | _rules(child))}


def test_every_rule_of_the_package_is_in_the_gallery_or_is_no_formula() -> None:
    names = {rule.__name__ for rule in _rules(Rule) if rule.__module__.startswith("cosface_edu.losses.")}
    shown = {type(make(0.2)).__name__ for make in GALLERY.values()}
    assert shown | set(NOT_A_PSI) == names
    assert not shown & set(NOT_A_PSI)


def _gallery_cases() -> list[dict[str, Any]]:
    theta = torch.linspace(0.01, math.pi - 0.01, 181, dtype=torch.float64)
    cases = []
    for title, make in GALLERY.items():
        for m in (0.0, 0.2, 0.45):
            cos = torch.cos(theta).requires_grad_()
            psi = make(m).target(cos)
            (slope,) = torch.autograd.grad(psi.sum(), cos)
            cases.append(
                {
                    "title": title,
                    "m": m,
                    "cos": _plain(cos.detach()),
                    "psi": _plain(psi.detach()),
                    "slope": None if title in HELD else _plain(slope),
                }
            )
    return cases


def _network_case() -> dict[str, Any]:
    dim, hidden, k, classes, n, lr = 5, 7, 2, 4, 10, 0.01
    slope = 0.1
    net = nn.Sequential(
        nn.Linear(dim, hidden),
        nn.LeakyReLU(slope),
        nn.Linear(hidden, hidden),
        nn.LeakyReLU(slope),
        nn.Linear(hidden, k),
    ).double()
    head = losses.CosFace(k, classes, s=12.0, m=0.2).double()
    linear = [layer for layer in net if isinstance(layer, nn.Linear)]

    def flat(read: Any) -> list[float]:
        # the lab stores a layer as (inputs, outputs), then its bias; class centres come last
        parts = [part for layer in linear for part in (read(layer.weight).T, read(layer.bias))]
        return _plain(torch.cat([part.reshape(-1) for part in [*parts, read(head.weight)]]))

    x, labels = torch.randn(n, dim, dtype=torch.float64), torch.arange(n) % classes
    optimiser = torch.optim.Adam([*net.parameters(), *head.parameters()], lr)
    case = {
        "dim": dim,
        "hidden": hidden,
        "k": k,
        "classes": classes,
        "x": _plain(x),
        "labels": labels.tolist(),
        "lr": lr,
    }
    case |= {"config": {"loss": "cosface", "s": 12.0, "m": 0.2}, "params": flat(torch.Tensor.detach), "losses": []}
    for step in range(3):
        loss = head(net(x), labels)
        optimiser.zero_grad()
        loss.backward()
        if step == 0:
            case["grads"] = flat(lambda parameter: parameter.grad)
        case["losses"].append(loss.item())
        optimiser.step()
    return case | {"after": flat(torch.Tensor.detach)}


def _advice_cases() -> list[dict[str, Any]]:
    cases = []
    for people in (2, 3, 8, 92, 200, 257, 10_000, 1_000_000):
        for features in (2, 3, 8, 128, 512, 4096):
            advice = geometry.advise(people=people, features=features, pictures=7)
            numbers = [advice.largest_m, advice.scale_without, advice.scale_with, advice.scale_off, advice.adacos]
            cases.append(
                {
                    "asked": [people, features, 7],
                    "numbers": numbers,
                    "tries": [[one.s, one.m, one.start] for one in advice.tries],
                    "rows": advice.rows(),
                }
            )
    return cases


def _settled_cases() -> list[dict[str, Any]]:
    cases = []
    for m in np.linspace(0, 0.5, 11).tolist():
        for k in (1, 2, 3):
            together = (k, *(1,) * (8 - k))
            cases.append({"m": m, "together": together, "loss": geometry.settle(AdditiveCosine(m), 30, together).loss})
    return cases


def _similarity_cases() -> list[dict[str, Any]]:
    src = 60 * torch.randn(6, 5, 2, dtype=torch.float64) + 120
    src[5] = src[5, :1]  # all in one place: no transform
    matrices = align.estimate_similarity(src, align.TEMPLATE_112x96)
    landed = src @ matrices[:, :, :2].mT + matrices[:, None, :, 2]
    return [
        {"src": s.tolist(), "dst": align.TEMPLATE_112x96.tolist(), "matrix": _plain(z), "landed": _plain(points)}
        for s, z, points in zip(src, matrices, landed, strict=True)
    ]


def _fixtures() -> dict[str, Any]:
    cos = np.cos(np.linspace(math.pi, 0, 181))
    fixtures = {
        "heads": _head_cases("random", "near their centres", "opposite"),
        "rules": [
            {"config": config, "cos": _plain(cos), "psi": _plain(rule.target(torch.from_numpy(cos)))}
            for config, rule in RULES
        ],
        "regions": _region_cases(),
        "gallery": _gallery_cases(),
        "softmax": {"phi": 1.0, "ratio": 1.3, "edge": float(geometry.edge_on_arc(NoMargin(), 1.0, ratio=1.3))},
        "bounds": [
            {"classes": c, "k": k, "limit": geometry.max_margin(c, k)}
            for k in (2, 3)
            for c in range(2 if k == 2 else 3, 11)
        ],
        "scales": [
            {"classes": c, "p": p, "m": m, "s": geometry.min_scale(c, p, m)}
            for c in (2, 8, 10)
            for p in (0.9, 0.99)
            for m in (0.0, 0.2)
        ],
        "network": _network_case(),
        "advice": _advice_cases(),
        "settled": _settled_cases(),
        "similarities": _similarity_cases(),
    }
    dividing = [head for head in HEADS if head[0]["loss"] != "softmax"]  # which divides by no length
    fixtures["heads"] += _head_cases("of length zero", heads=dividing)
    return fixtures


def test_titles_are_those_of_the_losses_cards() -> None:
    """The lab may add to a title, such as 'CosFace (LMCL)'; 'own' is the visitor's."""
    source = (Path(losses.__file__).parents[1] / "figures" / "lab" / "core.js").read_text(encoding="utf-8")
    table = source[source.index("export const LOSSES") : source.index("random numbers")]
    titles = dict(re.findall(r'(\w+): \{\s*title: "([^"]+)"', table))
    assert "own" in titles
    for name in titles.keys() - {"own"}:
        card = losses.card(name)
        assert re.split(r"[ (]", titles[name])[0] == re.split(r"[ (]", card.title)[0]


def test_javascript_agrees_with_the_package(node, tmp_path: Path) -> None:
    fixtures = tmp_path / "fixtures.json"
    fixtures.write_text(json.dumps(_fixtures()))
    assert int(node(HERE / "core.test.mjs", FIXTURES=str(fixtures))["pass"]) >= len(HEADS) * 6


@pytest.mark.parametrize("script", sorted({path.name for path in HERE.glob("*.test.mjs")} - {"core.test.mjs"}))
def test_scripts(node, script: str) -> None:
    assert int(node(HERE / script)["pass"]) > 0
