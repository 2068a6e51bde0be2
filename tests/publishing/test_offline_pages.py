"""The pages' scripts: fetched once, and a failure says what to do."""

import re
import subprocess
from pathlib import Path

import pytest
from sphinx.errors import ExtensionError

from cosface_edu.publishing import offline_pages, practice


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """A folder that an earlier build filled."""
    for wanted in offline_pages.PAGE_SCRIPTS.values():
        for target in wanted.values():
            if target.endswith("/"):
                (tmp_path / target).mkdir(parents=True)
            else:
                (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / target).touch()
    about = tmp_path / practice.folder() / practice.ABOUT
    about.parent.mkdir()
    about.write_text('{"files": [], "info": {}}')
    return tmp_path


def test_nothing_is_fetched_twice(vendor: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args, **kwargs):
        raise AssertionError("a process was started")

    monkeypatch.setattr(subprocess, "run", refuse)
    offline_pages.fetch_page_scripts(vendor)
    assert (vendor / "plotly.min.js").stat().st_size > 1_000_000
    (vendor / "require.js").unlink()
    with pytest.raises(AssertionError, match="a process was started"):
        offline_pages.fetch_page_scripts(vendor)


def test_the_font_that_no_widget_shows_is_not_asked_for(vendor: Path) -> None:
    rule = '@font-face{font-family:"Font Awesome 5 Free";src:url(${a});src:url(${b}) format("svg")}'
    script = vendor / "embed-amd.js"
    script.write_text(f"x=`.a{{}}{rule}.fa{{}}`;", encoding="utf-8")
    offline_pages.fetch_page_scripts(vendor)
    assert script.read_text(encoding="utf-8") == "x=`.a{}.fa{}`;"


def mended(body: str) -> str:
    context = {"body": body}
    for mend in (offline_pages._say_ids_once, offline_pages._say_language):
        mend(None, "", "", context, None)
    return context["body"]


def test_chinese_says_that_it_is() -> None:
    whole = '<section id="id1">\n<h1>中文导读</h1><p>本书 in English</p><section id="b"></section></section>'
    assert re.findall('<[^>]*lang="zh-Hans"[^>]*>', mended(whole)) == ['<section lang="zh-Hans" id="id1">']
    table = '<h1>Notation</h1><td><p>间隔</p></td><td><p>margin</p></td><a class="x" href="y">导读</a>'
    marked = ['<p lang="zh-Hans">', '<a class="x" href="y" lang="zh-Hans">']
    assert re.findall('<[^>]*lang="zh-Hans"[^>]*>', mended(table)) == marked


def test_no_two_exercises_share_an_id() -> None:
    one = '<div class="exercise" id="ex-a"><section id="exercise-content"></section></div>'
    assert mended(2 * one).count("id=") == 2


def test_without_npm_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)
    with pytest.raises(ExtensionError, match=r"requirements\.txt` brings Node\.js"):
        offline_pages.fetch_page_scripts(tmp_path)


def test_without_network_it_names_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*args, **kwargs):
        return subprocess.CompletedProcess([], 1, "", "ENOTFOUND")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(ExtensionError, match=r"mathjax@3\.2\.2:\nENOTFOUND\nCheck the network"):
        offline_pages.fetch_page_scripts(tmp_path)
