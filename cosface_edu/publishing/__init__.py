"""From chapters to what a reader holds: Sphinx extensions for the pages, notebooks, the reference, the book on paper.

What runs the chapters and builds the pages is in `run_chapters`, `offline_pages`, `cells`, `folded`, `reference` and
`alone`; `practice` puts the exercises into a page, and `printing` the pages on paper. `make_picture` and
`make_moving_picture` photograph figures that move. Chapters import nothing from here.
"""

from cosface_edu.extras import need

need(__name__)
