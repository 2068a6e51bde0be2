"""Each job at full size has a tiny run: the same lines, on a processor, with a record at its end."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from operator import itemgetter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from cosface_edu import evaluation
from cosface_edu.data.images import to_bytes
from cosface_edu.experiments import cache, jobs, record
from cosface_edu.experiments.closure import code_hash
from cosface_edu.experiments.jobs import (
    anew,
    casia,
    chapters,
    checks,
    drawn,
    faces,
    judging,
    photographs,
    sweep,
    table,
    worth,
)
from cosface_edu.experiments.jobs.__main__ import app
from cosface_edu.faces import FaceWorld
from cosface_edu.training import Config

PAGE = """---
kernelspec:
  display_name: Python 3
  name: python3
---

```{code-cell} ipython3
import torch

assert torch.ones(2).sum() == 2
```
"""


SWEEPS = ("table", "worth", "faces", "carried")
ON_PHOTOGRAPHS = ("faces", "carried")


GENUINE = [f"p{a}\t{b}\t{c}\n" for a in range(3) for b in range(1, 4) for c in range(b + 1, 5)][:10]
DEV_TEST = "".join(["10\n", *GENUINE, *(f"p{a}\t{b}\tp{a + 1}\t{b}\n" for a in range(3) for b in range(1, 5))][:21])


def drawn_faces(root: Path, lfw: Path) -> None:
    """What the job `faces` reads, with drawn people in it: `lfw` takes LFW's."""
    world, size = FaceWorld(seed=3), (112, 96)
    for folder, people in ((root / "celeba-1000", 4), (root / "cfp", 4), (lfw, 4)):
        for person in range(people):
            pictures, _ = world.sample_many([person], 4, size)
            (folder / f"p{person}").mkdir(parents=True)
            for number, picture in enumerate(pictures, 1):
                border = 40 if folder == lfw else 0  # a photograph is more than its face
                pixels = np.pad(
                    to_bytes(picture).permute(1, 2, 0).numpy(), ((border, border), (border, border), (0, 0))
                )
                Image.fromarray(pixels).save(folder / f"p{person}" / f"p{person}_{number:04}.jpg")
    fold = "".join(f"p{a}\t1\t{b}\n" for a in range(2) for b in (2, 3))
    fold += "".join(f"p{a}\t1\tp{b}\t2\n" for a in range(2) for b in (2, 3))
    for name in ("cfp-fp.txt", "cfp-ff.txt"):
        (root / name).write_text(f"2\t4\n{fold}{fold}")


