"""Pages name the files beside them; a notebook, which has none, gets all that the figure needs."""

import re

import pytest

from cosface_edu.figures import frontend, lab, live, slider

PIECES = {"lab": lab.html, "arc": live.arc, "forces": live.forces}


@pytest.fixture(params=["page", "notebook"])
def shown_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A build of the book, and anything else."""
    if request.param == "notebook":
        monkeypatch.delenv(frontend.BUILD)
    return request.param


@pytest.mark.parametrize("piece", PIECES)
def test_a_notebook_asks_for_no_file(shown_in: str, piece: str) -> None:
    html = PIECES[piece]()
    asked = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', html)
    if shown_in == "page":
        assert {name.rpartition("/")[0] for name in asked} == {"../_static"}
        assert len(html) < 2_000
        return
    assert frontend.carries_all()
    assert not [name for name in asked if "_static" in name]
    assert "data:image/webp;base64," in html
    assert re.search(r"<script>\n\(\(\) => \{.*\}\)\(\);\n</script>", html, re.S)
    assert re.search(r"<style>\n.*\.ml.*</style>", html, re.S)
    assert html.count("</script>") == 1, "the script's own text ends it"


def test_plotly_is_inside_a_notebook(shown_in: str) -> None:
    assert (slider.plotly_source() is True) == (shown_in == "notebook")
