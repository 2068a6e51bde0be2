"""The one palette: figures, reports and the lab in the browser take their colours from here.

One picture serves light pages and dark ones, so every colour stands out on white and on the dark theme's ground by at
least 3 : 1, which WCAG asks of graphics. Within that band of lightness the hues, those of Okabe and Ito (2008) where
they serve, were moved apart for readers without one of the three kinds of cones, too (simulated after Machado et al.,
2009). Colour alone does not tell everybody apart: to protanopes vermilion and olive are near, to deuteranopes pink and
grey. So people also have shapes and letters, and curves have line styles.
"""

BLUE = "#1a6aac"
ORANGE = "#c58500"
GREEN = "#0a9766"
PINK = "#e863bb"
SKY = "#2a9af0"
VERMILION = "#cf4102"
OLIVE = "#6f673b"
GREY = "#919191"
PLUM = "#a14184"
VIOLET = "#7a5be6"

# Person k has PEOPLE[k], everywhere. H, whom many figures show, is not grey: helping lines are.
PEOPLE = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, OLIVE, PLUM, GREY, VIOLET)
SCALES = ("#b97ec7", "#a971c9", "#9764ca", "#8357cf", "#6f4ad5")  # of the scale s, a doubling from tone to tone

TEXT = "#787b82"  # axes, ticks, labels
GUIDE = "#8a8f98"  # helping lines: diagonals, bounds, unit circles
WARN = VERMILION  # what goes wrong: overlaps, the region past a bound
GENUINE, IMPOSTOR = BLUE, VERMILION  # pairs of one person, pairs of two
