"""Sphinx extension for the reference: entries made from the package's docstrings, and links to them from every page.

Two directives, both for ``{eval-rst}``: `entries` shows names of a room, `command` a command with its options. A name
in code style that an entry has becomes a link to it, the first time that a page says it.
"""

import importlib
import inspect
import re
from functools import cache
from typing import Any, ClassVar, get_type_hints

import typer
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from numpy.typing import ArrayLike
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import stringify_annotation

from cosface_edu.losses import Head, Rule, available, card
from cosface_edu.publishing.examples import example

PACKAGE = "cosface_edu"
EVERY_MENTION = {"book/paper-map"}  # pages whose every row links; elsewhere the first mention does


def public(module: str) -> dict[str, Any]:
    """What a module offers, by name: its `__all__`, or the classes and functions of its own without an underscore.

    `main` is a command's, not for others to call.

    Args:
        module: such as 'cosface_edu.losses'.
    """
    found = importlib.import_module(module)
    if hasattr(found, "__all__"):
        return {name: getattr(found, name) for name in found.__all__}
    return {
        name: thing
        for name, thing in vars(found).items()
        if not name.startswith("_")
        and name != "main"
        and getattr(thing, "__module__", None) == module
        and callable(thing)
    }


def kind(thing: Any) -> str:
    """What `entries` can ask for: 'loss', 'rule', or 'other'."""
    if isinstance(thing, type):
        if any(card(name).loss is thing for name in available()):
            return "loss"
        if issubclass(thing, Rule) and thing is not Rule:
            return "rule"
    return "other"


