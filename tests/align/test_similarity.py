"""The similarity transform against scikit-image's, and the warp against scikit-image's."""

import math

import numpy as np
import pytest
import torch
from skimage.transform import SimilarityTransform
from skimage.transform import warp as skimage_warp

from cosface_edu import align
from cosface_edu.faces import FaceWorld


def by_scikit_image(src: torch.Tensor, dst: torch.Tensor) -> np.ndarray:
    return np.stack(
        [SimilarityTransform.from_estimate(s, d).params[:2] for s, d in zip(src.numpy(), dst.numpy(), strict=True)]
    )


def points(count: int, spread: float = 100.0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    src = torch.rand(count, 5, 2, generator=g, dtype=torch.float64) * spread + 50
    return src, torch.rand(count, 5, 2, generator=g, dtype=torch.float64) * 112


def nearly_on_a_line(count: int, width: float) -> tuple[torch.Tensor, torch.Tensor]:
    src, dst = points(count, seed=1)
    src[:, :, 1] = 2 * src[:, :, 0] + 3 + width * src[:, :, 1]
    return src, dst


def nearly_one_point(count: int, spread: float) -> tuple[torch.Tensor, torch.Tensor]:
    return points(count, spread, seed=2)


def mirrored(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A pure mirror image, the case in which a careless Umeyama returns a reflection, plus a little noise."""
    src, noise = points(count, seed=3)
    return src, torch.stack([200 - src[..., 0], src[..., 1]], -1) + 0.02 * noise


def swapped_eyes(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    src = align.TEMPLATE_112x96.double() + points(count, 4.0, seed=4)[0]
    return src, src[:, [1, 0, 2, 4, 3]]


@pytest.mark.parametrize(
    ("src", "dst"),
    [
        points(300),
        mirrored(300),
        swapped_eyes(300),
        nearly_on_a_line(300, 1e-3),
        nearly_on_a_line(300, 0.0),
        nearly_one_point(300, 1e-2),
        (points(300)[0], nearly_one_point(300, 1e-3)[0]),
    ],
    ids=["random", "mirrored", "swapped eyes", "nearly a line", "a line", "nearly one point", "onto nearly one point"],
)
def test_equals_scikit_image(src: torch.Tensor, dst: torch.Tensor) -> None:
    ours = align.estimate_similarity(src, dst).numpy()
    theirs = by_scikit_image(src, dst)
    # nearly coincident points are blown up ten thousand times: the error is then relative
    np.testing.assert_allclose(ours, theirs, atol=1e-4, rtol=1e-7)


def test_single_precision_is_good_to_1e_4() -> None:
    src, dst = points(300)
    ours = align.estimate_similarity(src.float(), dst.float())
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.numpy(), by_scikit_image(src.float(), dst.float()), atol=1e-4)


def test_no_other_similarity_is_closer() -> None:
    src, dst = (p[0] for p in points(1))
    best = align.estimate_similarity(src, dst)

    def error(matrix: torch.Tensor) -> float:
        return float((src @ matrix[:, :2].T + matrix[:, 2] - dst).square().sum())

    for step in (-1e-3, 1e-3):
        for turn in (torch.tensor([[1.0, 0, 0], [0, 1, 0]]), torch.tensor([[0.0, -1, 0], [1, 0, 0]])):
            assert error(best + step * turn.double()) > error(best)
        assert error(best + step * torch.tensor([[0.0, 0, 1], [0, 0, 0]]).double()) > error(best)


def test_a_known_transform_comes_back_in_any_batch_shape() -> None:
    src, _ = points(6)
    angle, scale, shift = 0.7, 0.4, torch.tensor([3.0, -9.0]).double()
    turn = scale * torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]).double()
    expected = torch.cat([turn, shift[:, None]], 1)
    src = src.view(2, 3, 5, 2)
    found = align.estimate_similarity(src, src @ turn.T + shift)
    assert found.shape == (2, 3, 2, 3)
    torch.testing.assert_close(found, expected.expand(2, 3, 2, 3))
    one = align.estimate_similarity(src[0, 0], (src @ turn.T + shift)[0, 0])
    torch.testing.assert_close(one, expected)


def test_coincident_points_have_no_transform() -> None:
    assert align.estimate_similarity(torch.ones(5, 2), align.TEMPLATE_112x96).isnan().all()
    assert not SimilarityTransform.from_estimate(np.ones((5, 2)), align.TEMPLATE_112x96.numpy())  # it fails too


@pytest.mark.parametrize(("src", "dst"), [((5, 3), (5, 3)), ((5, 2), (4, 2)), ((2, 5), (2, 5))])
def test_other_shapes_are_refused(src: tuple[int, int], dst: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"wanted \(\.\.\., P, 2\) points"):
        align.estimate_similarity(torch.zeros(src), torch.zeros(dst))


def test_templates_are_sphereface_s() -> None:
    assert torch.equal(align.template((112, 96)), align.TEMPLATE_112x96)
    torch.testing.assert_close(align.TEMPLATE_112x96[2], torch.tensor([48.0252, 71.7366]))
    torch.testing.assert_close(
        align.template((112, 112)) - align.TEMPLATE_112x96, torch.tensor([8.0, 0.0]).expand(5, 2)
    )
    with pytest.raises(ValueError, match="no template for crops of 96×112"):
        align.template((96, 112))


@pytest.mark.parametrize("size", [(112, 96), (112, 112)])
def test_what_is_done_to_a_template_stays_out_of_later_alignments(size: tuple[int, int]) -> None:
    before = align.template(size).clone()
    align.template(size).mul_(2)
    assert torch.equal(align.template(size), before)


def test_warp_equals_scikit_image_s() -> None:
    g = torch.Generator().manual_seed(0)
    images = torch.rand(4, 3, 60, 50, generator=g, dtype=torch.float64)
    src = torch.rand(4, 5, 2, generator=g, dtype=torch.float64) * 50
    matrices = align.estimate_similarity(src, align.TEMPLATE_112x96.double() / 2)
    ours = align.warp(images, matrices, (56, 48))
    for image, matrix, crop in zip(images, matrices, ours, strict=True):
        inverse = SimilarityTransform(matrix=np.vstack([matrix.numpy(), [0, 0, 1]])).inverse
        theirs = skimage_warp(image.permute(1, 2, 0).numpy(), inverse, output_shape=(56, 48), order=1)
        np.testing.assert_allclose(crop.permute(1, 2, 0).numpy(), theirs, atol=1e-9)


def test_a_whole_shift_copies_pixels_and_the_outside_is_black() -> None:
    image = torch.rand(1, 3, 9, 8)
    matrix = torch.tensor([[[1.0, 0, -2], [0, 1, -3]]])
    crop = align.warp(image, matrix, (9, 8))
    torch.testing.assert_close(crop[:, :, :6, :6], image[:, :, 3:, 2:], atol=1e-5, rtol=0)
    assert crop[:, :, 6:].abs().max() < 1e-5
    assert crop[:, :, :, 6:].abs().max() < 1e-5


def test_outside_a_picture_lies_its_mirror_image() -> None:
    image = torch.rand(1, 3, 9, 8)
    crop = align.warp(image, torch.tensor([[[1.0, 0, -2], [0, 1, -3]]]), (9, 8), borders="mirror")
    expected = np.pad(image[0].numpy(), ((0, 0), (0, 3), (0, 2)), mode="symmetric")[:, 3:, 2:]
    np.testing.assert_allclose(crop[0].numpy(), expected, atol=1e-5)


def test_warp_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match="wanted"):
        align.warp(torch.zeros(2, 3, 8, 8), torch.zeros(3, 2, 3), (4, 4))
    with pytest.raises(ValueError, match=r"wanted floats, got torch\.uint8: data\.to_float"):
        align.warp(torch.zeros(2, 3, 8, 8, dtype=torch.uint8), torch.zeros(2, 2, 3), (4, 4))


def test_warp_refuses_other_borders_and_matrices_without_an_inverse() -> None:
    images, matrices = torch.zeros(2, 3, 8, 8), torch.eye(2, 3).repeat(2, 1, 1)
    with pytest.raises(ValueError, match="borders='reflect': choose one of black, mirror"):
        align.warp(images, matrices, (4, 4), borders="reflect")  # type: ignore[arg-type]
    matrices[1, 0] = 0
    with pytest.raises(ValueError, match=r"matrix 1 is singular, \[\[0\.0, 0\.0, 0\.0\], .* on a line"):
        align.warp(images, matrices, (4, 4))


def test_points_may_be_arrays_or_lists() -> None:
    points = [[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]
    right = align.estimate_similarity(torch.tensor(points), 2 * torch.tensor(points) + 1)
    torch.testing.assert_close(align.estimate_similarity(points, (2 * np.array(points, np.float32) + 1)), right)


def test_frontal_faceworld_faces_land_on_the_template() -> None:
    """People differ in their proportions, which no similarity takes away; on average they lie within a pixel."""
    world = FaceWorld(seed=0)
    people = torch.arange(12)
    _, landmarks = world.render(world.traits(people), world.neutral(people), size=(120, 120), aligned=False)
    matrices = align.estimate_similarity(landmarks, align.TEMPLATE_112x96)
    landed = landmarks @ matrices[:, :, :2].mT + matrices[:, None, :, 2]  # (B, 5, 2)
    assert (landed.mean(0) - align.TEMPLATE_112x96).norm(dim=-1).max() < 1.0
    torch.testing.assert_close(landed.mean(1), align.TEMPLATE_112x96.mean(0).expand(12, 2), atol=1e-3, rtol=0)
