"""The one palette: figures, reports and the lab in the browser take their colours from here.

The hues are those of Okabe and Ito (2008), made for colour-blind readers; yellow and black are replaced because one
picture serves light pages and dark ones, and two are added because the lab knows ten people. All stand out on white
and on the dark theme's ground. Colour alone does not tell everybody apart: to protanopes orange and olive, persons B
and G, are nearly one colour. So people also have shapes and letters, and curves have line styles.
"""

BLUE = "#0b84c6"
ORANGE = "#e69f00"
GREEN = "#009e73"
PINK = "#cc79a7"
SKY = "#56b4e9"
VERMILION = "#d55e00"
OLIVE = "#b3a125"
GREY = "#8c8c8c"
PLUM = "#b0468a"
VIOLET = "#7d74dd"

# Person k has PEOPLE[k], everywhere. H, whom many figures show, is not grey: helping lines are.
PEOPLE = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, OLIVE, PLUM, GREY, VIOLET)
SCALES = ("#ca8ad9", "#b378d4", "#9b67d0", "#8156cb", "#6744c5")  # of the scale s, a doubling from tone to tone

TEXT = "#7c8087"  # axes, ticks, labels
GUIDE = "#8a8f98"  # helping lines: diagonals, bounds, unit circles
WARN = VERMILION  # what goes wrong: overlaps, the region past a bound
GENUINE, IMPOSTOR = BLUE, VERMILION  # pairs of one person, pairs of two
