"""The head as a surface: where a ray of sight meets it, and where its landmarks appear in the image.

In the head's own frame (x right, y down, z to the viewer, origin between the eyes at the head's centre plane) the
surface is

    (x / A·s(y))² + G(y) + (z / C)² = (1 + d(x, y, z) / C)²

with A, C half width and depth, s(y) the narrowing towards the chin, G(y) = |t|³ above and t⁴ below the middle
(t = (y - centre) / height), and d the displacement that features add: nose, brows, sockets, lips, chin, hair.
"""

import torch
from torch import Tensor

from cosface_edu.faces.traits import Values


def gauss(x: Tensor, y: Tensor, width: Tensor | float, height: Tensor | float) -> Tensor:
    """An elliptic bump of height one: (1 - q/8)⁸ for exp(-q), which is faster and ends at a finite distance."""
    return _bump((x * (1 / width)).square_().add_((y * (1 / height)).square_()))


def ridge(x: Tensor, width: Tensor | float) -> Tensor:
    """The same bump along one direction."""
    return _bump((x * (1 / width)).square_())


def _bump(q: Tensor) -> Tensor:
    return q.mul_(-1 / 8).add_(1).clamp_(min=0).square_().square_().square_()


def soft(distance: Tensor, width: Tensor | float) -> Tensor:
    """A step from 0 to 1 over `width`, centred on distance 0."""
    return (distance * (1 / width)).add_(0.5).clamp_(0, 1)


def rotation(yaw: Tensor, pitch: Tensor) -> Tensor:
    """Head frame to camera frame: first yaw about y (positive turns the face to the image's right), then pitch about x.

    Args:
        yaw: (B,) radians.
        pitch: (B,) radians, positive looks down.

    Returns:
        (B, 3, 3)
    """
    cy, sy, cp, sp = yaw.cos(), yaw.sin(), pitch.cos(), pitch.sin()
    zero = torch.zeros_like(yaw)
    rows = [cy, zero, sy, -sp * sy, cp, sp * cy, -cp * sy, -sp, cp * cy]
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def narrowing(t: Values, y: Tensor) -> Tensor:
    """s(y): one at the temples, `jaw` at the chin."""
    k = ((y - 0.2) / 3.4).clamp_(0, 1)
    return 1 - (1 - t["jaw"]) * k * k * (3 - 2 * k)


def _flatness(tt: Tensor) -> Tensor:
    """√G / |t|: what turns the ellipsoid's t² into G."""
    return torch.where(tt > 0, tt, tt.abs().sqrt())


def nose(t: Values, x: Tensor, y: Tensor) -> Tensor:
    """Displacement of bridge and tip: what stands out far enough to be shifted visibly by a turn of the head."""
    tip = t["nose_high"] * gauss(x, y - t["nose_y"], t["nose_wide"], 0.34)
    return tip.add_(t["bridge"] * gauss(x, y - 0.38 * t["nose_y"], t["bridge_wide"], 0.62))


