"""Identification, MegaFace and BLUFR from folders to a report."""

import json
import pickle
from functools import cache
from unicodedata import normalize

import numpy as np
import pytest
import scipy.io
import torch

from cosface_edu import evaluation
from cosface_edu.data import LFW_OVERLAP, to_bytes
from cosface_edu.data.images import encode_jpeg
from cosface_edu.evaluation import (
    Measured,
    challenges,
    evaluate_blufr,
    evaluate_identification,
    evaluate_megaface,
    identify,
)
from cosface_edu.faces import FaceWorldDataset

SIZE = (24, 24)
PEOPLE, PICTURES = 30, 4
WORLD = FaceWorldDataset(PEOPLE, PICTURES, SIZE)


def pixels(images: torch.Tensor) -> torch.Tensor:
    """An embedder that needs no training: the picture itself."""
    flat = images.flatten(1)  # (B, 3·H·W)
    return flat - flat.mean(1, keepdim=True)


@cache
def drawn() -> torch.Tensor:
    """(PEOPLE·PICTURES, 3, H, W)."""
    return torch.stack([image for image, _ in WORLD.__getitems__(list(range(len(WORLD))))])


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """Thirty people of four pictures in LFW's folder shape."""
    root = tmp_path_factory.mktemp("faces")
    for i, image in enumerate(drawn()):
        name = f"P_{i // PICTURES:02d}"
        (root / name).mkdir(exist_ok=True)
        (root / name / f"{name}_{i % PICTURES + 1:04d}.jpg").write_bytes(encode_jpeg(to_bytes(image)))
    return root


def part(faces, target, wanted):
    """A folder with links to the chosen (person, picture)."""
    for person, picture in wanted:
        name = f"P_{person:02d}"
        (target / name).mkdir(parents=True, exist_ok=True)
        file = f"{name}_{picture + 1:04d}.jpg"
        (target / name / file).symlink_to(faces / name / file)
    return target


@pytest.fixture
def measured():
    return Measured(pixels, preprocess=None, flip="none")


def test_identification_matches_people_by_their_folders(faces, measured, tmp_path) -> None:
    """Probes of 30 people, 20 of them enrolled: the same figures as `identify` on labels written by hand."""
    gallery = part(faces, tmp_path / "gallery", [(person, 0) for person in range(5, 25)])
    probes = part(faces, tmp_path / "probes", [(person, k) for person in range(PEOPLE) for k in (1, 2)])
    report = evaluate_identification(measured, probes, gallery, SIZE, tmp_path / "report")
    by_hand = drawn().unflatten(0, (PEOPLE, PICTURES))  # not through JPEG, so close, not equal
    expected = identify(
        pixels(by_hand[:, 1:3].flatten(0, 1)),
        np.repeat(np.arange(PEOPLE), 2),
        pixels(by_hand[5:25, 0]),
        np.arange(5, 25),
    )
    assert report["counts"] == {
        "people enrolled": 20,
        "images of them": 20,
        "probes of people enrolled": 40,
        "probes of others": 20,
    }
    assert report["rows"]["rank 1"] == pytest.approx(expected.rank(1), abs=0.03)
    assert report["rows"]["detected and identified at FAR 0.1"] == pytest.approx(expected.detection_rate(0.1), abs=0.06)
    assert "detected and identified at FAR 0.01" not in report["rows"]  # 20 unknown probes cannot show one in a hundred
    assert json.loads((tmp_path / "report/report.json").read_text()) == report
    page = (tmp_path / "report/report.html").read_text()
    assert "<svg" in page
    assert "\\ " not in page
    assert "http" not in page.replace("http://www.w3.org", "")


def test_megaface_streams_the_distractors(faces, measured, tmp_path, monkeypatch) -> None:
    """In blocks of seven the same figures as all at once."""
    probes = part(faces, tmp_path / "probes", [(person, k) for person in range(10) for k in range(3)])
    strangers = part(faces, tmp_path / "strangers", [(person, k) for person in range(10, 30) for k in range(4)])
    whole = evaluate_megaface(measured, probes, strangers, SIZE)
    monkeypatch.setattr(evaluation.measured, "STREAMED", 7)
    assert evaluate_megaface(measured, probes, strangers, SIZE)["rows"] == pytest.approx(whole["rows"])
    assert whole["counts"] == {"probes": 30, "pairs of probe and mate": 60, "distractors": 80}
    rates = [rate for name, rate in whole["rows"].items() if name.startswith("rank 1 among")]
    assert len(rates) == 2
    assert rates[0] >= rates[1] == whole["rows"]["rank 1"] > 0.1


