"""Eight people for the two-dimensional experiments, synthetic or real, by one call."""

import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from cosface_edu.data import fit, read_image, root, to_float
from cosface_edu.data.walk import pictures_in
from cosface_edu.faces.world import FaceWorld


@dataclass(frozen=True, eq=False)
class ToyFaces:
    """Training and test images of the same few people.

    Attributes:
        train_images: (N, 3, H, W) float32 RGB in [0, 1].
        train_labels: (N,) int64.
        test_images: (M, 3, H, W), photographs of the same people that training does not see.
        test_labels: (M,) int64.
        names: what to call label 0, 1, …
        source: "synthetic", "lfw" or the folder the images came from.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    names: tuple[str, ...]
    source: str


def toy_faces(
    source: str | os.PathLike[str] = "synthetic",
    identities: int = 8,
    train: int = 200,
    test: int = 50,
    size: tuple[int, int] = (56, 48),
    seed: int = 0,
) -> ToyFaces:
    """Gather a few people with many photographs each, split into training and test images.

    Args:
        source: "synthetic" draws from `FaceWorld`; "lfw" takes scikit-learn's Labeled Faces in the Wild (the eight
            people with at least 60 images); anything else is a folder with one subfolder of images per person, looked
            up as it stands and then under COSFACE_DATA (`data/` by default).
        identities: how many people; real sources give those with the most images.
        train: training images a person.
        test: test images a person; of real people at most a fifth of what there is.
        size: (height, width) of the images; the default is half the SphereFace crop.
        seed: of the world, and of the split of real images.

    Returns:
        The images, labels and names.

    Raises:
        FileNotFoundError: the real images are not there; one line says what to do.
        ValueError: a folder holds too few people.
    """
    if str(source) == "synthetic":
        return _synthetic(identities, train, test, size, seed)
    people = _lfw(size, identities) if str(source) == "lfw" else _folder(Path(source), size, identities)
    generator = torch.Generator().manual_seed(seed)
    parts: list[tuple[Tensor, Tensor]] = []
    for images in people.values():
        images = images[torch.randperm(len(images), generator=generator)]
        held = min(test, max(1, len(images) // 5))
        parts.append((images[held : held + train], images[:held]))
    learn, held_out = zip(*parts, strict=True)
    return ToyFaces(
        torch.cat(learn), _labels(learn), torch.cat(held_out), _labels(held_out), tuple(people), str(source)
    )


def _labels(parts: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([torch.full((len(p),), i) for i, p in enumerate(parts)])


def _synthetic(identities: int, train: int, test: int, size: tuple[int, int], seed: int) -> ToyFaces:
    world = FaceWorld(seed)
    images, _ = world.sample_many(range(identities), train + test, size)
    images = images.unflatten(0, (identities, train + test))
    learn, held_out = tuple(images[:, :train]), tuple(images[:, train:])
    names = tuple(f"person {i}" for i in range(identities))
    return ToyFaces(
        images[:, :train].flatten(0, 1),
        _labels(learn),
        images[:, train:].flatten(0, 1),
        _labels(held_out),
        names,
        "synthetic",
    )


def _folder(path: Path, size: tuple[int, int], identities: int) -> dict[str, Tensor]:
    """Read the people with the most images of a folder of folders."""
    found = next((p for p in (path, root() / path) if p.is_dir()), None)
    if found is None:
        raise FileNotFoundError(
            f"No folder '{path}' here or under '{root()}': put one subfolder of face crops per person there, "
            "set COSFACE_DATA to the folder that holds it, or use source='synthetic'."
        )
    files = {
        d.name: [d / name for name in pictures_in(d)]
        for d in sorted(found.iterdir())
        if d.is_dir() and not d.name.startswith(".")
    }
    chosen = sorted(sorted(files, key=lambda name: -len(files[name]))[:identities])
    if len(chosen) < identities or len(files[chosen[-1]]) < 2:
        raise ValueError(f"'{found}' needs {identities} subfolders with at least two images each; it has {len(files)}.")
    return {name: torch.stack([to_float(fit(read_image(f), size)) for f in files[name]]) for name in chosen}


def _lfw(size: tuple[int, int], identities: int) -> dict[str, Tensor]:
    """Scikit-learn's copy of LFW, tightly cropped about the face; downloaded on first use."""
    from sklearn.datasets import fetch_lfw_people

    home = root() / "sklearn"
    try:
        faces = fetch_lfw_people(
            data_home=str(home), min_faces_per_person=60, color=True, resize=1.0,
            slice_=(slice(62, 187), slice(72, 178)),
        )  # fmt: skip
    except OSError as error:
        raise FileNotFoundError(
            f"LFW is not under '{home}' and could not be downloaded ({type(error).__name__}): go online once, place "
            "scikit-learn's lfw_home there, or use source='synthetic'."
        ) from None
    images = torch.from_numpy(faces.images).permute(0, 3, 1, 2).float()
    labels = torch.from_numpy(faces.target)
    return {
        str(name): fit(images[labels == i], size).clamp(0, 1)
        for i, name in list(enumerate(faces.target_names))[:identities]
    }