@pytest.mark.parametrize("name", [name for name in jobs.QUEUE if name not in SWEEPS])  # `anew` among them: it is short
def test_a_tiny_run_leaves_a_record(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    book = tmp_path / "book"
    book.mkdir()
    (book / "page.md").write_text(PAGE)
    monkeypatch.setattr(chapters, "BOOK", book)
    monkeypatch.setattr(checks, "check_losses", lambda device, few: iter([checks.checked("nsl", "fp32", device, None)]))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    result = CliRunner().invoke(app, [name, "--tiny", "--minutes", "2", "--device", "cpu", "--out", str(tmp_path)])
    torch.set_num_threads(threads)
    assert result.exit_code == 0, result.output
    found = record.load(tmp_path / "tiny" / f"{name}.json")
    assert found["finished"]
    assert found["tiny"]
    if name == "checks":
        rows = [*found["results"]["losses"], *found["results"]["other"].values()]
        assert [row for row in rows if not row["right"]] == []
    if name == "chapters":
        assert found["results"]["chapters"]["page"]["error"] is None
        assert found["results"]["chapters"]["page"]["cells"] == 1
    if name == "casia":
        assert found["results"]["million"]["distractors"] == 1000
    if name == "anew":
        rows = found["results"]["rows"]
        assert [(row["seed"], row["loss"]) for row in rows] == list(product(anew.SEEDS, worth.LOSSES))
        assert all(row["world"] == found["data"]["world_seed"] == anew.WORLD and "rank1" in row for row in rows)


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_goes_on_where_its_minutes_ended(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in ON_PHOTOGRAPHS:
        drawn_faces(tmp_path, tmp_path / "lfw-dev-aligned")
        (tmp_path / "pairsDevTest.txt").write_text(DEV_TEST)
        monkeypatch.setenv("COSFACE_DATA", str(tmp_path))
    rows, seconds = [], 0.0
    for _ in range(2):
        arguments = [name, "--tiny", "--minutes", "0.02", "--device", "cpu", "--out", str(tmp_path)]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        found = record.load(tmp_path / "tiny" / f"{name}.json")
        assert not found["finished"]
        assert found["seconds"] > seconds, "those of the earlier minutes count"
        seconds = found["seconds"]
        assert found["results"]["rows"][: len(rows)] == rows
        assert len(found["results"]["rows"]) > len(rows)
        rows = found["results"]["rows"]
    here = code_hash(f"cosface_edu.experiments.jobs.{name}")
    assert {(row["on"], row["commit"], row["code"]) for row in rows} == {("cpu", record.commit(), here)}
    if name == "faces":
        assert rows[0].keys() >= {"cfp-fp", "cfp-ff"}
        assert "pairsDevTest" not in rows[0], "what judges must not be looked at in the search"
    elif name == "carried":
        assert rows[0].keys() >= {"cfp-ff", "pairsDevTest", "scores", "untrained", "statistics"}
    else:
        assert rows[0].keys() >= {"accuracy", "tar_0.0001", "tar_1e-06"}
        assert "rank1" not in rows[0], "nobody is identified in the search"


def finished(queue, found, rows: Sequence[dict] = ()) -> list[dict]:
    """The rows of a sweep in whose runs is found what `found` says; it goes on from `rows`."""
    rows = list(rows)
    while missing := [what for what, _ in queue(rows) if not sweep.done(rows, what)]:
        rows.append(missing[0] | found(missing[0]))
    return rows


def test_the_table_chooses_on_another_world_and_judges_with_three_seeds() -> None:
    base = Config(loss_options={})
    rows = finished(lambda rows: table.queue(base, rows), lambda row: {"tar_0.0001": row["options"].get("s", 0) == 16})
    search, final = ([r for r in rows if r["part"] == part] for part in ("search", "table"))
    assert {r["world"] for r in search} == {1}
    assert {r["world"] for r in final} == {0}
    nsl = {r["options"]["s"] for r in search if r["loss"] == "nsl"}
    assert nsl == {r["options"]["s"] for r in search if r["loss"] == "cosface"}  # at every scale that NSL is
    assert {r["options"].get("s") for r in final if r["loss"] in ("nsl", "cosface")} == {16}
    assert len(final) == 3 * len(table.FIRST | table.OTHERS)
    curves = [r for r in rows if r["part"] == "margin" or (r in final and r["loss"] in ("nsl", "cosface"))]
    settings = [(r["options"]["s"], r["options"].get("m", 0), r["seed"]) for r in curves]
    assert {(s, m) for s, m, _ in settings} == {(s, m) for s in (64, 16) for m in table.MARGINS}
    assert len(settings) == len(set(settings)), "no run is made twice"


@pytest.mark.parametrize(("name", "queue", "wanted"), [("table", table.queue, 18), ("worth", worth.queue, 0)])
def test_the_book_s_rows_are_known_and_not_run_again(name: str, queue: Callable, wanted: int) -> None:
    """18 and 0 are what the book says is still to be run; a record with more of it has smaller ones."""
    base = Config(loss_options={})
    before = record.load(f"gpu-{name}")["results"]["rows"]
    whole = finished(lambda rows: queue(base, rows), lambda row: {"tar_0.0001": 0.5}, before)
    assert len(whole) - len(before) == wanted
    assert all(any(sweep.done([row], what) for what, _ in queue(base, whole)) for row in before)


def test_a_search_s_best_did_not_diverge() -> None:
    rows = [
        {"loss": "nsl", "options": {"s": 8.0}, "rate": None},
        {"loss": "nsl", "options": {"s": 64.0}, "diverged": 3},
        {"loss": "nsl", "options": {"s": 16.0}, "rate": 0.5},
        {"loss": "nsl", "options": {"s": 32.0}, "rate": 0.5},
        {"loss": "cosface", "options": {"s": 16.0, "m": 0.35}, "diverged": 7},
    ]
    by = itemgetter("rate")
    assert [row["options"]["s"] for row in sweep.ranked(rows, by, loss="nsl")] == [16, 32, 8], "the first of equals"
    assert sweep.best(rows, by, loss="nsl") == {"s": 16.0}
    assert sweep.best(rows, by, loss="cosface") is None


def test_every_loss_is_judged_before_the_curve_is_drawn_again() -> None:
    rows = finished(lambda rows: table.queue(Config(loss_options={}), rows), lambda row: {"tar_0.0001": 1})
    again = [place for place, r in enumerate(rows) if r["part"] == "margin" and r["seed"] > 0]
    assert again == list(range(len(rows) - len(again), len(rows)))


def test_distractors_lie_in_the_host_s_memory_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "DISTRACTORS_AT_ONCE", 5)
    job = jobs.Job(1.0, True, torch.device("cpu"), tmp_path, lambda found: None, lambda line: None)
    blocks = judging.Judge.draw(job, 0, 12).distractors
    assert [len(block) for block in blocks] == [5, 5, 2]
    monkeypatch.setattr(judging, "DISTRACTORS_AT_ONCE", 12)
    assert torch.equal(torch.cat(blocks), judging.Judge.draw(job, 0, 12).distractors[0])
    assert not judging.Judge.draw(job, 0, 0).distractors


def test_rank_1_is_kept_for_each_person_who_is_asked_for(tmp_path: Path) -> None:
    job = jobs.Job(1.0, True, torch.device("cpu"), tmp_path, lambda found: None, lambda line: None)
    judge = judging.Judge.draw(job, 0, 30)
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(judge.faces.images[0].numel(), 8))
    found = judge(network)
    by_person = found["rank1_by_person"]
    assert len(by_person) == 24
    assert sum(by_person) / 24 == pytest.approx(found["rank1"])
    own, others = (judging.features(network, pictures) for pictures in (judge.faces.images, judge.distractors[0]))
    last = judge.faces.labels == 23
    assert by_person[23] == evaluation.megaface(own[last], judge.faces.labels[last], others).rank1[-1]