def test_megaface_needs_no_data(measured) -> None:
    report = evaluate_megaface(measured, size=SIZE)
    assert report["counts"]["distractors"] == 1000
    assert report["rows"]["rank 1 among 10"] >= report["rows"]["rank 1 among 1,000"]
    drawn = (challenges.FACEWORLD_PROBES, challenges.FACEWORLD_DISTRACTORS)
    probed, strangers = ({one["first"] + k for k in range(one["identities"])} for one in drawn)
    assert probed.isdisjoint(strangers)


def test_megafaces_report_says_whose_faces_the_distractors_are(faces, measured, tmp_path) -> None:
    """Real people among drawn ones are an easier test than among real ones."""
    report = evaluate_megaface(measured, faces, size=SIZE, out=tmp_path / "report")
    assert report["test"] == f"{faces.name} among 1,000 drawn distractors (FaceWorld)"
    page = (tmp_path / "report/report.html").read_text()
    assert f"rank 1: {report['test']}." in page
    report = evaluate_megaface(measured, faces, part(faces, tmp_path / "others", [(3, 0), (3, 1)]), SIZE)
    assert report["test"] == f"{faces.name} among 2 distractors (others)"


def test_probes_that_are_among_the_others_too_are_counted(faces, measured, tmp_path) -> None:
    """By a link to the same file, or as a copy; a picture that only has the name of another is none."""
    probes = part(faces, tmp_path / "probes", [(person, k) for person in range(8) for k in (0, 1)])
    others = part(faces, tmp_path / "others", [(person, k) for person in range(8) for k in (1, 2)])
    copied, renamed = others / "P_03" / "P_03_0001.jpg", others / "P_04" / "P_05_0001.jpg"
    copied.write_bytes((faces / "P_03" / copied.name).read_bytes())
    renamed.write_bytes((faces / "P_09" / "P_09_0001.jpg").read_bytes())
    alike = bytearray((faces / "P_05" / "P_05_0001.jpg").read_bytes())  # of the same name and length
    alike[alike.index(b"JFIF\0") + 6] ^= 1
    (others / "P_05" / "P_05_0001.jpg").write_bytes(alike)
    (others / "P_06" / "of_another_name.jpg").symlink_to(faces / "P_06" / "P_06_0001.jpg")
    with pytest.warns(UserWarning, match=r"10 probes are enrolled too, such as .*P_00_0002\.jpg: each finds itself"):
        found = evaluate_identification(measured, probes, others, SIZE)
    assert found["counts"]["probes that are enrolled too"] == 10
    with pytest.warns(UserWarning, match="10 probes are among the distractors too"):
        found = evaluate_megaface(measured, probes, others, SIZE)
    assert found["counts"]["probes that are among the distractors too"] == 10


def test_distractors_of_a_bin_are_no_files_in_folders(faces, measured, tmp_path) -> None:
    pictures = [path.read_bytes() for path in sorted(faces.rglob("*.jpg"))[:40]]
    (tmp_path / "strangers.bin").write_bytes(pickle.dumps((pictures, [True, False] * 10)))
    found = evaluate_megaface(
        measured, part(faces, tmp_path / "probes", [(3, 0), (3, 1)]), tmp_path / "strangers.bin", SIZE
    )
    assert found["counts"] == {"probes": 2, "pairs of probe and mate": 2, "distractors": 40}


