"""The whole way: files or FaceWorld, features, figures, report."""

import json
import os
import pickle
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from cosface_edu import networks
from cosface_edu.data import Pairs, to_bytes
from cosface_edu.data.images import encode_jpeg
from cosface_edu.evaluation import (
    bootstrap,
    cosine_scores,
    draw_pairs,
    embed,
    evaluate,
    faceworld_pairs,
    open_pairs,
    pool,
    verify,
    verify_pairs,
)
from cosface_edu.faces import FaceWorldDataset

SIZE = (32, 32)


@pytest.fixture(scope="module")
def faces():
    """Six people, four pictures each, as JPEG."""
    world = FaceWorldDataset(6, 4, SIZE)
    return [encode_jpeg(to_bytes(world[i][0])) for i in range(24)]


@pytest.fixture
def lfw(tmp_path, faces):
    """A folder and a list of LFW's shape: two folds of three pairs of each kind."""
    for i, jpeg in enumerate(faces):
        person = f"P_{i // 4}"
        (tmp_path / "lfw" / person).mkdir(parents=True, exist_ok=True)
        (tmp_path / "lfw" / person / f"{person}_{i % 4 + 1:04d}.jpg").write_bytes(jpeg)
    lines = ["2\t3"]
    for fold in range(2):
        people = [3 * fold + k for k in range(3)]
        lines += [f"P_{p}\t1\t{p % 3 + 2}" for p in people]
        lines += [f"P_{p}\t3\tP_{q}\t4" for p, q in zip(people, people[1:] + people[:1], strict=True)]
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def network():
    return networks.create("toy", embedding=8)


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def test_lfw_folder_to_report(lfw, network):
    pairs = open_pairs(lfw / "lfw", pairs=lfw / "pairs.txt", size=SIZE)
    evaluation = evaluate(network, pairs, lfw / "out", test="LFW <small>", samples=20)

    # by hand: files in the list's order, flips concatenated, cosines, folds as in the file
    features = embed(network, pairs.images)
    expected = verify(
        cosine_scores(features, torch.stack([pairs.first, pairs.second], 1)), pairs.same, [0] * 6 + [1] * 6
    )
    np.testing.assert_array_equal(evaluation.verification.scores, expected.scores)
    np.testing.assert_array_equal(evaluation.verification.accuracies, expected.accuracies)
    assert evaluation.interval_over == "people"

    report = json.loads((lfw / "out" / "report.json").read_text())
    assert report == json.loads(json.dumps(evaluation.to_dict()))
    assert report["accuracy"] == expected.accuracy
    assert (report["pairs"], report["genuine"], len(report["folds"])) == (12, 6, 2)
    assert report["tar_at_far"] == {}  # six impostor pairs show no rate of 0.1
    assert report["embedder"]["name"] == "toy"
    assert report["embedder"]["dimension"] == 16
    assert set(report["worst"]["genuine"][0]["images"][0]) <= set("P_0123456789")
    for kind, genuine in (("genuine", True), ("impostors", False)):
        for pair in report["worst"][kind]:
            row = pair["pair"]
            assert expected.same[row] == genuine
            assert pair["score"] == expected.scores[row]
            assert pair["wrong"] == (expected.accepted[row] != genuine)
    shown = torch.stack([pairs.first, pairs.second], 1).tolist()
    names = [[pairs.images.path(image).parent.name for image in row] for row in shown]
    assert evaluation.interval == bootstrap(expected, people=names, samples=20)

    html = (lfw / "out" / "report.html").read_text()
    page = Page(html)
    assert f"{100 * expected.accuracy:.2f} %" in page.text
    assert "LFW <small>" in page.text  # escaped, not a tag
    pictures = [a for tag, a in page.tags if tag == "img"]
    assert len(pictures) == 2 * (len(report["worst"]["impostors"]) + len(report["worst"]["genuine"]))
    assert all(a["src"].startswith("data:image/jpeg;base64,") and a["alt"] for a in pictures)
    svgs = [a for tag, a in page.tags if tag == "svg"]
    assert len(svgs) == 3
    assert all(a["aria-label"] for a in svgs)
    addresses = {v for _, a in page.tags for k, v in a.items() if v and "://" in v and not k.startswith("xmlns")}
    assert not addresses
    assert "<script" not in html
    assert sorted(p.name for p in (lfw / "out").iterdir()) == ["report.html", "report.json"]


def test_names_that_are_no_utf_8_reach_the_report(lfw, network):
    name = os.fsdecode(b"Ren\xe9e")  # Latin-1, in the file system and in the list
    (lfw / "lfw" / "P_0").rename(lfw / "lfw" / name)
    for path in (lfw / "lfw" / name).iterdir():
        path.rename(path.with_name(path.name.replace("P_0", name)))
    text = (lfw / "pairs.txt").read_text().replace("P_0\t", f"{name}\t")
    (lfw / "pairs.txt").write_bytes(os.fsencode(text))
    pairs = open_pairs(lfw / "lfw", pairs=lfw / "pairs.txt", size=SIZE)
    evaluate(network, pairs, lfw / "out", test=name, samples=20)
    assert json.loads((lfw / "out" / "report.json").read_text())["test"] == name
    assert b"Ren\xe9e" in (lfw / "out" / "report.html").read_bytes()


