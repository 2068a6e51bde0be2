"""Templates against a plain loop."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cosface_edu.evaluation import pool


def test_mean_of_unit_vectors():
    features = torch.randn(7, 4)
    pooled = pool(features, [1, 0, 1, 1, 2, 0, 1])
    for template, members in enumerate(([1, 5], [0, 2, 3, 6], [4])):
        expected = torch.stack([features[i] / features[i].norm() for i in members]).mean(0)
        torch.testing.assert_close(pooled[template], expected / expected.norm())


def test_a_videos_frames_count_as_one_image():
    photo, frame = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    features = torch.stack([photo, *[frame] * 9])
    by_frame = pool(features, [0] * 10)
    by_media = pool(features, [0] * 10, media=[7] + [3] * 9)
    torch.testing.assert_close(by_media[0], F.normalize(photo + frame, dim=0))
    torch.testing.assert_close(by_frame[0], F.normalize(photo + 9 * frame, dim=0))


def test_the_same_media_number_in_two_templates_is_two_media():
    features = torch.eye(4)
    pooled = pool(features, [0, 0, 1, 1], media=[5, 5, 5, 5])
    torch.testing.assert_close(pooled, pool(features, [0, 0, 1, 1]))


WAY_OUT = r"numbers must be 0 to T − 1, .* such as \[str\(number\) for number in template\]"


@pytest.mark.parametrize(
    ("template", "media", "told"),
    [
        ([0, 2], None, f"template 1 of 3 has no image: {WAY_OUT}"),
        ([1, 2], None, f"template 0 of 3 has no image: {WAY_OUT}"),
        ([10**12, 11065], None, f"template 0 of 1000000000001 has no image: {WAY_OUT}"),  # and no such memory is taken
        ([0, -1], None, f"template -1 is none: {WAY_OUT}"),
        ([0, 1, 1], None, r"one template for each of 2 images, got shape \(3,\)"),
        ([[0, 1]], None, r"one template for each of 2 images, got shape \(1, 2\)"),
        ([0.0, 1.0], None, "templates are whole numbers or names, got torch.float64"),
        ([0, 1], [5], r"one media for each of 2 images, got shape \(1,\)"),
    ],
)
def test_templates_that_are_none_are_told_with_the_way_out(template, media, told):
    with pytest.raises(ValueError, match=told):
        pool(torch.randn(2, 4), template, media)


def test_ijb_s_numbers_serve_as_names():
    features, numbers = torch.randn(4, 4), [11065, 1, 11065, 7]
    names = [str(number) for number in numbers]
    assert torch.equal(pool(features, names), pool(features, [1, 0, 1, 2]))  # '1', '11065', '7'


def test_media_may_be_any_numbers_and_templates_bytes():
    features = torch.randn(3, 4)
    assert torch.equal(pool(features, np.array([1, 0, 1], np.uint8)), pool(features, [1, 0, 1]))
    assert torch.equal(pool(features, [0, 0, 0], media=[0.5, -1.0, 0.5]), pool(features, [0, 0, 0], media=[1, 0, 1]))


def test_names_are_as_good_as_numbers_and_arrays_as_tensors():
    features = torch.randn(5, 4)
    expected = pool(features, [1, 0, 1, 2, 0], media=[4, 2, 4, 2, 3])
    names, media = ["bo", "anna", "bo", "cleo", "anna"], np.array(["e", "c", "e", "c", "d"])
    assert torch.equal(pool(features, names, media), expected)
    torch.testing.assert_close(pool(features.double().numpy(), np.array(names), media), expected)


def test_features_elsewhere_stay_there():
    assert pool(torch.zeros(3, 4, dtype=torch.float64), [0, 0, 1]).dtype == torch.float32
    if torch.cuda.is_available():
        assert pool(torch.randn(3, 4, device="cuda"), [0, 0, 1], media=[0, 1, 0]).device.type == "cuda"


def test_another_default_kind_of_numbers_does_not_matter(doubles_by_default):
    features = torch.eye(3, dtype=torch.float32)
    assert pool(features, [0, 0, 1]).dtype == torch.float32
