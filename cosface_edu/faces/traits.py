"""Who a face is (traits, fixed per identity) and what happened when it was photographed (shot, new in each image).

Lengths are in half interocular distances: the eyes of the average face lie at (±1, 0), x to the image's right, y down,
z towards the camera. Angles are radians, colours RGB in [0, 1].
"""

import math
from functools import partial

import torch
from torch import Tensor

from cosface_edu.data.draws import keys, normal, uniform

Values = dict[str, Tensor]

GROUPS = ("A", "B", "C", "D", "E", "F")

# name: (mean, spread); drawn as mean + group shift + spread · clipped normal
_SHAPE = {
    "width": (2.26, 0.11),  # half width of the head at the temples
    "height": (3.50, 0.16),  # half height, crown to chin
    "depth": (2.75, 0.18),
    "centre": (0.12, 0.08),  # y of the head's middle: forehead against chin
    "jaw": (0.76, 0.075),  # width left at the chin, as a share
    "chin": (0.24, 0.10),
    "chin_width": (0.62, 0.12),
    "cheek": (0.15, 0.08),
    "cheek_y": (1.05, 0.14),
    "brow_ridge": (0.10, 0.05),
    "eye_x": (1.0, 0.055),
    "eye_width": (0.46, 0.040),
    "eye_up": (0.215, 0.035),  # height of the upper lid over the eye's axis
    "eye_low": (0.13, 0.025),
    "eye_tilt": (0.06, 0.09),  # outer corner up when positive
    "socket": (0.20, 0.07),
    "crease": (0.13, 0.05),
    "iris": (0.205, 0.012),
    "brow_x": (1.0, 0.05),
    "brow_y": (-0.62, 0.09),
    "brow_arch": (0.10, 0.06),
    "brow_tilt": (0.02, 0.09),
    "brow_width": (0.60, 0.06),
    "brow_thick": (0.105, 0.032),
    "nose_y": (1.14, 0.12),
    "nose_high": (0.72, 0.13),
    "nose_wide": (0.34, 0.055),
    "bridge": (0.30, 0.10),
    "bridge_wide": (0.27, 0.05),
    "nostril": (0.36, 0.055),
    "mouth_y": (2.28, 0.11),
    "mouth_wide": (0.80, 0.085),
    "lip_up": (0.17, 0.045),
    "lip_low": (0.25, 0.06),
    "lip_red": (0.60, 0.18),
    "mouth_curve": (0.03, 0.05),
    "ear": (0.62, 0.09),
    "ear_out": (0.16, 0.08),
    "neck": (1.28, 0.14),
    "tone": (0.0, 0.075),  # added to the group's melanin
    "undertone": (0.0, 0.5),  # yellow (-) to red (+)
    "blush": (0.35, 0.22),
    "hairline": (-1.75, 0.27),
    "hair_slope": (0.95, 0.20),
    "temples": (0.25, 0.22),  # how far the hairline recedes beside the middle
    "parting": (0.0, 0.55),
    "hair_thick": (0.34, 0.15),
    "hair_curl": (0.0, 1.0),
    "hair_dark": (0.0, 0.16),
    "hair_red": (0.0, 1.0),
    "eye_hue": (0.0, 1.0),
    "build": (0.0, 1.0),  # couples brow, jaw, beard and hair length
    "age": (0.0, 1.0),
    "mole_x": (0.0, 0.9),
    "mole_y": (1.5, 0.8),
    "gloss": (0.17, 0.07),
}

# plain uniform numbers, used for choices
_CHOICES = (
    "beard",
    "moustache",
    "long",
    "glasses",
    "glasses_shape",
    "grey",
    "mole",
    "bald",
    "freckles",
    "fringe",
    "group",
)

# A group is a cluster of skin tone and of small shifts in features; the letters name no people on earth.
_MELANIN = torch.tensor([0.10, 0.24, 0.38, 0.54, 0.70, 0.88])
_HAIR_DARKNESS = torch.tensor([0.45, 0.70, 0.86, 0.90, 0.93, 0.96])
_GROUP_SHIFTS = {
    "width": (-0.3, 0.0, 0.7, 0.2, -0.2, 0.0),
    "eye_up": (0.2, 0.3, -0.8, 0.4, -0.1, 0.2),
    "eye_tilt": (-0.4, 0.0, 0.7, 0.3, -0.2, 0.0),
    "crease": (0.2, 0.3, -0.9, 0.4, 0.1, 0.1),
    "nose_wide": (-0.6, -0.3, 0.2, 0.0, 0.5, 0.8),
    "nose_high": (0.4, 0.6, -0.5, 0.1, 0.0, -0.3),
    "lip_up": (-0.6, -0.2, 0.0, 0.2, 0.5, 0.8),
    "lip_low": (-0.5, -0.2, 0.0, 0.2, 0.5, 0.7),
    "brow_thick": (-0.3, 0.6, -0.3, 0.5, 0.1, 0.0),
    "hair_curl": (-0.1, 0.1, -0.7, 0.0, 0.5, 1.0),
}

