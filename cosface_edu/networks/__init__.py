"""Networks: from normalised images (B, 3, H, W) to embeddings (B, D)."""

from cosface_edu.extras import need

need(__name__)

from .ensemble import Ensemble
from .iresnet import iresnet
from .mobilefacenet import mobilefacenet
from .modes import evaluating
from .onnx import export_onnx
from .registry import available, create, parameter_groups
from .small import small
from .sphereface import RELEASED_64, sphereface
from .toy import toy
from .weights import is_state_dict, load, load_released, load_weights, save

__all__ = [
    "RELEASED_64",
    "Ensemble",
    "available",
    "create",
    "evaluating",
    "export_onnx",
    "iresnet",
    "is_state_dict",
    "load",
    "load_released",
    "load_weights",
    "mobilefacenet",
    "parameter_groups",
    "save",
    "small",
    "sphereface",
    "toy",
]
