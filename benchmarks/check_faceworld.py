"""What the face world must hold, measured: is it found by a detector, and is it harder than its pixels?

    python benchmarks/check_faceworld.py [--scenes 500]

Prints, for MTCNN in SphereFace's settings and in its own, the share of scenes found and its landmarks' error in
interocular distances; then the speed of drawing, and what nearest neighbours on raw pixels know of 100 people.
"""

import argparse
import time

import torch
from facenet_pytorch import MTCNN

from cosface_edu.faces import FaceWorld

SETTINGS = {
    "SphereFace": {"min_face_size": 20, "factor": 0.85, "thresholds": [0.6, 0.7, 0.9]},
    "facenet-pytorch": {},
}


def detection(world: FaceWorld, count: int, settings: dict) -> tuple[int, torch.Tensor]:
    """How many of `count` scenes are found, and each found one's mean landmark error per point, (found, 5)."""
    detector, errors = MTCNN(keep_all=True, **settings), []
    for start in range(20_000, 20_000 + count, 25):
        images, points = world.scenes(range(start, min(start + 25, 20_000 + count)))
        pixels = (images.permute(0, 2, 3, 1) * 255).round().byte().numpy()
        _, _, found = detector.detect(pixels, landmarks=True)
        for truth, candidates in zip(points, found, strict=True):
            if candidates is None:
                continue
            guesses = torch.stack([torch.as_tensor(c.astype("float32")) for c in candidates])
            error = (guesses - truth).norm(dim=2) / (truth[0] - truth[1]).norm()
            error = error[error.mean(dim=1).argmin()]
            if error.mean() < 0.5:  # otherwise it found something else
                errors.append(error)
    return len(errors), torch.stack(errors)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=500)
    count = parser.parse_args().scenes
    world = FaceWorld(seed=0)
    for name, settings in SETTINGS.items():
        found, errors = detection(world, count, settings)
        share = found / count
        spread = (share * (1 - share) / count) ** 0.5
        print(
            f"MTCNN, {name}'s settings: {found} of {count} found ({100 * share:.1f} ± {100 * spread:.1f} %); landmark "
            f"error {100 * errors.mean(dim=1).median():.1f} % of the interocular distance in the median, by point "
            + " ".join(f"{100 * e:.1f}" for e in errors.median(dim=0).values)
        )
    torch.set_num_threads(1)  # processor time of one thread: what else the machine does counts less
    for size in ((112, 96), (56, 48)):
        start = time.process_time()
        world.sample_many(range(250), 2, size)
        print(f"{size[0]}×{size[1]}: {500 / (time.process_time() - start):.0f} images per second and core")
    images, _ = world.sample_many(range(20_000, 20_100), 16, (56, 48))
    pixels = images.flatten(1).unflatten(0, (100, 16))
    for gallery in (1, 4):
        known, probes = pixels[:, :gallery].flatten(0, 1), pixels[:, gallery:].flatten(0, 1)
        nearest = torch.cdist(probes, known).argmin(dim=1) // gallery
        truth = torch.arange(100).repeat_interleave(16 - gallery)
        print(f"nearest pixels, 100 people, {gallery} known each: {100 * (nearest == truth).float().mean():.1f} %")


if __name__ == "__main__":
    main()
