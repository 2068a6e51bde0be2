"""The reference is whole: every public name has an entry, a docstring that says enough, and examples that run."""

import ast
import doctest
import importlib
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from sphinx.pycode import ModuleAnalyzer

from cosface_edu.data import formats
from cosface_edu.losses import Setting, registry
from cosface_edu.publishing import reference
from cosface_edu.publishing.examples import example
from cosface_edu.publishing.reference import commands, entry_of, kind, public

ROOT = Path(__file__).resolve().parents[1]
PAGES = {page.stem: page.read_text(encoding="utf-8") for page in (ROOT / "book").glob("reference-*.md")}
ROOMS = ("losses", "geometry", "faces", "data", "align", "networks", "training", "evaluation", "figures", "exercises")
WITH_EXAMPLES = ("losses", "evaluation", "data", "align")


def listed() -> dict[str, Any]:
    """What the reference's pages show, by its full name."""
    found: dict[str, Any] = {}
    for text in PAGES.values():
        blocks = re.findall(r"^\.\. entries:: (\S+)\n((?:   :.*\n)*)\n?((?:   [\w ]+\n)*)", text, re.M)
        for module, options, names in blocks:
            things = public(module)
            wanted = re.search(r":kind: (\w+)", options)
            chosen = names.split() or [n for n, thing in things.items() if not wanted or kind(thing) == wanted[1]]
            found |= {f"{module}.{name}": things[name] for name in chosen}
        for name in re.findall(r"^\.\. py:data:: (\S+)", text, re.M):
            module, _, last = name.rpartition(".")
            found[name] = getattr(importlib.import_module(module), last)
    return found


ENTRIES = listed()
CALLABLE = {name: thing for name, thing in ENTRIES.items() if inspect.isfunction(thing) or inspect.isclass(thing)}
ARRAY = re.compile(r"Tensor|ndarray|_SupportsArray")  # the last is what an `ArrayLike` is made of
HOLDERS = re.compile(r"(?:Callable|dict|Mapping)\[.*")  # what a function takes, what a state dict holds: no one shape
SIDE = r"\w+(?: ?[·+-] ?\w+)*|\.\.\."
SHAPE = re.compile(
    rf"\((?!x, y\))(?:(?:{SIDE}),|(?:{SIDE})(?:, (?:{SIDE}))+|\.\.\.)\)"
    r"|\b(?:any|same) shape\b|\bshape of\b|\b[Ss]calars?\b|\b[Oo]ne number\b"
)
ANGLE = re.compile(r"theta|phi|angles?")
MARGIN = re.compile(r"m\d?")
ERRORS = {name for name, thing in CALLABLE.items() if inspect.isclass(thing) and issubclass(thing, BaseException)}


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_has_an_entry(room: str) -> None:
    names = importlib.import_module(f"cosface_edu.{room}").__all__
    modules = {entry.rpartition(".")[0] for entry in ENTRIES}
    there = {*ENTRIES, *modules}  # `geometry.plane` is a module
    assert not [name for name in names if f"cosface_edu.{room}.{name}" not in there]


def test_what_chapters_import_from_experiments_has_entries() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "book").glob("*.md"))
    lines = re.findall(r"^from cosface_edu\.experiments import (.+?)(?:  #.*)?$", text, re.M)
    modules = {name.split(" as ")[0].strip() for line in lines for name in line.split(",")} | {"kept"}
    assert modules
    shown = {entry.split(".")[2] for entry in ENTRIES if entry.startswith("cosface_edu.experiments.")}
    assert not modules - shown


def test_every_command_has_an_entry() -> None:
    assert re.findall(r"^```\{command\} (.+)$", PAGES["reference-commands"], re.M) == commands()


def parameters(thing: Any) -> list[str]:
    """What a call gives by name; what a class hands on to another library is that library's."""
    handed_on = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(thing).parameters.values()
    return [p.name for p in found if not (inspect.isclass(thing) and p.kind in handed_on)]


@pytest.mark.parametrize("name", sorted(set(CALLABLE)))
def test_a_docstring_says_what_it_takes_and_raises(name: str) -> None:
    thing = CALLABLE[name]
    text = inspect.getdoc(thing) or ""
    assert text, "no docstring"
    if name not in ERRORS and not getattr(thing, "_is_protocol", False):
        missing = [p for p in parameters(thing) if not re.search(rf"^    \*{{0,2}}{p}: ", text, re.M)]
        assert not missing, f"Args or Attributes lack {', '.join(missing)}"
    if inspect.isfunction(thing):
        tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
        thrown = [node.exc for node in own(tree.body[0]) if isinstance(node, ast.Raise)]
        raised = {e.func.id for e in thrown if isinstance(e, ast.Call) and isinstance(e.func, ast.Name)}
        unsaid = [e for e in raised if e[0].isupper() and not re.search(rf"^    {e}: ", text, re.M)]
        assert not unsaid, f"Raises lacks {', '.join(unsaid)}"


def own(function: ast.stmt) -> list[ast.AST]:
    """The nodes of a function, without those of functions inside it."""
    found, waiting = [], list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.FunctionDef | ast.Lambda):
            found.append(node)
            waiting += ast.iter_child_nodes(node)
    return found


