"""The size of the images that a network was made for."""

from typing import Any

from torch import Tensor, nn

UNSAID = (112, 96)  # the paper's crops


def size_of(network: nn.Module) -> tuple[int, int]:
    """The (height, width) of the images that a network was made for.

    Args:
        network: any network.

    Returns:
        The size that `create` was given, else what the network's attribute `size` says, else 112×96.
    """
    recipe: dict[str, Any] = getattr(network, "recipe", {})
    made_for: Any = recipe.get("options", {}).get("size") or getattr(network, "size", None)
    height, width = made_for if isinstance(made_for, tuple | list) and len(made_for) == 2 else UNSAID
    return height, width


def check_size(x: Tensor, size: tuple[int, int]) -> None:
    """Refuse images of another size.

    Some would go through: sizes that round to the same last map, of which a network sees other places than it has
    learnt, and others where a convolution reads the map and finds more places than one.

    Args:
        x: (B, 3, H, W).
        size: (height, width) that the network was made for.

    Raises:
        ValueError: with both sizes.
    """
    # written for torch.jit.script too, which knows no slice of a shape beside a tuple
    if x.shape[-2] != size[0] or x.shape[-1] != size[1]:
        raise ValueError(f"this network takes images of {size}, got {(x.shape[-2], x.shape[-1])}")