def test_figures_are_the_same_in_every_run(lfw, network):
    """And the page can hold all three: an id that two of them refer to names the same in both."""
    pages = []
    for run in ("a", "b"):
        evaluate(network, open_pairs(lfw / "lfw", lfw / "pairs.txt", size=SIZE), lfw / run, samples=5)
        pages.append(re.findall(r"<svg .*?</svg>", (lfw / run / "report.html").read_text(), re.DOTALL))
    assert len(pages[0]) == 3
    assert pages[0] == pages[1]
    defined = {}
    for svg in pages[0]:
        for name in re.findall(r'(?:href="|url\()#([\w-]+)', svg):
            body = re.search(rf'<(\w+) id="{name}".*?(?:/>|</\1>)', svg, re.DOTALL)[0]
            assert defined.setdefault(name, body) == body
    assert defined


def test_missing_image_is_an_error_that_names_it(lfw):
    (lfw / "lfw" / "P_4" / "P_4_0003.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"P_4_0003\.jpg"):
        open_pairs(lfw / "lfw", pairs=lfw / "pairs.txt", size=SIZE)


def test_broken_image_is_an_error_that_names_it(lfw, network):
    path = lfw / "lfw" / "P_4" / "P_4_0003.jpg"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"P_4_0003\.jpg"):
        evaluate(network, open_pairs(lfw / "lfw", pairs=lfw / "pairs.txt", size=SIZE))


def test_bin(tmp_path, faces, network):
    """Ten pairs of each kind, alternating, as InsightFace packs CFP-FP, AgeDB, CALFW and CPLFW."""
    pictures, same = [], []
    for k in range(10):
        person, other = k % 6, (k + 1) % 6
        pictures += [faces[4 * person], faces[4 * person + 1], faces[4 * person + 2], faces[4 * other + 3]]
        same += [True, False]
    (tmp_path / "cfp_fp.bin").write_bytes(pickle.dumps((pictures, same)))
    pairs = open_pairs(tmp_path / "cfp_fp.bin", size=SIZE)
    evaluation = evaluate(network, pairs, tmp_path / "out", samples=5)
    assert len(evaluation.verification.accuracies) == 10
    assert evaluation.interval_over == "pairs"
    assert json.loads((tmp_path / "out" / "report.json").read_text())["tar_at_far"].keys() == {"0.1"}


def test_faceworld_by_an_embedder_that_is_no_network():
    def embedder(images):
        assert images.min() >= 0
        assert images.max() <= 1
        return images[:, :, ::4, ::4].flatten(1)

    pairs = faceworld_pairs(identities=20, per_identity=3, count=20, size=SIZE)
    evaluation = evaluate(embedder, pairs, preprocess=None, flip="none", samples=5)
    assert evaluation.embedder["name"] == "embedder"
    assert evaluation.embedder["device"] == "unknown"
    assert 0 <= evaluation.verification.accuracy <= 1


def test_one_fold_is_dealt_ten(network):
    """A development list has one fold: with its threshold tested where it was chosen, noise would look good."""
    pairs = faceworld_pairs(identities=20, per_identity=3, count=20, size=SIZE)
    one = Pairs(pairs.images, pairs.first, pairs.second, pairs.same, torch.zeros_like(pairs.fold))
    assert len(evaluate(network, one, samples=5).verification.accuracies) == 10


def test_features_of_other_pictures_are_refused():
    pairs = faceworld_pairs(identities=20, per_identity=3, count=20, size=SIZE)
    for count in (59, 61):
        with pytest.raises(ValueError, match=rf"{count} features for a test of 60 pictures: .*embed\(network, pairs"):
            verify_pairs(torch.randn(count, 4), pairs)


def test_videos_are_averaged_over_their_frames(tmp_path, network):
    faces = FaceWorldDataset(8, 4, SIZE)
    video = torch.arange(32) // 2  # two videos of two frames for each person
    first, second = torch.arange(16)[::2].repeat(2), torch.cat([torch.arange(16)[1::2], torch.arange(16)[1::2].roll(1)])
    same = torch.tensor([True] * 8 + [False] * 8)
    pairs = Pairs(faces, first, second, same, torch.arange(16) % 4, video)
    evaluation = evaluate(network, pairs, tmp_path, samples=5)
    pooled = pool(embed(network, faces), video)
    torch.testing.assert_close(
        torch.from_numpy(evaluation.verification.scores).float(), (pooled[first] * pooled[second]).sum(1)
    )
    for pair in evaluation.to_dict()["worst"]["genuine"]:  # a video is shown by its first frame
        assert pair["images"] == [f"image {2 * int(side[pair['pair']])}" for side in (first, second)]
    assert (tmp_path / "report.html").exists()


