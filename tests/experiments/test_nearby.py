"""Where the book's recorded comparisons stand: sizes and results as the records have them."""

import pytest

from cosface_edu.experiments import nearby, record, shipped


def test_sizes_and_gains_are_the_records() -> None:
    found = {one.record: one for one in nearby.comparisons()}
    assert set(nearby.RECORDS) == set(found)
    many, real, big = found["faceworld-many"], found["casia-mini"], found["gpu-casia"]
    assert (many.people, many.pictures, many.features) == (200, 200, 128)
    assert (real.people, round(real.pictures, 1)) == (245, 23.5)
    assert (big.people, big.pictures, big.features) == (10_572, 46, 512)
    gain = record.load("faceworld-many")["statistics"]["TAR at FAR 0.0001"]["cosface_minus"]["nsl"]
    for end in ("low", "high"):
        assert f"{100 * gain[end]:+.2f}" in many.said
    assert "s = 16, m = 0.2" in many.said
    assert "s = 12" in many.said
    assert "-0.90 points" in real.said


def test_what_they_do_not_show_follows_from_them() -> None:
    found = {one.record: one for one in nearby.comparisons()}
    assert "no real face" in found["rehearsal"].lacks
    assert "no real face" not in found["casia-mini"].lacks
    assert "chosen on the pairs" in found["casia-mini"].lacks
    assert "one seed" in found["gpu-casia"].lacks
    assert "no other loss" in found["gpu-casia"].lacks


def test_a_close_choice_of_the_scale_is_said() -> None:
    sizes = [(one.people, one.pictures) for one in nearby.comparisons() if "choice of NSL's scale" in one.lacks]
    assert sizes == [(100, 4), (100, 200), (1000, 4)]  # of (1000, 46) both scales were judged
    swept = [one for one in nearby.comparisons() if one.record in ("gpu-table", "gpu-worth")]
    assert len(swept) == 9
    assert all("no other strangers" in one.lacks for one in swept)


def test_the_nearest_comes_first() -> None:
    assert {one.record for one in nearby.comparisons(people=10_000, pictures=46)[:3]} == {
        "gpu-casia",
        "gpu-table",
        "gpu-worth",
    }
    near = nearby.comparisons(people=1000, pictures=46)[0]
    assert (near.record, near.people, near.pictures) == ("gpu-worth", 1000, 46)
    assert "rank 1 among 100,000: +12." in near.said
    assert nearby.comparisons(people=200, pictures=200)[0].record == "faceworld-many"
    assert nearby.comparisons(people=200, pictures=10)[0].record == "rehearsal"


def test_a_size_is_near_by_ratio() -> None:
    one = nearby.comparisons(people=200, pictures=10)[0]
    assert one.distance(200, 10) == pytest.approx(0, abs=0.01)
    assert one.distance(400, 10) == pytest.approx(one.distance(200, 20), rel=0.05)


def test_where_there_is_no_book_there_is_nothing(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "cosface_edu")
    monkeypatch.chdir(tmp_path)
    assert nearby.comparisons() == []
