"""Text files from Windows, spreadsheets and shells."""

import os

import pytest

from cosface_edu.data.text import read_text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_byte_order_mark_is_heeded_and_dropped(tmp_path, encoding: str) -> None:
    mark = "\ufeff" if encoding in ("utf-16-le", "utf-16-be") else ""
    (tmp_path / "a.txt").write_bytes(f"{mark}10\t2\nRené\n".encode(encoding))
    assert read_text(tmp_path / "a.txt") == "10\t2\nRené\n"


def test_another_encoding_still_names_its_files(tmp_path) -> None:
    (tmp_path / "a.txt").write_bytes(b"Ren\xe9\n")
    assert os.fsencode(read_text(tmp_path / "a.txt")) == b"Ren\xe9\n"


@pytest.mark.parametrize("content", [b"a\0b", b"\xff\xfea", "x".encode("utf-16-le")])
def test_what_is_no_text_is_refused(tmp_path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.txt"):
        read_text(tmp_path / "a.txt")
