"""A file is there whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from cosface_edu import data, files
from cosface_edu.experiments import cache
from cosface_edu.files import alone_in, atomically, file_to_write, folder_to_write, write_atomically


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


@pytest.mark.parametrize("platform", ["win32", "linux"])
def test_a_file_that_is_open_for_a_moment_is_replaced_on_windows(tmp_path, monkeypatch, platform) -> None:
    """There the reader's hold refuses it; elsewhere a refusal is about the folder, and stays."""
    replace, refusals = os.replace, [PermissionError(13, "Access is denied")] * 2

    def held(part: Path, path: Path) -> None:
        if refusals:
            raise refusals.pop()
        replace(part, path)

    monkeypatch.setattr("os.replace", held)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(files, "_PAUSE", 0)
    if platform == "linux":
        with pytest.raises(PermissionError):
            write_atomically(tmp_path / "last.pt", b"new")
        return
    write_atomically(tmp_path / "last.pt", b"new")
    assert (tmp_path / "last.pt").read_bytes() == b"new"


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


@pytest.mark.parametrize("alone", [True, False])
def test_what_lies_in_the_part_s_place_is_not_written_through(tmp_path, alone: bool) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("kept")
    with atomically(tmp_path / "a.txt", alone) as part:
        part.touch()
    part.symlink_to(victim)
    with atomically(tmp_path / "a.txt", alone) as part:
        part.write_text("new")
    assert (victim.read_text(), (tmp_path / "a.txt").read_text()) == ("kept", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "victim.txt"]


@pytest.mark.parametrize("name", ["x" * 251 + ".jpg", "面" * 83 + ".jpg"])
def test_names_may_be_as_long_as_file_systems_take(tmp_path, name: str) -> None:
    with atomically(tmp_path / name) as part, atomically(tmp_path / ("y" + name[1:])) as other:
        assert part != other
        part.write_bytes(b"here")
        other.write_bytes(b"there")
    assert (tmp_path / name).read_bytes() == b"here"
    assert len(list(tmp_path.iterdir())) == 2


def test_an_error_of_the_disk_names_the_file(tmp_path) -> None:
    with pytest.raises(OSError, match=r"No space left on device: '.*a\.bin'"), atomically(tmp_path / "a.bin"):
        raise OSError(28, "No space left on device")


def test_an_error_names_the_file_and_not_its_part(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"/a\.txt'$"), atomically(tmp_path / "a.txt") as part:
        part.read_bytes()


def test_a_pipe_or_a_device_is_not_replaced(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    for name in ("pipe", "link"):
        for ask in (file_to_write, lambda path: write_atomically(path, b"")):
            with pytest.raises(OSError, match=f"{name}: a file is wanted, and this is a device or a pipe"):
                ask(tmp_path / name)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_a_lock_is_a_file_and_nothing_else_is_waited_for_or_written_to(tmp_path, kind: str) -> None:
    lock = tmp_path / ".running.lock"
    {"pipe": os.mkfifo, "link": lambda path: path.symlink_to("victim.txt"), "folder": os.mkdir}[kind](lock)
    with pytest.raises(OSError, match=r"running\.lock: wanted for a lock, and .*: remove it"), alone_in(tmp_path):
        pass
    assert not (tmp_path / "victim.txt").exists()


@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_said_and_worked_on(tmp_path, monkeypatch, reason: int) -> None:
    fcntl = pytest.importorskip("fcntl")

    def flock(*_: object) -> None:
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.warns(UserWarning, match="no locks on this file system"), alone_in(tmp_path):
        pass
    monkeypatch.setenv("COSFACE_CACHE", str(tmp_path))
    with cache.lock("a-toy"):  # neither waits nor stops
        pass


def test_a_missing_folder_is_made(tmp_path) -> None:
    write_atomically(tmp_path / "a" / "b" / "c.bin", b"here")
    assert (tmp_path / "a" / "b" / "c.bin").read_bytes() == b"here"
    assert file_to_write(tmp_path / "d" / "e.bin").parent.is_dir()
    assert folder_to_write(tmp_path / "f" / "g").is_dir()
    assert not any((tmp_path / "f" / "g").iterdir())  # nothing of the trial is left


def test_a_place_that_cannot_be_written_to_is_named(tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="file: a folder is wanted"):
        folder_to_write(tmp_path / "file")
    with pytest.raises(NotADirectoryError, match="inside: a folder is wanted"):
        folder_to_write(tmp_path / "file" / "inside")
    with pytest.raises(NotADirectoryError, match="file: a folder is wanted"):
        file_to_write(tmp_path / "file" / "a.bin")
    for ask in (file_to_write, lambda path: write_atomically(path, b"")):
        with pytest.raises(IsADirectoryError, match="this is a folder"):
            ask(tmp_path)

    def read_only(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", read_only)
    with pytest.raises(OSError, match=r"nothing can be written in this folder .*Read-only"):
        folder_to_write(tmp_path)


def test_a_shell_s_word_for_home_is_no_folder_for_results(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for ask in (folder_to_write, file_to_write, lambda path: write_atomically(path, b"")):
        with pytest.raises(FileNotFoundError, match=f"no folder called ~ here; is {tmp_path / 'home' / 'a'} meant"):
            ask("~/a")
    assert not list(tmp_path.iterdir())
    (tmp_path / "~").mkdir()  # it may be called so
    assert folder_to_write("~/a").is_dir()
    monkeypatch.setenv("COSFACE_DATA", "~/faces")  # as a .env file or a Dockerfile has it
    assert data.root() == tmp_path / "home" / "faces"
