"""Folded code stands behind what it shows."""

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode

from cosface_edu.publishing import folded


def _cell(*outputs: nodes.Node) -> nodes.container:
    """A cell with the tag hide-input, as myst-nb leaves it."""
    fold = HideCodeCellNode(prompt_show="Show code cell source", prompt_hide="Hide code cell source")
    return nodes.container("", fold, *outputs, nb_element="cell_code", hide_mode="input")


def test_the_output_comes_before_the_folded_code() -> None:
    output = nodes.container(nb_element="cell_code_output")
    cell = _cell(output)
    folded.output_first(cell)
    shown, fold = cell.children
    assert shown is output
    assert isinstance(fold, HideCodeCellNode)
    assert fold["prompt_show"] == "Show code"


def test_a_cell_that_shows_nothing_keeps_its_fold() -> None:
    cell = _cell()
    folded.output_first(cell)
    assert isinstance(cell.children[0], HideCodeCellNode)
    assert len(cell) == 1
