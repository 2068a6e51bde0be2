"""Stretched people: the geometry of a copy, and who is who."""

import pytest
import torch

from cosface_edu.faces import FaceWorldDataset, Stretched
from cosface_edu.faces.stretched import stretch


def extent(image: torch.Tensor) -> tuple[float, float]:
    """Standard deviation of the brightness along y and x, in pixels."""
    weight = image.double().sum(0)
    rows, columns = weight.sum(1), weight.sum(0)
    found = []
    for line in (rows, columns):
        place = torch.arange(len(line), dtype=torch.float64)
        mean = (line * place).sum() / line.sum()
        found.append(float(((line * (place - mean) ** 2).sum() / line.sum()).sqrt()))
    return found[0], found[1]


@pytest.fixture
def blob() -> torch.Tensor:
    """A Gaussian spot of 6 pixels' deviation, off the centre, on black."""
    y, x = torch.meshgrid(torch.arange(112.0), torch.arange(96.0), indexing="ij")
    return torch.exp(-((y - 60) ** 2 + (x - 45) ** 2) / (2 * 6.0**2)).expand(3, -1, -1)


@pytest.mark.parametrize("width", [0.9, 1.0, 1.25])
def test_what_is_shown_is_wider_and_lower_by_the_same_factor(blob, width) -> None:
    out = stretch(blob, width)
    assert out.shape == blob.shape
    high, wide = extent(out)
    assert wide == pytest.approx(6 * width, rel=0.01)
    assert high == pytest.approx(6 / width, rel=0.01)


def test_a_picture_is_stretched_about_its_centre(blob) -> None:
    out = stretch(blob, 1.25)[0]
    y, x = divmod(int(out.argmax()), 96)
    # centres of pixels: the middle of 112 rows is 55.5, of 96 columns 47.5
    assert abs(y - (55.5 + (60 - 55.5) / 1.25)) <= 0.5
    assert abs(x - (47.5 + (45 - 47.5) * 1.25)) <= 0.5


def test_copies_of_a_person_are_people_of_their_own() -> None:
    faces = FaceWorldDataset(3, 2, (28, 24))
    people = Stretched(faces, (14, 12), widths=(0.8, 1.0))
    assert len(people) == 12
    assert people.num_classes == 6
    assert people.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [label for _, label in people] == people.labels.tolist()
    own, _ = people[6 + 3]  # the second copy is as the person is
    expected = torch.nn.functional.interpolate(faces[3][0][None], (14, 12), mode="bilinear", antialias=True)[0]
    torch.testing.assert_close(own, expected)
    narrow = stretch(faces[3][0], 0.8)  # at the larger size, so that little is lost
    expected = torch.nn.functional.interpolate(narrow[None], (14, 12), mode="bilinear", antialias=True)[0]
    torch.testing.assert_close(people[3][0], expected)
    assert torch.equal(people[-1][0], people[11][0])
    with pytest.raises(IndexError):
        people[12]


@pytest.mark.parametrize("widths", [(), (1.0, 0.0), (-1.0,)])
def test_a_width_is_positive(widths) -> None:
    with pytest.raises(ValueError, match="positive"):
        Stretched(FaceWorldDataset(2, 1, (28, 24)), (14, 12), widths)
