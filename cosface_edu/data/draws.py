"""Random numbers that depend on their address only.

Image k of FaceWorld's person i must be the same face whatever else is drawn beside it and on whatever device, and a
picture's augmentation the same whichever process makes it. A generator with a running state cannot promise that; a hash
of (seed, identity, image, column) can. The mixer is SplitMix64
(Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

import zlib

import torch
from torch import Tensor


def _signed(value: int) -> int:
    """Read 64 bits as torch's signed integer."""
    return value - (1 << 64) if value >= 1 << 63 else value


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_MULTIPLIERS = (_signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB))


def _shift(x: Tensor, bits: int) -> Tensor:
    """Logical right shift: torch's own keeps the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def mix(x: Tensor) -> Tensor:
    """SplitMix64's output function on int64 (products wrap around, as intended)."""
    x = x + _GOLDEN
    x = (x ^ _shift(x, 30)) * _MULTIPLIERS[0]
    x = (x ^ _shift(x, 27)) * _MULTIPLIERS[1]
    return x ^ _shift(x, 31)


def keys(*address: int | Tensor) -> Tensor:
    """Hash an address, e.g. (seed, stream, identities, images), broadcast over its tensors.

    Args:
        address: integers or int64 tensors that broadcast with each other.

    Returns:
        int64 keys of the broadcast shape, on the device of the tensors.
    """
    key = torch.zeros((), dtype=torch.int64)  # a number on the CPU goes with tensors of any device
    for part in address:
        key = mix(key ^ mix(torch.as_tensor(part, dtype=torch.int64)))
    return key


def uniform(key: Tensor, name: str, columns: int = 1) -> Tensor:
    """Uniform numbers in (0, 1).

    Args:
        key: (...,) keys.
        name: what is drawn. Each name has a sequence of its own, so a new trait leaves the old ones as they were.
        columns: how many numbers each key gives.

    Returns:
        (..., columns) float32: (k + ½)·2⁻²³, so that neither 0 nor 1 occurs; (...) for one column.
    """
    stream = keys(zlib.crc32(name.encode()), torch.arange(columns, device=key.device))
    bits = _shift(mix(key[..., None] ^ stream), 41)  # 23 bits: exact in float32 with the half step
    u = (bits.to(torch.float32) + 0.5) / (1 << 23)
    return u.squeeze(-1) if columns == 1 else u


def normal(u: Tensor, limit: float = 2.2) -> Tensor:
    """Turn uniform numbers into standard normal ones, clipped at ±limit so that no face is a monster."""
    return (2**0.5 * torch.erfinv(2 * u - 1)).clamp(-limit, limit)
