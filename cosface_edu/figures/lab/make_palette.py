"""The palette for the lab: `python -m cosface_edu.figures.lab.make_palette` writes `palette.js`.

Its colours are those of `cosface_edu.palette`; a test says when it is to be written anew.
"""

import json
from pathlib import Path

from cosface_edu import palette

PALETTE = Path(__file__).parent / "palette.js"


def text() -> str:
    """What `palette.js` holds."""
    colours = {"PEOPLE": list(palette.PEOPLE), "GENUINE": palette.GENUINE, "IMPOSTOR": palette.IMPOSTOR}
    lines = [f"export const {name} = {json.dumps(value)};" for name, value in colours.items()]
    return "\n".join(["// Made by `python -m cosface_edu.figures.lab.make_palette`; do not edit.", *lines, ""])


if __name__ == "__main__":
    PALETTE.write_text(text(), encoding="utf-8")
