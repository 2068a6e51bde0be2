"""Chapters to take away: each runs alone, against the installed wheel, in a folder with nothing else in it."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager
from sphinx.errors import ExtensionError

from cosface_edu.publishing import alone

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
URL = "https://github.com/somebody/margin-book"
packages_distributions = cache(importlib.metadata.packages_distributions)  # a second each time
# Those that are run here: records, a live figure, a theorem. All were run once by hand.
RUN = ("consent-and-bias", "how-large-s")


@pytest.fixture
def text(chapter: str) -> str:
    found = (ROOT / "book" / f"{chapter}.md").read_text(encoding="utf-8")
    if "{code-cell}" not in found:
        pytest.skip("a page without cells")
    return found


def names(requirements: list[str]) -> set[str]:
    return {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", line)[0]).lower() for line in requirements}


@cache
def brought(extra: str) -> set[str]:
    """Names of the distributions that an extra brings, and of what they require in turn."""
    found: set[str] = set()
    waiting, extras = names(PROJECT["dependencies"]), [extra]
    while extras:
        for line in PROJECT["optional-dependencies"][extras.pop()]:
            if own := re.match(r"cosface-edu\[(.+)\]", line):
                extras += own[1].split(",")
            else:
                waiting |= names([line])
    while waiting:
        name = waiting.pop()
        found.add(name)
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:  # for another system
            continue
        waiting |= names([line for line in requires if "extra ==" not in line]) - found
    return found


def test_what_a_chapter_imports_is_what_its_first_cell_installs(text: str) -> None:
    first = alone.notebook(text, URL).cells[0].source
    extra = re.search(r'"cosface-edu\[(\w+)\] @ git\+(\S+)@main"', first)
    assert extra[2] == URL
    owners = packages_distributions()
    modules = alone.imported(alone.notebook(text)) - set(sys.stdlib_module_names) - {"cosface_edu"}
    missing = {module for module in modules if not names(owners[module]) & brought(extra[1])}
    assert not missing, f"the extra {extra[1]} does not bring {missing}"


def test_a_chapter_is_the_page_s_cells_after_the_first(text: str) -> None:
    made = alone.notebook(text)
    nbformat.validate(made)
    written = re.findall(r"^```\{code-cell\}[^\n]*\n(?:---\n.*?^---\n|:tags:[^\n]*\n)*(.*?)^```$", text, re.M | re.S)
    cells = [cell.source.strip() for cell in made.cells if cell.cell_type == "code"]
    assert cells[1:] == [cell.strip() for cell in written]


def test_a_chapter_reads_no_file_but_by_name_of_a_record(text: str) -> None:
    """`shipped.recorded` finds what the wheel brings; a path relative to the page is nowhere outside the book."""
    cells = "\n".join(cell.source for cell in alone.notebook(text).cells[1:] if cell.cell_type == "code")
    assert not re.findall(r"record\.load\(|(?<![\w.])open\(|\.read_text\(|\.read_bytes\(|\.\./|__file__", cells)
    for name in re.findall(r'recorded\("([^"]+)"\)', cells):
        assert (ROOT / "book" / f"{name if '/' in name else f'results/{name}'}.json").is_file(), name


@pytest.mark.parametrize("url", ["", URL])
def test_the_first_cell_does_nothing_where_the_packages_are(url: str) -> None:
    code = TransformerManager().transform_cell(alone.first_cell({"torch"}, url, "main"))
    asked = []
    exec(code, {"get_ipython": lambda: asked.append("pip")})
    assert asked == []


def test_the_first_cell_installs_or_says_what_to_do_where_they_are_not() -> None:
    def run(url: str) -> list[tuple[str, str]]:
        asked: list[tuple[str, str]] = []
        shell = SimpleNamespace(run_line_magic=lambda *words: asked.append(words))
        code = TransformerManager().transform_cell(alone.first_cell({"accelerate"}, url, "next"))
        exec(code.replace('"accelerate"', '"absent_here"'), {"get_ipython": lambda: shell})
        return asked

    assert run(URL) == [("pip", f'install --quiet "cosface-edu[loops] @ git+{URL}@next"')]
    with pytest.raises(ModuleNotFoundError, match=r"pip install '\.\[loops\]' in a copy"):
        run("")


def offered(tmp_path: Path, url: str | None, page: str = "book/how-large-s") -> list[dict]:
    theme = {} if url is None else {"repository_url": url, "repository_branch": "main"}
    app = SimpleNamespace(
        builder=SimpleNamespace(format="html"),
        env=SimpleNamespace(doc2path=lambda name: ROOT / f"{name}.md"),
        config=SimpleNamespace(html_theme_options=theme),
        outdir=tmp_path,
    )
    old = [{"type": "link", "text": ".md"}, {"type": "javascript", "text": ".pdf"}]
    context = {
        "pathto": lambda path, _: f"../{path}",
        "header_buttons": [{"type": "group", "label": "download-buttons", "buttons": old}],
    }
    alone._offer(app, page, "page.html", context, object())
    return context["header_buttons"]


def test_a_page_offers_files_that_are_there(tmp_path: Path) -> None:
    (group,) = offered(tmp_path, "")
    assert [button["text"] for button in group["buttons"]] == [".ipynb", ".md", ".pdf"]
    for button in group["buttons"][:2]:
        made = (tmp_path / button["url"].removeprefix("../")).read_text()
        assert "find_spec" in made
        assert "github" not in made


def test_colab_has_a_button_where_the_book_has_a_repository(tmp_path: Path) -> None:
    assert len(offered(tmp_path, None)) == len(offered(tmp_path, "")) == 1
    button, _ = offered(tmp_path, f"{URL}/")
    at = f"{URL.removeprefix('https://')}/blob/{alone.BRANCH}/how-large-s.ipynb"
    assert button["url"] == "https://colab.research.google.com/" + at.replace("github.com", "github")
    assert f"git+{URL}@main" in (tmp_path / "notebooks" / "how-large-s.ipynb").read_text()
    with pytest.raises(ExtensionError, match="OWNER/NAME only"):
        offered(tmp_path, "https://example.org/somebody/margin-book")


def test_a_page_without_cells_stays_as_it_is(tmp_path: Path) -> None:
    (group,) = offered(tmp_path, URL, "book/notation")
    assert [button["text"] for button in group["buttons"]] == [".md", ".pdf"]


def test_the_setting_is_there_and_the_workflow_writes_the_branch() -> None:
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert set(config["repository"]) == {"url", "branch"}
    assert "cosface_edu.publishing.alone" in config["sphinx"]["extra_extensions"]
    workflow = (ROOT / ".github" / "workflows" / "book.yml").read_text()
    assert re.search(rf"git push --force \S+ HEAD:{alone.BRANCH}$", workflow, re.M)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel; everything else comes from the environment of the tests."""
    work = tmp_path_factory.mktemp("installed")
    source = work / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    leave = shutil.ignore_patterns("__pycache__", "vendor")
    for name in ("cosface_edu", "book", "benchmarks"):
        shutil.copytree(ROOT / name, source / name, ignore=leave)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = [*pip, "wheel", "--no-build-isolation", "--no-deps", "-w", str(work), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    shutil.rmtree(source)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(work / "env")], check=True)
    python = work / "env" / "bin" / "python"
    (wheel,) = work.glob("*.whl")
    install = [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (site,) = (work / "env" / "lib").glob("python*/site-packages")
    (site / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return python


EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient
made = nbformat.read(sys.argv[1], 4)
made.cells.append(nbformat.v4.new_code_cell("import cosface_edu; print(cosface_edu.__file__)"))
NotebookClient(made, timeout=300, kernel_name="python3").execute()
print(made.cells[-1].outputs[0].text)
"""


@pytest.mark.parametrize("page", RUN)
def test_it_runs_in_an_empty_folder_against_the_wheel(page: str, installed: Path, tmp_path: Path) -> None:
    made = alone.notebook((ROOT / "book" / f"{page}.md").read_text(encoding="utf-8"), URL)
    nbformat.write(made, tmp_path / f"{page}.ipynb")
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "COSFACE_DATA", "COSFACE_BOOK_BUILD")}
    environment |= {"COSFACE_CACHE": str(tmp_path / "cache"), "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(
        [installed, "-c", EXECUTE, f"{page}.ipynb"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.startswith(str(installed.parents[1])), "another copy of the package was imported"
