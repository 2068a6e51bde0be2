"""The framework of the paper's Fig. 1 as an inline SVG for the cover: training beside testing, one network in both.

Every box is a link to its chapter. Colours are the page's own, so that light and dark both work.
"""

from dataclasses import dataclass
from html import escape

WIDTH, BOX, GAP, TOP = 400, 54, 26, 44  # of the picture; a box's height; between rows; above the first row
COLUMNS = (10, 210)  # left edges: training, testing
NARROW, BROAD = 180, 380  # of a box in one column, of one across both


STYLE = """
.framework { display: block; width: 100%; max-width: 34rem; margin: 1rem auto; font: 13px system-ui, sans-serif; }
.framework a { text-decoration: none; }
.framework text { fill: var(--pst-color-text-muted, #5b6470); text-anchor: middle; }
.framework .fw-title, .framework .fw-phase {
  fill: var(--pst-color-text-base, #1b1f24); font-size: 14.5px; font-weight: 600;
}
.framework rect { fill: var(--pst-color-surface, #f5f7f9); stroke: var(--pst-color-border, #8a8f98); }
.framework a:is(:hover, :focus-visible) rect { stroke: var(--pst-color-primary, #0b62a8); stroke-width: 2.5; }
.framework path { fill: none; stroke: var(--pst-color-text-muted, #5b6470); stroke-width: 1.5; }
"""


@dataclass(frozen=True)
class Step:
    """A box: two short lines, and the page it leads to."""

    title: str
    words: str
    page: str


TRAINING = (
    Step("Faces with names", "thousands of people", "rehearsal"),
    Step("LMCL", "cosine, minus m, times s", "lmcl"),
    Step("One centre a person", "not kept", "eight-identities"),
)
TESTING = (
    Step("Two faces", "of strangers", "verification"),
    Step("Cosine", "of the two features", "verification"),
    Step("Above a threshold?", "one person, or two", "evaluating"),
)
SHARED = (
    Step("Find the face, align it", "five points onto a template", "align"),
    Step("Network", "the same on both sides; a feature of 512 numbers", "network"),
)


def _box(step: Step, left: int, top: int, width: int, suffix: str) -> str:
    middle = left + width / 2
    return (
        f'<a href="{step.page}{suffix}"><rect x="{left}" y="{top}" width="{width}" height="{BOX}" rx="8"/>'
        f'<text class="fw-title" x="{middle:g}" y="{top + 23}">{escape(step.title)}</text>'
        f'<text x="{middle:g}" y="{top + 42}">{escape(step.words)}</text></a>'
    )


def _arrow(x: float, top: int) -> str:
    """Down through the space between two rows."""
    end = top + GAP - 2
    return f'<path d="M{x:g} {top + 2}V{end}m-5 -7l5 7l5 -7"/>'


def svg(suffix: str = ".html") -> str:
    """The picture.

    Args:
        suffix: what follows a page's name in a link.

    Returns:
        An SVG element with its style and a description for those who cannot see it.
    """
    tops = [TOP + row * (BOX + GAP) for row in range(5)]
    centres = [left + NARROW / 2 for left in COLUMNS]
    parts = [
        f'<text class="fw-phase" x="{x:g}" y="26">{word}</text>'
        for x, word in zip(centres, ("Training", "Testing"), strict=True)
    ]
    for left, steps in zip(COLUMNS, (TRAINING, TESTING), strict=True):
        for step, row in zip(steps, (0, 3, 4), strict=True):
            parts.append(_box(step, left, tops[row], NARROW, suffix))
    parts += [_box(step, COLUMNS[0], tops[row], BROAD, suffix) for step, row in zip(SHARED, (1, 2), strict=True)]
    parts += [_arrow(x, top + BOX) for x in centres for top in tops[:-1]]
    label = (
        "Training: faces with names are aligned, a network turns each into a feature, LMCL compares it with one centre "
        "a person. Testing: two faces of strangers go through the same alignment and network; the cosine of their "
        "features, against a threshold, says whether they are one person."
    )
    return (
        f'<svg class="framework" viewBox="0 0 {WIDTH} {tops[-1] + BOX + 8}" role="group" aria-label="{escape(label)}">'
        f"<style>{STYLE}</style>"
        f"{''.join(parts)}</svg>\n"
    )
