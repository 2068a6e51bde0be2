"""One picture: bytes to pixels, pixels to a tensor, a tensor to what the networks eat.

Decoding is what a data loader spends its time on, so JPEG goes through libjpeg-turbo (`simplejpeg`), which the
benchmark puts ahead of torchvision and Pillow; everything else, PNG or a CMYK photograph, goes through Pillow.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import simplejpeg
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".pgm")
# A forged header may announce 65,535 × 65,535 pixels: 12 GB before a single byte of picture is read.
MAX_PIXELS = 64 * 1024 * 1024


class BrokenImage(ValueError):
    """A picture that cannot be decoded; the message names it."""


def normalise(images: Tensor) -> Tensor:
    """Map images in [0, 1] to the range the networks are trained on: (255·x − 127.5) / 128.

    Args:
        images: RGB, any shape, values in [0, 1].

    Returns:
        The same shape, values in [−0.996, 0.996]. The divisor is 128, as in SphereFace and CosFace, not 127.5.
    """
    return (255.0 * images - 127.5) / 128.0


def to_float(pixels: Tensor) -> Tensor:
    """Bytes 0..255 to floats in [0, 1], the form in which every data set hands out its images."""
    return pixels.to(torch.float32).div_(255.0)


def to_bytes(images: Tensor) -> Tensor:
    """Floats in [0, 1] to bytes, rounded to the nearest."""
    return (images.clamp(0.0, 1.0) * 255.0).round_().to(torch.uint8)


def decode(data: bytes | memoryview, name: str = "image") -> Tensor:
    """Decode one picture to RGB bytes.

    Grey, palette, CMYK, 16-bit and transparent pictures become RGB. A picture cut short is broken, not half grey.

    Args:
        data: the file's content.
        name: what to call it in the error.

    Returns:
        (3, H, W) uint8, laid out as the decoder left it (H, W, 3 in memory).

    Raises:
        BrokenImage: nothing there, not a picture, cut short, or larger than `MAX_PIXELS`.
    """
    if len(data) == 0:
        raise BrokenImage(f"{name}: empty, 0 bytes; fetch it again or remove it")
    try:
        pixels = _decode_jpeg(data) if data[0] == 0xFF else _decode_other(data)
    except (ValueError, OSError, SyntaxError, EOFError, Image.DecompressionBombError, RuntimeError) as error:
        # Pillow raises SyntaxError, OSError or EOFError, depending on the format and where the damage lies
        raise BrokenImage(f"{name}: cannot be decoded ({len(data)} bytes): {error}") from error
    return torch.from_numpy(pixels.transpose(2, 0, 1))  # (H, W, 3) -> (3, H, W), a view


def _decode_jpeg(data: bytes | memoryview) -> np.ndarray:
    height, width, colourspace, _ = simplejpeg.decode_jpeg_header(data)
    if height * width > MAX_PIXELS:
        raise ValueError(f"its header announces {width}×{height} pixels, more than {MAX_PIXELS:,}")
    if colourspace in ("CMYK", "YCCK"):  # libjpeg-turbo does not turn these into RGB
        return _decode_other(data)
    return simplejpeg.decode_jpeg(data)


def _decode_other(data: bytes | memoryview) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError(f"its header announces {image.width}×{image.height} pixels, more than {MAX_PIXELS:,}")
        if image.mode.startswith("I"):  # Pillow clips 16-bit grey at 255 instead of scaling it
            grey = (np.asarray(image, dtype=np.float64) / 257.0).round().clip(0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, None], 3, axis=2)
        return np.array(image.convert("RGB"))


def read_image(path: str | os.PathLike[str]) -> Tensor:
    """Read one picture from disk.

    Args:
        path: a JPEG, PNG or any other format Pillow knows.

    Returns:
        (3, H, W) uint8 RGB.

    Raises:
        FileNotFoundError: no such file.
        BrokenImage: the file is not a whole picture; the message names it.
    """
    return decode(Path(path).read_bytes(), str(path))


def encode_jpeg(pixels: Tensor, quality: int = 95) -> bytes:
    """(3, H, W) uint8 RGB to JPEG without chroma subsampling, which would blur the colour of a small crop."""
    rows = np.ascontiguousarray(pixels.permute(1, 2, 0).cpu().numpy())  # (H, W, 3)
    return simplejpeg.encode_jpeg(rows, quality=quality, colorspace="RGB", colorsubsampling="444")


def fit(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring an aligned crop to the network's input size.

    Cropped about the centre to the wanted proportions, then resized: 112×112 to 112×96 takes 8 columns off each
    side, which is exactly the shift between the two templates, and resamples nothing.

    Args:
        pixels: (..., H, W).
        size: (height, width).

    Returns:
        (..., height, width), the same dtype.
    """
    height, width = pixels.shape[-2:]
    if (height, width) == size:
        return pixels
    crop_h = min(height, round(width * size[0] / size[1]))
    crop_w = min(width, round(height * size[1] / size[0]))
    top, left = (height - crop_h) // 2, (width - crop_w) // 2
    pixels = pixels[..., top : top + crop_h, left : left + crop_w]
    if (crop_h, crop_w) == size:
        return pixels
    flat = pixels.reshape(-1, 1, crop_h, crop_w).to(torch.float32)
    resized = F.interpolate(flat, size, mode="bilinear", antialias=True).view(*pixels.shape[:-2], *size)
    return resized.to(pixels.dtype) if pixels.is_floating_point() else resized.round_().to(pixels.dtype)


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that it is there whole or not at all, whenever the process is killed or the disk is full."""
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
