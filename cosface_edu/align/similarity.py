"""Five points to a template: the similarity transform that alignment is made of, and the warp that applies it.

A similarity keeps angles: a rotation by ω, one scale a > 0 and a shift. Written with complex numbers, a point
p = x + iy goes to z·p + t with z = a·e^{iω}. The least-squares fit (Umeyama, PAMI 1991, Eq. 40-43, in two dimensions)
then has a closed form: with both point sets centred on their means, z = Σ conj(p)·q / Σ |p|². There is no singular
value decomposition to go wrong on points that are nearly in line, and a mirrored face cannot bring in a reflection,
because multiplying by a complex number never mirrors.
"""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

Borders = Literal["black", "mirror"]

# SphereFace's five points for a crop 96 wide and 112 high: eyes, tip of the nose, corners of the mouth, as (x, y).
# "Left" is left in the picture.
TEMPLATE_112x96 = torch.tensor(
    [[30.2946, 51.6963], [65.5318, 51.5014], [48.0252, 71.7366], [33.5493, 92.3655], [62.7299, 92.2041]]
)
#: The same face in a square crop: 8 columns more on either side.
TEMPLATE_112x112 = TEMPLATE_112x96 + torch.tensor([8.0, 0.0])


def template(size: tuple[int, int]) -> Tensor:
    """The five template points for a crop of `size`, in the order in which `detect` gives a face's.

    That is: the eye on the left of the picture, the eye on its right, the tip of the nose, the corner of the mouth on
    the left, that on the right. Points in another order fit badly, and the crop shows a small or turned face.

    Args:
        size: (height, width), (112, 96) or (112, 112).

    Returns:
        (5, 2), (x, y) in pixels, pixel centres at whole numbers.

    Raises:
        ValueError: for another size.

    Example:
        >>> from cosface_edu.align import template
        >>> [round(value, 2) for value in template((112, 96))[2].tolist()]  # the tip of the nose
        [48.03, 71.74]
    """
    if tuple(size) == (112, 96):
        return TEMPLATE_112x96.clone()  # what is done to it stays out of later alignments
    if tuple(size) == (112, 112):
        return TEMPLATE_112x112.clone()
    raise ValueError(f"no template for crops of {size[0]}×{size[1]}: choose 112×96 or 112×112 (height × width)")


def estimate_similarity(src: Tensor, dst: Tensor) -> Tensor:
    """Least-squares similarity transforms that take `src` to `dst`.

    Args:
        src: (..., P, 2) points (x, y), P >= 2, in the order of `dst`; arrays and lists serve too.
        dst: (..., P, 2) or (P, 2): where they should land; broadcast against `src`.

    Returns:
        (..., 2, 3) float matrices M with dst ≈ M @ (x, y, 1). All NaN where the points of `src` coincide, as
        scikit-image does: no transform is better than another there.

    Raises:
        ValueError: for points of another shape, or fewer than two.

    Example:
        >>> import torch
        >>> from cosface_edu.align import estimate_similarity
        >>> src = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
        >>> dst = 1.5 * src + torch.tensor([10.0, 20.0])  # half as large again, and moved
        >>> (estimate_similarity(src, dst) + 0.0).round(decimals=3).tolist()
        [[1.5, 0.0, 10.0], [0.0, 1.5, 20.0]]
    """
    src, dst = torch.as_tensor(src), torch.as_tensor(dst)
    if src.shape[-1] != 2 or dst.shape[-1] != 2 or src.shape[-2] != dst.shape[-2]:
        raise ValueError(f"wanted (..., P, 2) points on both sides, got {tuple(src.shape)} and {tuple(dst.shape)}")
    dtype = torch.promote_types(src.dtype, torch.float32)
    # double precision where the device has it: nearly coincident points leave few digits after centring
    work = torch.float32 if src.device.type == "mps" else torch.float64
    p, q = torch.broadcast_tensors(src.to(work), dst.to(src.device, work))  # (..., P, 2)
    p_mean, q_mean = p.mean(-2), q.mean(-2)  # (..., 2)
    p, q = p - p_mean.unsqueeze(-2), q - q_mean.unsqueeze(-2)
    spread = p.square().sum((-2, -1))  # (...), Σ|p|²
    re = (p * q).sum((-2, -1)) / spread  # a·cos ω
    im = (p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0]).sum(-1) / spread  # a·sin ω
    linear = torch.stack([re, -im, im, re], -1).unflatten(-1, (2, 2))  # (..., 2, 2)
    shift = q_mean.unsqueeze(-1) - linear @ p_mean.unsqueeze(-1)  # (..., 2, 1)
    return torch.cat([linear, shift], -1).to(dtype)


