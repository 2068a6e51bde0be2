"""CosFace in plain Python, in five pieces that a reader writes: the book's own, and what checks compare with.

The functions here are the solutions printed in five chapters, and the tests hold them to `losses.CosFace`. Each piece
stands on those before it, and takes them with `earlier`: the reader's where there are any, the book's otherwise. Like
all that a built page runs, this needs the standard library alone. Vectors are lists of numbers.
"""

# ruff: noqa: B905 -- the pieces are what readers write, and zip is a plain zip there

import contextlib
import io
import math
import random
from collections.abc import Callable
from typing import Any

from cosface_edu.exercises import answers, cell, failures
from cosface_edu.exercises.lab_pictures import PEOPLE, PICTURES

Vector = list[float]
Rows = list[Vector]

#: Exercise -> the functions that it leaves to those after it, and its chapter.
PIECES: dict[str, tuple[tuple[str, ...], str]] = {
    "build-scores": (("scores",), "softmax"),
    "build-cosines": (("length", "unit", "cosines"), "nsl"),
    "build-loss": (("loss",), "lmcl"),
    "build-gradient": (("gradient",), "gradients"),
    "build-step": (("step",), "margin-lab"),
}
NOT_HERE = "{name} of the chapter '{chapter}' is missing: solve it there, or press \"Use the book's\"."
BROKEN = "{name} of the chapter '{chapter}' does not run here ({failure}): mend it there, or press \"Use the book's\"."

_yours: dict[str, Any] = {}
_broken: dict[str, str] = {}  # function of a piece that was brought and did not run -> why
_without_book = False


# ---------------------------------------------------------------- the five pieces


def scores(x: Vector, W: Rows) -> Vector:
    """Inner product of a feature with each class centre."""
    return [sum(a * b for a, b in zip(x, w)) for w in W]


def length(v: Vector) -> float:
    """‖v‖."""
    return math.sqrt(sum(a * a for a in v))


def unit(v: Vector) -> Vector:
    """v at length 1."""
    n = length(v)
    return [a / n for a in v]


def cosines(x: Vector, W: Rows) -> Vector:
    """Cosine of a feature to each class centre."""
    return scores(unit(x), [unit(w) for w in W])


def loss(x: Vector, y: int, W: Rows, s: float, m: float) -> float:
    """CosFace (paper, Eq. 4) of one feature of class y: its scores s·cosθ_j, its own class's s(cosθ_y - m)."""
    z = [s * (c - m) if j == y else s * c for j, c in enumerate(cosines(x, W))]
    top = max(z)
    return math.log(sum(math.exp(v - top) for v in z)) + top - z[y]


def gradient(x: Vector, y: int, W: Rows, s: float, m: float) -> tuple[Vector, Rows]:
    """Gradient of `loss` in the feature, and in each centre."""
    cos = cosines(x, W)
    z = [s * (c - m) if j == y else s * c for j, c in enumerate(cos)]
    top = max(z)
    e = [math.exp(v - top) for v in z]
    dx, dW = [0.0] * len(x), []
    for j, w in enumerate(W):
        g = s * (e[j] / sum(e) - (j == y))  # in the cosine to centre j
        a, b = unit(x), unit(w)
        dx = [d + g * (q - cos[j] * p) / length(x) for d, p, q in zip(dx, a, b)]
        dW.append([g * (p - cos[j] * q) / length(w) for p, q in zip(a, b)])
    return dx, dW


def step(X: Rows, labels: list[int], W: Rows, s: float, m: float, lr: float) -> tuple[float, Rows, Rows]:
    """Mean loss of a batch, its gradient in each feature, and the centres after a step down theirs."""
    n = len(X)
    mean = sum(loss(x, y, W, s, m) for x, y in zip(X, labels)) / n
    dX, moved = [], [list(w) for w in W]
    for x, y in zip(X, labels):
        dx, dW = gradient(x, y, W, s, m)
        dX.append([d / n for d in dx])
        moved = [[a - lr * d / n for a, d in zip(w, dw)] for w, dw in zip(moved, dW)]
    return mean, dX, moved


# ---------------------------------------------------------------- what a reader has written before


def bring(sources: dict[str, str], book: bool = True) -> None:
    """Take over what a reader has written in other chapters; a page does this before it runs a cell.

    Args:
        sources: exercise -> code that passed its check. A piece that does not run any more counts as missing, and
            `earlier` says why.
        book: whether the book's functions stand for pieces that are missing.
    """
    global _without_book
    _without_book = not book
    _yours.clear()
    _broken.clear()
    for name, (functions, _) in PIECES.items():  # in their order: each may ask for those before it
        if name not in sources:
            continue
        names = cell.namespace()
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                exec(compile(sources[name], f"<your {name}>", "exec"), names)
        except BaseException as failure:  # it passed once; what it stood on may be gone, and it may raise anything
            _broken.update(dict.fromkeys(functions, failures.told(failure)))
        else:
            _yours.update({function: names[function] for function in functions if function in names})


