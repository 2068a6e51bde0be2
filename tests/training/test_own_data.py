"""Data sets of other libraries: torchvision's serve as they are, and what is missing is said before any training."""

import pytest
import torch
from torch.utils.data import Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import Compose, Resize, ToTensor

from cosface_edu.data import FolderDataset
from cosface_edu.data.images import encode_jpeg
from cosface_edu.training import train


class Own:
    """A data set as people write them: images, and whatever else it is told to have."""

    def __init__(self, images: torch.Tensor, **others: object) -> None:
        self.images = images
        self.__dict__.update(others)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index], index % 5


@pytest.fixture
def short(config):
    return config.replace(steps=2, held_out=0)


@pytest.fixture
def image_folder(tmp_path, faces):
    for number in range(0, len(faces), 3):
        path = tmp_path / f"person {int(faces.labels[number])}" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_jpeg((faces.images[number] * 255).to(torch.uint8)))
    return tmp_path


def test_torchvision_s_image_folder_is_trained_on(short, image_folder) -> None:
    faces = ImageFolder(str(image_folder), Compose([Resize(short.size), ToTensor()]))
    run = train(short, faces=faces, say=lambda line: None)
    assert run.head.num_classes == 10


def test_pictures_that_are_no_tensors_yet(short, image_folder) -> None:
    with pytest.raises(
        TypeError, match=r"image 0 of this ImageFolder is of type Image: wanted float tensors .*ToTensor"
    ):
        train(short, faces=ImageFolder(str(image_folder)), say=lambda line: None)


def test_a_data_set_without_labels(short, faces) -> None:
    with pytest.raises(TypeError, match="this Subset says of no image whom it shows: give it `labels`"):
        train(short, faces=Subset(Own(faces.images), range(20)), say=lambda line: None)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda x: (x * 255).to(torch.uint8), TypeError, r"is a tensor of torch\.uint8"),
        (lambda x: x * 255, ValueError, "has values from .* to .*: wanted float tensors"),
        (lambda x: x - 0.5, ValueError, "they are normalised later"),
        (lambda x: x[:, :, :-1], ValueError, "change it, or the configuration's size"),
        (lambda x: x[:, :1], ValueError, r"is \(1, "),
    ],
)
def test_images_that_a_network_must_not_get(short, faces, change, error, message) -> None:
    own = Own(change(faces.images), labels=[index % 5 for index in range(len(faces.images))])
    with pytest.raises(error, match=message):
        train(short, faces=own, say=lambda line: None)


def test_a_data_set_without_images(short, faces) -> None:
    with pytest.raises(ValueError, match="this Own has no images: two people at least are needed"):
        train(short, faces=Own(faces.images[:0], labels=[]), say=lambda line: None)


def test_a_data_set_of_ours_opened_at_another_size_is_named_too(short, image_folder) -> None:
    faces = FolderDataset(image_folder, size=(short.size[0] + 8, short.size[1]))
    with pytest.raises(ValueError, match=r"image 0 of this FolderDataset is .*change it, or the configuration's size"):
        train(short, faces=faces, say=lambda line: None)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_of_another_size_further_on_is_named(short, image_folder, workers) -> None:
    (folder := image_folder / "tall").mkdir()
    (folder / "one.jpg").write_bytes(encode_jpeg(torch.zeros(3, 2 * short.size[0], short.size[1], dtype=torch.uint8)))
    faces = ImageFolder(str(image_folder), Compose([Resize(min(short.size)), ToTensor()]))
    with pytest.raises(ValueError, match=r"image \d+ of this ImageFolder is .*, image \d+ .*Resize"):
        train(short.replace(batch=len(faces), workers=workers), faces=faces, say=lambda line: None)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16])
def test_images_of_another_precision_are_trained_on(short, faces, kind) -> None:
    own = Own(faces.images.to(kind), labels=[index % 5 for index in range(len(faces.images))])
    run = train(short, faces=own, say=lambda line: None)
    assert all(torch.isfinite(value).all() for value in run.network.state_dict().values())


def test_labels_are_whole_numbers_one_for_each_image(short, faces) -> None:
    count = len(faces.images)
    numbers = torch.arange(count) % 5
    run = train(short, faces=Own(faces.images, labels=numbers.to(torch.uint8).numpy()), say=lambda line: None)
    assert run.head.num_classes == 5  # uint8 would be taken for a mask
    for labels, error, told in (
        (numbers.float(), TypeError, r"labels of this Own are .*float32: wanted a whole number for each image"),
        (numbers > 2, TypeError, "torch.bool"),
        (numbers[:, None], TypeError, r"\({count}, 1\)".replace("{count}", str(count))),
        (numbers[:-1], ValueError, f"has {count:,} images and {count - 1:,} labels"),
        (torch.arange(count + 1) % 5, ValueError, f"has {count:,} images and {count + 1:,} labels"),
    ):
        with pytest.raises(error, match=told):
            train(short, faces=Own(faces.images, labels=labels), say=lambda line: None)
