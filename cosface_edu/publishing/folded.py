"""Sphinx extension: what a cell shows stands before its code where the code is folded away.

A question is then followed by its figure, not by a bar. In the page, the order of reading and that of the Tab key are
the same as what is seen.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


def output_first(cell: nodes.container) -> None:
    """Put a cell's folded code behind its output. A cell without output stays as it is.

    Args:
        cell: as myst-nb's `HideInputCells` leaves it: the fold with the code, then the output.
    """
    fold = cell.children[0]
    fold["prompt_show"], fold["prompt_hide"] = "Show code", "Hide code"
    if len(cell) > 1:
        cell.remove(fold)
        cell.append(fold)


class OutputFirst(SphinxPostTransform):
    """Puts outputs first in all cells with the tag hide-input."""

    default_priority = 200  # myst-nb folds at 199
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Go through the page's cells."""
        for cell in list(self.document.findall(nodes.container)):
            if cell.get("nb_element") == "cell_code" and cell.get("hide_mode") == "input":
                output_first(cell)


def setup(app: Sphinx) -> dict:
    app.add_post_transform(OutputFirst)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
