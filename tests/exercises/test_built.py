"""CosFace in plain Python: the book's pieces are the package's loss, and wrong ones get a sentence."""

import ast
import functools
import inspect
import math
import re
from pathlib import Path

import pytest
import torch

from cosface_edu.exercises import built, cell, lab_pictures
from cosface_edu.figures.lab import make_data
from cosface_edu.losses import CosFace

BOOK = Path(__file__).resolve().parents[2] / "book"


@pytest.fixture(autouse=True)
def forgotten():
    """No reader's functions from other tests."""
    built.bring({})
    yield
    built.bring({})


@pytest.mark.parametrize(("D", "C", "s", "m"), [(2, 8, 30.0, 0.2), (16, 8, 10.0, 0.35), (3, 2, 64.0, 0.0)])
def test_the_book_s_pieces_are_the_package_s_loss(D, C, s, m) -> None:
    torch.manual_seed(0)
    head = CosFace(D, C, s=s, m=m).double()
    x, labels = torch.randn(12, D, dtype=torch.float64, requires_grad=True), torch.arange(12) % C
    loss = head(x, labels)
    loss.backward()
    mean, dX, moved = built.step(x.tolist(), labels.tolist(), head.weight.tolist(), s, m, 0.5)
    assert mean == pytest.approx(loss.item(), rel=1e-10)
    assert torch.allclose(torch.tensor(dX, dtype=torch.float64), x.grad, atol=1e-10)
    after = head.weight - 0.5 * head.weight.grad
    assert torch.allclose(torch.tensor(moved, dtype=torch.float64), after, atol=1e-10)


