"""Tables for reading: what an experiment found, as Markdown."""

import re
from collections.abc import Iterable, Mapping, Sequence

from cosface_edu.experiments import toy

_NEGATIVE = re.compile(r"(?:^|(?<=[ (\u00a0]))-(?=\.?\d)")  # not of a word, an exponent, a date or a formula


def toys(runs: Sequence[toy.ToyRun]) -> str:
    """Toys beside each other: accuracies and gaps, see `experiments.toy.rows`."""
    return markdown(toy.rows(runs))


def markdown(lines: Sequence[Mapping[str, str]], align: str = "r") -> str:
    """Rows of texts by column as a Markdown table.

    Args:
        lines: the rows; the first one's columns are the table's.
        align: see `table`.
    """
    columns = list(lines[0])
    return table(columns, ([line[c] for c in columns] for line in lines), align)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], align: str = "lr") -> str:
    """A Markdown table, where headings may be empty or occur twice, and a number's hyphen is a minus.

    Args:
        heads: of the columns.
        rows: a text for each column.
        align: "l" or "r" for each column, the last for all that follow; by default names, then numbers.
    """
    rules = ({"l": "---", "r": "--:"}[side] for side in align.ljust(len(heads), align[-1]))
    head, *lines = (f"| {' | '.join(map(_minus, line))} |" for line in (heads, *rows))
    return "\n".join([head, f"|{'|'.join(rules)}|", *lines])


def _minus(text: str) -> str:
    return text if "`" in text else _NEGATIVE.sub("−", text)  # what is typed stays as it is typed


def unbroken(text: str) -> str:
    """A cell's text whose intervals, settings, products and steps from one value to another stay on a line."""
    for mark in ("…", "=", "→", "×"):
        text = text.replace(f" {mark} ", f"\u00a0{mark}\u00a0")
    return text
