"""FaceWorld: reproducible, distinct people, exact landmarks, real variation."""

import math

import pytest
import torch

from cosface_edu.align import TEMPLATE_112x96
from cosface_edu.faces import FaceWorld
from cosface_edu.faces.render import noise_table, prepare
from cosface_edu.faces.surface import Pose, landmarks, rotation
from cosface_edu.faces.traits import GROUPS


def test_shapes_types_and_range(world):
    images, points = world.sample(identity=3, n=10, size=(112, 96))
    assert images.shape == (10, 3, 112, 96)
    assert points.shape == (10, 5, 2)
    assert images.dtype == points.dtype == torch.float32
    assert 0 <= images.min() < 0.1
    assert 0.8 < images.max() <= 1
    assert images.isfinite().all()


def test_an_image_is_the_same_whatever_is_drawn_beside_it(world):
    alone, alone_points = world.sample(7, 3, start=4)
    together, together_points = world.sample_many([2, 7, 11, 40], 9)
    mixed, _ = FaceWorld(seed=0).images(torch.tensor([500, 7, 3, 7]), torch.tensor([0, 6, 1, 4]))
    torch.testing.assert_close(together[9 + 4 : 9 + 7], alone, atol=2e-5, rtol=0)
    torch.testing.assert_close(together_points[9 + 4 : 9 + 7], alone_points, atol=1e-4, rtol=0)
    torch.testing.assert_close(mixed[[3, 1]], alone[[0, 2]], atol=2e-5, rtol=0)


def test_it_is_the_world_that_the_records_come_from(world):
    """Mean colours, in thousandths, of the upper and the lower half: faces drawn otherwise make old runs strangers."""
    images, _ = world.images(torch.arange(4), torch.tensor([0, 5, 2, 1]), (56, 48))
    halves = 1000 * torch.nn.functional.adaptive_avg_pool2d(images, (2, 1)).flatten(1)
    expected = [
        [694, 685, 611, 583, 590, 577],
        [435, 456, 354, 349, 436, 402],
        [336, 477, 238, 326, 185, 247],
        [598, 690, 425, 538, 313, 384],
    ]
    torch.testing.assert_close(halves, torch.tensor(expected, dtype=torch.float32), atol=1, rtol=0)


# what must be so for a number of the shot to show
NEEDS = {key: {"occlude": 0.03} for key in ("occluder_x", "occluder_y", "occluder_tilt", "thing")}
STEPS = {"occlude": (0.5, 0.03), "hat": (0.5, 0.03), "wear": (0.5, 0.99), "blur": (0.0, 1.0), "noise_at": (0, 100)}


def test_all_that_a_shot_says_is_in_the_picture(world):
    """Of a person with a beard, each number set otherwise than in a plain shot; the place in a scene alone."""
    who = torch.tensor([18])
    traits, plain = world.traits(who), world.neutral(who)
    unseen = set()
    for name, value in plain.items():
        needs = {"noise": 0.01} | NEEDS.get(name, {})
        shot = plain | {key: torch.full_like(plain[key], needed) for key, needed in needs.items()}
        aligned = not name.startswith(("place", "roll", "cloth"))
        pictures = [
            world.render(traits, shot | {name: torch.as_tensor(step).expand_as(value)}, (28, 24), aligned)[0]
            for step in STEPS.get(name, (value, value + 0.3))
        ]
        if torch.equal(*pictures):
            unseen.add(name)
    assert not unseen


def test_a_head_that_turns_goes_right_and_one_that_nods_goes_down():
    """Positive yaw brings the tip of a nose, which stands out, to the image's right, positive pitch downwards."""
    out = torch.tensor([0.0, 0.0, 1.0])
    turn = torch.tensor([0.3])
    torch.testing.assert_close(rotation(turn, 0 * turn)[0] @ out, torch.tensor([math.sin(0.3), 0, math.cos(0.3)]))
    torch.testing.assert_close(rotation(0 * turn, turn)[0] @ out, torch.tensor([0, math.sin(0.3), math.cos(0.3)]))


def test_people_of_a_group_share_features_too(world):
    traits = world.traits(torch.arange(3000))
    wide, curl = (
        torch.stack([traits[name][traits["group"] == g].mean() for g in range(len(GROUPS))])
        for name in ("nose_wide", "hair_curl")
    )
    assert wide[5] - wide[0] > 0.05  # 1.4 spreads of 0.055, by the table
    assert curl[5] - curl[2] > 1.2


