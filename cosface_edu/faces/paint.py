"""What is painted on the head: skin, eyes, brows, lips, beard, hair, glasses. All in the head's own frame."""

import torch
from torch import Tensor

from cosface_edu.faces.surface import gauss, ridge, soft
from cosface_edu.faces.traits import Values


def blend(canvas: Tensor, colour: Tensor, mask: Tensor) -> None:
    """Lay a colour over the canvas in place: canvas (B, 3, H, W), colour (B, 3, 1, 1) or full, mask (B, 1, H, W)."""
    canvas.lerp_(colour.expand_as(canvas), mask[:, None].expand_as(canvas))


def albedo(t: Values, x: Tensor, y: Tensor, cover: Tensor, grain: Tensor, pixel: Tensor) -> Tensor:
    """Colour of the head before any light falls on it.

    Args:
        t: traits and shot values, (B, 1, 1) each, colours (B, 3, 1, 1).
        x: (B, H, W) head x of the surface point seen in each pixel.
        y: (B, H, W) head y.
        cover: (B, H, W) share of hair.
        grain: (B, H, W) noise with mean 0 and spread 1.
        pixel: (B, 1, 1) size of a pixel in the head's units: no edge is sharper.

    Returns:
        (B, 3, H, W)
    """
    ax, side = x.abs(), x.sign()
    skin, dark = t["skin"], t["skin"] * 0.35
    canvas = skin * (1 + 0.015 * grain[:, None])
    red = torch.lerp(skin, t["lip"], 0.45)
    cheeks = gauss(ax - 1.35, y - 1.15, 0.55, 0.5).add_(gauss(x, y - t["nose_y"], 0.35, 0.3))
    blend(canvas, red, 0.55 * t["blush"] * cheeks)
    blend(canvas, dark, (0.5 * t["freckles"] * soft(grain - 1.1, 0.5)).mul_(cheeks))
    blend(
        canvas, dark, t["mole"] * soft(0.075 - ((x - t["mole_x"]).square() + (y - t["mole_y"]).square()).sqrt_(), pixel)
    )

    # beard: the jaw below a line that rises to the ears, and the lip's upper rim, both rough-edged
    rough = 0.08 * grain
    mouth_gap = y - t["mouth_line"]
    jaw = soft(mouth_gap + 0.30 + rough - 0.55 * (ax - 0.75), 0.35).mul_(
        1 - gauss(x, mouth_gap - 0.02, t["mouth_wide"] * 0.9, 0.30)
    )
    blend(canvas, t["brow"], t["beard_now"] * jaw)
    rim = soft(0.20 - (mouth_gap + 0.40 - 0.10 * ax).abs() + 0.5 * rough, 0.14).mul_(
        soft(t["mouth_wide"] * 1.02 - ax, 0.2)
    )
    blend(canvas, t["brow"], t["moustache_now"] * rim)

    _mouth(canvas, t, x, ax, mouth_gap, pixel)
    nostril = gauss(ax - 0.62 * t["nostril"], y - t["nose_y"] - 0.20, 0.12, 0.07)
    wing = gauss(ax - t["nostril"] - 0.17, y - t["nose_y"] - 0.05, 0.05, 0.17)
    under = gauss(x, y - t["nose_y"] - 0.30, t["nostril"] * 1.1, 0.10)
    blend(canvas, dark, (0.75 * nostril).add_(0.22 * wing).add_(0.20 * under))
    fold = ax - t["nostril"] - 0.18 - 0.42 * (y - t["nose_y"])
    blend(canvas, dark, (t["fold"] * gauss(fold, y - t["nose_y"] - 0.45, 0.07, 0.42)))

    _eyes(canvas, t, ax, side, y, pixel)
    ux = (ax - t["brow_x"]) / t["brow_width"]
    arch = t["brow_y"] - t["brow_arch"] * (1 - ux * ux) - t["brow_slope"] * ux
    hairs = soft(t["brow_thick"] * (1 - 0.45 * ux) + 0.03 * grain - (y - arch).abs(), pixel + 0.05)
    blend(canvas, t["brow"], hairs.mul_(0.9 * soft(1 - ux.abs(), 0.35)))

    # hair: strands are a wave along the head, wilder where it curls
    curl = t["hair_curl"].clamp(min=0)
    wave = torch.sin(x * 7 + 3 * t["parting"] + (1.2 + curl) * torch.sin(y * (2.2 + 2.5 * curl) + 2 * x))
    strands = 1 + (0.18 * wave + 0.05 * grain)
    blend(canvas, t["hair"] * strands[:, None], soft(cover - 0.5 + 0.08 * wave, 0.4) * (1 - 0.93 * t["bald"]))
    hat = soft(t["hat_line"] + 0.10 * x.square() - y, pixel + 0.04) * t["hat_on"]
    blend(canvas, t["thing"] * (0.9 + 0.04 * grain)[:, None], hat)
    brim = ridge(y - t["hat_line"] + 0.05 - 0.10 * x.square(), 0.16) * t["hat_on"]
    blend(canvas, t["thing"] * 0.4, brim.mul_(0.8))
    _glasses(canvas, t, ax, y, pixel)
    return canvas