def warp(images: Tensor, matrices: Tensor, size: tuple[int, int], borders: Borders = "black") -> Tensor:
    """Apply one transform to each image of a batch with a single `grid_sample`.

    Args:
        images: (B, C, H, W) float; channels_last in memory is faster.
        matrices: (B, 2, 3), from image pixels to crop pixels, as `estimate_similarity` returns them.
        size: (height, width) of the crops.
        borders: what lies outside the image: nothing ('black'), or its mirror image ('mirror').

    Returns:
        (B, C, height, width), bilinear. As with any bilinear warp, a face more than twice the
        size of its crop loses detail to aliasing.

    Raises:
        ValueError: for images or matrices of another shape, borders of another name, or a matrix that has no inverse,
            which puts the whole picture on a line.

    Example:
        >>> import torch
        >>> from cosface_edu.align import warp
        >>> image = torch.arange(16.0).view(1, 1, 4, 4)
        >>> moved = torch.tensor([[[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]]])  # a pixel to the left, a pixel up
        >>> warp(image, moved, (2, 2)).round().tolist()
        [[[[5.0, 6.0], [9.0, 10.0]]]]
    """
    if images.ndim != 4 or matrices.shape != (len(images), 2, 3):
        raise ValueError(f"wanted (B, C, H, W) and (B, 2, 3), got {tuple(images.shape)} and {tuple(matrices.shape)}")
    if not images.is_floating_point():
        raise ValueError(f"wanted floats, got {images.dtype}: data.to_float makes them of bytes")
    if borders not in get_args(Borders):
        raise ValueError(f"borders={borders!r}: choose one of {', '.join(get_args(Borders))}")
    dtype, device = matrices.dtype, images.device
    # grid_sample wants, for each crop pixel (u, v), its place in the image, where −1 and 1 are the outer edges
    inverse, failed = torch.linalg.inv_ex(matrices[:, :, :2].to(device))  # (B, 2, 2), (B,)
    if failed.any():
        first = int(failed.nonzero()[0])
        raise ValueError(
            f"matrix {first} is singular, {matrices[first].tolist()}: it puts the whole picture on a line; "
            "estimate_similarity makes one of five points, onto a template whose points differ"
        )
    origin = inverse @ matrices[:, :, 2:].to(device).neg()  # (B, 2, 1): where the crop's corner pixel comes from
    scale = torch.tensor([[2.0 / images.shape[-1]], [2.0 / images.shape[-2]]], dtype=dtype, device=device)
    along = inverse * scale  # (B, 2, 2)
    u, v = (torch.arange(side, dtype=dtype, device=device) for side in (size[1], size[0]))
    by_column = along[:, :, :1] * u  # (B, 2, width)
    by_row = along[:, :, 1:] * v + (origin + 0.5) * scale - 1.0  # (B, 2, height)
    # a place is the sum of what its column and what its row add, seven times faster than a product for each pixel
    grid = torch.empty(len(images), *size, 2, dtype=dtype, device=device)
    for axis in range(2):
        torch.add(by_column[:, axis, None, :], by_row[:, axis, :, None], out=grid[..., axis])
    outside = "reflection" if borders == "mirror" else "zeros"
    return F.grid_sample(images, grid.to(images.dtype), mode="bilinear", padding_mode=outside, align_corners=False)
