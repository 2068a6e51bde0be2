"""Sphinx extension for pages that need no network: page scripts come from vendor/, and nothing asks an outside host.

Jupyter Book loads MathJax and the widget scripts from a CDN and injects Thebe (a live-kernel launcher) into every
page. Here MathJax and the widget scripts are local files and Thebe is dropped.
"""

from pathlib import Path

from sphinx.application import Sphinx

# What MathJax is told: AMS numbering is Sphinx's, so MathJax numbers nothing itself.
MATHJAX = {"options": {"processHtmlClass": "tex2jax_process|mathjax_process|math|output_area"}}


def _configure(app: Sphinx, config) -> None:
    vendor = Path(app.confdir) / "vendor"
    if not (vendor / "plotly.min.js").exists():
        raise FileNotFoundError(f"{vendor} holds no page scripts: build with `make book`, which fetches them once")
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
