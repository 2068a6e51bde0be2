"""Weights on disk: our own files, which say what they are, and other people's.

Nothing here runs what a file brings: safetensors cannot hold code, and pickles are read with `weights_only`. Nor what
a file names: that of somebody's own network has the `module:callable` that builds it inside, and many a callable of
an installed package runs its arguments, so it is called where whoever opens the file has named the same one.
"""

import json
import os
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeGuard

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from cosface_edu.files import atomically, lies_in_place_of

from .iresnet import BLOCKS as IRESNET_DEPTHS
from .iresnet import CHANNELS
from .registry import check_own, create
from .saved import read
from .sizes import UNSAID
from .sphereface import BLOCKS as SPHEREFACE_DEPTHS
from .sphereface import RELEASED_64

# Numbers that a SphereFace's fully connected layer reads, and the (height, width) of the crops that people make.
SPHEREFACE_SIZES = {CHANNELS[-1] * 7 * 6: (112, 96), CHANNELS[-1] * 7 * 7: (112, 112)}
WRAPPERS = ("module", "_orig_mod")  # what PyTorch's own wrappers call the network inside


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], what: str) -> None:
    """Load a state dict; a wrong one is refused whole, with the first mismatch named.

    Args:
        network: changed in place.
        weights: a state dict; also of a wrapper that puts its own name before the network's, as DataParallel,
            DistributedDataParallel, `torch.compile` and `torch.optim.swa_utils.AveragedModel` do.
        what: the file's name, for the error.

    Raises:
        ValueError: if a weight is missing, unknown or of another shape, or holds no numbers to copy.
    """
    network.load_state_dict(_fitting(network, weights, what))


def _fitting(network: nn.Module, weights: Mapping[str, Tensor], what: str) -> Mapping[str, Tensor]:
    """The weights by the network's own names; `load_weights` says the rest. The network's numbers are not looked at."""
    _refuse_odd(weights, what)
    own = network.state_dict()
    if not own.keys() <= weights.keys():
        weights = _unwrapped(weights)
    wrong = [f"{name} is missing" for name in own if name not in weights]
    wrong += [f"{name} is not known" for name in weights if name not in own]
    wrong += [
        f"{name} is {tuple(weights[name].shape)}, wanted {tuple(own[name].shape)}"
        for name in own
        if name in weights and weights[name].shape != own[name].shape
    ]
    if wrong:
        kind = getattr(network, "recipe", {}).get("name", type(network).__name__)
        raise ValueError(
            f"{what}: not the weights of this {kind}: {wrong[0]} ({len(wrong)} mismatches){_prefix(own, weights)}"
        )
    return weights


def _refuse_odd(weights: object, what: str | os.PathLike[str]) -> None:
    """Refuse what is no state dict, and tensors that cannot be copied to others, number by number."""
    if not is_state_dict(weights):
        raise ValueError(f"{what}: not a state dict; expected names and tensors and nothing else")
    for name, weight in weights.items():
        odd = weight.is_nested or weight.is_quantized or weight.is_complex() or weight.is_meta
        if odd or weight.layout != torch.strided:
            raise ValueError(f"{what}: {name} is sparse, nested, quantised, complex or without numbers: save it dense")