SOME_CELLS = worth.CELLS[:3]


def the_map(by_margin: dict[float, float]) -> list[dict]:
    """Rows of some cells of the map where the search's measure depends on the margin alone; NSL is best at s = 8."""
    return finished(
        lambda rows: worth.queue(Config(loss_options={}), rows, SOME_CELLS),
        lambda row: {
            "tar_0.0001": by_margin[row["options"]["m"]] if "m" in row["options"] else 0.1 / row["options"]["s"]
        },
    )


def test_the_map_fills_cell_after_cell() -> None:
    rows = the_map({0.1: 0.1, 0.2: 0.2, 0.35: 0.35})
    assert list(dict.fromkeys((r["people"], r["pictures"]) for r in rows)) == list(SOME_CELLS)
    steps = {
        what["world"]: config.steps
        for what, config in worth.queue(Config(loss_options={}, steps=1000), rows, SOME_CELLS)
    }
    assert steps == {1: 500, 0: 1000}
    final = [r for r in rows if r["world"] == 0 and r["options"]["s"] == 8]
    assert len(final) == 6 * len(SOME_CELLS)
    assert {r["options"].get("m") for r in final} == {None, 0.35}


def test_what_the_search_could_not_tell_from_the_best_is_judged_last() -> None:
    rows = the_map({0.1: 0.1, 0.2: 0.346, 0.35: 0.35})
    judged = [r for r in rows if r["world"] == 0]
    whole = 6 * len(SOME_CELLS)
    assert {(r["loss"], r["options"].get("m")) for r in judged[:whole]} == {("nsl", None), ("cosface", 0.35)}
    # of each cell: CosFace at the three other scales and, as near, at the four with the smaller margin
    assert {(r["loss"], r["options"]["m"]) for r in judged[whole:]} == {("cosface", 0.2), ("cosface", 0.35)}
    assert len(judged) - whole == 7 * len(worth.SEEDS) * len(SOME_CELLS)