def earlier(name: str) -> Callable[..., Any]:
    """A function of an earlier piece: the reader's own if it passed its check, else the book's, and says so.

    Args:
        name: of the function, such as "cosines".

    Raises:
        LookupError: there is no such function, or in a page it is missing, or does not run any more, and the book's
            was not asked for.
    """
    found = {function: chapter for functions, chapter in PIECES.values() for function in functions}
    if name not in found:
        raise LookupError(f"no piece defines {name!r}: choose one of {', '.join(found)}")
    if name in _yours:
        return _yours[name]
    if _without_book:
        lacks = BROKEN if name in _broken else NOT_HERE
        raise LookupError(lacks.format(name=name, chapter=found[name], failure=_broken.get(name)))
    if name in _broken:
        print(f"{name}: the book's (yours of the chapter '{found[name]}' does not run here: {_broken[name]})")
    else:
        print(f"{name}: the book's (yours would come from the chapter '{found[name]}')")
    return globals()[name]


# ---------------------------------------------------------------- checks


def check_scores(answer: Callable) -> str:
    """Of `scores`."""
    given, answer = answer, answers.function(answer)
    for D, C in ((2, 8), (3, 1), (5, 4)):
        x, W, _ = _drawn(D, C)
        said = _vector(answer(list(x), _copy(W)), C, "scores")
        _agree(said, scores(x, W), "the score with centre")
    _yours["scores"] = given
    return "a score is the sum of products; softmax makes probabilities of them."


def check_cosines(answer: Callable) -> str:
    """Of `cosines`; `length` and `unit` are taken from the answer's module."""
    given, names = answer, getattr(answer, "__globals__", {})  # an object that can be called has none
    answer = answers.function(answer)
    for function in ("length", "unit"):
        assert function in names, f"Keep the function {function} beside cosines: later pieces use it."
    own_length, own_unit = (answers.function(names[function]) for function in ("length", "unit"))
    five = answers.number(own_length([3.0, 4.0]))
    yours, _ = answers.told(five, 5, ".6f")
    assert answers.close(five, 5), f"length([3, 4]) is {yours}; it is 5."
    _agree(_vector(own_unit([3.0, -4.0]), 2, "entries"), [0.6, -0.8], "of unit([3, -4]), entry")
    for D, C in ((2, 8), (5, 4)):
        x, W, _ = _drawn(D, C)
        said = _vector(answer(list(x), _copy(W)), C, "cosines")
        assert all(abs(c) <= 1 + 1e-6 for c in said), f"{max(said, key=abs):.3f} is no cosine: divide by both lengths."
        _agree(said, cosines(x, W), "the cosine to centre")
    _yours.update({"length": names["length"], "unit": names["unit"], "cosines": given})
    return "no length is left in the scores: only the angle counts."


def check_loss(answer: Callable) -> str:
    """Of `loss`."""
    given, answer = answer, answers.function(answer)
    for D, C, s, m in ((2, 8, 10.0, 0.2), (5, 4, 30.0, 0.35), (3, 6, 1.0, 0.0)):
        x, W, y = _drawn(D, C)
        said, right = answers.number(answer(list(x), y, _copy(W), s, m)), loss(x, y, W, s, m)
        if m:
            for wrong, why in (
                (loss(x, y, W, s, 0.0), "that is the loss without a margin."),
                (loss(x, y, W, s, -m), "the margin is added to the target's cosine; take it off."),
                (loss(x, y, W, s, m / s), "the margin comes off the cosine, before the scale."),
            ):
                assert not answers.close(said, wrong), f"For s = {s:g}, m = {m:g} you say {said:.4f}: {why}"
        wanted, yours = answers.told(right, said, ".6f")
        assert answers.close(said, right), f"For s = {s:g}, m = {m:g} you say {yours}; it is {wanted}."
    advice = "Right, but not for s = 1000: take the largest score out of the exponentials."
    large = answers.large(answer, [1.0, 0.0], 1, [[1.0, 0.0], [-1.0, 0.0]], 1000.0, 0.35, advice=advice)
    assert answers.close(large, 2350.0), f"For s = 1000 you say {large:g}; it is 2350."
    _yours["loss"] = given
    return "this is CosFace."


