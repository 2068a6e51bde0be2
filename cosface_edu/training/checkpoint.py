"""Checkpoints: written whole or not at all, read without running anything that a stranger put in them."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cosface_edu import networks
from cosface_edu.files import atomically
from cosface_edu.networks.registry import check_own
from cosface_edu.networks.saved import read
from cosface_edu.networks.sizes import size_of
from cosface_edu.networks.weights import of_a_file

from .config import Config

FORMAT = 1


class CheckpointError(RuntimeError):
    """A checkpoint that could not be written or read; the message says which, why and what to do."""


class WeightsAlone(CheckpointError):
    """A file with a network's weights and nothing else."""


def save(path: str | os.PathLike[str], state: dict[str, Any]) -> None:
    """Write a checkpoint so that at every moment the path holds a whole one: the old or the new.

    The state goes to a temporary file in the same folder, is forced to the disk, and only then takes the name.
    Killed at any point, or with a full disk, the old checkpoint is untouched.

    Args:
        path: where to.
        state: tensors, numbers, strings, and lists, tuples and dictionaries of them.

    Raises:
        CheckpointError: the disk is full or the folder cannot be written.
    """
    path = Path(path)
    try:
        with atomically(path, alone=True) as part, part.open("xb") as file:
            torch.save({"format": FORMAT, **state}, file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:  # PyTorch's zip writer turns a failed write into a RuntimeError
        kept = "the checkpoint already there is whole and kept" if path.exists() else "there is no older one"
        raise CheckpointError(
            f"{path}: the checkpoint could not be written ({error}); {kept}. Free some space and train on with --resume"
        ) from error


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a checkpoint to the CPU; only tensors and plain values are accepted, never pickled code.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: not a checkpoint of this package, damaged, if by a single bit, or with code in it.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint")
    try:
        state = read(path)
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    if networks.is_state_dict(state) and state:
        raise WeightsAlone(
            f"{path}: weights alone, not a checkpoint of `cosface-edu train`, which a run continues from"
        )
    if not isinstance(state, dict) or not isinstance(state.get("format"), int) or state["format"] != FORMAT:
        raise CheckpointError(
            f"{path}: not a checkpoint of `cosface-edu train` (format {FORMAT}); "
            "for other people's weights see cosface_edu.networks"
        )
    return state


@contextmanager
def fields_of(path: str | os.PathLike[str]) -> Iterator[None]:
    """While a checkpoint's fields are read: one that is missing, or of another kind, is told with the file's name.

    Raises:
        CheckpointError: for whatever such a field makes the code stumble over.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"{path}: not what `cosface-edu train` of this version writes ({type(error).__name__}: {error})"
        ) from error


def build_network(config: Config) -> nn.Module:
    """The network that a configuration names."""
    return networks.create(config.network, **_options(config))


def _options(config: Config) -> dict[str, Any]:
    return {"embedding": config.embedding, "size": config.size, **config.network_options}


def load_network(path: str | os.PathLike[str], own: Collection[str] = ()) -> tuple[nn.Module, Config]:
    """The trained network of a checkpoint, in evaluation mode, and the configuration it was trained with.

    The loss that the configuration names is not looked for: only a run that goes on needs it, and has its name from
    whoever continues it.

    Args:
        path: a .pt file of `train`, or its folder: then the last checkpoint in it.
        own: each `module:callable` that the file may name as what builds its network, see `networks.load`.

    Raises:
        FileNotFoundError: no such file.
        CheckpointError: not a checkpoint of this package.
        ValueError: not the weights of the network that it names, or one of somebody's own that `own` does not name.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "last.pt"
    state = load(path)
    with fields_of(path):
        config, weights = Config.from_dict(state["config"]), state["network"]
    check_own(config.network, own, path)
    return of_a_file(config.network, _options(config), weights, path), config


def open_network(path: str | os.PathLike[str], own: Collection[str] = ()) -> tuple[nn.Module, tuple[int, int]]:
    """A network from whatever holds one, in evaluation mode, and the (height, width) of its images.

    Args:
        path: a run's folder or checkpoint; a .safetensors file of `networks.save`; a file released by
            MuggleWang/CosFace_pytorch or InsightFace (.pth, or by any other name), see `networks.load_released`.
        own: each `module:callable` that the file may name as what builds its network, see `networks.load`.

    Raises:
        FileNotFoundError: nothing there.
        ValueError, CheckpointError: not a network, or one of somebody's own that `own` does not name.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such run, checkpoint or file of weights")
    if path.suffix == ".safetensors" and not path.is_dir():
        network = networks.load(path, own=own)
        return network, size_of(network)
    try:
        network, _ = load_network(path, own)
    except WeightsAlone:
        network = networks.load_released(path)
    return network, size_of(network)