def test_the_largest_lead_is_measured_anew_where_nothing_was_chosen() -> None:
    found = {8.0: 0.6, 16.0: 0.7, 32.0: 0.8}
    rows = [
        {"people": people, "pictures": 4, "world": world, "seed": seed, "loss": loss, "options": {"s": s}}
        | {"tar_0.0001": found[s] + lead * (loss == "cosface")}
        for people, s, lead in ((100, 32.0, 0.05), (1000, 8.0, 0.1), (10_000, 16.0, -0.3))
        for loss in worth.LOSSES
        for world, seed in ((worth.SEARCHED, 0), (worth.JUDGED, 0), (worth.JUDGED, 1))
    ]
    cell, settings = anew.largest(rows)
    assert (cell, settings) == ((1000, 4), {"nsl": {"s": 8.0}, "cosface": {"s": 8.0}})
    queue = anew.queue(Config(loss_options={}, steps=1000), cell, settings)
    assert {(config.world_seed, config.steps) for _, config in queue} == {(anew.WORLD, 1000)}
    assert anew.WORLD not in {row["world"] for row in rows}


def test_of_the_lead_measured_anew_nothing_is_left() -> None:
    cell, settings = anew.largest(record.load("gpu-worth")["results"]["rows"])
    assert cell == (1000, 4)
    rows = record.load("gpu-anew")["results"]["rows"]
    left = [what for what, _ in anew.queue(Config(loss_options={}), cell, settings) if not sweep.done(rows, what)]
    assert left == []


def test_a_row_of_an_earlier_setting_does_not_stop_a_cell_of_the_map() -> None:
    old = {"people": 100, "pictures": 4, "loss": "nsl", "options": {"s": 7.0}, "world": 1, "seed": 0, "tar_0.0001": 0.0}
    rows = finished(
        lambda rows: worth.queue(Config(loss_options={}), rows, [(100, 4)]), lambda row: {"tar_0.0001": 0.1}, [old]
    )
    judged = {(r["loss"], r["seed"]) for r in rows if (r["people"], r["pictures"], r["world"]) == (100, 4, 0)}
    assert judged == {(loss, seed) for loss in worth.LOSSES for seed in worth.SEEDS}


def test_a_loss_that_diverged_everywhere_is_not_judged_in_the_map() -> None:
    rows = finished(
        lambda rows: worth.queue(Config(loss_options={}), rows, SOME_CELLS),
        lambda row: {"diverged": 1} if row["loss"] == "cosface" else {"tar_0.0001": 1 / row["options"]["s"]},
    )
    assert worth.chosen(rows, "cosface") is None
    assert worth.close(rows, "cosface") == []
    assert {r["loss"] for r in rows if r["world"] == 0} == {"nsl"}


def test_the_queue_leaves_out_what_has_a_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "QUEUE", {"heads": 1.0, "casia": 1.0})
    ran = []
    monkeypatch.setattr(jobs, "run", lambda name: lambda job: ran.append(name) or {"rows": [1]})
    for expected in (["heads", "casia"], []):
        ran.clear()
        assert CliRunner().invoke(app, ["--tiny", "--device", "cpu", "--out", str(tmp_path)]).exit_code == 0
        assert ran == expected


def test_a_tiny_run_and_a_whole_one_leave_each_other_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "QUEUE", {"heads": 1.0})
    ran = []
    monkeypatch.setattr(jobs, "run", lambda name: lambda job: ran.append(job.tiny) or {"rows": [1]})
    for size in (["--tiny"], [], ["--tiny"], ["heads", "--tiny"]):
        assert CliRunner().invoke(app, [*size, "--device", "cpu", "--out", str(tmp_path)]).exit_code == 0
    assert ran == [True, False, True]  # in the queue once each, and when it is asked for by its name
    made = record.load(tmp_path / "heads.json")
    assert not made["tiny"]
    del made["tiny"]  # as in records of before
    record.save(tmp_path / "table.json", made)
    assert jobs.earlier_record("table", False, tmp_path) == made
    assert jobs.earlier_record("table", True, tmp_path) is None
    assert jobs.earlier_record("heads", False, tmp_path) is None, "it begins anew"


