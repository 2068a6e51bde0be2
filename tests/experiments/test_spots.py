"""Runs made again are compared with the right ones of their records."""

from pathlib import Path

import pytest

from cosface_edu.experiments import catalogue, record, spots

#: Their runs take a quarter of an hour each, or need several networks.
LONG = {"casia-mini", "casia-mini-together", "casia-mini-plain-together"}


def test_no_record_of_a_processor_is_forgotten() -> None:
    assert spots.AGAIN.keys() | LONG | {spots.NAME} == catalogue.MAKERS.keys() | catalogue.KEEPERS.keys()


def test_a_run_is_set_beside_its_own_and_its_seeds_told_apart() -> None:
    rows = [
        {"loss": loss, "s": s, "seed": seed, "accuracy": accuracy}
        for loss, s, seed, accuracy in [
            ("nsl", 8.0, 0, 0.90),
            ("nsl", 8.0, 1, 0.93),
            ("nsl", 8.0, 2, 0.91),
            ("nsl", 4.0, 0, 0.5),
            ("cosface", 8.0, 0, 0.6),
        ]
    ]
    found = spots.compared("few-pictures", {"loss": "nsl", "s": 8.0, "seed": 1, "accuracy": 0.92}, rows)
    assert found["which"] == {"loss": "nsl", "s": 8.0}
    assert [found[name] for name in ("seed", "measure")] == [1, "accuracy, %"]
    assert [found[name] for name in ("recorded", "again", "seeds")] == pytest.approx([93, 92, 3])
    alone = spots.compared("few-pictures", {"loss": "nsl", "s": 4.0, "seed": 0, "accuracy": 0.5}, rows)
    assert alone["seeds"] is None
    with pytest.raises(ValueError, match=r"few-pictures: 0 recorded runs of .*'s': 3.0.*seed 0"):
        spots.compared("few-pictures", {"loss": "nsl", "s": 3.0, "seed": 0, "accuracy": 0.5}, rows)


def test_a_row_of_the_loss_table_goes_by_its_name_and_rate() -> None:
    row = record.load("loss-table")["runs"][0]
    assert spots.compared("loss-table", row, record.load("loss-table")["runs"])["which"] == {
        "row": row["row"],
        "lr": row["lr"],
    }


@pytest.mark.parametrize("name", spots.AGAIN)
def test_what_is_compared_stands_in_every_record(name: str) -> None:
    runs = record.load(name)["runs"]
    for run in runs:
        found = spots.compared(name, run, runs)
        assert found["recorded"] == found["again"]


def test_what_was_stopped_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[str] = []

    def first(say: spots.Say) -> list[spots.Row]:
        asked.append("few-pictures")
        return record.load("few-pictures")["runs"][:1]

    def stopped(say: spots.Say) -> list[spots.Row]:
        raise KeyboardInterrupt

    monkeypatch.setattr(spots, "AGAIN", {"few-pictures": first, "rehearsal": stopped})
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            spots.main(tmp_path / "a.json", say=lambda line: None)
    assert asked == ["few-pictures"]
    assert [run["record"] for run in record.load(tmp_path / "a.json")["runs"]] == ["few-pictures"]