def test_a_test_s_pictures_are_of_the_size_that_the_network_wants(tmp_path, lfw, faces):
    for name in ("P_0/0", "P_1/0"):
        (tmp_path / "videos" / name).mkdir(parents=True)
        (tmp_path / "videos" / name / "1.jpg").write_bytes(faces[0])
    (tmp_path / "videos.txt").write_text("1, P_0/0, P_1/0, 0\n")
    (tmp_path / "a.bin").write_bytes(pickle.dumps((faces[:4], [True, False])))
    for test, lists in (
        ("faceworld", {}),
        (lfw / "lfw", {"pairs": lfw / "pairs.txt"}),
        (lfw, {}),
        (tmp_path / "videos", {"splits": tmp_path / "videos.txt"}),
        (tmp_path / "a.bin", {}),
    ):
        assert open_pairs(test, **lists, size=(28, 24)).images[0][0].shape == (3, 28, 24)


def test_sources(tmp_path, lfw):
    assert len(open_pairs("faceworld", size=SIZE)) == 6000
    with pytest.raises(FileNotFoundError, match="no such test"):
        open_pairs(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="say which pairs"):
        open_pairs(lfw / "lfw")
    with pytest.raises(ValueError, match="either by LFW"):
        open_pairs(lfw / "lfw", pairs=lfw / "pairs.txt", splits=lfw / "pairs.txt")
    with pytest.raises(ValueError, match="either by LFW"):  # a folder that has a list of its own
        open_pairs(lfw, pairs=lfw / "pairs.txt", splits=lfw / "pairs.txt")


@pytest.mark.parametrize("option", ["pairs", "splits"])
@pytest.mark.parametrize("source", ["faceworld", "lfw.bin"])
def test_a_list_without_a_folder_is_refused(tmp_path, monkeypatch, option, source):
    """It would be passed over, and the figures be taken for its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lfw.bin").touch()
    with pytest.raises(
        ValueError, match=rf"{option} nosuch.txt: .* and {source} brings its own pairs: name the folder"
    ):
        open_pairs(source, **{option: "nosuch.txt"})


def test_drawn_pairs_have_lfws_shape():
    faces = FaceWorldDataset(40, 5, SIZE)
    pairs = draw_pairs(faces, count=300, folds=10, seed=3)
    labels = faces.labels
    first, second = labels[pairs.first], labels[pairs.second]
    assert torch.equal(first == second, pairs.same)
    assert (pairs.first != pairs.second).all()
    people = []
    for fold in range(10):
        inside = pairs.fold == fold
        assert pairs.same[inside].sum() == 30
        assert inside.sum() == 60
        people.append({*first[inside].tolist(), *second[inside].tolist()})
    assert sum(len(p) for p in people) == len(set.union(*people))  # no person in two folds
    genuine = {tuple(sorted(p)) for p in torch.stack([pairs.first, pairs.second], 1)[pairs.same].tolist()}
    assert len(genuine) == 300
    again = draw_pairs(faces, count=300, folds=10, seed=3)
    assert torch.equal(again.first, pairs.first)
    assert torch.equal(again.second, pairs.second)


def test_drawn_pairs_are_of_the_world_and_the_people_that_are_asked_for():
    pairs = faceworld_pairs(identities=20, per_identity=3, count=20, size=SIZE, first=7, seed=3)
    faces = FaceWorldDataset(20, 3, SIZE, seed=3, first=7)
    assert torch.equal(pairs.images[50][0], faces[50][0])
    expected = draw_pairs(faces, count=20, seed=3)
    assert torch.equal(pairs.first, expected.first)
    assert torch.equal(pairs.second, expected.second)


def test_pairs_that_do_not_come_out_even_are_drawn_all_the_same():
    pairs = draw_pairs(FaceWorldDataset(20, 5, SIZE), count=25, folds=10)
    assert torch.equal(pairs.images.labels[pairs.first] == pairs.images.labels[pairs.second], pairs.same)
    assert (int(pairs.same.sum()), len(pairs)) == (25, 50)
    assert pairs.fold.bincount().tolist() == [6] * 5 + [4] * 5


@pytest.mark.parametrize(("name", "value"), [("folds", 0), ("folds", 2.0), ("count", 0), ("count", -10)])
def test_numbers_of_folds_and_pairs_are_counted(name, value):
    with pytest.raises(ValueError, match=rf"{name} must be an integer of at least 1, got {value}"):
        draw_pairs(FaceWorldDataset(20, 5, SIZE), **{name: value})


def test_resamplings_are_counted_before_anything_is_embedded():
    def network(images):
        raise AssertionError("embedded")

    with pytest.raises(ValueError, match="samples must be an integer of at least 1, got 0"):
        evaluate(network, faceworld_pairs(identities=20, per_identity=3, count=20, size=SIZE), samples=0)


def test_too_few_people_or_images_for_the_pairs():
    with pytest.raises(ValueError, match="need 20 people"):
        draw_pairs(FaceWorldDataset(19, 5, SIZE))
    with pytest.raises(ValueError, match="20 genuine pairs, 300 are wanted: ask for at most 200"):
        draw_pairs(FaceWorldDataset(20, 5, SIZE))
