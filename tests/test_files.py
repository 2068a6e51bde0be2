"""A file is there whole or not at all."""

import pytest

from cosface_edu.files import atomically, write_atomically


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    target = tmp_path / "a.bin"
    write_atomically(target, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_writer_that_fails_half_way_leaves_the_old_file(tmp_path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write() -> None:
        with atomically(target) as part:
            part.write_text("half")
            assert target.read_text() == "old"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_writer_that_is_alone_leaves_one_file_behind_however_often_it_is_killed(tmp_path) -> None:
    target = tmp_path / "a.txt"
    with atomically(target, alone=True) as first, atomically(target) as other:
        assert first != other
        names = first.name
        first.touch()
        other.write_text("new")
    assert names == ".a.txt.part"