def test_noise_is_each_world_s_and_each_picture_s_own(world):
    start = world.shot(torch.zeros(1000, dtype=torch.int64), torch.arange(1000))["noise_at"]
    assert len(start.unique()) > 990
    assert (noise_table(0)[:100] - noise_table(1)[:100]).abs().mean() > 0.5


def test_seed_identity_and_image_number_all_matter(world):
    first, _ = world.sample(0, 2, size=(28, 24))
    other_person, _ = world.sample(1, 1, size=(28, 24))
    other_world, _ = FaceWorld(seed=1).sample(0, 1, size=(28, 24))
    for other in (first[1], other_person[0], other_world[0]):
        assert (first[0] - other).abs().mean() > 0.02


def test_traits_do_not_depend_on_company_or_order(world):
    traits = world.traits([0, 9999])
    again = FaceWorld(seed=0).traits(torch.tensor([9999, 5, 0]))
    assert all(torch.equal(value, again[name][[2, 0]]) for name, value in traits.items())


def test_ten_thousand_people_are_distinct(world):
    traits = world.traits(torch.arange(10_000))
    vector = torch.stack(
        [v for v in traits.values() if v.ndim == 1 and v.dtype == torch.float32 and v.std() > 0], dim=1
    )
    vector = (vector - vector.mean(dim=0)) / vector.std(dim=0)
    assert len(vector.unique(dim=0)) == 10_000
    nearest = torch.cdist(vector[:2000], vector) + 1e6 * torch.eye(2000, 10_000)
    # two independent vectors of P standard numbers lie about √(2P) apart; none comes near a copy
    assert nearest.min() > 0.3 * (2 * vector.shape[1]) ** 0.5


def test_groups_differ_in_skin_and_are_equally_large(world):
    traits = world.traits(torch.arange(3000))
    counts = traits["group"].bincount(minlength=len(GROUPS))
    assert (counts - 500).abs().max() < 100
    lightness = torch.stack([traits["skin"][traits["group"] == g].mean() for g in range(len(GROUPS))])
    assert (lightness.diff() < -0.05).all()
    assert torch.equal(world.group(range(3000)), traits["group"])


def test_the_square_crop_is_the_same_face_eight_pixels_further_right(world):
    narrow, narrow_points = world.sample(5, 4, size=(112, 96))
    square, square_points = world.sample(5, 4, size=(112, 112))
    torch.testing.assert_close(square_points, narrow_points + torch.tensor([8.0, 0.0]), atol=1e-3, rtol=0)
    # backgrounds and noise follow the picture, the face follows the template: compare faces, softened
    a = torch.nn.functional.avg_pool2d(square[:, :, 40:100, 32:80], 4)
    b = torch.nn.functional.avg_pool2d(narrow[:, :, 40:100, 24:72], 4)
    assert (a - b).abs().mean() < 0.02


def test_sizes_scale_the_template(world):
    small, small_points = world.sample(5, 4, size=(56, 48))
    _, points = world.sample(5, 4, size=(112, 96))
    assert small.shape[-2:] == (56, 48)
    torch.testing.assert_close(small_points, points / 2, atol=1e-3, rtol=0)


def test_aligned_landmarks_lie_about_the_template(world):
    _, points = world.sample_many(range(100), 4, size=(28, 24))
    points = points * 4
    torch.testing.assert_close(points.mean(dim=0), TEMPLATE_112x96, atol=1.5, rtol=0)
    assert points.std(dim=0).max() < 6


def test_landmarks_are_on_the_point_that_the_pixel_shows(world):
    """The ray through a projected landmark meets the head where the landmark lies on it."""
    who, which = torch.arange(400), torch.zeros(400, dtype=torch.int64)
    t = prepare(world.traits(who), world.shot(who, which))
    head = Pose(t, rotation(t["yaw"].flatten(), t["pitch"].flatten()))
    points = landmarks(t, head)
    x, y, *_ = head.hit(points[:, :, :1], points[:, :, 1:])
    eye, mouth = t["eye_x"].flatten(), t["mouth_wide"].flatten()
    zero = torch.zeros(400)
    corner = t["corner_y"].flatten()
    error = torch.stack(
        [
            x[:, :, 0] - torch.stack([-eye, eye, zero, -mouth, mouth], dim=1),
            y[:, :, 0] - torch.stack([zero, zero, t["nose_y"].flatten(), corner, corner], dim=1),
        ]
    ).norm(dim=0)  # (400, 5), in half interocular distances
    assert error.median() < 0.01
    assert error.quantile(0.95) < 0.06


