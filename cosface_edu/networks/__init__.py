"""Networks: from normalised images (B, 3, H, W) to embeddings (B, D)."""

from .registry import available, create, parameter_groups
from .small import small
from .sphereface import RELEASED_64, sphereface
from .toy import toy

__all__ = ["RELEASED_64", "available", "create", "parameter_groups", "small", "sphereface", "toy"]
