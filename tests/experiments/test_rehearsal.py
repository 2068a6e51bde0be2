"""The rehearsal goes through every room, judges on unseen people, and says what it did."""

from functools import partial
from pathlib import Path

import pytest
import torch
from rich.console import Console

from cosface_edu import evaluation
from cosface_edu.cli.rehearse import table
from cosface_edu.data import fit, to_bytes
from cosface_edu.data.images import encode_jpeg
from cosface_edu.experiments import cache, record, rehearsal, runs
from cosface_edu.experiments.rehearsal import draw_scenes
from cosface_edu.experiments.settings import Size, recipe, setting
from cosface_edu.faces import FaceWorld, FaceWorldDataset
from cosface_edu.training.batches import InMemory
from cosface_edu.training.checkpoint import load_network


@pytest.fixture(autouse=True)
def _one_core(monkeypatch) -> None:
    """Starting processes takes longer than these runs."""
    monkeypatch.setattr(runs, "cores", lambda: 1)


TINY = Size(people=3, pictures=2, unseen=20, pairs=10, epochs=1)


def test_scenes_to_table(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(rehearsal, "QUICK", TINY)
    lines: list[str] = []
    report = rehearsal.rehearse(quick=True, work=tmp_path, say=lines.append)
    assert report["data"]["scenes"] == 46
    assert report["data"]["faces_found"] > 40
    accuracy = report["statistics"]["accuracy"]
    assert list(accuracy["losses"]) == ["softmax", "nsl", "cosface"]
    assert {run["seed"] for run in report["runs"]} == {0}
    assert all(0 <= run["known"] <= 1 for run in report["runs"])
    assert all("low" not in found for found in accuracy["losses"].values())  # one seed says nothing of the spread
    path = record.save(tmp_path / "out" / "report.json", report)
    assert record.load(path)["statistics"] == report["statistics"]
    assert report["command"] == "cosface-edu rehearse quick"
    console = Console(width=120, record=True)
    console.print(table(report))
    assert "s = 8, m = 0.35" in console.export_text()
    before = sorted(path for path in (tmp_path / "quick").rglob("*.jpg") if path.parts[-3].startswith("scenes"))
    stamps = [path.stat().st_mtime_ns for path in before]
    assert draw_scenes(TINY, tmp_path / "quick") == before[0].parents[1]
    assert [path.stat().st_mtime_ns for path in before] == stamps  # what is there is not drawn again


def test_a_grid_holds_every_point_and_softmax_on_any_number_of_cores(monkeypatch) -> None:
    def found() -> list:
        grid = rehearsal.grid(scales=(8.0,), margins=(0.0, 0.2), seeds=(0,), size=TINY, say=lambda line: None)
        return [(run["loss"], run.get("s"), run.get("m"), run["accuracy"], run["eer"]) for run in grid["runs"]]

    one_by_one = found()
    assert [run[:3] for run in one_by_one] == [("softmax", None, None), ("nsl", 8.0, None), ("cosface", 8.0, 0.2)]
    monkeypatch.setattr(runs, "cores", lambda: 2)
    assert found() == one_by_one


def test_many_pictures_are_compared_like_the_rehearsal_on_another_world_than_the_grid(monkeypatch) -> None:
    monkeypatch.setattr(rehearsal, "MANY_RECIPES", {"nsl": {"s": 8.0}, "cosface": {"s": 16.0, "m": 0.2}})
    monkeypatch.setattr(rehearsal, "MANY_FARS", (0.01,))
    report = rehearsal.many(2, TINY, say=lambda line: None)
    assert [(run["loss"], setting(run), run["seed"]) for run in report["runs"]] == [
        ("nsl", "s = 8", 0),
        ("nsl", "s = 8", 1),
        ("cosface", "s = 16, m = 0.2", 0),
        ("cosface", "s = 16, m = 0.2", 1),
    ]
    counts = {"source": "FaceWorld", "world_seed": 0, "people": 3, "images": 6, "unseen_people": 20, "pairs": 20}
    assert report["data"] == counts
    assert len(report["statistics"]["accuracy"]["cosface_minus"]["nsl"]["values"]) == 2
    found = report["statistics"]["TAR at FAR 0.01"]
    assert found["losses"]["nsl"]["values"] == [run["tar"]["0.01"] for run in report["runs"][:2]]
    ours, nsl = (found["losses"][loss]["values"] for loss in ("cosface", "nsl"))
    assert found["cosface_minus"]["nsl"]["values"] == [a - b for a, b in zip(ours, nsl, strict=True)]
    assert "TAR at FAR 0.01" in [column.header for column in table(report).columns]
    grid = rehearsal.grid((8.0,), (0.0,), (0,), TINY, say=lambda line: None)
    assert grid["data"]["world_seed"] == 1


def test_photographs_take_the_same_path(monkeypatch, tmp_path) -> None:
    """Scenes stand in for LFW's photographs and crops for casia-mini; a second call finds all runs finished."""
    monkeypatch.setattr(rehearsal, "REAL_EPOCHS", 1)
    monkeypatch.setattr(rehearsal, "PLAIN_EPOCHS", 1)
    monkeypatch.setattr(rehearsal, "REAL", {"nsl": {"s": 16.0}, "cosface": {"s": 16.0, "m": 0.2}})
    world = FaceWorld(seed=0)
    lfw = tmp_path / "root" / "lfw-dev"
    for person, name in enumerate("abcdefghij" * 2):
        name = f"{name}{person}"
        (lfw / "lfw" / name).mkdir(parents=True)
        scene = to_bytes(world.scenes([person], 1, (96, 96))[0])[0]
        for number in (1, 2):
            (lfw / "lfw" / name / f"{name}_{number:04d}.jpg").write_bytes(encode_jpeg(scene))
    names = sorted(path.name for path in (lfw / "lfw").iterdir())
    lines = [
        "10",
        *(f"{n}\t1\t2" for n in names[:10]),
        *(f"{n}\t1\t{m}\t2" for n, m in zip(names, names[10:], strict=False)),
    ]
    (lfw / "pairsDevTest.txt").write_text("\n".join(lines) + "\n")
    crops = draw_scenes(Size(people=3, pictures=4, unseen=0, pairs=0, epochs=0), tmp_path / "root")
    crops.rename(tmp_path / "root" / "casia-mini")
    said: list[str] = []
    report = rehearsal.real_faces(tmp_path / "root", tmp_path / "work", 2, say=said.append)
    assert [(run["loss"], setting(run), run["seed"]) for run in report["runs"]] == [
        ("nsl", "s = 16", 0),
        ("nsl", "s = 16", 1),
        ("cosface", "s = 16, m = 0.2", 0),
        ("cosface", "s = 16, m = 0.2", 1),
    ]
    accuracy = report["statistics"]["accuracy"]
    ours, nsl = (accuracy["losses"][loss]["values"] for loss in ("cosface", "nsl"))
    assert accuracy["cosface_minus"]["nsl"]["values"] == [a - b for a, b in zip(ours, nsl, strict=True)]
    source = "casia-mini; lfw-dev, pairsDevTest"
    assert report["data"] == {"source": source, "people": 3, "images": 12, "copies": 3, "pairs": 20}
    assert report["config"]["steps"] == 1  # of 12 pictures, not of their 36 copies
    runs = sorted((tmp_path / "work").glob("casia-mini-*/last.pt"))
    stamps = [path.stat().st_mtime_ns for path in runs]
    assert len(runs) == 4
    again = rehearsal.real_faces(tmp_path / "root", tmp_path / "work", 2, say=said.append)
    assert again["statistics"] == report["statistics"]
    assert [run["known"] for run in again["runs"]] == [run["known"] for run in report["runs"]]
    assert [path.stat().st_mtime_ns for path in runs] == stamps
    # two networks as one result: the first of the runs above, and one that looks at the centre of the face
    one = rehearsal.real_faces(tmp_path / "root", tmp_path / "work", 1, 2, ["cosface"], say=said.append)
    assert [path.stat().st_mtime_ns for path in runs] == stamps
    assert [run["size"] for run in one["runs"]] == [(56, 48), (70, 60)]
    whole = one["runs"][0]
    assert whole["training_seconds"] > report["runs"][2]["training_seconds"] / 4  # also the time before it was resumed
    assert whole["auc"] == report["runs"][2]["auc"]
    judged = evaluation.open_pairs(tmp_path / "work/lfw-dev", lfw / "pairsDevTest.txt")
    crops = torch.stack([image for image, _ in judged.images])  # (40, 3, 112, 96)
    views, sides = [], torch.stack([judged.first, judged.second], dim=1)
    for run, name in zip(one["runs"], ("56x48-0", "70x60-0"), strict=True):
        network, config = load_network(tmp_path / "work" / f"casia-mini-cosface-{name}")
        assert (config.data, config.size, network.centre) == ("casia-mini", run["size"], (56, 48))
        views += evaluation.embed(network, fit(crops, config.size)).chunk(2, dim=1)
    cosine = sum(evaluation.cosine_scores(view, sides) for view in views)  # two networks, image and mirror image
    (row,) = one["together"]
    assert (row["loss"], row["members"]) == ("cosface", 2)
    assert row["auc"] == pytest.approx(evaluation.verify(cosine, judged.same).auc)
    assert "cosface, 2 networks together" in list(table(one).columns[0].cells)
    plain = rehearsal.real_faces(tmp_path / "root", tmp_path / "work", 1, losses=["nsl"], plain=True, say=said.append)
    assert (plain["data"]["copies"], plain["runs"][0]["size"]) == (1, (56, 48))
    assert plain["command"] == "cosface-edu rehearse real --plain --seeds 1 --members 1 --loss nsl"
    with pytest.raises(ValueError, match="no recipe for arcface"):
        rehearsal.real_faces(tmp_path / "root", tmp_path / "work", losses=["arcface"])


def test_losses_differ_in_the_loss_alone() -> None:
    one, other = recipe("softmax", {}, 1, 100, 2), recipe("cosface", {"s": 16.0, "m": 0.2}, 1, 100, 2)
    assert one.replace(loss="cosface", loss_options={"s": 16.0, "m": 0.2}) == other
    assert one.steps == 4  # 200 images, 64 a step


@pytest.mark.filterwarnings("ignore:.*bound")  # three centres cannot be more than 1.5 apart in cosine
def test_what_is_known_is_counted_without_the_margin() -> None:
    """A margin that nothing meets takes nothing from what is known. People may have any numbers."""
    drawn = InMemory(FaceWorldDataset(3, 4, (56, 48), seed=5))
    faces = InMemory.of(drawn.images, 5 + 2 * drawn.labels)
    pairs = evaluation.faceworld_pairs(identities=20, per_identity=2, count=10, size=(56, 48), first=500)
    config = recipe("cosface", {"s": 8.0, "m": 1.7}, 0, len(faces), 200)
    [judged] = runs.judge([config], {config.size: runs.Material(faces, pairs)})
    assert judged.known > 0.9
    assert judged.seconds > 0


def test_a_run_has_one_thread_and_leaves_as_many_as_there_were(monkeypatch, request) -> None:
    """Sums in another order would be other numbers on another machine."""
    request.addfinalizer(partial(torch.set_num_threads, torch.get_num_threads()))
    torch.set_num_threads(3)
    seen = []

    def train(*_, **__):
        seen.append(torch.get_num_threads())
        raise RuntimeError("a run that fails")

    monkeypatch.setattr(runs, "train", train)
    faces = FaceWorldDataset(3, 4, (56, 48))
    config = recipe("cosface", {"s": 8.0, "m": 0.2}, 0, len(faces), 1)
    material = {config.size: runs.Material(faces, evaluation.draw_pairs(FaceWorldDataset(4, 2, (56, 48)), 2, 2))}
    with pytest.raises(RuntimeError, match="a run that fails"):
        list(runs.judge([config], material))
    assert (seen, torch.get_num_threads()) == ([1], 3)


def test_scenes_of_another_world_or_code_are_drawn_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = Size(people=1, pictures=2, unseen=1, pairs=1, epochs=1)
    first, other = (draw_scenes(size, tmp_path, seed) for seed in (0, 1))
    pictures = sorted(path.relative_to(first) for path in first.rglob("*.jpg"))
    assert [str(path) for path in pictures] == ["0000/000.jpg", "0000/001.jpg", "0001/000.jpg", "0001/001.jpg"]
    assert all((first / path).read_bytes() != (other / path).read_bytes() for path in pictures)
    monkeypatch.setattr(cache, "code_hash", lambda module: f"changed {module}")
    assert draw_scenes(size, tmp_path) not in (first, other)