def test_the_pupils_are_painted_where_the_landmarks_say(world):
    """From outside: what changes in the picture when only the iris changes colour is centred on the eye landmarks."""
    who = torch.tensor([1, 2, 3, 6])
    traits = world.traits(who)
    shot = world.neutral(who) | {"wear": torch.full((4,), 0.9)}
    traits["habit"] = torch.zeros(4)  # no glasses
    shot["yaw"] = torch.tensor([-0.4, 0.0, 0.2, 0.4])
    shot["pitch"] = torch.tensor([0.1, -0.2, 0.0, 0.2])
    pictures = []
    for colour in (0.0, 1.0):
        traits["iris_colour"] = torch.full((4, 3), colour)
        image, points = world.render(traits, shot, (224, 192))
        pictures.append(image.mean(dim=1))
    change = (pictures[1] - pictures[0]).abs()
    columns, rows = torch.arange(192.0), torch.arange(224.0)
    for eye, part in ((0, slice(0, 96)), (1, slice(96, 192))):
        weight = change[:, :, part]
        total = weight.sum(dim=(1, 2))
        x = (weight.sum(dim=1) * columns[part]).sum(dim=1) / total
        y = (weight.sum(dim=2) * rows).sum(dim=1) / total
        centre = torch.stack([x, y], dim=1)
        distance = (centre - points[:, eye]).norm(dim=1) / (points[:, 0] - points[:, 1]).norm(dim=1)
        assert (distance < 0.05).all()


def test_turning_the_head_moves_the_nose_with_it(world):
    who = torch.tensor([4, 4, 4])
    shot = world.neutral(who) | {"yaw": torch.tensor([-0.4, 0.0, 0.4])}
    _, points = world.render(world.traits(who), shot)
    offset = points[:, 2, 0] - points[:, :2, 0].mean(dim=1)
    assert offset[0] < -4
    assert offset[1].abs() < 0.5
    assert offset[2] > 4


def test_scenes_hold_the_whole_face(world):
    images, points = world.scenes(range(24), 1, size=(250, 250))
    assert images.shape == (24, 3, 250, 250)
    assert points.min() > 5
    assert points.max() < 245
    assert (points[:, 1, 0] > points[:, 0, 0]).all()  # image-left first
    assert (points[:, 4, 0] > points[:, 3, 0]).all()
    assert (points[:, 3, 1] > points[:, 0, 1]).all()
    eyes = (points[:, 1] - points[:, 0]).norm(dim=1)
    assert eyes.max() > 1.5 * eyes.min()


def test_a_scene_is_tilted_by_the_shot_s_roll(world):
    who = torch.tensor([4, 4])
    shot = world.neutral(who) | {"roll": torch.tensor([0.0, 0.2])}
    _, points = world.render(world.traits(who), shot, (100, 100), aligned=False)
    across = points[:, 1] - points[:, 0]
    torch.testing.assert_close(torch.atan2(across[:, 1], across[:, 0]), torch.tensor([0.0, 0.2]), atol=1e-3, rtol=0)


def test_people_vary_too_much_for_raw_pixels(world):
    """Nearest neighbour on pixels, one gallery image and one probe of 100 people: far above chance, far from solved."""
    images, _ = world.sample_many(range(100), 2, size=(56, 48))
    gallery, probe = images.flatten(1).unflatten(0, (100, 2)).unbind(dim=1)
    rank_one = (torch.cdist(probe, gallery).argmin(dim=1) == torch.arange(100)).float().mean()
    assert 0.05 < rank_one < 0.6


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_devices_agree(world):
    images, points = FaceWorld(seed=0, device="cuda").sample(3, 4)
    expected, expected_points = world.sample(3, 4)
    torch.testing.assert_close(images.cpu(), expected, atol=2e-3, rtol=0)
    torch.testing.assert_close(points.cpu(), expected_points, atol=1e-2, rtol=0)
