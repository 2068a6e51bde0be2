"""The cascade against facenet-pytorch's own, pictures of many sizes together, borders, and the choice among faces."""

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN

from cosface_edu import align, data
from cosface_edu.align import cascade
from cosface_edu.align.detector import FACTOR, _at_border, _order


@pytest.mark.parametrize(("min_face", "factor"), [(20, 0.85), (40, FACTOR)])
def test_the_cascade_finds_what_facenet_pytorch_s_finds(scenes, min_face: int, factor: float) -> None:
    images = torch.cat([scenes[0], 0.15 * scenes[0]])  # in the dark nobody can be sure of every face
    theirs = MTCNN(
        keep_all=True, select_largest=False, min_face_size=min_face, factor=factor, thresholds=[0.6, 0.7, 0.9]
    )
    boxes, scores, points = theirs.detect(images.permute(0, 2, 3, 1) * 255, landmarks=True)
    ours = cascade.find(list(images), [min_face] * len(images), factor, "black")
    assert {len(box) for box, _, _ in ours} == {0, 1}
    for k, (box, score, point) in enumerate(ours):
        if boxes[k] is None:
            assert len(box) == 0
            continue
        np.testing.assert_allclose(box.numpy(), boxes[k].astype(np.float32), atol=0.02)
        np.testing.assert_allclose(score.numpy(), scores[k].astype(np.float32), atol=1e-4)
        np.testing.assert_allclose(point.numpy(), points[k].astype(np.float32), atol=0.02)


def test_a_smallest_face_that_is_asked_for_is_looked_for_as_facenet_pytorch_would(scenes, monkeypatch) -> None:
    asked, find = [], cascade.find
    monkeypatch.setattr(cascade, "find", lambda *args: asked.append((args[2], args[-1])) or find(*args))
    for search in (align.Search(min_face=20, factor=0.85, borders="black"), align.Search(borders="black")):
        align.detect(scenes[0], search)
    assert asked == [(0.85, 0.7), (FACTOR, 0.5)]  # from one size to the next, and what two candidates may share


def test_a_picture_is_made_smaller_by_whole_times_and_its_smallest_face_with_it() -> None:
    base = cascade._base(torch.rand(3, 121, 191), 100.0, "black")
    assert base.pixels.shape == (3, 60, 95)
    assert base.ratio == (95 / 191, 60 / 121)
    assert base.min_face == pytest.approx(100 * 60 / 121)


def test_a_face_is_at_the_border_where_a_square_a_fifth_larger_reaches_over_it() -> None:
    def at_border(*box: float) -> bool:
        return _at_border(align.Face(torch.tensor(box), 1.0, torch.zeros(5, 2)), (100, 200))  # height, width

    assert not at_border(150, 40, 170, 60)
    assert not at_border(3, 40, 23, 60)
    for box in ((1, 40, 21, 60), (179, 40, 199, 60), (40, 1, 60, 21), (40, 79, 60, 99)):
        assert at_border(*box)


def test_every_rectangle_is_resized_as_area_interpolation_resizes_it() -> None:
    generator = torch.Generator().manual_seed(0)
    bases = [
        cascade.Base(torch.rand(3, h, w, generator=generator), (1.0, 1.0), 0, 20.0) for h, w in ((30, 70), (90, 50))
    ]
    boxes = torch.tensor([[3.0, 4, 40, 29], [-5, -8, 100, 200], [60, 1, 65, 7], [50, 50, 51, 51], [99, 1, 120, 20]])
    found = cascade.Candidates(boxes, torch.zeros(5), torch.tensor([0, 1, 0, 1, 1]))
    kept, crops = cascade.Sums(bases).cut(found, 24)
    assert kept.image.tolist() == [0, 1, 0, 1]  # the last lies beside its picture
    parts = [
        bases[0].pixels[:, 3:29, 2:40],
        bases[1].pixels,
        bases[0].pixels[:, 0:7, 59:65],
        bases[1].pixels[:, 49:51, 49:51],
    ]
    for crop, part in zip(crops, parts, strict=True):
        right = torch.nn.functional.interpolate(part[None], (24, 24), mode="area")[0]
        torch.testing.assert_close(crop, right, atol=1e-5, rtol=0)
    for number, size in ((0, (13, 29)), (1, (90, 50)), (1, (100, 7))):
        right = torch.nn.functional.interpolate(bases[number].pixels[None], size, mode="area")
        torch.testing.assert_close(cascade.Sums(bases).small([number], size), right, atol=1e-5, rtol=0)