def test_names_are_compared_as_they_read(faces, measured, tmp_path) -> None:
    """José in the gallery and José among the probes, whose é are one character and two."""
    for target in ("gallery", "probes"):
        part(faces, tmp_path / target, [(person, PICTURES // 2 + (target == "probes")) for person in range(3)])
        form = "NFC" if target == "gallery" else "NFD"
        (tmp_path / target / "P_01").rename(tmp_path / target / normalize(form, "Jos\u00e9"))
    counts = evaluate_identification(measured, tmp_path / "probes", tmp_path / "gallery", SIZE)["counts"]
    assert (counts["people enrolled"], counts["probes of people enrolled"], counts["probes of others"]) == (3, 3, 0)


def test_people_of_a_test_are_never_left_out_by_name(faces, measured, tmp_path) -> None:
    """Who of CASIA-WebFace is in LFW too is left out where one trains."""
    for target in ("gallery", "probes"):
        part(faces, tmp_path / target, [(0, int(target == "probes")), (1, 2), (1, 3)])
        (tmp_path / target / "P_00").rename(tmp_path / target / LFW_OVERLAP[0])
    with pytest.warns(UserWarning, match="2 probes are enrolled too"):
        counts = evaluate_identification(measured, tmp_path / "probes", tmp_path / "gallery", SIZE)["counts"]
    assert (counts["people enrolled"], counts["probes of people enrolled"]) == (2, 3)
    strangers = part(faces, tmp_path / "strangers", [(9, 0)])
    assert evaluate_megaface(measured, tmp_path / "probes", strangers, SIZE)["counts"]["probes"] == 3


def test_a_rate_is_shown_that_one_impostor_is(faces, measured, tmp_path) -> None:
    """FAR 0.1 by ten unknown probes, and FAR 0.01 by a hundred pairs of probe and distractor; no lower one."""
    gallery = part(faces, tmp_path / "gallery", [(0, 0)])
    probes = part(faces, tmp_path / "probes", [(0, 1), *((person, k) for person in range(1, 6) for k in (1, 2))])
    rows = evaluate_identification(measured, probes, gallery, SIZE)["rows"]
    assert [name for name in rows if "FAR" in name] == ["detected and identified at FAR 0.1"]
    ten = part(faces, tmp_path / "ten", [(person, k) for person in range(5) for k in (0, 1)])
    strangers = part(faces, tmp_path / "strangers", [(person, 0) for person in range(10, 20)])
    rows = evaluate_megaface(measured, ten, strangers, SIZE)["rows"]
    assert [name for name in rows if "FAR" in name] == ["TAR at FAR 0.01"]


def test_blufr_reads_the_benchmarks_own_lists(faces, measured, tmp_path) -> None:
    """A configuration of the released file's shape, over 120 images."""
    names = [f"P_{i // PICTURES:02d}_{i % PICTURES + 1:04d}.jpg" for i in range(PEOPLE * PICTURES)]
    labels = np.arange(PEOPLE * PICTURES) // PICTURES
    trials = evaluation.draw_trials(labels, trials=3)
    cells = {
        key: np.array([getattr(trial, field)[:, None] + 1 for trial in trials] + [None], dtype=object)[:-1]
        for key, field in (("testIndex", "test"), ("galIndex", "gallery"), ("probIndex", "probes"))
    }
    listed = np.array([*names, None], dtype=object)[:-1, None]
    scipy.io.savemat(tmp_path / "config.mat", {"imageList": listed, "labels": labels[:, None] + 1, **cells})
    report = evaluate_blufr(
        measured, faces, tmp_path / "config.mat", SIZE, tmp_path / "report", far=0.02, open_set_far=0.1
    )
    assert report["counts"] == {"images": 120, "trials": 3}
    expected = evaluation.blufr(
        measured.features(evaluation.challenges.Pictures(sorted(faces.rglob("*.jpg")), SIZE)),
        labels,
        trials,
        far=0.02,
        open_set_far=0.1,
    )
    assert report["rows"] == {
        "TAR at FAR 0.02, mean − standard deviation": expected.figures["verification"],
        "rank-1 detection at FAR 0.1, mean − standard deviation": expected.figures["detection"],
    }
    np.testing.assert_allclose(report["verification"], expected.verification)
    np.testing.assert_allclose(report["detection"], expected.detection)
    assert (tmp_path / "report/report.html").exists()
    missing = part(faces, tmp_path / "some", [(0, 0)])
    with pytest.raises(FileNotFoundError, match=r"P_00_0002.jpg: listed in .* \(119 of 120 are missing\)"):
        evaluate_blufr(measured, missing, tmp_path / "config.mat", SIZE)


def test_an_empty_folder_of_distractors_is_named(faces, measured, tmp_path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(FileNotFoundError, match="none: no pictures"):
        evaluate_megaface(measured, faces, tmp_path / "none", SIZE)