def test_an_unknown_job_is_said_with_those_there_are(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["nothing", "--out", str(tmp_path)], env={"COLUMNS": "300", "TERM": "dumb"})
    assert result.exit_code == 2
    assert "there is no job nothing: choose of rates, checks" in result.output


def test_notes_are_kept_and_seconds_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "run", lambda name: lambda job: {"rows": [], "whole": False})
    seconds = 0.0
    for note, expected in (
        ("one card", "one card"),
        ("card", "one card; card"),
        ("card", "one card; card"),
    ):
        options = ["--tiny", "--device", "cpu", "--out", str(tmp_path), "--note", note]
        assert CliRunner().invoke(app, ["table", *options]).exit_code == 0
        made = record.load(tmp_path / "tiny" / "table.json")
        assert made["note"] == expected
        assert made["seconds"] > seconds
        seconds = made["seconds"]


def test_a_row_that_does_not_say_its_origin_is_of_its_record_s(tmp_path: Path) -> None:
    job = jobs.Job(1.0, True, torch.device("cpu"), tmp_path, lambda found: None)
    before = record.load("gpu-table") | {
        "tiny": True,
        "results": {"rows": [{"n": 1}, {"n": 2, "code": "c", "commit": "d"}]},
    }
    record.save(tmp_path / "table.json", before)
    rows = sweep.Rows(job, "table")
    rows.add({"n": 1}, {"n": 1})  # the file that the first of them was made from
    rows.add({"n": 3}, {"n": 3})
    on = {"on": before["hardware"]["gpu"]}
    own = {"commit": before["commit"], "code": before["code"]}
    assert rows.now() == [{"n": 1, **on, **own}, {"n": 2, "code": "c", "commit": "d", **on}, {"n": 3}]


def test_a_wrong_gradient_is_seen() -> None:
    """The checks of losses fail where they should: here half precision, asked to be as exact as float32."""
    right = checks.checked("cosface", "fp32", torch.device("cpu"), None)
    assert right["right"]
    assert 0 < right["gradient"] < 1e-5
    rounded = checks.checked("cosface", "bf16", torch.device("cpu"), torch.bfloat16)
    assert rounded["gradient"] > 1e-4  # what comes back to the embeddings is rounded to bf16


class Brief(jobs.Job):
    """Its minutes are over when they are asked for a second time."""

    asked = 0

    def left(self) -> float:
        self.asked += 1
        return 100.0 if self.asked < 2 else 0.0


def a_casia(out: Path, kind: type[jobs.Job] = jobs.Job) -> tuple[dict, list[str]]:
    """What a tiny call of the job leaves in a folder, and what it said."""
    said: list[str] = []
    out.mkdir(exist_ok=True)
    device = torch.device("cpu")

    def keep(found: dict, done: bool = False) -> None:
        results = {key: value for key, value in found.items() if key not in ("data", "config")}
        made = record.new("cosface_edu.experiments.jobs.casia", what="", command="", data=found["data"],
                          config=found["config"], seeds=[0], seconds=0.0, results=results, tiny=True,
                          finished=done)  # fmt: skip
        record.save(out / "casia.json", made)

    found = casia.run(kind(2, True, device, out, keep, said.append))
    keep(found, done=found.pop("whole", True))
    return record.load(out / "casia.json"), said


