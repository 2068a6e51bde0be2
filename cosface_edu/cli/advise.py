"""`cosface-edu advise`: which s and m to try first."""

from typing import Annotated

import typer

from .common import plain_errors, say

SHOWN = 6  # records of the nearest sizes


@plain_errors
def advise(
    people: Annotated[int, typer.Option(help="How many there are to train on.")],
    features: Annotated[int, typer.Option(help="Length of a feature, the network's output.")],
    pictures: Annotated[int, typer.Option(help="Of each person.")],
) -> None:
    """Which s and m to try first: what the bounds say, and where the book's recorded comparisons stand.

    Example: `cosface-edu advise --people 10000 --features 128 --pictures 3`
    """
    from cosface_edu import geometry
    from cosface_edu.experiments import nearby

    say(str(geometry.advise(people=people, features=features, pictures=pictures)))
    found = nearby.comparisons(people, pictures)[:SHOWN]
    if found:
        say("\nWhat the book has recorded, the nearest size first:")
    for one in found:
        say(f"  {one.record}, {one.people:,} people × {one.pictures:.0f} pictures: {one.said}")
        say(f"    does not show: {one.lacks}")
