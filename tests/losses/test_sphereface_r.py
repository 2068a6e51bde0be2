"""SphereFace-R, both versions."""

import torch
from cases import with_target

CASES = {"1": {"s": 10.0, "m": 1.4}, "2": {"s": 10.0, "m": 1.4, "version": 2}}


def scores(head, cos, y, a, b):
    if head.version == 1:
        target = torch.cos((head.m * cos[y].acos()).clamp_max(torch.pi))
        return with_target([head.s * c for c in cos], y, head.s * target)
    return with_target([head.s * torch.cos(c.acos() / head.m) for c in cos], y, head.s * cos[y])
