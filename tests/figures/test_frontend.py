"""Pages name the files beside them; a notebook, which has none, gets all that the figure needs."""

import re

import pytest

from cosface_edu.figures import frontend, lab, live, slider

PIECES = {"lab": lab.html, "arc": live.arc, "forces": live.forces}


@pytest.fixture(params=["", "JPY_SESSION_NAME", "nbconvert"])
def shown_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A build, Jupyter, and what runs a notebook without a server and sets no name of its own."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    if request.param:
        monkeypatch.delenv(frontend.BUILD)
    if request.param == "JPY_SESSION_NAME":
        monkeypatch.setenv(request.param, "a.ipynb")
    return request.param


@pytest.mark.parametrize("piece", PIECES)
def test_a_live_notebook_asks_for_no_file(shown_in: str, piece: str) -> None:
    html = PIECES[piece]()
    asked = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', html)
    if not shown_in:
        assert {name.rpartition("/")[0] for name in asked} == {"../_static"}
        assert len(html) < 2_000
        return
    assert frontend.live()
    assert not [name for name in asked if "_static" in name]
    assert "data:image/webp;base64," in html
    assert re.search(r"<script>\n\(\(\) => \{.*\}\)\(\);\n</script>", html, re.S)
    assert re.search(r"<style>\n.*\.ml.*</style>", html, re.S)
    assert html.count("</script>") == 1, "the script's own text ends it"


def test_plotly_is_inside_a_live_notebook(shown_in: str) -> None:
    assert (slider.plotly_source() is True) == bool(shown_in)
