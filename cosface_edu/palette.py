"""The one palette: figures, reports and the lab in the browser take their colours from here.

The hues are those of Okabe and Ito (2008), which colour-blind readers can tell apart; yellow and black are replaced
because one picture serves light pages and dark ones, and two are added because the lab knows ten people. All stand
out on white and on the dark theme's ground.
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

PEOPLE = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILION, OLIVE, GREY, PLUM, VIOLET)  # person k has PEOPLE[k], everywhere

TEXT = "#7c8087"  # axes, ticks, labels
GUIDE = "#8a8f98"  # helping lines: diagonals, bounds, unit circles
WARN = VERMILION  # what goes wrong: overlaps, the region past a bound
GENUINE, IMPOSTOR = BLUE, VERMILION  # pairs of one person, pairs of two
