"""The Margin Lab: a small network that trains in the page while the reader moves the margin.

The same JavaScript serves twice: as an anywidget in a live notebook (`MarginLab`) and as a script in a built page
(`html`, with the files of `write_assets`). Its mathematics lies in `core.js` and `regions.js` and is tested against
`cosface_edu.losses` and `cosface_edu.geometry`.
"""

import html as escape
import os
import re
from pathlib import Path

import anywidget
import traitlets

from cosface_edu.figures import frontend
from cosface_edu.figures.lab import bundle
from cosface_edu.files import write_atomically

_FOLDER = Path(__file__).parent
_ALT = (
    "The Margin Lab: eight identities on the unit circle with their regions and the gaps that the margin opens, beside "
    "their features, the plane of the two cosines, the target logit, the gradient and the course of training."
)


def presets() -> list[str]:
    """Names that a lab can begin with; `tour.js` says what they are."""
    text = (_FOLDER / "tour.js").read_text(encoding="utf-8")
    block = text[text.index("PRESETS") : text.index("STOPS")]
    return re.findall(r'^  "?([\w-]+)"?: \{ title', block, re.M)


def _known(preset: str) -> str:
    if preset and preset not in presets():
        raise ValueError(f"preset must be one of {', '.join(presets())}, or empty; got {preset!r}")
    return preset


class MarginLab(anywidget.AnyWidget):
    """The lab in a notebook.

    Example:
        >>> from cosface_edu.figures.lab import MarginLab
        >>> lab = MarginLab(preset="fig4-m2")
        >>> lab.setting = {"loss": "cosface", "m": 0.35}
        >>> lab.figures  # filled when training in the browser pauses
        {}

    Attributes:
        preset: name of a preset to begin with, or "".
        setting: loss, m (or m1, m2, m3), s, ids, noise, lr, seed, dim; read and write.
        figures: step, loss, accuracy, heldOut, smallest and gap (radians) when training last paused; read only.
    """

    _esm = bundle.module()
    _css = bundle.style()
    preset = traitlets.Unicode("").tag(sync=True)
    setting = traitlets.Dict().tag(sync=True)
    figures = traitlets.Dict().tag(sync=True)

    @traitlets.validate("preset")
    def _check_preset(self, proposal: dict[str, str]) -> str:
        return _known(proposal["value"])


def html(preset: str = "", height: int = 900, static: str = "../_static") -> str:
    """The lab for a built page: an element, the references to its script and style, and a picture for print.

    In a notebook, which has no such files, script, style and picture are inside.

    Args:
        preset: name of a preset to begin with (see `tour.js`), or "" for CosFace, m = 0.2.
        height: pixels kept free until the lab is there, so that the page does not jump.
        static: path from the page to the folder that `write_assets` filled.

    Returns:
        HTML.

    Raises:
        ValueError: for an unknown preset.
    """
    _known(preset)
    source = frontend.picture(static, "margin-lab.webp", _FOLDER / "fallback.webp")
    picture = f'<img src="{source}" alt="{escape.escape(_ALT)}" style="max-width: 100%">'
    return (
        f"{frontend.sheet(static, 'margin-lab.css', bundle.style)}\n"
        f'<div data-margin-lab data-preset="{escape.escape(preset)}" style="min-height: {height}px">\n{picture}\n'
        "<noscript><p>The lab needs JavaScript; this picture shows one of its states.</p></noscript>\n</div>\n"
        f"{frontend.script(static, 'margin-lab.js', bundle.script)}\n"
    )


_COVER_ALT = (
    "Eight people of the procedural world on their circle, each with a region of its own colour and an empty gap to "
    "the next: a network trained with a margin of 0.2."
)


def cover_html(static: str = "../_static") -> str:
    """The book's cover: eight people on their circle and one slider; a picture without script.

    Args:
        static: path from the page to the folder that `write_assets` filled.

    Returns:
        HTML.
    """
    static = escape.escape(static.rstrip("/"))
    picture = f'<img src="{static}/margin-cover.webp" alt="{escape.escape(_COVER_ALT)}" style="max-width: 100%">'
    return (
        f'<link rel="stylesheet" href="{static}/margin-lab.css">\n'
        f'<div data-margin-cover style="min-height: 480px">\n{picture}\n</div>\n'
        f'<script defer src="{static}/margin-cover.js"></script>\n'
    )


def build_html() -> str:
    """The end of "Build CosFace yourself": the lab trains with the loss that a reader wrote on the page.

    It stands below `html`, whose script it uses, on a page with exercises; see `publishing.practice`.

    Returns:
        HTML.
    """
    words = "Here the lab trains with the loss that you have built, in the built page."
    return f"<div data-margin-build><p>{words}</p></div>\n"


def write_assets(folder: str | os.PathLike[str]) -> list[Path]:
    """Write the scripts, the style and the pictures that `html` and `cover_html` refer to.

    Args:
        folder: the `_static` folder of the built pages; made where it is absent.

    Returns:
        The files written.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    contents = {
        "margin-lab.js": bundle.script().encode(),
        "margin-lab.css": bundle.style().encode(),
        "margin-lab.webp": (_FOLDER / "fallback.webp").read_bytes(),
        "margin-live.js": bundle.live().encode(),
        **{path.name: path.read_bytes() for path in sorted(_FOLDER.glob("live-*.webp"))},
        "margin-cover.js": bundle.cover().encode(),
        "margin-cover.webp": (_FOLDER / "cover.webp").read_bytes(),
    }
    for name, content in contents.items():
        write_atomically(target / name, content)
    return [target / name for name in contents]