def test_the_long_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    first, _ = a_casia(tmp_path / "broken", Brief)
    assert not first["finished"]
    (tried,) = first["results"]["tried"]
    assert tried["calls"] == [jobs.origin("casia", torch.device("cpu"))]
    assert [row["step"] for row in tried["history"]] == [1, 2]  # the save after step 1, and the line that looked
    del tried["calls"]  # as in records of before
    record.save(tmp_path / "broken" / "casia.json", first | {"commit": "a", "code": "b"})
    second, said = a_casia(tmp_path / "broken")
    whole, _ = a_casia(tmp_path / "whole")
    assert second["finished"]
    assert any(line.endswith("at step 1") for line in said)
    (broken,), (unbroken,) = second["results"]["tried"], whole["results"]["tried"]
    assert broken["calls"] == [{"on": "cpu", "commit": "a", "code": "b"}, *unbroken["calls"]]
    assert [row["step"] for row in broken["history"]] == list(range(1, 11))
    assert [row["loss"] for row in broken["history"]] == [row["loss"] for row in unbroken["history"]]
    assert second["results"]["strangers"] == whole["results"]["strangers"]
    third, said = a_casia(tmp_path / "broken")
    assert third["results"]["million"] == second["results"]["million"], "only judged again"
    assert not any("pictures drawn" in line for line in said)


def test_a_setting_that_was_given_up_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {"setting": "the paper's", "given_up": "accuracy 0", "config": {}}
    monkeypatch.setattr(casia, "earlier", lambda job: {"tried": [before]})
    found, _ = a_casia(tmp_path)
    assert [tried["setting"] for tried in found["results"]["tried"]] == list(casia.SETTINGS)[:2]
    assert (tmp_path / "casia" / "2" / "last.pt").exists()
    assert not (tmp_path / "casia" / "1").exists()
    grown = found["results"]["tried"][1]["config"]
    assert (grown["steps"], grown["margin_warm_up"], grown["lr_warm_up"]) == (10, 3, 1)


def test_what_the_book_s_run_gave_up_is_tried_again_at_another_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.Job(1.0, False, torch.device("cpu"), tmp_path, lambda found: None)
    config = casia.configuration(job)
    assert (config.identities, config.per_identity, config.steps) == (10_572, 46, 30_000)
    assert config.milestones == (16_000, 24_000, 28_000)
    book = record.load(record.path_of("gpu-casia"))
    assert book["results"]["tried"][0]["given_up"]
    assert casia.earlier(job) == {"tried": []}, "that one had 7,245 steps"
    book["results"]["tried"][0]["config"]["steps"] = config.steps
    monkeypatch.setattr(record, "path_of", lambda name: tmp_path / "book.json")
    record.save(tmp_path / "book.json", book)
    assert [tried["setting"] for tried in casia.earlier(job)["tried"]] == ["the paper's"]


def test_lines_whose_checkpoint_did_not_come_along_are_forgotten(tmp_path: Path) -> None:
    a_casia(tmp_path, Brief)
    (tmp_path / "casia" / "1" / "last.pt").unlink()
    found, _ = a_casia(tmp_path)
    assert [row["step"] for row in found["results"]["tried"][0]["history"]] == list(range(1, 11))


def test_real_faces_are_chosen_on_one_list_and_judged_with_five_seeds() -> None:
    base = Config(loss_options={})
    rows = finished(
        lambda rows: faces.queue(base, rows),
        lambda row: {faces.CHOSEN_ON: {faces.CHOSEN_BY: row["options"].get("s", 0) == 16}},
    )
    for what, config in faces.queue(base, rows):
        assert (config.loss, config.loss_options, config.seed) == (what["loss"], what["options"], what["seed"])
    table = [row for row in rows if row["part"] == "table"]
    assert len(table) == 5 * len([*faces.FIRST, *faces.OTHERS])
    assert {row["options"].get("s") for row in table} == {None, 16}
    assert [row["network"] for row in rows if row["part"] == "network"] == list(faces.NETWORKS)


