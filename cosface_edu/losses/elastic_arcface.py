"""ElasticFace-Arc: ArcFace with margins drawn by chance."""

import torch

from cosface_edu import palette

from .arcface import AdditiveAngle, ArcFace
from .head import Batch
from .margins import Rule
from .registry import register
from .settings import Setting


@register("elastic_arcface", title="ElasticFace-Arc", paper="boutros2022elasticface", colour=palette.GREEN)
class ElasticArcFace(ArcFace):
    """ElasticFace-Arc (Boutros et al. 2022, Eq. 5): ArcFace with a margin drawn anew for each sample, m + std·N(0, 1).

    Margins are drawn in training mode; in evaluation mode all are m.
    """

    std = Setting(0.05, 0, text="the margin's standard deviation")
    beyond_pi = ArcFace.beyond_pi
    samples = splits = True

    def batch_rule(self, batch: Batch) -> Rule:
        """Draws the margins of a training step."""
        if not self.training:
            return self.rule
        return AdditiveAngle(self.m + self.std * torch.randn_like(batch.norms), self.beyond_pi)
