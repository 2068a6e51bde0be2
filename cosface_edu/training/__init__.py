"""Training: one plain loop, checkpoints that resume exactly, many processes."""

from .checkpoint import CheckpointError, load_network
from .config import PRESETS, Config, preset
from .diagnose import TrainingDiverged
from .loop import Run, train

__all__ = ["PRESETS", "CheckpointError", "Config", "Run", "TrainingDiverged", "load_network", "preset", "train"]
