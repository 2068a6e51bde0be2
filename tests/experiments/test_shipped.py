"""Records are found beside the package or among what was installed with it; what is missing is named."""

from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pytest

from cosface_edu.experiments import shipped


def test_a_clone_s_own_record_comes_first() -> None:
    assert shipped.recorded("groups")["what"]
    assert shipped.path("book/by-hand/faceworld-tries.json").parts[-3:-1] == ("book", "by-hand")


def test_installed_alone_it_is_what_the_wheel_brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record = tmp_path / "share" / "groups.json"
    monkeypatch.setattr(shipped, "PACKAGE", tmp_path / "site" / "cosface_edu")
    with pytest.raises(FileNotFoundError, match=r"book/results/groups\.json: neither in a clone beside"):
        shipped.path("book/results/groups.json")
    file = SimpleNamespace(as_posix=lambda: f"../../../{shipped.SHARE}/book/results/groups.json", locate=lambda: record)
    monkeypatch.setattr(metadata, "files", lambda name: [file])
    assert shipped.path("book/results/groups.json") == record
    with pytest.raises(FileNotFoundError, match="strangers"):
        shipped.path("book/results/strangers.json")