class Entries(SphinxDirective):
    """Entries of a module: the names in the content, or all of a kind.

    .. entries:: cosface_edu.geometry

       boundary gap_on_arc
    """

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[Any] = {"kind": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Parse what autodoc is to be told."""
        module = self.arguments[0]
        things = public(module)
        wanted = self.options.get("kind")
        names = " ".join(self.content).split() or [n for n, thing in things.items() if wanted in (None, kind(thing))]
        lines: list[str] = []
        for name in names:
            lines += [f".. {_directive(things[name])}:: {module}.{name}", *_options(things[name]), ""]
        found = nodes.Element()
        self.state.nested_parse(StringList(lines, f"{module}.rst"), self.content_offset, found)
        return found.children


def _directive(thing: Any) -> str:
    if isinstance(thing, type):
        return "autoexception" if issubclass(thing, BaseException) else "autoclass"
    return "autofunction"


def _options(thing: Any) -> list[str]:
    """Methods are shown where they are the class's own business; what a loss overrides is its base's."""
    own = isinstance(thing, type) and not issubclass(thing, BaseException) and kind(thing) != "rule"
    if not own or (issubclass(thing, Head) and thing is not Head):
        return []
    return ["   :members:"]


class Command(SphinxDirective):
    """A command of `cosface-edu` as its `--help` has it: usage, what it does, arguments and options."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Parse the command's own words, which are Markdown."""
        command, context = find_command(self.arguments[0])
        usage = nodes.literal_block(text=" ".join([context.command_path, *command.collect_usage_pieces(context)]))
        usage["language"] = "text"
        found = nodes.Element()
        text = f"{inspect.cleandoc(command.help or '')}\n\n{_table(command, context)}"
        self.state.nested_parse(StringList(text.splitlines(), self.arguments[0]), self.content_offset, found)
        return [usage, *found.children]


def _table(command: Any, context: Any) -> str:
    """Arguments and options as a definition list."""
    lines: list[str] = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None:
            names, text = record
            lines += [f"`{names}`", f": {text or 'Required.'}".replace("[", r"\["), ""]
    return "\n".join(lines)


def commands() -> list[str]:
    """All commands by what is typed, such as 'train' and 'rehearse quick'."""
    from cosface_edu.cli import app

    def below(command: Any, words: tuple[str, ...]) -> list[str]:
        if not hasattr(command, "commands"):
            return [" ".join(words)]
        return [name for word, part in command.commands.items() for name in below(part, (*words, word))]

    return below(typer.main.get_command(app), ())


def find_command(name: str) -> tuple[Any, Any]:
    """A command and what it is called in.

    Args:
        name: one of `commands()`.
    """
    from cosface_edu.cli import app

    command: Any = typer.main.get_command(app)
    context = command.context_class(command, info_name="cosface-edu")
    for word in name.split():
        command = command.commands[word]
        context = command.context_class(command, info_name=word, parent=context)
    return command, context


# --- what is added to the docstrings


def _add_card_and_example(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """A loss's entry says what `create` calls it and links its paper; losses and rules have an example."""
    as_meant(lines)
    if what in ("attribute", "data", "property"):
        lines.insert(0, "\\")  # nothing; napoleon takes what stands before a colon in the first line for a type
    if what != "class":
        return
    if kind(thing) == "loss":
        known = next(found for found in map(card, available()) if found.loss is thing)
        names = ", ".join(f'``"{called}"``' for called in (known.name, *known.aliases))
        paper = f" Paper: :cite:t:`{known.paper}`." if known.paper else ""
        place = next((i for i, line in enumerate(lines) if line.strip() == "Args:"), len(lines))
        lines[place:place] = ["", f"Name for `create` and ``--loss``: {names}.{paper}", ""]
    if text := example(thing):
        lines += ["", "Example:", *(f"    {line}" for line in text.splitlines())]


def as_meant(lines: list[str]) -> None:
    """A result is described in words, so no colon in them ends a type; a letter with a full stop numbers no list."""
    for number, line in enumerate(lines):
        if line.strip() in ("Returns:", "Yields:") and number + 1 < len(lines):
            words = lines[number + 1]
            lines[number + 1] = re.sub(r"^(\s*)(?=\S.*:(?:\s|$))", r"\1: ", words)
        lines[number] = re.sub(r"^(\s+(?:\w+(?: \(.*?\))?: )?[A-Za-z])\.(?=\s|$)", r"\1\\.", lines[number])


ARRAY_LIKE = stringify_annotation(ArrayLike, "smart")  # a line of numpy's own, private names
ARRAY = re.compile(r"~numpy\.ndarray\[~?tuple\[.*?\], ~numpy\.dtype\[~[\w.]+\]\]")


EMPTY_CALL = "(*args, **kwargs)"  # what Python knows of a class that is made by others' machinery
SETTINGS = re.compile(r"=Config\(\w+=(?:[^()]|\([^()]*\))*\)")  # a default of forty fields, each named in its own entry


def _say_types_shortly(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str, str | None] | None:
    """The types that autodoc will write beside the parameters, and the signature, as a reader would write them."""
    if isinstance(thing, type):
        one_signature(thing)
    found = app.env.temp_data.get("annotations", {}).get(name, {})
    if isinstance(thing, type) and issubclass(thing, Head):  # the class's own say Any, its settings know better
        given = inspect.signature(thing).parameters.values()
        found |= {p.name: stringify_annotation(p.annotation, "smart") for p in given if p.annotation is not p.empty}
    elif isinstance(thing, type) and "__init__" in vars(thing):  # text where a module postpones its annotations
        hints = get_type_hints(thing.__init__).items()
        found |= {parameter: stringify_annotation(hint, "smart") for parameter, hint in hints if parameter in found}
    for parameter, text in found.items():
        found[parameter] = ARRAY.sub("~numpy.ndarray", text.replace(ARRAY_LIKE, "~numpy.typing.ArrayLike"))
    if what == "class" and signature == EMPTY_CALL:
        return "", returned
    shorter = SETTINGS.sub("=Config(...)", signature or "")
    return (shorter, returned) if signature and shorter != signature else None


def one_signature(thing: type) -> None:
    """Overloads are for type checkers: an entry has the signature that Python has, once.

    Args:
        thing: a class; those beside it in its file lose theirs too.
    """
    source = ModuleAnalyzer.for_module(thing.__module__)
    source.analyze()
    source.overloads.clear()


# --- references


def _find(target: str) -> Any:
    """What a dotted name leads to, or None."""
    parts = target.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        for attribute in parts[cut:]:
            found = getattr(found, attribute, None)
        return found
    return None


@cache
def _entries(app: Sphinx) -> dict[str, tuple[str, str, str]]:
    """Entry -> its page, its place there, and what it is."""
    objects = app.env.get_domain("py").objects  # type: ignore[attr-defined]
    return {name: (entry.docname, entry.node_id, entry.objtype) for name, entry in objects.items()}


def _resolve(app: Sphinx, env: Any, node: Any, contnode: nodes.TextElement) -> nodes.Node | None:
    """A type in a signature leads to its entry, by whatever name its own module has for it.

    What exists but has no entry stays text: what other packages define, and what is not for others to use. So does
    code in a docstring, which may be anything. All else is a broken reference, and Sphinx says so.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    thing = _find(target)
    if thing is not None and target.startswith(f"{PACKAGE}."):
        for name, (page, place, _) in _entries(app).items():
            if name.rpartition(".")[2] == target.rpartition(".")[2] and _find(name) is thing:
                return make_refnode(app.builder, node["refdoc"], page, place, contnode, name)
    return contnode if thing is not None or node["reftype"] == "obj" else None


NAMED = re.compile(rf"^(?:{PACKAGE}\.)?([A-Za-z_][\w.]*)(?:\(.*\))?$", re.DOTALL)


def entry_of(text: str, entries: dict[str, tuple[str, str, str]]) -> str | None:
    """The entry that a piece of code in a text names, if it names one and only one.

    A word alone must look like a name of the package: one with a capital or an underscore, not `train` or `open`.

    Args:
        text: such as 'losses.CosFace', 'cosface_edu.losses.CosFace', 'CosFace(512, 10)' or 'max_margin'.
        entries: as the domain for Python has them.
    """
    found = NAMED.match(text)
    if not found or not ("." in text or re.search(r"[a-z][A-Z]|[a-z]_[a-z]", found[1])):
        return None
    name = found[1]
    if f"{PACKAGE}.{name}" in entries:
        return f"{PACKAGE}.{name}"
    ends = [entry for entry, (_, _, what) in entries.items() if entry.endswith(f".{name}") and what != "attribute"]
    if "." not in name:
        ends = [entry for entry in ends if entries[entry][2] in ("class", "function", "exception", "data")]
    if not ends and (thing := _find(f"{PACKAGE}.{name}")) is not None:  # by the name of the module that it stands in
        last = name.rpartition(".")[2]
        ends = [entry for entry in entries if entry.rpartition(".")[2] == last and _find(entry) is thing]
    things = {id(_find(entry)) for entry in ends}
    return min(ends, key=len) if len(things) == 1 else None


def _link_mentions(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """The first mention of each public name on a page links to its entry."""
    if page.startswith("book/reference"):
        return
    entries, said = _entries(app), set()
    for literal in list(doctree.findall(nodes.literal)):
        name = entry_of(literal.astext(), entries)
        within, above = False, literal.parent
        while above is not None and not within:
            within, above = isinstance(above, nodes.reference | nodes.title), above.parent
        if name is None or within or (name in said and page not in EVERY_MENTION):
            continue
        said.add(name)
        target, place, _ = entries[name]
        literal.replace_self(make_refnode(app.builder, page, target, place, literal.deepcopy(), name))


def setup(app: Sphinx) -> dict:
    for needed in ("sphinx.ext.autodoc", "sphinx.ext.napoleon"):
        app.setup_extension(needed)
    app.add_directive("entries", Entries)
    app.add_directive("command", Command)
    app.connect("autodoc-process-docstring", _add_card_and_example, priority=100)  # before napoleon
    app.connect("autodoc-process-signature", _say_types_shortly, priority=900)  # after autodoc wrote them down
    app.connect("missing-reference", _resolve)
    app.connect("doctree-resolved", _link_mentions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
