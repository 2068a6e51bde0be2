"""Sphinx extension: each chapter as a notebook that runs alone, offered for download and, where it can be, in Colab.

The built pages stay as they are: the first cell, which installs what the chapter needs where it is missing, is put into
the notebooks only. `repository` in _config.yml says where the package is installed from and switches Colab's button on.
Colab opens notebooks from a branch: the book's workflow keeps them on `BRANCH`.
"""

import ast
from pathlib import Path

import jupytext
import nbformat
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

BRANCH = "notebooks"  # of the repository: the .ipynb files at its top
HOST = "https://github.com/"  # from which Colab opens notebooks

#: What no chapter but those on other people's loops imports: the extra `loops` brings it.
LOOPS = {"pytorch_lightning", "accelerate"}


def imported(notebook: nbformat.NotebookNode) -> set[str]:
    """First names of the modules that a notebook's cells import."""
    found: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found


def first_cell(modules: set[str], url: str, branch: str) -> str:
    """What stands first in a chapter that is read alone. Where everything is installed, it looks and does nothing.

    Args:
        modules: that the chapter imports.
        url: of the repository; "" if there is none yet.
        branch: of the repository to install from.
    """
    loops = sorted(modules & LOOPS)
    extra = "loops" if loops else "figures"
    asked = ", ".join(f'"{name}"' for name in ("cosface_edu", "anywidget", *loops))
    if url:
        there = f'    %pip install --quiet "cosface-edu[{extra}] @ git+{url}@{branch}"'
    else:
        how = f"pip install '.[{extra}]' in a copy of the book's repository, then run this cell again"
        there = f'    raise ModuleNotFoundError("not installed: {how}")'
    return (
        "# This chapter alone, in an empty folder or in Colab: what it needs is installed where it is missing.\n"
        "from importlib.util import find_spec\n\n"
        f"if any(find_spec(name) is None for name in ({asked})):\n{there}"
    )


def notebook(text: str, url: str = "", branch: str = "main") -> nbformat.NotebookNode | None:
    """A chapter as a notebook that runs alone.

    Args:
        text: of the chapter, in MyST Markdown.
        url: of the repository, see `first_cell`.
        branch: of the repository to install from.

    Returns:
        The notebook, without outputs; None for a page that has no cells.
    """
    made = jupytext.reads(text, fmt="md:myst")
    if not any(cell.cell_type == "code" for cell in made.cells):
        return None
    made.cells.insert(0, nbformat.v4.new_code_cell(first_cell(imported(made), url, branch)))
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"  # the same in every build
    return made


def _repository(config) -> tuple[str, str]:
    theme = config.html_theme_options
    url = (theme.get("repository_url") or "").strip("/").removesuffix(".git")
    if url and not url.startswith(HOST):
        raise ExtensionError(f"_config.yml: repository url {url!r}: Colab opens notebooks from {HOST}OWNER/NAME only")
    return url, theme.get("repository_branch") or "main"


def _offer(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Write the page's notebook and let the page's buttons lead to it."""
    if doctree is None or app.builder.format != "html":
        return
    source = Path(app.env.doc2path(pagename))
    if source.suffix != ".md":
        return
    url, branch = _repository(app.config)
    made = notebook(source.read_text(encoding="utf-8"), url, branch)
    if made is None:
        return
    name, folder = source.stem, Path(app.outdir, "notebooks")
    folder.mkdir(exist_ok=True)
    jupytext.write(made, folder / f"{name}.ipynb")
    jupytext.write(made, folder / f"{name}.md", fmt="md:myst")
    for group in context.get("header_buttons", []):
        if group.get("label") == "download-buttons":
            group["buttons"][:] = [
                *(_button(context, f"notebooks/{name}{suffix}", suffix) for suffix in (".ipynb", ".md")),
                *(button for button in group["buttons"] if button.get("type") != "link"),
            ]
    if url:
        context["header_buttons"].insert(0, _colab(f"{url.removeprefix(HOST)}/blob/{BRANCH}/{name}.ipynb"))


def _button(context: dict, path: str, suffix: str) -> dict:
    return {
        "type": "link",
        "url": context["pathto"](path, 1),
        "text": suffix,
        "icon": "fas fa-code" if suffix == ".ipynb" else "fas fa-file",
        "tooltip": "Download this chapter as a notebook that runs alone",
        "label": f"download-{'notebook' if suffix == '.ipynb' else 'source'}-button",
    }


def _colab(path: str) -> dict:
    return {
        "type": "link",
        "url": f"https://colab.research.google.com/github/{path}",
        "text": "Colab",
        "icon": "_static/images/logo_colab.png",
        "tooltip": "Run this chapter in Colab",
        "label": "colab-button",
    }


def setup(app: Sphinx) -> dict:
    # Priority: after the theme has made its buttons.
    app.connect("html-page-context", _offer, priority=502)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