def test_pictures_of_many_sizes_are_found_together_as_alone(scenes) -> None:
    images, _ = scenes
    pictures = [
        images[0],
        torch.nn.functional.interpolate(images[1:2], size=(200, 210), mode="bilinear")[0],
        data.to_bytes(images[2]),
        torch.nn.functional.interpolate(images[3:4], size=(400, 330), mode="bilinear")[0],
        torch.full((3, 12, 9), 0.5),
    ]
    together = align.detect(pictures)
    for picture, faces in zip(pictures, together, strict=True):
        alone = align.detect([picture])[0]
        assert len(faces) == len(alone)
        for one, other in zip(faces, alone, strict=True):
            # a picture on a canvas shares P-Net's last window at its right and lower border with what lies beside it
            torch.testing.assert_close(one.landmarks, other.landmarks, atol=0.1, rtol=0)
    assert [bool(faces) for faces in together] == [True] * 4 + [False]


def test_a_large_picture_is_found_as_its_small_copy_is(scenes) -> None:
    small = scenes[0][:1]
    large = torch.nn.functional.interpolate(small, scale_factor=10, mode="nearest")  # 1200×1200
    ours, theirs = align.detect(large)[0][0], align.detect(small)[0][0]
    assert (ours.landmarks / 10 - theirs.landmarks).norm(dim=1).mean() < 2


def test_what_the_border_cuts_is_found_by_mirrored_borders(scenes) -> None:
    images, landmarks = scenes
    errors: dict[str, list[float]] = {"black": [], "mirror": []}
    for image, points in zip(images, landmarks, strict=True):
        low = (points.min(0).values - 14).clamp(min=0).int().tolist()
        high = (points.max(0).values + 14).clamp(max=120).int().tolist()
        tight = image[:, low[1] : high[1], low[0] : high[0]]  # chin and forehead are cut off
        for borders, found in errors.items():
            faces = align.detect(tight[None], align.Search(borders=borders))[0]
            own = (faces[0].landmarks + torch.tensor(low) - points).norm(dim=1).mean() if faces else torch.tensor(50.0)
            found.append(float(own))
    assert np.mean(errors["mirror"]) < 0.7 * np.mean(errors["black"])
    assert max(errors["mirror"]) < 12


def test_no_face_lies_in_the_mirror(scenes) -> None:
    image = scenes[0][:1, :, :, 30:]
    for faces in align.detect(image, align.Search(borders="mirror")):
        for face in faces:
            middle = (face.box[:2] + face.box[2:]) / 2
            assert (middle >= 0).all()
            assert (middle <= torch.tensor([90.0, 120.0])).all()


def test_a_small_face_is_looked_for_where_there_is_no_large_one(scenes) -> None:
    room = torch.full((1, 3, 600, 600), 0.4)
    room[:, :, 40:160, 400:520] = scenes[0][0]
    faces = align.detect(room)[0]
    assert len(faces) == 1
    assert (faces[0].landmarks - scenes[1][0] - torch.tensor([400.0, 40.0])).norm(dim=1).mean() < 6


def test_the_smallest_face_fits_the_picture() -> None:
    search = align.Search()
    for side, expected in ((250, 62.36), (96, 23.53), (60, 20), (3024, 714.2)):
        assert search.smallest(side) == pytest.approx(expected, abs=0.1)
        level = np.log(search.smallest(side) / 20) / -np.log(0.85)
        assert level == pytest.approx(round(level), abs=1e-6)  # one of SphereFace's sizes
    assert align.Search(min_face=33).smallest(3024) == 33


