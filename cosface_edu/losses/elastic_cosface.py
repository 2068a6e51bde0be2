"""ElasticFace-Cos: CosFace with margins drawn by chance."""

import torch

from cosface_edu import palette

from .cosface import AdditiveCosine, CosFace
from .head import Batch
from .margins import Rule
from .registry import register
from .settings import Setting


@register("elastic_cosface", title="ElasticFace-Cos", paper="boutros2022elasticface", colour=palette.BLUE)
class ElasticCosFace(CosFace):
    """ElasticFace-Cos (Boutros et al. 2022, Eq. 6): CosFace with a margin drawn anew for each sample, m + std·N(0, 1).

    Margins are drawn in training mode; in evaluation mode all are m.
    """

    std = Setting(0.05, 0, text="the margin's standard deviation")
    samples = splits = True

    def batch_rule(self, batch: Batch) -> Rule:
        """Draws the margins of a training step."""
        return AdditiveCosine(self.m + self.std * torch.randn_like(batch.norms)) if self.training else self.rule