def above_hairline(t: Values, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Distance into the hair: positive on the scalp, negative on the face. The hairline drops towards the back."""
    side = x / t["width"]
    line = t["hairline"] - t["temples"] * ridge(side.abs() - 0.55, 0.25) + 0.25 * t["parting"] * side
    line = line + t["fringe"] * ridge(side - 0.12 * t["parting"], 0.62) * (1 + 0.12 * torch.sin(13 * x))
    line = line + t["hair_slope"] * (t["depth"] * 0.82 - z).clamp_(min=0)
    return line - y


def displacement(t: Values, x: Tensor, y: Tensor) -> Tensor:
    """All features' displacement d, without the nose and the hair."""
    ax = x.abs()
    mouth_gap = y - t["mouth_line"]
    d = t["cheek"] * gauss(ax - 1.42, y - t["cheek_y"], 0.5, 0.5)
    d.sub_(t["socket"] * gauss(ax - t["eye_x"], y, 0.52, 0.36))
    d.add_(0.10 * gauss(ax - t["eye_x"], y, 0.30, 0.24))
    d.add_(t["brow_ridge"] * gauss(ax - 0.85, y - t["brow_y"], 0.75, 0.24))
    d.add_(0.16 * gauss(ax - t["nostril"], y - t["nose_y"] - 0.10, 0.17, 0.17))
    d.add_(0.16 * gauss(x, mouth_gap, t["mouth_wide"] * 0.85, 0.36))
    d.sub_(0.07 * gauss(x, mouth_gap, t["mouth_wide"], 0.06))
    d.add_(t["chin"] * gauss(x, y - t["chin_y"], t["chin_width"], 0.40))
    return d


class Pose:
    """Rotated heads of a batch: solves rays and projects points.

    Args:
        t: traits and shot values, each (B, 1, 1).
        rotations: (B, 3, 3) head to camera.
    """

    def __init__(self, t: Values, rotations: Tensor):
        self.t = t
        self.r = [[rotations[:, i, j, None, None] for j in range(3)] for i in range(3)]

    def hit(self, across: Tensor, down: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Meet the ray that falls on a point of the image plane with the head.

        The features depend on the point sought, so the ellipsoid is solved again with what the last point gave. The
        first guess lies on the hull inflated by the nose: the search comes from the front and ends on the front-most
        surface.

        Args:
            across: (B, H, W) camera x.
            down: (B, H, W) camera y.

        Returns:
            x, y in the head's frame, camera depth, a signed distance to the outline (positive inside), hair cover.
        """
        t, r = self.t, self.r
        # head-frame point at camera depth Z: o + Z·v, v the last row of the rotation
        ox = r[0][0] * across + r[1][0] * down
        oy = r[0][1] * across + r[1][1] * down
        oz = r[0][2] * across + r[1][2] * down
        vx, vy, vz = r[2]
        a_y, a_z = t["height"], t["depth"]
        y = oy + vy * t["depth"]
        swell: Tensor = t["nose_high"] * 0.9
        for step in range(4):
            flat = _flatness((y - t["centre"]) / a_y)
            ax = t["width"] * narrowing(t, y)
            px, py, pz = ox / ax, (oy - t["centre"]) * flat / a_y, oz / a_z
            qx, qy, qz = vx / ax, vy * flat / a_y, vz / a_z
            a = qx * qx + qy * qy + qz * qz
            b = px * qx + py * qy + pz * qz
            radius = 1 + swell / a_z
            inside = (b * b - a * (px * px + py * py + pz * pz - radius * radius)) / a
            depth = (inside / a).clamp(min=0).sqrt_().sub_(b / a)
            x, y, z = ox + depth * vx, oy + depth * vy, oz + depth * vz
            if step < 3:
                hair = above_hairline(t, x, y, z)
                swell = nose(t, x, y) + t["hair_thick"] * soft(hair - 0.1, 0.7).mul_(0.3 + 0.7 * soft(-0.9 - y, 2.0))
                if step == 2:
                    swell = swell + displacement(t, x, y)
        return x, y, depth, inside, soft(hair, 0.28)

    def project(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Where points of the face, given by their x and y on the head, appear on the image plane.

        Args:
            x: (B, P, 1) head x.
            y: (B, P, 1) head y.

        Returns:
            camera x and y, (B, P, 1) each.
        """
        t, r = self.t, self.r
        tt = (y - t["centre"]) / t["height"]
        flat = _flatness(tt)
        swell = nose(t, x, y) + displacement(t, x, y)
        rest = (1 + swell / t["depth"]).square() - (x / (t["width"] * narrowing(t, y))).square() - (tt * flat).square()
        z = t["depth"] * rest.clamp(min=0).sqrt()
        return r[0][0] * x + r[0][1] * y + r[0][2] * z, r[1][0] * x + r[1][1] * y + r[1][2] * z


def landmarks(t: Values, pose: Pose) -> Tensor:
    """The five landmarks on the image plane.

    Args:
        t: traits and shot values, each (B, 1, 1).
        pose: the same heads, turned.

    Returns:
        (B, 5, 2): eye on the image's left, eye on its right, nose tip, mouth corner left, mouth corner right.
    """
    eye, mouth, zero = t["eye_x"], t["mouth_wide"], torch.zeros_like(t["eye_x"])
    x = torch.cat([-eye, eye, zero, -mouth, mouth], dim=1)  # (B, 5, 1)
    y = torch.cat([zero, zero, t["nose_y"], t["corner_y"], t["corner_y"]], dim=1)
    across, down = pose.project(x, y)
    return torch.cat([across, down], dim=2)