# name: (kind, low/mean, high/spread); normal draws are clipped at 2.2 spreads
_SHOT = {
    "yaw": ("normal", 0.0, 0.27),
    "pitch": ("normal", 0.0, 0.13),
    "roll": ("normal", 0.0, 0.14),
    "light_side": ("normal", 0.0, 0.60),
    "light_up": ("normal", 0.40, 0.35),
    "ambient": ("uniform", 0.30, 0.62),
    "diffuse": ("uniform", 0.35, 0.85),
    "warmth": ("normal", 0.0, 0.06),
    "tint": ("normal", 0.0, 0.025),
    "exposure": ("normal", 0.0, 0.16),
    "gamma": ("normal", 0.0, 0.14),
    "saturation": ("normal", 1.0, 0.15),
    "smile": ("normal", 0.35, 0.45),
    "open": ("normal", -0.25, 0.55),
    "brows": ("normal", 0.0, 0.055),
    "frown": ("normal", 0.0, 0.05),
    "lids": ("normal", 0.90, 0.17),
    "gaze_x": ("normal", 0.0, 0.075),
    "gaze_y": ("normal", 0.0, 0.03),
    "blur": ("uniform", 0.0, 1.0),
    "noise": ("uniform", 0.0, 0.022),
    "jitter_x": ("normal", 0.0, 0.035),
    "jitter_y": ("normal", 0.0, 0.035),
    "jitter_scale": ("normal", 0.0, 0.025),
    "jitter_roll": ("normal", 0.0, 0.025),
    "hair_change": ("normal", 0.0, 0.10),
    "beard_change": ("normal", 0.0, 0.14),
    "place_x": ("uniform", 0.0, 1.0),  # scenes only: where the face is, and how large
    "place_y": ("uniform", 0.0, 1.0),
    "place_size": ("uniform", 0.0, 1.0),
    "wear": ("uniform", 0.0, 1.0),
    "occlude": ("uniform", 0.0, 1.0),
    "occluder_x": ("uniform", 0.0, 1.0),
    "occluder_y": ("uniform", 0.0, 1.0),
    "occluder_tilt": ("uniform", 0.0, 1.0),
    "hat": ("uniform", 0.0, 1.0),
    "edge": ("uniform", 0.0, 1.0),
    "edge_tilt": ("uniform", 0.0, math.pi),
}
_COLOURS = ("cloth", "wall", "wall2", "thing")  # three uniform columns each

SKIN = torch.tensor(
    [
        [0.97, 0.83, 0.75],
        [0.91, 0.73, 0.61],
        [0.79, 0.58, 0.44],
        [0.60, 0.41, 0.29],
        [0.41, 0.27, 0.19],
        [0.27, 0.17, 0.13],
    ]
)


def _between(anchors: Tensor, at: Tensor) -> Tensor:
    """Piecewise linear interpolation between equally spaced rows: at (B,) in [0, 1] -> (B, columns)."""
    position = at.clamp(0, 1) * (len(anchors) - 1)
    low = position.floor().clamp(max=len(anchors) - 2)
    return torch.lerp(anchors[low.long()], anchors[low.long() + 1], (position - low)[:, None])