def test_which_of_several_faces() -> None:
    boxes = torch.tensor([[90.0, 90, 110, 110], [0, 40, 100, 140], [150, 150, 200, 200]])  # middle, large, corner
    assert _order(boxes, (200, 200), "centre") == [0, 1, 2]
    assert _order(boxes, (200, 200), "largest") == [1, 2, 0]
    assert _order(boxes, (200, 200), "both") == [1, 0, 2]
    farther = boxes + torch.tensor([[0.0, 0, 0, 0], [-100, -100, -100, -100], [0, 0, 0, 0]])
    assert _order(farther, (200, 200), "both")[0] == 0  # large, and too far from the middle
    # 400 pixels, 13 from the middle, and 144 pixels in it: by twice the square of the distance the second, just
    assert _order(torch.tensor([[103.0, 90, 123, 110], [94, 94, 106, 106]]), (200, 200), "both")[0] == 1


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"min_face": 5}, "at least 20"),
        ({"min_face": float("nan")}, "min_face must be a number of at least 20 pixels, got nan"),
        ({"min_face": "33"}, "min_face must be a number of at least 20 pixels, got '33'"),
        ({"factor": 1.0}, "between 0.1 and 0.95"),
        ({"factor": "x"}, "factor must be a number between 0.1 and 0.95, got 'x'"),
        ({"borders": "grey"}, "choose one of black, mirror"),
        ({"face": "best"}, "choose one of centre, largest, both"),
    ],
)
def test_other_searches_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        align.Search(**wrong)


def test_what_is_no_picture_of_ours_is_refused_and_not_searched_in_vain(scenes) -> None:
    picture = scenes[0][0]
    with pytest.raises(ValueError, match=r"floats must lie in \[0, 1\], got .*: divide them by 255"):
        align.detect([picture * 255])
    with pytest.raises(ValueError, match=r"wanted tensors, got ndarray: torch\.from_numpy.*OpenCV's BGR"):
        align.detect([picture.numpy()])
    assert align.detect([picture * 1.2])[0]  # as sharp ways to resize leave it


def test_other_shapes_are_refused() -> None:
    for images in (torch.zeros(3, 50, 50), torch.zeros(1, 1, 50, 50), [torch.zeros(1, 3, 50, 50)]):
        with pytest.raises(ValueError, match="wanted images"):
            align.detect(images)


@pytest.mark.realdata
def test_lfw_s_faces_are_found_where_sphereface_s_settings_find_them(real_data) -> None:
    files = sorted((real_data / "lfw-dev" / "lfw").rglob("*.jpg"))[::12]
    off = []
    for start in range(0, len(files), 16):
        pictures = [data.read_image(path) for path in files[start : start + 16]]
        before = align.detect(pictures, align.Search(min_face=20, factor=0.85, borders="black"))
        for ours, theirs in zip(align.detect(pictures), before, strict=True):
            assert bool(ours) == bool(theirs)
            first, second = (
                align.estimate_similarity(faces[0].landmarks, align.TEMPLATE_112x96) for faces in (ours, theirs)
            )
            points = theirs[0].landmarks
            moved = [points @ m[:, :2].T + m[:, 2] for m in (first, second)]
            off.append(float((moved[0] - moved[1]).norm(dim=1).median()))
    assert np.median(off) < 1.0


def test_pictures_on_mps_are_looked_at_on_the_processor(scenes) -> None:
    """It has no doubles."""

    class OnMPS:
        device, shape = torch.device("mps"), scenes[0][0].shape

        def cpu(self) -> torch.Tensor:
            return scenes[0][0]

    for one, other in zip(*(cascade.find([p], [40], FACTOR, "black")[0] for p in (OnMPS(), scenes[0][0])), strict=True):
        assert torch.equal(one, other)