def _unwrapped(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names without those of wrappers, at any depth, and without an average's counter."""
    return {
        ".".join(part for part in name.split(".") if part not in WRAPPERS): weight
        for name, weight in weights.items()
        if name != "n_averaged"
    }


def _prefix(own: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str:
    """What to say where the weights are there under longer names, such as 'backbone.fc.weight'."""
    for name in weights:
        for wanted in own:
            if name.endswith(f".{wanted}") and all(name.removesuffix(wanted) + one in weights for one in own):
                return f"; they are there with {name.removesuffix(wanted)!r} before their names: take that away"
    return ""


def inside(network: nn.Module) -> nn.Module:
    """The network that PyTorch's own wrappers are around.

    Args:
        network: perhaps wrapped to run on several devices, to be averaged or compiled, once or more often.
    """
    while True:
        if isinstance(network, nn.DataParallel | DistributedDataParallel | AveragedModel):
            network = network.module
        elif isinstance(held := getattr(network, "_orig_mod", None), nn.Module):  # torch.compile's
            network = held
        else:
            return network


def save(network: nn.Module, path: str | os.PathLike[str]) -> None:
    """Write a network made by `create` as safetensors, with its name and options inside.

    Args:
        network: made by `create`; around it may be a wrapper of PyTorch's.
        path: where to; the file appears whole or not at all.

    Raises:
        ValueError: if the network does not say what it is.
    """
    network = inside(network)
    if not hasattr(network, "recipe"):
        raise ValueError("only a network made by networks.create(name, ...) can be saved: its file must name it")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomically(path) as part:
        save_file(tensors, part, metadata={"recipe": json.dumps(network.recipe)})


def load(path: str | os.PathLike[str], name: str | None = None, own: Collection[str] = ()) -> nn.Module:
    """Build the network that a file of `save` holds.

    Args:
        path: a safetensors file.
        name: the network that it must be; by default any of `available()`, and those of `own`.
        own: each `module:callable` that the file may name as what built it: it is imported and called with the options
            in the file. Name code that you know; `name` may be one too.

    Returns:
        The network in evaluation mode.

    Raises:
        FileNotFoundError: no such file.
        ValueError: if the file is damaged, does not say what it is, is another network, or somebody's own that neither
            `name` nor `own` names.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{path}: no such file")
    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get("recipe", "null")
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    except SafetensorError as error:
        raise ValueError(f"{path}: not a whole safetensors file ({lies_in_place_of(path) or error})") from error
    try:
        recipe = json.loads(text)
    except (ValueError, RecursionError):
        recipe = None
    if not (
        isinstance(recipe, dict) and isinstance(recipe.get("name"), str) and isinstance(recipe.get("options"), dict)
    ):
        raise ValueError(f"{path}: does not say which network it is; build it and use load_weights")
    if name is not None and recipe["name"] != name:
        raise ValueError(f"{path}: holds {recipe['name']}, not {name}")
    if name is None:
        check_own(recipe["name"], own, path)
    return of_a_file(recipe["name"], recipe["options"], weights, path)


def of_a_file(
    name: str, options: Mapping[str, Any], weights: Mapping[str, Tensor], path: str | os.PathLike[str]
) -> nn.Module:
    """The network that a file describes, with the file's weights, in evaluation mode.

    One of the package's own is first made without memory: a small file that speaks of a large network takes none.

    Args:
        name: of the network, as `create` takes it.
        options: as `create` takes them.
        weights: a state dict.
        path: the file's, for the error.

    Raises:
        ValueError: there is no such network, or the weights are another's.
    """
    if ":" not in name:
        try:
            with torch.device("meta"):
                outline = create(name, **options)
        except MemoryError:
            raise
        except Exception as error:  # whatever options of any kind make the network's code stumble over
            raise ValueError(f"{path}: the network that it describes cannot be made: {error}") from error
        for key, weight in _fitting(outline, weights, str(path)).items():
            if weight.untyped_storage().nbytes() < weight.numel() * weight.element_size():
                raise ValueError(f"{path}: {key} is {tuple(weight.shape)} and holds fewer numbers than that")
    network = create(name, **options)
    load_weights(network, weights, str(path))
    return network.eval()


def is_state_dict(state: object) -> TypeGuard[Mapping[str, Tensor]]:
    """Whether it has names and tensors and nothing else.

    Args:
        state: what a file held.

    Returns:
        True or False.
    """
    return isinstance(state, Mapping) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    )


def load_released(path: str | os.PathLike[str]) -> nn.Module:
    """Read weights released by others.

    A state dict of MuggleWang/CosFace_pytorch's sphere20 or sphere64, for crops of 112×96 or of 112×112, which its
    fully connected layer tells; or of an IResNet of 18, 34, 50 or 100 layers as InsightFace's arcface_torch has it, for
    crops of 112×112. All take RGB, and saw images mapped by (255x - 127.5)/127.5, not /128; the difference is 0.4 % of
    contrast.

    Args:
        path: a file of PyTorch's, whatever its suffix: .pth, .pt, .bin.

    Returns:
        The network in evaluation mode; sphere64 in the released layout, with 3, 7, 16, 3 blocks.

    Raises:
        FileNotFoundError: no such file.
        ValueError: if the file is damaged, holds code, or is not one of those networks.
    """
    state = read(path)
    _refuse_odd(state, path)
    # layer1 … layer4 there are stages 0 … 3 here; inside a SphereFace's stage the names agree
    weights = {
        re.sub(r"^layer([1-4])\.", lambda match: f"stages.{int(match[1]) - 1}.", key): value
        for key, value in _unwrapped(state).items()
    }
    blocks = tuple(sum(bool(re.match(rf"stages\.{i}\.\d+\.conv1\.weight", key)) for key in weights) for i in range(4))
    for name, dimensions in (("fc.weight", 2), ("stages.0.0.weight", 4)):  # by whose shapes the network is known
        if name in weights and weights[name].dim() != dimensions:
            raise ValueError(f"{path}: {name} is {tuple(weights[name].shape)}, wanted {dimensions} dimensions")
    embedding, inputs = weights["fc.weight"].shape if "fc.weight" in weights else (512, None)
    if "stages.0.0.bn1.weight" in weights:
        weights = {_as_here(name): weight for name, weight in weights.items()}
        depth = next((depth for depth, counts in IRESNET_DEPTHS.items() if counts == blocks), None)
        if depth is None or inputs not in (None, CHANNELS[-1] * 7 * 7):
            raise ValueError(
                f"{path}: no IResNet of {', '.join(map(str, IRESNET_DEPTHS))} layers for 112×112: it has {blocks} "
                f"residual blocks in its stages, and its fully connected layer reads {inputs} numbers"
            )
        name, options = f"iresnet{depth}", dict[str, Any](embedding=embedding)
    else:
        depth = {SPHEREFACE_DEPTHS[20]: 20, RELEASED_64: 64}.get(blocks)
        if depth is None:
            raise ValueError(
                f"{path}: neither sphere20 nor sphere64, nor an IResNet: it has {blocks} residual blocks in its stages"
            )
        first = weights.get("stages.0.0.weight")
        if first is not None and first.shape[1] != 3:
            raise ValueError(
                f"{path}: takes images of {first.shape[1]} channel, not 3; grey networks are not supported"
            )
        size = SPHEREFACE_SIZES.get(inputs) if inputs else UNSAID
        if size is None:
            known = " or ".join(f"{h}×{w} ({reads} inputs)" for reads, (h, w) in SPHEREFACE_SIZES.items())
            raise ValueError(f"{path}: its fully connected layer has {inputs} inputs: wanted that of crops of {known}")
        name, options = f"sphereface{depth}", dict[str, Any](embedding=embedding, size=size, blocks=blocks)
    return of_a_file(name, options, weights, path)


def _as_here(name: str) -> str:
    """What `iresnet` calls a weight of InsightFace's."""
    for theirs, ours in (("conv1", "stem.0"), ("bn1", "stem.1"), ("prelu", "stem.2"), ("bn2", "bn")):
        if name.startswith(f"{theirs}."):
            return ours + name.removeprefix(theirs)
    return name.replace(".downsample.", ".shortcut.")