def _mouth(canvas: Tensor, t: Values, x: Tensor, ax: Tensor, gap: Tensor, pixel: Tensor) -> None:
    """Lips, and teeth where they part."""
    across = 1 - (x / t["mouth_wide"]).square()  # 1 in the middle, 0 at the corners
    line = gap + t["mouth_bend"] * (1 - across)
    arc = across.clamp(min=0)
    part = 0.5 * t["parted"] * arc
    bow = 1 - 0.35 * ridge(ax, 0.13)
    upper = soft(line + part + t["lip_up"] * arc * bow * 1.25, pixel + 0.05)
    lower = soft(t["lip_low"] * arc.sqrt() + part - line, pixel + 0.06)
    within = soft(across, 0.12)
    blend(canvas, t["lip"], upper.mul_(lower).mul_(within).mul_(0.9))
    gape = soft(part - line.abs(), pixel + 0.02).mul_(within) * soft(t["parted"], 0.1)
    blend(canvas, t["teeth"], gape)
    blend(canvas, t["lip"] * 0.22, gape.mul_(soft(line - 0.15 * t["parted"], 0.10)))
    seam = ridge(line.abs() - part, 0.035 + 0.4 * pixel)
    blend(canvas, t["lip"] * 0.35, seam.mul_(within).mul_(0.75))


def _eyes(canvas: Tensor, t: Values, ax: Tensor, side: Tensor, y: Tensor, pixel: Tensor) -> None:
    """Both eyes at once: the head is mirrored, the gaze is not."""
    ux = ax - t["eye_x"]
    uy = y + t["eye_tilt"] * ux
    arc = 1 - (ux / t["eye_width"]).square()
    top, bottom = t["eye_up"] * t["lids"] * arc, t["eye_low"] * arc
    edge = pixel + 0.03
    blend(canvas, t["skin"] * 0.55, 0.30 * gauss(ux, uy, 0.62, 0.34))
    opening = soft(uy + top, edge).mul_(soft(bottom - uy, edge)).mul_(soft(arc, 0.15))
    blend(canvas, t["sclera"], opening)
    away = ((ux - t["gaze_x"] * side).square() + (uy + 0.03 - t["gaze_y"]).square()).sqrt_()
    blend(canvas, t["iris_colour"], opening * soft(t["iris"] - away, edge))
    blend(canvas, t["iris_colour"] * 0.1, opening * soft(0.09 - away, edge))
    glint = gauss(ux * side - t["gaze_x"] + 0.07, uy + 0.10, 0.05, 0.05)
    blend(canvas, torch.ones_like(t["skin"]), opening.mul_(glint).mul_(0.85))
    within = soft(arc + 0.12, 0.2)
    lash = ridge(uy + top, 0.040 + 0.4 * pixel)
    blend(canvas, t["brow"] * 0.4, lash.mul_(within).mul_(0.85))
    rim = ridge(uy - bottom, 0.03 + 0.4 * pixel)
    crease = ridge(uy + top + t["crease"], 0.045 + 0.4 * pixel)
    blend(canvas, t["skin"] * 0.4, rim.mul_(0.35).add_(crease.mul_(0.5)).mul_(within))


def _glasses(canvas: Tensor, t: Values, ax: Tensor, y: Tensor, pixel: Tensor) -> None:
    """Two rounded frames, a bridge and the arms; dark lenses when they are sunglasses."""
    corner = t["lens_round"]
    dx = (ax - t["eye_x"] * 1.04).abs() - t["lens_wide"] + corner
    dy = (y - 0.08).abs() - t["lens_high"] + corner
    out = (
        (dx.clamp(min=0).square() + dy.clamp(min=0).square())
        .sqrt_()
        .add_(torch.maximum(dx, dy).clamp(max=0))
        .sub_(corner)
    )
    blend(canvas, t["lens"], t["shades"] * soft(-out, pixel + 0.03))
    ring = soft(t["frame"] - out.abs(), pixel)
    bars = soft(t["frame"] * 0.9 - (y + 0.05).abs(), pixel).mul_(soft(out, pixel))
    blend(canvas, t["frame_colour"], t["glasses"] * torch.maximum(ring, bars))
