"""From traits and shot to pixels: camera, head, hair, body, background, light, occluders, lens and sensor."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cosface_edu.data.augment import GREY
from cosface_edu.data.draws import keys, normal, uniform
from cosface_edu.faces import paint
from cosface_edu.faces.surface import Pose, landmarks, ridge, rotation, soft
from cosface_edu.faces.traits import Values

_NOISE_ROWS = 1 << 20


def noise_table(seed: int) -> Tensor:
    """A million standard normal numbers that every image reads from a place of its own."""
    return normal(uniform(keys(seed, 4), "noise", _NOISE_ROWS), 3.0)


def prepare(traits: Values, shot: Values) -> Values:
    """Join traits and shot, derive what depends on both, and shape everything to (B, 1, 1), colours (B, 3, 1, 1)."""
    t = traits | shot
    for name in ("cloth", "wall", "wall2", "thing"):
        t[name] = torch.lerp(t[name], t[name].mean(dim=1, keepdim=True), 0.55)  # saturated colours are rare around us
    t["wall_map"] = torch.lerp(t["wall_map"], t["wall_map"].mean(dim=1, keepdim=True), 0.55)
    # the camera exposes for the face: what remains of the light is its ratio, and part of the skin's own brightness
    level = (t["ambient"] + 0.7 * t["diffuse"]) * (t["skin"].mean(dim=1) / 0.6).pow(0.3)
    t["ambient"], t["diffuse"] = t["ambient"] / level, t["diffuse"] / level
    smile, parted = t["smile"], t["open"]
    t["parted"] = 0.42 * parted + 0.22 * (smile - 0.5).clamp(min=0)
    t["mouth_line"] = t["mouth_y"] + 0.10 * parted
    t["mouth_wide"] = t["mouth_wide"] * (1 + 0.16 * smile - 0.10 * parted)
    t["mouth_bend"] = t["mouth_curve"] + 0.18 * smile
    t["corner_y"] = t["mouth_line"] - t["mouth_bend"]
    t["cheek"] = t["cheek"] + 0.06 * smile
    t["fold"] = (0.12 + 0.10 * t["age"] + 0.20 * smile).clamp(0, 0.6)
    t["chin_y"] = t["centre"] + 0.84 * t["height"] + 0.18 * parted
    t["height"] = t["height"] + 0.05 * parted
    t["brow_y"] = t["brow_y"] - t["brows"]
    t["brow_slope"] = t["brow_tilt"] - t["frown"]
    t["lids"] = (t["lids"] - 0.15 * smile.clamp(min=0)).clamp(min=0.1)
    t["hair_thick"] = t["hair_thick"] * (1 + t["hair_change"])
    t["long"] = t["long"] + 0.5 * t["hair_change"] * (t["long"] > 0.3)
    for name in ("beard", "moustache"):
        t[f"{name}_now"] = (t[name] + t["beard_change"] * (t[name] > 0)).clamp(0, 0.9)
    t["hat_on"] = (t["hat"] < 0.06).float()
    t["hat_line"] = -1.35 + 4 * t["hat"]
    t["hairline"] = torch.where(t["hat_on"] > 0, t["hat_line"] + 0.15, t["hairline"])
    for name in ("fringe", "temples", "parting"):
        t[name] = t[name] * (1 - t["hat_on"])
    shape = t["glasses_shape"]
    t["shades"] = ((t["wear"] > 0.985) | ((t["wear"] > 0.93) & (t["habit"] > 0.5))).float() * 0.9
    t["glasses"] = torch.maximum((t["wear"] < t["habit"]).float(), (t["shades"] > 0).float())
    t["lens_wide"], t["lens_high"] = 0.60 + 0.12 * shape, 0.38 + 0.18 * ((shape * 3.7) % 1)
    t["lens_round"] = t["lens_high"] * (0.35 + 0.6 * ((shape * 7.3) % 1))
    t["frame"] = 0.030 + 0.045 * ((shape * 5.1) % 1)
    tone = ((shape * 11.7) % 1)[:, None]
    t["frame_colour"] = torch.lerp(
        torch.tensor([0.05, 0.05, 0.06], device=tone.device), t["cloth"] * 0.7, (tone - 0.4).clamp(min=0)
    )
    t["lens"] = 0.03 + 0.10 * t["thing"]
    t["teeth"] = t["skin"] * 0.25 + torch.tensor([0.66, 0.64, 0.60], device=tone.device)
    t["sclera"] = t["skin"] * 0.20 + 0.68
    return {name: v[..., None, None] if v.ndim < 4 and name != "noise_at" else v for name, v in t.items()}


def aligned_camera(t: Values, points: Tensor, size: tuple[int, int]) -> Tensor:
    """The similarity that brings the landmarks onto the template, as an aligner with an error of its own does.

    Args:
        t: prepared values.
        points: (B, 5, 2) landmarks on the image plane.
        size: (height, width) of the crop; the template scales with the height and is centred across.

    Returns:
        (B, 4): a, b, tx, ty of the map (x, y) -> (a·x - b·y + tx, b·x + a·y + ty).
    """
    # imported when called: align brings its detector and torchvision, which take as long to import as torch
    from cosface_edu.align import TEMPLATE_112x96, estimate_similarity

    height, width = size
    goal = TEMPLATE_112x96 * (height / 112) + torch.tensor([(width - 96 * height / 112) / 2, 0.0])
    goal = goal.to(points.device)
    fitted = estimate_similarity(points, goal)  # (B, 2, 3)
    middle = goal.mean(dim=0)
    shift_x, shift_y, grow, turn = (t[f"jitter_{name}"].flatten() for name in ("x", "y", "scale", "roll"))
    cos, sin = (1 + grow) * turn.cos(), (1 + grow) * turn.sin()
    a, b = cos * fitted[:, 0, 0] - sin * fitted[:, 1, 0], sin * fitted[:, 0, 0] + cos * fitted[:, 1, 0]
    from_x, from_y = fitted[:, 0, 2] - middle[0], fitted[:, 1, 2] - middle[1]
    eyes = 0.315 * height  # interocular distance of the template
    tx = cos * from_x - sin * from_y + middle[0] + shift_x * eyes
    ty = sin * from_x + cos * from_y + middle[1] + shift_y * eyes
    return torch.stack([a, b, tx, ty], dim=1)


def scene_camera(t: Values, size: tuple[int, int]) -> Tensor:
    """A camera that puts the face anywhere in the picture, 38 to 80 % of its height tall, tilted by the shot's roll."""
    height, width = size
    tall = 0.38 + 0.42 * t["place_size"].flatten()
    scale = tall * height / 7.2
    roll = t["roll"].flatten()
    reach_x, reach_y = 2.6 * scale, 3.9 * scale
    x = reach_x + t["place_x"].flatten() * (width - 2 * reach_x).clamp(min=0)
    y = reach_y + t["place_y"].flatten() * (height - 2 * reach_y).clamp(min=0)
    return torch.stack([scale * roll.cos(), scale * roll.sin(), x, y], dim=1)