def check_gradient(answer: Callable) -> str:
    """Of `gradient`."""
    given, answer = answer, answers.function(answer)
    for D, C, s, m in ((2, 8, 10.0, 0.2), (5, 4, 30.0, 0.35)):
        x, W, y = _drawn(D, C)
        said = answer(list(x), y, _copy(W), s, m)
        assert isinstance(said, tuple | list), "Return two things: in x, and in each centre."
        assert len(said) == 2, "Return two things: in x, and in each centre."
        dx, dW = _vector(said[0], D, "numbers for x"), _rows(said[1], C, D, "the centres")
        right_x, right_W = gradient(x, y, W, s, m)
        along = sum(a * b for a, b in zip(dx, x)) / length(x)
        assert abs(along) < 1e-6 * max(1.0, length(dx)), (
            f"Your gradient has {along:.4f} along x. A cosine does not change with the length of x: take that part off."
        )
        _agree(dx, right_x, "the gradient in x, entry")
        for j, (row, right) in enumerate(zip(dW, right_W)):
            _agree(row, right, f"the gradient in centre {j}, entry")
    _yours["gradient"] = given
    return "exact, and without a framework."


def check_step(answer: Callable) -> str:
    """Of `step`, on the lab's own pictures."""
    given, answer = answer, answers.function(answer)
    X, labels, W = lab_task()
    s, m, lr = 10.0, 0.2, 8.0
    mean, dX, moved = step(X, labels, W, s, m, lr)
    said = answer(_copy(X), list(labels), _copy(W), s, m, lr)
    assert isinstance(said, tuple | list), "Return three things: mean loss, dX and the moved centres."
    assert len(said) == 3, "Return three things: mean loss, dX and the moved centres."
    own = answers.number(said[0])
    assert not answers.close(own, mean * len(X)), f"{own:.3f} is the sum of {len(X)} losses; take the mean."
    yours, wanted = answers.told(own, mean, ".6f")
    assert answers.close(own, mean), f"You say the mean loss is {yours}; it is {wanted}."
    own_dX, own_W = _rows(said[1], len(X), len(X[0]), "dX"), _rows(said[2], len(W), len(W[0]), "the centres")
    for i, (row, right) in enumerate(zip(own_dX, dX)):
        _agree(row, right, f"the gradient in picture {i} (a share of 1/{len(X)} each), entry")
    if all(answers.close(a, b) for row, old in zip(own_W, W) for a, b in zip(row, old)):
        raise AssertionError("The centres have not moved.")
    for j, (row, right) in enumerate(zip(own_W, moved)):
        _agree(row, right, f"centre {j} after the step, entry")
    now = W
    for _ in range(STEPS):
        now = _rows(answer(_copy(X), list(labels), _copy(now), s, m, lr)[2], len(W), len(W[0]), "the centres")
    after = step(X, labels, now, s, m, lr)[0]
    right_now = sum(max(range(len(now)), key=cosines(x, now).__getitem__) == y for x, y in zip(X, labels))
    _yours["step"] = given
    return (
        f"{STEPS} steps on {len(X)} pictures of the lab's {PEOPLE} people: loss from {mean:.2f} to {after:.2f}; "
        f"{right_now} of {len(X)} are recognised. Now give it to the lab."
    )


STEPS = 5  # of the check of `step`


def lab_task() -> tuple[Rows, list[int], Rows]:
    """Some of the lab's pictures as it holds them, sixteen numbers each, whose they are, and random class centres."""
    each = len(PICTURES) // PEOPLE
    dice = random.Random(0)
    centres = [[dice.gauss(0, 1) for _ in PICTURES[0]] for _ in range(PEOPLE)]
    return [[v / 100 for v in row] for row in PICTURES], [i // each for i in range(len(PICTURES))], centres


def _drawn(D: int, C: int) -> tuple[Vector, Rows, int]:
    dice = random.Random(100 * D + C)
    x, *W = [[dice.gauss(0, 2) for _ in range(D)] for _ in range(C + 1)]
    return x, W, C // 2


def _copy(rows: Rows) -> Rows:
    return [list(row) for row in rows]


def _vector(said: object, n: int, what: str) -> Vector:
    return answers.numbers(answers.parts(said, n, what), n)


def _rows(said: object, n: int, D: int, what: str) -> Rows:
    return [_vector(row, D, f"numbers in each row of {what}") for row in answers.parts(said, n, f"rows for {what}")]


def _agree(said: Vector, right: Vector, what: str) -> None:
    for j, (a, b) in enumerate(zip(said, right)):
        yours, wanted = answers.told(a, b, ".6f")
        assert answers.close(a, b), f"You say that {what} {j} is {yours}; it is {wanted}."
