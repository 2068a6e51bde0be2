"""What the rooms need beyond torch and numpy, and which extra of the package brings it.

`pip install cosface-edu` brings what the losses need; `pip install 'cosface-edu[train]'` what training needs, and so on
(pyproject.toml). A room that is imported without its packages says so in one line.
"""

from importlib.util import find_spec

#: Room -> the extra that brings its packages, and the packages that its import asks for at once.
NEEDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "data": ("faces", ("PIL", "simplejpeg", "tqdm")),
    "align": ("faces", ("PIL", "simplejpeg", "tqdm", "facenet_pytorch", "torchvision")),
    "networks": ("faces", ("PIL", "simplejpeg", "tqdm", "safetensors")),
    "faces": ("faces", ("PIL", "simplejpeg", "tqdm")),
    "cli": ("faces", ("typer", "rich")),
    "evaluation": ("evaluate", ("PIL", "simplejpeg", "tqdm", "safetensors", "scipy", "matplotlib", "jinja2")),
    "training": ("train", ("PIL", "simplejpeg", "tqdm", "safetensors", "scipy", "matplotlib", "jinja2")),
    "experiments": ("train", ("PIL", "simplejpeg", "tqdm", "safetensors", "scipy", "filelock", "typer")),
    "figures": ("figures", ("matplotlib", "plotly", "ipywidgets", "anywidget", "IPython")),
    "publishing": ("book", ("sphinx", "nbformat", "jupyter_cache", "plotly", "anywidget")),
}


class MissingPackages(ImportError):
    """A room is imported, or a function called, without packages that it needs; the message says what to install."""


def need(room: str) -> None:
    """Refuse to import a room whose packages are not installed.

    Args:
        room: its `__name__`, such as 'cosface_edu.data'.

    Raises:
        MissingPackages: with the command that installs them.
    """
    extra, packages = NEEDS[room.rpartition(".")[2]]
    _refuse(room, extra, packages, "what this room imports")


def need_here(function: str, extra: str, *packages: str) -> None:
    """Refuse to run a function that needs packages which the rest of its room can do without.

    Args:
        function: its name, such as 'cosface_edu.geometry.settle'.
        extra: what brings the packages.
        packages: as they are imported.

    Raises:
        MissingPackages: with the command that installs them.
    """
    _refuse(function, extra, packages, "what this function imports")


def _refuse(who: str, extra: str, packages: tuple[str, ...], what: str) -> None:
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingPackages(f"{who} needs {', '.join(missing)}: pip install 'cosface-edu[{extra}]' brings {what}")
