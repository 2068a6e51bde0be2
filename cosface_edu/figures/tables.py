"""Tables for reading: what an experiment found, as Markdown."""

from collections.abc import Mapping, Sequence

from cosface_edu.experiments import toy


def toys(runs: Sequence[toy.ToyRun]) -> str:
    """Toys beside each other: accuracies and gaps, see `experiments.toy.rows`."""
    return markdown(toy.rows(runs))


def markdown(lines: Sequence[Mapping[str, str]]) -> str:
    """Rows of texts by column as a Markdown table: readable in a terminal, rendered in a chapter."""
    columns = list(lines[0])
    # no narrower than "-:", the shortest rule that is read as a column
    width = {c: max(2, len(c), *(len(line[c]) for line in lines)) for c in columns}

    def row(cells: Mapping[str, str]) -> str:
        return "| " + " | ".join(cells[c].rjust(width[c]) for c in columns) + " |"

    return "\n".join(
        [row({c: c for c in columns}), row({c: "-" * (width[c] - 1) + ":" for c in columns}), *map(row, lines)]
    )


def unbroken(text: str) -> str:
    """A cell's text whose intervals, settings, products and steps from one value to another stay on a line."""
    for mark in ("…", "=", "→", "×"):
        text = text.replace(f" {mark} ", f"\u00a0{mark}\u00a0")
    return text