def _body(canvas: Tensor, t: Values, across: Tensor, down: Tensor, grain: Tensor, pixel: Tensor, head: Pose) -> None:
    """What lies behind the face: long hair, ears, neck, shoulders."""
    chin = t["centre"] + t["height"]
    lean_x = head.r[0][2]
    cx = across - 0.3 * t["depth"] * lean_x
    top = t["centre"] - 0.3
    reach = top + (chin + 1.9 - top) * t["long"]
    wide = t["width"] * (1.03 + 0.06 * (down - top) / 4) + t["hair_thick"]
    curl = t["hair_curl"].clamp(min=0)
    lock = torch.sin(8 * cx + (0.6 + curl) * torch.sin((2 + 2 * curl) * down))
    strands = t["hair"] * (0.78 + 0.04 * grain + 0.10 * lock)[:, None]
    mane = soft(wide - cx.abs() + 0.10 * curl * torch.sin(5 * down), pixel + 0.12)
    mane.mul_(soft(reach - down + 0.09 * lock, pixel + 0.3))
    mane.mul_(soft(down - t["centre"] + 1.2, 0.4)).mul_(t["long"] > 0.3)
    blend = paint.blend
    neck_x = across - 0.15 * lean_x
    neck = soft(t["neck"] + 0.10 * (down - chin).clamp(min=0).square() - neck_x.abs(), pixel + 0.03).mul_(
        soft(down - 2.0, 0.5)
    )
    slope = chin + 0.95 + 0.10 * neck_x.square() - 0.55 * soft(neck_x.abs() - t["neck"], 0.8)
    cloth = soft(down - slope, pixel + 0.05)
    blend(canvas, strands, mane)
    shade = 0.80 - 0.30 * ridge(down - chin + 0.2, 1.0)
    blend(canvas, t["skin"] * shade[:, None], neck)
    blend(canvas, t["cloth"] * (0.8 + 0.03 * grain[:, None]), cloth)
    for side in (-1, 1):
        # the ear's centre, turned with the head; the head itself hides what lies behind it
        x, y, z = side * t["width"] * 0.99, 0.55 + 0 * lean_x, 0.1 * t["depth"]
        ex = head.r[0][0] * x + head.r[0][1] * y + head.r[0][2] * z
        ey = head.r[1][0] * x + head.r[1][1] * y + head.r[1][2] * z
        away = (((across - ex) / (t["ear"] * 0.5 + t["ear_out"])).square() + ((down - ey) / t["ear"]).square()).sqrt_()
        shown = 1 - 0.9 * ((t["long"] > 0.75) & (t["long"] < 9)).float()
        blend(
            canvas,
            t["skin"] * (0.9 - 0.35 * ridge(away, 0.4))[:, None],
            soft(1 - away, pixel / t["ear"]) * shown,
        )


