"""A check of the chapter on pairs, triplets and centres."""

import math

from cosface_edu.exercises import answers, exercise


@exercise(
    "before-margins-count", hint="math.comb(n, 2) counts pairs; a triplet is an anchor, a positive and a negative."
)
def count(answer) -> str:
    """A function from people and pictures of each to the number of genuine pairs, impostor pairs and triplets."""
    answers.function(answer)
    for people, pictures in ((8, 5), (10_575, 46)):
        total = people * pictures
        genuine = people * math.comb(pictures, 2)
        right = (genuine, math.comb(total, 2) - genuine, total * (pictures - 1) * (total - pictures))
        got = answer(people, pictures)
        assert got is not None, "The function returned None."
        assert len(got) == 3, "Return three numbers: genuine pairs, impostor pairs, triplets."
        for name, mine, yours in zip(("genuine pairs", "impostor pairs", "triplets"), right, got, strict=True):
            assert mine == yours, (
                f"{people:,} people with {pictures} pictures each have {mine:,} {name}, not {yours:,}."
            )
    return "ten trillion triplets: this is why losses with class centres won."
