"""Augmentation: what each change may do, that images are changed one by one, and that a seed repeats it."""

import pytest
import torch

from cosface_edu.data import Augment
from cosface_edu.data.draws import keys


def seeded(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def keyed(seed: int = 1) -> torch.Tensor:
    return keys(seed, torch.arange(400))


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(400, 3, 14, 12, generator=seeded(0))


def test_a_seed_repeats_every_change_and_the_input_stays(images) -> None:
    augment, before = Augment(crop=3, colour=0.4, occlude=0.5), images.clone()
    once, again = augment(images, keyed()), augment(images, keyed())
    assert torch.equal(once, again)
    assert not torch.equal(once, augment(images, keyed(2)))
    assert torch.equal(images, before)
    assert once.shape == images.shape
    assert (once.min() >= 0) & (once.max() <= 1)
    assert augment(images[0], keyed()[:1]).shape == images[0].shape


def test_what_happens_to_an_image_does_not_depend_on_its_batch(images) -> None:
    augment = Augment(crop=3, colour=0.4, occlude=0.5)
    together = augment(images[:9], keyed()[:9])
    alone = [augment(image, keyed()[i : i + 1]) for i, image in enumerate(images[:9])]
    torch.testing.assert_close(together, torch.stack(alone), rtol=0, atol=1e-6)


def test_flip_mirrors_about_half(images) -> None:
    out = Augment()(images, keyed())
    mirrored = torch.tensor([torch.equal(o, i.flip(-1)) for o, i in zip(out, images, strict=True)])
    kept = torch.tensor([torch.equal(o, i) for o, i in zip(out, images, strict=True)])
    assert (mirrored ^ kept).all()
    assert 150 < int(mirrored.sum()) < 250


def test_nothing_asked_nothing_done(images) -> None:
    assert torch.equal(Augment(flip=False)(images), images)


def test_crop_shifts_each_image_by_up_to_so_many_pixels(images) -> None:
    out = Augment(flip=False, crop=2)(images, keyed())
    shifts = set()
    for before, after in zip(images, out, strict=True):
        padded = torch.nn.functional.pad(before[None], (2, 2, 2, 2), mode="replicate")[0]
        fits = [(y, x) for y in range(5) for x in range(5) if torch.equal(padded[:, y : y + 14, x : x + 12], after)]
        assert len(fits) == 1
        shifts.add(fits[0])
    assert len(shifts) == 25  # all of them happen


def test_colour_keeps_grey_pictures_grey_and_stays_in_range() -> None:
    grey = torch.full((50, 3, 4, 4), 0.5)
    out = Augment(flip=False, colour=0.4)(grey, keyed()[:50])
    torch.testing.assert_close(out[:, 0], out[:, 2])
    brightness = out[:, 0, 0, 0] / 0.5
    assert (brightness.min() > 0.59) & (brightness.max() < 1.41)
    assert (brightness.min() < 0.7) & (brightness.max() > 1.3)


def test_occlusion_covers_a_rectangle_with_one_colour(images) -> None:
    out = Augment(flip=False, occlude=1.0)(images, keyed())
    changed = (out != images).any(1)  # (B, H, W)
    for mask, picture in zip(changed, out, strict=True):
        if mask.any():
            rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
            box = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            assert box.all()
            assert len(picture[:, mask].unique(dim=1).T) == 1
    assert changed.any((1, 2)).float().mean() > 0.95
    half = Augment(flip=False, occlude=0.5)(images, keyed())
    assert 0.35 < float((half != images).any(1).any((1, 2)).float().mean()) < 0.6


def test_a_cover_is_as_large_and_as_slim_as_it_says() -> None:
    """On a picture of 200×100 pixels, by the bounds of its area and of its height to its width, both relative."""
    black = torch.zeros(200, 3, 200, 100)
    covered = (Augment(flip=False, occlude=1.0)(black, keyed()[:200]) > 0).any(1)  # (B, H, W)
    heights, widths = covered.any(2).sum(1) / 200, covered.any(1).sum(1) / 100  # a share of the picture's sides
    inside = ~(covered[:, [0, -1]].any((1, 2)) | covered[:, :, [0, -1]].any((1, 2)))  # the border cuts none of it
    assert inside.sum() > 50
    areas, aspects = (heights * widths)[inside], (heights / widths)[inside]
    assert (areas.min() > 0.018) & (areas.min() < 0.05) & (areas.max() > 0.15) & (areas.max() < 0.21)
    assert (aspects.min() > 0.45) & (aspects.min() < 0.7) & (aspects.max() > 1.4) & (aspects.max() < 2.1)


def test_saturation_is_about_the_grey_of_the_eye() -> None:
    """Colours come nearer to it, or leave it, and brightness aside it stays: BT.601's, which weighs green most."""
    weights = torch.tensor([0.299, 0.587, 0.114])
    colours = torch.tensor([[0.5, 0.5, 0.5], [0.6, 0.4, 0.4], [0.4, 0.6, 0.4], [0.4, 0.4, 0.6]])  # one to a picture
    change = Augment(flip=False, colour=0.2)
    out = torch.stack([change(c[None, :, None, None].expand(60, 3, 2, 2), keyed()[:60])[..., 0, 0] for c in colours])
    brightness = out[0, :, 0] / 0.5  # (60,) of the grey picture, which has no colour to lose
    plain = out / brightness[:, None]  # (4, 60, 3)
    torch.testing.assert_close(plain @ weights, (colours @ weights)[:, None].expand(4, 60))
    assert (plain[1:].std(1) > 0.001).all()


def test_contrast_is_about_the_mean() -> None:
    """The picture's mean is brightened and nothing else; the rest comes nearer to it, or leaves it."""
    halves = torch.tensor([0.4, 0.6])[None, None, None].expand(100, 3, 4, 2)
    out = Augment(flip=False, colour=0.2)(halves, keyed()[:100])[:, 0, 0]  # (100, 2)
    brightness = out.mean(1) / 0.5
    contrast = (out[:, 1] - out[:, 0]) / 0.2 / brightness
    for factor in (brightness, contrast):
        assert (factor.min() > 0.799) & (factor.min() < 0.85) & (factor.max() > 1.15) & (factor.max() < 1.201)


@pytest.mark.parametrize("wrong", [{"crop": -1}, {"colour": 1.5}, {"colour": -0.1}, {"occlude": 2.0}])
def test_impossible_amounts_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="wanted"):
        Augment(**wrong)
