"""Training: a plain loop, checkpoints that resume exactly, many processes."""

from cosface_edu.extras import need

need(__name__)

from .checkpoint import CheckpointError, load_network
from .config import PRESETS, Config, preset
from .diagnose import TrainingDiverged
from .loop import train
from .state import Run

__all__ = ["PRESETS", "CheckpointError", "Config", "Run", "TrainingDiverged", "load_network", "preset", "train"]