def test_processes_beside_each_other_share_a_sweep(tmp_path: Path) -> None:
    """Each run is made once, and one waits for what the other does before it knows what comes next."""
    config = Config(loss_options={})

    def queue(rows: list[dict]) -> list[tuple[dict, Config]]:
        first = [{"part": "search", "n": n} for n in range(6)]
        last = [{"part": "table", "n": n} for n in range(2)] if all(sweep.done(rows, what) for what in first) else []
        return [(what, config) for what in first + last]

    kept, made = {}, []

    def one(what: dict, config: Config) -> dict:
        made.append(what)
        time.sleep(0.02)
        return {"found": what["n"] ** 2}

    def process(name: str) -> None:
        job = jobs.Job(1.0, True, torch.device("cpu"), tmp_path, lambda found: kept.update(found), lambda line: None)
        found = sweep.sweep(job, "table", queue, one, {"of": name})
        assert found["whole"]
        assert len(found["rows"]) == 8

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(process, "abc"))
    assert sorted((what["part"], what["n"]) for what in made) == sorted(
        (w["part"], w["n"]) for w, _ in queue(kept["rows"])
    )
    assert [row["part"] for row in kept["rows"]] == ["search"] * 6 + ["table"] * 2


def test_one_command_starts_several_processes(tmp_path: Path) -> None:
    arguments = ["anew", "--tiny", "--device", "cpu", "--minutes", "5", "--out", str(tmp_path), "--processes", "2"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    made = record.load(tmp_path / "tiny" / "anew.json")
    rows = made["results"]["rows"]
    assert made["command"].endswith("anew --minutes 5 --tiny --processes 2")
    assert made["seeds"] == sorted({row["seed"] for row in rows})
    assert len(rows) == len(list((tmp_path / "tiny" / "anew-rows").glob("*.json"))) == 6
    runs = [[row[key] for key in ("people", "pictures", "loss", "options", "world", "seed")] for row in rows]
    assert all(runs.count(one) == 1 for one in runs)


@pytest.mark.parametrize(("names", "said"), [(["heads", "table"], "heads cannot"), ([], "name the jobs")])
def test_what_cannot_be_shared_out_is_said(names: list[str], said: str) -> None:
    result = CliRunner().invoke(app, [*names, "--tiny", "--processes", "2"])
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())


def test_a_run_whose_process_died_is_made_by_another(tmp_path: Path) -> None:
    what, config = {"n": 1}, Config(loss_options={})
    job = jobs.Job(1.0, True, torch.device("cpu"), tmp_path, lambda found: None, lambda line: None)
    rows = sweep.Rows(job, "shared")
    taken = rows.take([(what, config)])
    assert taken is not None
    assert sweep.Rows(job, "shared").take([(what, config)]) is None
    taken[2].release()  # as the system does for a process that ends
    assert sweep.Rows(job, "shared").take([(what, config)]) is not None


def test_what_is_drawn_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.Job(1.0, True, torch.device("cpu"), tmp_path, lambda found: None, lambda line: None)
    first = drawn.world(job, 3, 2, seed=0)
    again = drawn.drawn_once(job, "world-0-0-3-2", lambda: pytest.fail("drawn again"), "cpu")
    assert torch.equal(first.images, again)
    assert first.labels.tolist() == [0, 0, 1, 1, 2, 2]
    (file,) = (tmp_path / "drawn").glob("*.pt")
    monkeypatch.setattr(cache, "code_hash", lambda module: f"changed {module}")
    drawn.world(job, 3, 2, seed=0)
    assert len(list((tmp_path / "drawn").glob("*.pt"))) == 2, "other code draws anew"
    assert file.exists()


def test_what_travels_is_small_and_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = tmp_path / "data", tmp_path / "small"
    drawn_faces(root, root / "lfw-dev" / "lfw")
    (root / "lfw-dev" / "pairsDevTest.txt").write_text(DEV_TEST)
    photographs.shrink(root, out)
    monkeypatch.setenv("COSFACE_DATA", str(out))
    assert sorted(path.name for path in out.iterdir()) == [
        *("celeba-1000", "cfp", "cfp-ff.txt", "cfp-fp.txt", "lfw-dev-aligned", "pairsDevTest.txt"),
    ]
    with Image.open(out / "lfw-dev-aligned" / "p0" / "p0_0001.jpg") as picture:
        assert picture.size == (48, 56)