def draw_traits(seed: int, identities: Tensor) -> Values:
    """The vector of an identity, with its colours mixed.

    Args:
        seed: the world's seed.
        identities: (B,) int64.

    Returns:
        name -> (B,) float32, colours (B, 3), `group` (B,) int64.
    """
    key = keys(seed, 1, identities)
    choice = {name: uniform(key, f"choice {name}") for name in _CHOICES}
    group = (choice["group"] * len(GROUPS)).long()

    t: Values = {"group": group}
    for name, (mean, spread) in _SHAPE.items():
        shift = torch.tensor(_GROUP_SHIFTS.get(name, (0.0,) * len(GROUPS)), device=key.device)[group]
        t[name] = mean + spread * (normal(uniform(key, name)) + shift)

    build = t["build"]
    t["jaw"] = t["jaw"] + 0.03 * build
    t["brow_thick"] = (t["brow_thick"] + 0.018 * build).clamp(min=0.04)
    t["brow_y"] = t["brow_y"] + 0.04 * build
    t["brow_ridge"] = t["brow_ridge"] + 0.04 * build
    t["beard"] = ((choice["beard"] - 0.45) * 1.8).clamp(0, 0.85) * (build > 0.1)
    t["moustache"] = ((choice["moustache"] - 0.55) * 2.0).clamp(0, 0.85) * (build > 0.0)
    t["long"] = torch.where(
        build < 0.2, 1.2 * choice["long"], 0.5 * choice["long"] - 0.15
    )  # 0 cropped … 1 to the chest
    t["fringe"] = ((choice["fringe"] - 0.6) * 2.2).clamp(min=0) * (build < 0.9)
    t["bald"] = ((choice["bald"] < 0.14) & (build > 0.3)).float()
    t["hair_thick"] = (t["hair_thick"].clamp(min=0.06)) * (1 - 0.8 * t["bald"])
    t["habit"] = torch.where(choice["glasses"] < 0.28, 0.85, 0.04)  # how often this person wears glasses
    t["glasses_shape"] = choice["glasses_shape"]
    t["mole"] = (choice["mole"] < 0.3).float()
    t["freckles"] = ((choice["freckles"] - 0.75) * 4).clamp(min=0)

    melanin = (_MELANIN.to(key.device)[group] + t["tone"]).clamp(0, 1)
    colour = partial(torch.tensor, device=key.device)
    tint = colour([0.012, -0.012, -0.022]) * t["undertone"][:, None]
    t["skin"] = (_between(SKIN.to(key.device), melanin) + tint * 1.3).clamp(0.04, 0.98)
    dark = (_HAIR_DARKNESS.to(key.device)[group] + t["hair_dark"]).clamp(0.15, 1.0)[:, None]
    blond, black = colour([0.80, 0.63, 0.38]), colour([0.055, 0.045, 0.045])
    brown = colour([0.36, 0.22, 0.13])
    hair = torch.where(dark < 0.6, torch.lerp(blond, brown, dark / 0.6), torch.lerp(brown, black, (dark - 0.6) / 0.4))
    hair = hair * (1 + colour([0.22, -0.06, -0.12]) * t["hair_red"][:, None].clamp(min=0))
    grey = ((choice["grey"] - 0.80) * 5).clamp(0, 1)[:, None] * (0.6 + 0.4 * dark)
    t["hair"] = torch.lerp(hair, colour([0.66, 0.65, 0.64]), grey).clamp(0.02, 0.95)
    t["brow"] = torch.lerp(t["hair"], 0.45 * t["skin"], 0.35) * 0.72
    irises = colour([[0.16, 0.09, 0.05], [0.30, 0.18, 0.09], [0.36, 0.36, 0.18], [0.30, 0.45, 0.58]])
    t["iris_colour"] = _between(irises, 0.95 - 0.85 * dark[:, 0] + 0.22 * t["eye_hue"])
    lip = colour([0.72, 0.27, 0.28]) * (0.45 + 0.75 * (1 - melanin[:, None]))
    t["lip"] = torch.lerp(t["skin"], lip, t["lip_red"].clamp(0.15, 0.9)[:, None])
    return t


def draw_shot(seed: int, identities: Tensor, images: Tensor) -> Values:
    """What varies within a person: pose, light, expression, occlusion, sharpness, surroundings.

    Args:
        seed: the world's seed.
        identities: (B,) int64.
        images: (B,) int64, the number of the image among those of its identity.

    Returns:
        name -> (B,) float32, colours (B, 3), `wall_map` (B, 3, 4, 4), `noise_at` (B,) int64: where noise is read.
    """
    key = keys(seed, 2, identities, images)
    shot: Values = {}
    for name, (kind, low, high) in _SHOT.items():
        u = uniform(key, name)
        shot[name] = low + high * normal(u) if kind == "normal" else low + (high - low) * u
    shot |= {name: uniform(key, name, 3) for name in _COLOURS}
    shot["wall_map"] = uniform(key, "wall map", 48).unflatten(1, (3, 4, 4))
    shot["noise_at"] = keys(3, key) & 0xFFFFF
    shot["open"] = shot["open"].clamp(min=0)
    shot["lids"] = shot["lids"].clamp(0.12, 1.2)
    return shot


# A shot in which nothing happens.
NEUTRAL = {
    "yaw": 0.0, "pitch": 0.0, "roll": 0.0, "light_side": 0.2, "light_up": 0.5, "ambient": 0.5, "diffuse": 0.6,
    "warmth": 0.0, "tint": 0.0, "exposure": 0.0, "gamma": 0.0, "saturation": 1.0, "smile": 0.1, "open": 0.0,
    "brows": 0.0, "frown": 0.0, "lids": 1.0, "gaze_x": 0.0, "gaze_y": 0.0, "blur": 0.0, "noise": 0.0, "jitter_x": 0.0,
    "jitter_y": 0.0, "jitter_scale": 0.0, "jitter_roll": 0.0, "hair_change": 0.0, "beard_change": 0.0, "occlude": 0.5,
    "hat": 1.0, "wear": 0.5,
}  # fmt: skip
