"""`pip install .` brings torch and numpy, and that is enough for the losses; every other room says what it lacks."""

import ast
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest

from cosface_edu.extras import NEEDS, MissingPackages, need

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TRAINING = """
import torch
from cosface_edu.losses import CosFace
torch.manual_seed(0)
x, y = torch.randn(64, 8), torch.arange(64) % 4
net, head = torch.nn.Linear(8, 8), CosFace(8, 4, s=16.0, m=0.2)
optimiser = torch.optim.SGD([*net.parameters(), *head.parameters()], lr=0.1)
losses = []
for _ in range(60):
    loss = head(net(x), y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    losses.append(loss.item())
assert losses[-1] < losses[0] / 2, losses
print("trained")
"""


def distribution(requirement: str) -> str:
    """'facenet-pytorch==2.5.3' and 'torch>=2.4; extra == "x"' to their normalised names."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


def needed(names: list[str]) -> set[str]:
    """Installed distributions that these ones require, extras left aside, themselves included."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = distribution(waiting.pop())
        if name in found:
            continue
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # for another system or another Python
            continue
        found.add(name)
        waiting += [text for text in requires if "extra ==" not in text]
    return found


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the built wheel, and of what is installed here torch and numpy alone."""
    if importlib.util.find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed: the wheel cannot be built without the network")
    work = tmp_path_factory.mktemp("light")
    source = work / "source"
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (source / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "cosface_edu", source / "cosface_edu", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = [*pip, "wheel", "--no-build-isolation", "--no-deps", "-w", str(work), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(work / "env")], check=True)
    python = work / "env" / "bin" / "python"
    (wheel,) = work.glob("*.whl")
    install = [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    here = Path(sysconfig.get_path("purelib"))
    links = work / "torch-and-numpy"
    links.mkdir()
    for name in needed(PROJECT["dependencies"]):
        for file in importlib.metadata.files(name) or []:
            top = file.parts[0]
            if top != ".." and not (links / top).exists() and (here / top).exists():
                (links / top).symlink_to(here / top)
    (site,) = (work / "env" / "lib").glob("python*/site-packages")
    (site / "torch.pth").write_text(f"{links}\n")
    return python


def run(python: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True)


def test_a_head_trains_without_the_extras(light: Path) -> None:
    done = run(light, TRAINING)
    assert done.stdout == "trained\n", done.stderr


def test_losses_and_geometry_import_nothing_else(light: Path) -> None:
    code = "import cosface_edu.losses, cosface_edu.geometry as g; print(g.max_margin(8, 2))"
    assert run(light, code).stdout.startswith("0.29"), run(light, code).stderr


def test_the_one_place_of_geometry_that_needs_more_names_its_extra(light: Path) -> None:
    done = run(light, "import cosface_edu.geometry as g; g.settle(0, 8, (1, 1))")
    assert done.stderr.splitlines()[-1] == (
        "cosface_edu.extras.MissingPackages: cosface_edu.geometry.settle needs scipy: "
        "pip install 'cosface-edu[evaluate]' brings what this function imports"
    )


@pytest.mark.parametrize(("room", "extra"), [(room, extra) for room, (extra, _) in NEEDS.items()])
def test_other_rooms_name_their_extra_in_one_line(light: Path, room: str, extra: str) -> None:
    done = run(light, f"import cosface_edu.{room}")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("cosface_edu.extras.MissingPackages: cosface_edu."), done.stderr
    asked = re.search(r"cosface-edu\[(\w+)\]", last)
    assert asked is not None
    assert asked[1] == extra


def test_the_command_says_it_without_a_stack_trace(light: Path) -> None:
    done = subprocess.run([light, "-m", "cosface_edu", "train"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: cosface_edu.cli needs typer, rich: pip install 'cosface-edu[faces]' brings what this room imports"
    ]


def packages_of(extra: str) -> set[str]:
    """Modules that can be imported where an extra is installed."""
    asked = list(PROJECT["dependencies"])
    waiting = [extra]
    while waiting:
        for text in PROJECT["optional-dependencies"][waiting.pop()]:
            if own := re.match(r"cosface-edu\[(.+)\]", text):
                waiting += own[1].split(",")
            else:
                asked.append(text)
    installed = needed(asked)
    modules = importlib.metadata.packages_distributions()
    return {module for module, names in modules.items() if {distribution(name) for name in names} & installed}


def imported(file: Path) -> set[str]:
    """First names of the modules that a file imports at once, of which no standard library and none of our own."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"cosface_edu"}


#: Tools of the house, started by hand: they need the browser driver that `make install` brings.
TOOLS = {"make_moving_picture.py", "make_picture.py", "printing"}


@pytest.mark.parametrize("room", sorted(path.name for path in (ROOT / "cosface_edu").glob("[a-z]*/")))
def test_an_extra_brings_all_that_its_rooms_import(room: str) -> None:
    extra = NEEDS[room][0] if room in NEEDS else None
    there = packages_of(extra) if extra else {"torch", "numpy"}
    files = [file for file in (ROOT / "cosface_edu" / room).rglob("*.py") if not TOOLS & {file.name, file.parent.name}]
    lacking = {file.name: sorted(imported(file) - there) for file in files}
    assert not {name: modules for name, modules in lacking.items() if modules}


def test_what_a_room_asks_for_is_brought_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for room, (extra, packages) in NEEDS.items():
        assert set(packages) <= packages_of(extra), room
        need(f"cosface_edu.{room}")  # all are here
    monkeypatch.setitem(NEEDS, "data", ("faces", ("PIL", "no_such_package")))
    with pytest.raises(MissingPackages, match=r"cosface_edu\.data needs no_such_package: pip install"):
        need("cosface_edu.data")


def test_requirements_name_all_that_the_extras_do() -> None:
    """What `make install` locks and installs is all that the package and its extras may ask for."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    there = {distribution(line) for line in lines if line and not line.startswith(("#", "-e"))}
    extras = [text for texts in PROJECT["optional-dependencies"].values() for text in texts]
    asked = {distribution(text) for text in [*PROJECT["dependencies"], *extras]} - {"cosface-edu"}
    assert asked <= there


def test_an_extra_brings_what_its_room_needs() -> None:
    """`networks.onnx` is a part of the networks: whoever asks for the export alone needs these, too."""
    assert "cosface-edu[faces]" in PROJECT["optional-dependencies"]["export"]