def _spread(pixels: int, device: torch.device) -> Tensor:
    """Weights (pixels, 4) that blend four knots smoothly over a row of pixels."""
    away = (torch.linspace(0, 3, pixels, device=device)[:, None] - torch.arange(4, device=device)).abs().clamp(max=1)
    return 0.5 + 0.5 * torch.cos(torch.pi * away)


def _background(t: Values, size: tuple[int, int]) -> Tensor:
    """A wall with smooth stains and one straight edge, or two rooms meeting."""
    device = t["wall_map"].device
    wall = _spread(size[0], device) @ t["wall_map"] @ _spread(size[1], device).T
    canvas = torch.lerp(wall, t["wall"].expand_as(wall), 0.6).clamp_(0, 1)
    height, width = size
    y = torch.linspace(-0.5, 0.5, height, device=wall.device)[:, None]
    x = torch.linspace(-0.5, 0.5, width, device=wall.device)
    where = x * t["edge_tilt"].cos() + y * t["edge_tilt"].sin() - (t["edge"] - 0.5)
    paint.blend(canvas, t["wall2"], 0.7 * soft(where, 0.02))
    return canvas


def _occlude(canvas: Tensor, t: Values, across: Tensor, down: Tensor, pixel: Tensor) -> None:
    """Something in front of one face in eight: an edge beside the face, a thing before the chin or a mask."""
    angle = (t["occluder_tilt"] - 0.5) * 2.4
    kind = t["occlude"]
    side = torch.where(t["occluder_x"] > 0.5, 1.0, -1.0)
    along = (across * side) * angle.cos() + down * angle.sin()
    bar = soft(along - (1.15 + 0.9 * t["occluder_y"]), pixel + 0.03) * (kind < 0.06)
    mask = soft(down - (1.45 + 0.3 * t["occluder_y"]) - 0.06 * across.square(), pixel + 0.03) * soft(
        2.2 - across.abs(), 0.2
    )
    turn_x, turn_y = along - 1.0, down * angle.cos() - (across * side) * angle.sin() - 2.6
    box = soft(0.75 - torch.maximum(turn_x.abs(), 0.6 * turn_y.abs()), pixel + 0.03)
    paint.blend(canvas, t["thing"], bar)
    paint.blend(canvas, 0.35 + 0.6 * t["thing"], mask * (kind > 0.985))
    paint.blend(canvas, 0.7 * t["thing"], box * ((kind > 0.06) & (kind < 0.10)))


def _light(canvas: Tensor, t: Values, depth: Tensor, cover: Tensor, scale: Tensor) -> None:
    """Lambert's law with a soft terminator, a little gloss, on normals taken from the depth map."""
    zx = F.pad(depth[:, :, 2:] - depth[:, :, :-2], (1, 1, 0, 0), mode="replicate") * (0.5 * scale)
    zy = F.pad(depth[:, 2:] - depth[:, :-2], (0, 0, 1, 1), mode="replicate") * (0.5 * scale)
    inverse = (zx.square() + zy.square()).add_(1).rsqrt_()
    side, up = t["light_side"], t["light_up"]
    lx, ly, lz = side.sin() * up.cos(), -up.sin(), side.cos() * up.cos()
    facing = (lz - lx * zx - ly * zy).mul_(inverse)
    lit = (facing * 0.85 + 0.15).clamp_(min=0)
    halfway = (lx.square() + ly.square() + (lz + 1).square()).sqrt()
    shine = ((lz + 1 - lx * zx - ly * zy).mul_(inverse) / halfway).clamp_(0, 1)
    shine = shine.square_().square_().square_().square_()  # a lobe of power 16
    canvas.mul_((t["ambient"] + t["diffuse"] * lit)[:, None]).add_(
        (shine * (1 - 0.8 * cover) * (t["gloss"] * t["diffuse"]))[:, None]
    )


