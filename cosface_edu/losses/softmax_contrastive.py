"""Softmax + contrastive loss: row 2 of the CosFace paper's Table 2."""

from torch import Tensor

from cosface_edu import palette

from .contrastive import Contrastive
from .registry import register
from .settings import Setting
from .softmax import Softmax


@register("softmax_contrastive", title="Softmax + Contrastive", paper="sun2014deepid2", colour=palette.OLIVE)
class SoftmaxContrastive(Softmax):
    """Softmax + contrastive loss (DeepID2, Sun et al. 2014; row 2 of the CosFace paper's Table 2)."""

    weight_pairs = Setting(0.05, 0, text="weight of the contrastive term (.05 in DeepID2)")
    margin = Setting(1.0, 0, 2, "margin of the contrastive term")
    splits = True

    def build(self) -> None:
        """The contrastive term."""
        self.pairs = Contrastive(self.margin)

    def changed(self) -> None:
        """The term's margin."""
        self.pairs.margin = self.margin

    def extra(self, features: Tensor, labels: Tensor) -> Tensor:
        """weight · contrastive loss."""
        return self.weight_pairs * self.pairs(features, labels)
