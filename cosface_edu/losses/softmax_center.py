"""Softmax + center loss: row 5 of the CosFace paper's Table 2."""

from torch import Tensor

from cosface_edu import palette

from .center import Center
from .registry import register
from .settings import Setting
from .softmax import Softmax


@register("softmax_center", title="Softmax + Center", paper="wen2016center", colour=palette.VERMILION)
class SoftmaxCenter(Softmax):
    """Softmax + center loss (Wen et al. 2016, Eq. 5; row 5 of the CosFace paper's Table 2)."""

    weight_center = Setting(0.003, 0, text="λ, weight of the center loss (.003 in the paper)")
    alpha = Setting(0.5, 0, 1, "rate of the centres (.5 in the paper)")
    splits = True
    of_each_class = ("center.centers",)

    def build(self) -> None:
        """The center loss, with centres of its own."""
        self.center = Center(self.in_features, self.num_classes, self.alpha)

    def changed(self) -> None:
        """The rate of the term's centres."""
        self.center.alpha = self.alpha

    def extra(self, features: Tensor, labels: Tensor) -> Tensor:
        """λ · center loss; moves its centres in a training step."""
        return self.weight_center * self.center(features, labels)