def test_pictures_are_the_lab_s() -> None:
    data = make_data.read()
    dim, each = data["dim"], len(lab_pictures.PICTURES) // lab_pictures.PEOPLE
    for row, picture in enumerate(lab_pictures.PICTURES):
        at = (row // each * data["perClass"] + row % each) * dim
        assert list(picture) == data["values"][at : at + dim]


def _plain(function: ast.FunctionDef) -> str:
    """Its code, without what the types are and what it is for."""
    function.returns = None
    for argument in function.args.args:
        argument.annotation = None
    if ast.get_docstring(function) is not None:
        function.body.pop(0)
    return ast.unparse(function)


@pytest.mark.parametrize("name", built.PIECES)
def test_a_chapter_s_solution_is_the_book_s_piece(name: str) -> None:
    functions, chapter = built.PIECES[name]
    text = (BOOK / f"{chapter}.md").read_text()
    label = f"ex-build-{list(built.PIECES).index(name) + 1}"
    solution = text[text.index(f"{{solution-start}} {label}") :].partition("```{solution-end}")[0]
    code = re.search(r"```\{code-cell\} ipython3\n(.*?)```", solution, re.DOTALL)[1]
    printed = {node.name: _plain(node) for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}
    ours = {function: _plain(ast.parse(inspect.getsource(getattr(built, function))).body[0]) for function in functions}
    assert printed == ours


def test_about_sixty_lines_in_all() -> None:
    functions = [name for names, _ in built.PIECES.values() for name in names]
    assert 40 <= sum(len(inspect.getsource(getattr(built, name)).splitlines()) for name in functions) <= 60


CHECKS = {
    "scores": built.check_scores,
    "cosines": built.check_cosines,
    "loss": built.check_loss,
    "gradient": built.check_gradient,
    "step": built.check_step,
}


@pytest.mark.parametrize("name", CHECKS)
def test_the_book_s_pass(name: str) -> None:
    assert CHECKS[name](getattr(built, name))


def test_a_step_learns_the_lab_s_people() -> None:
    said = built.check_step(built.step)
    before, after, right = map(float, re.search(r"from ([\d.]+) to ([\d.]+); (\d+) of 24", said).groups())
    assert after < 0.2 * before
    assert right == 24


def _with(name: str, old: str, new: str):
    """A function of the book's with a mistake in it."""
    source = inspect.getsource(getattr(built, name))
    assert old in source
    namespace = dict(vars(built))
    exec(source.replace(old, new), namespace)
    return namespace[name]


@pytest.mark.parametrize(
    ("name", "old", "new", "word"),
    [
        ("scores", "a * b", "a + b", "centre 0"),
        ("cosines", "unit(x)", "x", "no cosine"),
        ("loss", "s * (c - m)", "s * (c + m)", "take it off"),
        ("loss", "s * (c - m)", "s * c - m", "before the scale"),
        ("loss", "s * (c - m)", "s * c", "without a margin"),
        ("loss", "top = max(z)", "top = 0", "largest score"),
        ("gradient", "- cos[j] * p", "", "along x"),
        ("gradient", "- (j == y)", "", "gradient in x"),
        ("gradient", "(p - cos[j] * q)", "(p - cos[j] * p)", "gradient in centre"),
        ("step", " / n\n    dX", "\n    dX", "mean"),
        ("step", "a - lr", "a + lr", "after the step"),
        ("step", "- lr * d / n", "", "not moved"),
        ("step", "[d / n for d in dx]", "dx", "share"),
    ],
)
def test_a_wrong_piece_gets_a_sentence(name, old, new, word) -> None:
    with pytest.raises(AssertionError, match=word):
        CHECKS[name](_with(name, old, new))


def test_earlier_is_the_reader_s_once_it_has_passed(capsys) -> None:
    assert built.earlier("scores") is built.scores
    assert "the book's" in capsys.readouterr().out

    def scores(x, W):
        return [math.fsum(a * b for a, b in zip(x, w, strict=True)) for w in W]

    built.check_scores(scores)
    assert built.earlier("scores") is scores
    assert capsys.readouterr().out == ""


def test_a_page_brings_code_and_misses_what_is_not_there() -> None:
    code = "def scores(x, W):\n    return [7.0 for w in W]\n"
    built.bring({"build-scores": code}, book=False)
    assert built.earlier("scores")([1.0], [[1.0]]) == [7.0]
    with pytest.raises(LookupError, match="chapter 'nsl' is missing"):
        built.earlier("unit")
    built.bring({}, book=True)
    assert built.earlier("unit") is built.unit
    with pytest.raises(LookupError, match="choose one of"):
        built.earlier("softmax")


def test_a_piece_that_is_brought_stands_on_those_before_it() -> None:
    cosines = "import math\nfrom cosface_edu.exercises import built\n\nscores = built.earlier('scores')\n"
    cosines += "".join(inspect.getsource(getattr(built, name)) for name in ("length", "unit", "cosines"))
    cosines = cosines.replace(": Vector", "").replace(": Rows", "").replace("-> Vector", "")
    scores = "def scores(x, W):\n    return [1.5 for w in W]\n"
    built.bring({"build-cosines": cosines, "build-scores": scores}, book=False)
    assert built.earlier("cosines")([3.0, 4.0], [[1.0, 0.0]]) == [1.5]


def test_a_whole_cell_that_was_pasted_is_brought_as_it_passed(capsys) -> None:
    """Its last line asks for `exercises`, as the notebook's does."""
    code = f'{inspect.getsource(built.scores)}\nexercises.check("build-scores", scores)\n'
    code = code.replace(": Vector", "").replace(": Rows", "").replace("-> Vector", "")
    assert cell.run(code)["verdict"]["passed"]
    built.bring({"build-scores": code}, book=False)
    assert built.earlier("scores")([2.0], [[3.0]]) == [6.0]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("broken", ["scores = built.earlier('scores')", "import sys\nsys.exit()", "1 / 0", "a = = b"])
def test_a_piece_that_does_not_run_any_more_is_missing_and_says_why(broken: str, capsys) -> None:
    """Such as one that stood on the book's scores, once "Use mine only" is pressed."""
    sources = {"build-cosines": f"from cosface_edu.exercises import built\n{broken}\n", "build-loss": "def loss(): 1"}
    built.bring(sources, book=False)
    with pytest.raises(LookupError, match=r"chapter 'nsl' does not run here \(.*press \"Use the book's\"") as caught:
        built.earlier("cosines")
    assert "line " in str(caught.value)
    assert built.earlier("loss")() is None
    built.bring(sources | {"build-cosines": "1 / 0"}, book=True)
    assert built.earlier("cosines") is built.cosines
    assert "yours of the chapter 'nsl' does not run here: line 1 of your build-cosines: Zero" in capsys.readouterr().out


def _float32(said):
    """What a reader's function gives, as a framework holds it: numbers and lists of them as float32."""
    if isinstance(said, tuple):
        return tuple(map(_float32, said))
    return torch.tensor(said, dtype=torch.float32)


@pytest.mark.parametrize("held", [_float32, lambda said: _float32(said).numpy()], ids=["tensor", "array"])
@pytest.mark.parametrize("name", ["scores", "cosines", "loss"])
def test_a_right_piece_may_give_single_precision_and_arrays(name, held) -> None:
    function = getattr(built, name)
    names = {"held": held, "function": function, "length": built.length, "unit": lambda v: held(built.unit(v))}
    exec("def own(*given): return held(function(*given))", names)
    assert CHECKS[name](names["own"])
    assert built.earlier(name) is names["own"]


@pytest.mark.parametrize("name", ["gradient", "step"])
def test_a_right_piece_may_give_several_tensors(name) -> None:
    assert CHECKS[name](lambda *given: _float32(getattr(built, name)(*given)))


@pytest.mark.parametrize("name", ["loss", "gradient"])
def test_a_right_piece_may_compute_in_single_precision(name) -> None:
    def own(x, y, W, s, m):
        x, W = (torch.tensor(given, requires_grad=True) for given in (x, W))
        cos = torch.nn.functional.normalize(W, dim=1) @ torch.nn.functional.normalize(x, dim=0)
        own = torch.arange(len(W)) == y
        loss = torch.nn.functional.cross_entropy(s * (cos - m * own), torch.tensor(y))
        if name == "loss":
            return loss
        return torch.autograd.grad(loss, (x, W))

    assert CHECKS[name](own)


@pytest.mark.parametrize("name", CHECKS)
def test_a_piece_that_returns_nothing_is_told_so(name) -> None:
    names = {"length": built.length, "unit": built.unit}
    exec("def silent(*given): print(given)", names)
    with pytest.raises(AssertionError, match="returned None"):
        CHECKS[name](names["silent"])


@pytest.mark.parametrize("function", ["length", "unit"])
def test_a_length_that_returns_nothing_is_told_so(function) -> None:
    names = dict(vars(built)) | {function: print}
    exec(inspect.getsource(built.cosines), names)
    with pytest.raises(AssertionError, match="returned None"):
        built.check_cosines(names["cosines"])


class _Called:
    def __call__(self, x, W):
        return built.cosines(x, W)


@pytest.mark.parametrize("own", [_Called(), functools.partial(built.cosines)])
def test_cosines_that_are_no_plain_function_have_no_length_beside_them(own) -> None:
    with pytest.raises(AssertionError, match="Keep the function length beside cosines"):
        built.check_cosines(own)


def test_rows_that_are_missing_are_told() -> None:
    with pytest.raises(AssertionError, match="Expected 8 scores, got 7"):
        built.check_scores(lambda x, W: built.scores(x, W)[1:])
    with pytest.raises(AssertionError, match="Expected 8 rows for the centres, got 7"):
        built.check_gradient(lambda *given: (built.gradient(*given)[0], built.gradient(*given)[1][1:]))