def described(thing: Any) -> dict[str, str]:
    """What a docstring says of each thing a call gives, and under `return` of what comes back."""
    text = inspect.getdoc(thing) or ""
    said = {"return": text.partition("\n\n")[0]}
    for head, body in re.findall(r"^(Args|Attributes|Returns|Yields):\n((?: {4}.*\n?|\n)+)", text, re.M):
        if head in ("Args", "Attributes"):
            said |= dict(re.findall(r"^ {4}\*{0,2}(\w+): (.*(?:\n {5,}.*)*)", body, re.M))
        else:
            said["return"] = body
    return said


@pytest.mark.parametrize("name", sorted(set(CALLABLE) - ERRORS))
def test_a_docstring_gives_shapes_and_units(name: str) -> None:
    """Who calls with a tensor need not read the code for its shape, nor guess whether an angle is in degrees."""
    signature, said = inspect.signature(CALLABLE[name]), described(CALLABLE[name])
    types = {p.name: p.annotation for p in signature.parameters.values()} | {"return": signature.return_annotation}
    arrays = {key for key, hint in types.items() if ARRAY.search(HOLDERS.sub("", str(hint)))}
    shapeless = [key for key in types if key in arrays and not SHAPE.search(said.get(key, ""))]
    assert not shapeless, f"no shape given for {', '.join(shapeless)}"
    units = {key: "radians" for key in types if ANGLE.fullmatch(key)}
    units |= {key: "radians|cosine|factor|divisor" for key in types if MARGIN.fullmatch(key)}  # as the margin is put
    text = inspect.getdoc(CALLABLE[name]) or ""  # what a loss says of a setting may be too short for two units
    unitless = [
        key
        for key, unit in units.items()
        if not re.search(unit, said.get(key, "")) and not re.search(rf"\b{key} is [^.]*(?:{unit})", text)
    ]
    assert not unitless, f"no unit given for {', '.join(unitless)}"


@pytest.mark.parametrize("name", [name for name, thing in CALLABLE.items() if kind(thing) in ("loss", "rule")])
def test_a_loss_names_its_paper(name: str) -> None:
    assert re.search(r"(?:19|20)\d\d|CosFace paper|SphereFace, Eq", inspect.getdoc(CALLABLE[name]) or "")


def examples(name: str) -> list[doctest.Example]:
    """Those of a docstring and of the methods' docstrings, and the one that is made."""
    thing = CALLABLE[name]
    texts = [inspect.getdoc(thing) or "", example(thing)]
    if inspect.isclass(thing):
        texts += [inspect.getdoc(value) or "" for key, value in vars(thing).items() if not key.startswith("_")]
    return [found for text in texts for found in doctest.DocTestParser().get_examples(text)]


@pytest.mark.parametrize("name", [n for n in CALLABLE if n.split(".")[1] in WITH_EXAMPLES])
def test_an_entry_has_an_example(name: str) -> None:
    assert examples(name)


@pytest.mark.parametrize("name", [n for n in CALLABLE if examples(n)])
def test_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COSFACE_DATA", raising=False)  # put back, whatever an example does to it
    for table, where in (("_CARDS", registry), ("_formats", formats)):  # what an example registers is forgotten
        monkeypatch.setattr(where, table, getattr(where, table).copy())
    torch.manual_seed(0)
    test = doctest.DocTest(examples(name), {}, name, None, 0, None)
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)


def test_what_a_text_names_is_found_where_it_is_one_thing() -> None:
    entries = {name: ("page", name, "class" if name in CALLABLE else "data") for name in ENTRIES}
    assert entry_of("CosFace(512, 10575)", entries) == "cosface_edu.losses.CosFace"
    assert entry_of("losses.MarginWarmUp", entries) == "cosface_edu.losses.MarginWarmUp"
    assert entry_of("cosface_edu.training.config.preset", entries) == "cosface_edu.training.preset"
    assert entry_of("open", entries) is None  # Python's own, as likely
    assert entry_of("num_classes", entries) is None


def test_results_are_words_and_a_letter_is_no_list() -> None:
    """Napoleon would take words before a colon for a type, and docutils a letter with a full stop for an item."""
    text = """A thing.

    Args:
        x: D.
        y: C. Two can be drawn.
        z: of 3 m.

    Returns:
        s.

    Yields:
        The network: (B, D).
    """
    lines = textwrap.dedent(text).splitlines()
    reference.as_meant(lines)
    assert lines[3:6] == ["        x: D\\.", "        y: C\\. Two can be drawn.", "        z: of 3 m."]
    assert (lines[8], lines[11]) == ("        s\\.", "        : The network: (B, D).")


def test_signatures_are_short() -> None:
    assert reference.SETTINGS.sub("=Config(...)", "(config=Config(a=(1, 2), b='x'), faces=None)") == (
        "(config=Config(...), faces=None)"
    )


def test_overloads_are_not_shown() -> None:
    reference.one_signature(Setting)
    assert not ModuleAnalyzer.for_module(Setting.__module__).overloads
