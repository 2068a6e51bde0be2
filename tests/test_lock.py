"""requirements.lock: one exact version for all that requirements.txt asks for, and within what it allows."""

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def lines(name: str) -> list[str]:
    text = (ROOT / name).read_text()
    return [line for line in text.splitlines() if line and not line.startswith(("#", " ", "-e"))]


def test_every_requirement_is_locked_to_a_version_that_it_allows() -> None:
    locked: dict[str, list[str]] = {}
    for line in lines("requirements.lock"):
        found = re.match(r"([\w.-]+)==(\S+)", line)
        assert found, f"no exact version: {line}"
        locked.setdefault(canonicalize_name(found[1]), []).append(found[2])
    for line in lines("requirements.txt"):
        wanted = Requirement(line)
        versions = locked.get(canonicalize_name(wanted.name))
        assert versions, f"{wanted.name} is not locked: run `make lock`"
        assert all(version in wanted.specifier for version in versions), f"{wanted} against {versions}: run `make lock`"


def test_the_package_itself_is_in_both() -> None:
    for name in ("requirements.txt", "requirements.lock"):
        assert "-e ." in (ROOT / name).read_text().splitlines()


def test_the_package_s_ranges_allow_what_is_locked() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(line for extra in project["optional-dependencies"].values() for line in extra)]
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.M))
    for wanted in map(Requirement, asked):
        if wanted.name != "cosface-edu":
            assert locked[canonicalize_name(wanted.name)] in wanted.specifier, wanted