def _develop(canvas: Tensor, t: Values, scale: Tensor, grain: Tensor) -> Tensor:
    """Lens and sensor: blur, exposure, white balance, contrast, saturation, noise."""
    canvas = _blur(canvas, t["blur"].flatten(), scale)
    warm, green = t["warmth"], t["tint"]
    balance = torch.stack([1 + warm, 1 + green, 1 - warm], dim=1) * torch.exp(t["exposure"])[:, None]
    canvas = (canvas * balance).clamp_(1e-4, 1)
    canvas = canvas.pow_(torch.exp(t["gamma"])[:, None])
    luma = (canvas * canvas.new_tensor(GREY)[:, None, None]).sum(dim=1, keepdim=True)
    canvas = torch.lerp(luma.expand_as(canvas), canvas, t["saturation"][:, None].expand_as(canvas))
    return canvas.add_(t["noise"][:, None] * grain[:, None]).clamp_(0, 1)


def _blur(canvas: Tensor, amount: Tensor, scale: Tensor) -> Tensor:
    """A separable Gaussian per image, its width a share of the face: up to 0.07 half interocular distances."""
    sigma = (0.075 * amount.square() * scale.flatten()).clamp(0.05, 2.0)
    offsets = torch.arange(-3, 4, device=canvas.device)
    kernel = torch.exp(-0.5 * (offsets / sigma[:, None]).square())
    kernel = (kernel / kernel.sum(dim=1, keepdim=True)).repeat_interleave(3, dim=0)  # (3B, 7)
    flat = F.pad(canvas.flatten(0, 1)[None], (3, 3, 3, 3), mode="replicate")
    flat = F.conv2d(flat, kernel[:, None, :, None], groups=len(kernel))
    return F.conv2d(flat, kernel[:, None, None, :], groups=len(kernel)).view_as(canvas)


def render(traits: Values, shot: Values, size: tuple[int, int], table: Tensor, aligned: bool) -> tuple[Tensor, Tensor]:
    """Draw a batch of faces.

    Args:
        traits: who, from `draw_traits`.
        shot: how, from `draw_shot`.
        size: (height, width) in pixels.
        table: the world's noise table.
        aligned: crop on the template, or a whole scene.

    Returns:
        images (B, 3, H, W) in [0, 1]; landmarks (B, 5, 2), x and y in pixels.
    """
    height, width = size
    t = prepare(traits, shot)
    head = Pose(t, rotation(t["yaw"].flatten(), t["pitch"].flatten()))
    points = landmarks(t, head)
    camera = aligned_camera(t, points, size) if aligned else scene_camera(t, size)
    a, b, tx, ty = (c[:, None, None] for c in camera.unbind(dim=1))
    scale = (a * a + b * b).sqrt()
    columns = torch.arange(width, device=a.device) - tx  # (B, 1, W)
    rows = torch.arange(height, device=a.device)[:, None] - ty  # (B, H, 1)
    across = (a * columns + b * rows) / (scale * scale)
    down = (a * rows - b * columns) / (scale * scale)
    pixel = 1 / scale

    starts = t["noise_at"] % (len(table) - 2 * height * width)
    read = starts[:, None] + torch.arange(2 * height * width, device=a.device)
    grain, dust = table[read].view(-1, 2, height, width).unbind(dim=1)

    x, y, depth, inside, cover = head.hit(across, down)
    surface = paint.albedo(t, x, y, cover, grain, pixel)
    _light(surface, t, depth, cover, scale)
    canvas = _background(t, size)
    _body(canvas, t, across, down, grain, pixel, head)
    level = (t["ambient"] + 0.6 * t["diffuse"])[:, None]
    canvas.mul_(level)
    outline = (0.5 + inside * (1.3 * scale)).clamp_(0, 1)
    paint.blend(canvas, surface, outline)
    _occlude(canvas, t, across, down, pixel)
    canvas = _develop(canvas, t, scale, dust)
    on_image = torch.stack(
        [a * points[..., :1] - b * points[..., 1:] + tx, b * points[..., :1] + a * points[..., 1:] + ty], dim=-1
    )
    return canvas, on_image.view(-1, 5, 2)
