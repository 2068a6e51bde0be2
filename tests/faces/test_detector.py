"""A detector trained on photographs takes the drawn faces for faces, and agrees about their landmarks."""

import torch

SETTINGS = {"min_face_size": 20, "factor": 0.85, "thresholds": [0.6, 0.7, 0.9]}  # SphereFace's
SCENES = 80


def test_mtcnn_finds_the_faces(world):
    """benchmarks/check_faceworld.py measures the rate on 500 scenes; the requirement is 95 %, less two standard errors
    of these eighty."""
    from facenet_pytorch import MTCNN

    images, points = world.scenes(range(5000, 5000 + SCENES), 1, size=(200, 200))
    detector = MTCNN(keep_all=True, **SETTINGS)
    pixels = (images.permute(0, 2, 3, 1) * 255).round().byte().numpy()
    _, _, found = detector.detect(pixels, landmarks=True)
    errors = []
    for truth, candidates in zip(points, found, strict=True):
        if candidates is None:
            continue
        off = (torch.stack([torch.as_tensor(c.astype("float32")) for c in candidates]) - truth).norm(dim=2).mean(dim=1)
        error = off.min() / (truth[0] - truth[1]).norm()
        if error < 0.5:  # otherwise it found something else
            errors.append(error)
    assert len(errors) >= 72
    assert torch.stack(errors).median() < 0.08
