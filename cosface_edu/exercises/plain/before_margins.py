"""A check of the chapter on pairs, triplets and centres."""

import math

from cosface_edu.exercises import answers, exercise


@exercise(
    "before-margins-count", hint="math.comb(n, 2) counts pairs; a triplet is an anchor, a positive and a negative."
)
def count(answer) -> str:
    """A function from people and pictures of each to the number of genuine pairs, impostor pairs and triplets."""
    answer = answers.function(answer)
    for people, pictures in ((8, 5), (10_575, 46)):
        total = people * pictures
        genuine = people * math.comb(pictures, 2)
        right = (genuine, math.comb(total, 2) - genuine, total * (pictures - 1) * (total - pictures))
        got = answers.parts(answer(people, pictures), 3, "numbers: genuine pairs, impostor pairs, triplets")
        for name, mine, said in zip(("genuine pairs", "impostor pairs", "triplets"), right, got, strict=True):
            yours = answers.number(said)
            assert mine == yours, (
                f"{people:,} people with {pictures} pictures each have {mine:,} {name}, not {yours:,.12g}."
            )
    return "ten trillion triplets: this is why losses with class centres won."
