"""What the rehearsals train and on how much: the settings, told apart from the runs and from what is said of them.

A fair comparison runs each loss at its own best scale: CosFace with s and m against NSL with CosFace's s would credit
the margin with what the scale did. The settings in `RECIPES` were chosen by `rehearsal.grid` on another world, with
other people; its results are recorded with the book.
"""

import math
from dataclasses import dataclass
from typing import Any

from cosface_edu.training import Config, preset

Recipes = dict[str, dict[str, float]]  # a loss's name -> its head's arguments


@dataclass(frozen=True)
class Size:
    """How much is drawn and trained.

    Attributes:
        people: to train on.
        pictures: scenes of each person.
        unseen: other people, to verify.
        pairs: genuine pairs of these, and as many impostor pairs.
        epochs: passes over the training crops.
    """

    people: int
    pictures: int
    unseen: int
    pairs: int
    epochs: float


#: Each loss at its best on world 1 (see `rehearsal.grid`), to be judged on world 0.
RECIPES: Recipes = {"softmax": {}, "nsl": {"s": 4.0}, "cosface": {"s": 8.0, "m": 0.35}}
GRID_WORLD = 1
FULL = Size(people=200, pictures=10, unseen=60, pairs=1500, epochs=20)
QUICK = Size(people=40, pictures=6, unseen=20, pairs=200, epochs=15)
SCENE = (160, 160)

#: The same where there are many pictures of each person, see `rehearsal.many`; from single runs, on world 1 too.
MANY_RECIPES: Recipes = {"softmax": {}, "nsl": {"s": 12.0}, "cosface": {"s": 16.0, "m": 0.2}}
MANY = Size(people=200, pictures=200, unseen=500, pairs=10_000, epochs=2.5)
MANY_FARS = (1e-3, 1e-4)
UNSEEN_PICTURES = 10  # of each stranger, at most: more people say more than more pictures of them

# Real faces: few and varied, so that more is changed in them and for longer, features are dropped, and people are made
# of people: see `faces.Stretched`.
REAL: Recipes = {"softmax": {}, "nsl": {"s": 30.0}, "cosface": {"s": 30.0, "m": 0.2}}
REAL_EPOCHS = 75  # over the pictures as they are: with K copies of each person each is seen 75 / K times
REAL_CROP = (112, 96)  # of casia-mini, and what lfw-dev is aligned to
#: Networks of one result look at the centre of crops of these sizes, in turns: the whole face, 0.8 and 0.67 of it.
REAL_VIEWS = ((56, 48), (70, 60), (84, 72))
REAL_CHANGES: dict[str, Any] = {
    "data": "casia-mini",
    "crop": 3,
    "colour": 0.3,
    "occlude": 0.5,
    "lr_warm_up": 100,
    "network_options": {"dropout": 0.4, "centre": REAL_VIEWS[0]},
}
PLAIN_EPOCHS = 40  # of the pictures as they are, nobody stretched, as in the first records of real faces


def recipe(loss: str, options: dict[str, float], seed: int, images: int, epochs: float, **changes: Any) -> Config:
    """The rehearsal's configuration: the same for every loss but for the loss itself.

    Args:
        loss: a name of `losses.available()`.
        options: its s, m and so on.
        seed: of the run.
        images: in the training set.
        epochs: passes over them.
        **changes: other fields of the configuration.

    Returns:
        The configuration.
    """
    base = preset("rehearsal").replace(**changes)
    return base.replace(
        loss=loss, loss_options=options, seed=seed, held_out=0, steps=math.ceil(images * epochs / base.batch)
    )


def setting(run: dict[str, Any]) -> str:
    """A run's scale and margin, such as 's = 8, m = 0.35'; a dash where the loss has neither.

    Args:
        run: an entry of a record's runs.

    Returns:
        Text for a table.
    """
    return ", ".join(f"{name} = {run[name]:g}" for name in ("s", "m") if name in run) or "–"
