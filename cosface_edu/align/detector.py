"""Find faces and their five points: MTCNN (Zhang et al., 2016) through facenet-pytorch, whole batches at a time."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from facenet_pytorch import MTCNN
from torch import Tensor

# The settings of SphereFace's detector, which CosFace's pipeline inherits.
MIN_SIZE = 20
FACTOR = 0.85
THRESHOLDS = (0.6, 0.7, 0.9)


class Face(NamedTuple):
    """One detected face, in pixels of its image.

    Attributes:
        box: (4,) left, top, right, bottom.
        score: the last network's probability that this is a face.
        landmarks: (5, 2) eyes, tip of the nose, corners of the mouth as (x, y); left in the picture first.
    """

    box: Tensor
    score: float
    landmarks: Tensor


@lru_cache(maxsize=4)
def _mtcnn(device: torch.device) -> MTCNN:
    # Its weights come with the package: nothing is downloaded. Unsorted, because the order is made below.
    return MTCNN(
        min_face_size=MIN_SIZE,
        thresholds=list(THRESHOLDS),
        factor=FACTOR,
        keep_all=True,
        select_largest=False,
        device=device,
    ).eval()


@torch.no_grad()
def detect(images: Tensor) -> list[list[Face]]:
    """Detect the faces of each image, on the device where the images are.

    Args:
        images: (B, 3, H, W) float RGB in [0, 1].

    Returns:
        For each image its faces, the one nearest the centre of the image first (SphereFace's choice when there are
        several: data sets centre the person they are about); an empty list where none was found.
    """
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"wanted images (B, 3, H, W), got {tuple(images.shape)}")
    if min(images.shape[-2:]) < MIN_SIZE:  # no level of the image pyramid would be left, and MTCNN fails on that
        return [[] for _ in images]
    pixels = (images * 255.0).permute(0, 2, 3, 1)  # (B, H, W, 3), 0..255, as MTCNN wants it
    boxes, scores, landmarks = _mtcnn(images.device).detect(pixels, landmarks=True)
    centre = np.array([images.shape[-1], images.shape[-2]]) / 2
    found = []
    for image_boxes, image_scores, image_landmarks in zip(boxes, scores, landmarks, strict=True):
        faces = []
        if image_boxes is not None:
            box = np.asarray(image_boxes, dtype=np.float32)  # (faces, 4); object arrays when the counts differ
            middle = (box[:, :2] + box[:, 2:]) / 2
            for i in np.argsort(((middle - centre) ** 2).sum(1), kind="stable"):
                points = torch.from_numpy(np.asarray(image_landmarks[i], dtype=np.float32))
                faces.append(Face(torch.from_numpy(box[i]), float(image_scores[i]), points))
        found.append(faces)
    return found
