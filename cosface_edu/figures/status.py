"""The status page: what these pages were built with, and each record with its machine, its time and whether its code
is today's. Nothing is typed; all is asked of the environment and of the records."""

import platform
from importlib import metadata

from cosface_edu import __version__
from cosface_edu.experiments import catalogue, record, shipped, spots
from cosface_edu.figures import page
from cosface_edu.figures.tables import table, unbroken

#: What a page's look or numbers may depend on.
PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "scikit-learn",
    "facenet-pytorch",
    "matplotlib",
    "plotly",
    "ipywidgets",
    "jupyter-book",
    "sphinx",
    "myst-nb",
)


def versions() -> str:
    """What these pages were built with, as a Markdown table."""
    commit = record.commit() or "unknown"
    rows = [["cosface-edu", f"{__version__}, commit `{commit[:7]}`{' with changes' if commit.endswith('+') else ''}"]]
    rows += [["Python", f"{platform.python_version()} on {platform.system()}"]]
    return table(["what", "version"], rows + [[name, _version(name)] for name in PACKAGES], "l")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # the book's own tools, where this chapter runs alone
        return "not installed"


def machine() -> str:
    """What the cells of these pages ran on."""
    return f"Cells ran on: {page.hardware()}."


def records(gpu: bool) -> str:
    """The records that were made on a GPU, or those that were made without one, as a Markdown table.

    Args:
        gpu: which of the two.
    """
    rows = []
    for listed in catalogue.listed():
        found = shipped.recorded(listed.name)
        made = found["hardware"]
        if (made["gpu"] is not None) != gpu:
            continue
        on = made["gpu"] or f"{made['processor']}, threads a run: {made['threads']}"
        rows.append(
            [
                f"`{listed.name}`",
                listed.date,
                f"`{listed.commit}`",
                listed.state,
                "not recorded" if found["seconds"] is None else page.duration(found["seconds"], "min", "s"),
                f"{on}; torch {found['versions']['torch']}",
                f"`{listed.command}`",
            ]
        )
    return table(["record", "made on", "commit", "its code today", "took", "where", "made again by"], rows, "l")


def made_again() -> str:
    """Runs of the records beside what later code makes of them: a Markdown table, what it comes to, and whence."""
    checked = shipped.recorded(spots.NAME)
    runs = checked["runs"]
    rows = []
    for run in runs:
        words = [value if isinstance(value, str) else f"{key} = {value:g}" for key, value in run["which"].items()]
        seeds = "one seed" if run["seeds"] is None else f"{run['seeds']:.2f}"
        rows.append(
            [
                f"`{run['record']}`",
                unbroken(", ".join([*words, f"seed {run['seed']}"])),
                run["measure"],
                f"{run['recorded']:.2f}",
                f"{run['again']:.2f}",
                seeds,
            ]
        )
    several = [run for run in runs if run["seeds"] is not None]
    further = [run for run in several if abs(run["again"] - run["recorded"]) > run["seeds"]]
    others = {*catalogue.MAKERS, *catalogue.KEEPERS} - {spots.NAME} - {run["record"] for run in runs}
    return (
        table(["record", "run", "measure", "recorded", "again", "seeds lie apart by"], rows, "lllr")
        + f"\n\nOf {len(several)} runs with several seeds in their record, {len(further)} came out further from it "
        f"than its seeds lie apart. Not made again: {', '.join(f'`{name}`' for name in sorted(others))}."
        f"\n\n{page.provenance(checked)}"
    )
