"""What a type checker says of the losses: `test_typed.py` has mypy read this file, in strict mode. Nobody runs it.

Each line that is wrong says which error it is: one that passed would be an unused `type: ignore`, an error itself.
"""

from typing import assert_type

import torch
from torch import Tensor

from cosface_edu import losses
from cosface_edu.losses import (
    LMCL,
    AdditiveCosine,
    ArcFace,
    ASoftmax,
    Center,
    Choice,
    CircleLoss,
    Contrastive,
    CosFace,
    Count,
    Head,
    LambdaAnnealing,
    PartialFC,
    Rule,
    Scale,
    Setting,
    SphereFaceR,
    SubCenterArcFace,
    Triplet,
    margins,
    register,
)
from cosface_edu.losses.margins import BeyondPi

x, y = torch.randn(4, 8), torch.tensor([0, 1, 2, 3])
head = CosFace(in_features=8, num_classes=4, m=0.3)
positional = CosFace(8, 4, 64.0, 0.3)

# a loss is a tensor, and has an argument's name
assert_type(head(x, y), Tensor)
assert_type(head(features=x, labels=y), Tensor)
assert_type(LMCL(8, 4)(x, y), Tensor)
assert_type(PartialFC(head, rate=0.5)(x, y), Tensor)
assert_type(Center(8, 4)(x, y), Tensor)
assert_type(Contrastive()(x, y), Tensor)
assert_type(Triplet()(x, y), Tensor)
head(x)  # type: ignore[call-arg]
head(x, labels="four")  # type: ignore[arg-type]

# a setting is a number, and on the class what declares it
assert_type(head.m, float)
assert_type(head.s, float | None)
assert_type(head.chunk_size, int | None)
assert_type(CircleLoss(8, 4).s, float)
assert_type(SubCenterArcFace(8, 4).sub_centers, int)
assert_type(SphereFaceR(8, 4).version, int)
assert_type(ArcFace(8, 4).beyond_pi, BeyondPi)
assert_type(ASoftmax(8, 4).annealing, LambdaAnnealing | None)
assert_type(CosFace.m, Setting[float])
head.m, head.s, head.chunk_size = 0.4, None, 2
head.m = "four"  # type: ignore[assignment]
head.m = None  # type: ignore[assignment]
head.chunk_size = 0.5  # type: ignore[assignment]


def of_any(one: Head) -> None:
    assert_type(one(x, y), Tensor)
    assert_type(one.s, float | None)
    assert_type(one.sub_centers, int)


# a head is made from its sizes
ArcFace(in_feature=8, classes="four")  # type: ignore[call-arg]
ArcFace(8, "four")  # type: ignore[arg-type]

# a name that is not there
head.nothing_of_the_kind()  # type: ignore[operator]
ArcFace.nothing_of_the_kind()  # type: ignore[attr-defined]
losses.CosFase  # type: ignore[attr-defined]  # noqa: B018
margins.AdditiveCosin(0.3)  # type: ignore[attr-defined]

# rules, by both of their names
assert_type(losses.AdditiveCosine(0.3), AdditiveCosine)
assert_type(margins.AdditiveCosine(0.3).target(x), Tensor)


# one's own head
@register("typed")
class Mine(Head):
    s = Scale(64.0, optional=False)
    m = Setting(0.3, 0, 1, "margin")
    floor = Setting(None, optional=True)
    k = Count(3)
    how = Choice("plain", ("plain", "steep"), "how")

    @property
    def rule(self) -> Rule:
        assert_type(self.floor, float | None)
        assert_type(self.how, str)
        return AdditiveCosine(self.m * self.k)

    def scale(self) -> float:
        return self.s


class Another(Mine):  # a setting is taken away by a plain value
    s = 16.0
    m = 0.2


assert_type(Mine(8, 4, m=0.2)(x, y), Tensor)
wrong = Setting("four")  # type: ignore[call-overload]
