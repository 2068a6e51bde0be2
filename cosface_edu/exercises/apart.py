"""Answers that a page exported, each run in a Python of its own: none changes another, and none runs for ever.

A file that a page exports calls `answer` for each of its answers. The process is this module, run as a script: it takes
the cell as JSON on standard input and writes what `cell.run` returns to a file. What a cell writes to the process's
own standard output, past `print`, is no part of that and is dropped.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from cosface_edu.exercises import built, cell

SECONDS = 20.0  # for one answer and the start of its Python; a page stops after 5, in a slower one

_passed: dict[str, str] = {}  # pieces of "Build CosFace yourself", for those after them


def answer(name: str, code: str) -> None:
    """Run and check one answer, and print what it printed and what the check says.

    Args:
        name: the exercise.
        code: the cell, from the second character on: the first is the line break behind the quotes.
    """
    outcome = run(code[1:], _passed if name in built.PIECES else {})
    if outcome["printed"]:
        _say(outcome["printed"])
    verdict = outcome["verdict"]
    if name in built.PIECES and verdict and verdict["passed"]:
        _passed[name] = code[1:]
    _say(f"{name}: {verdict['message'] if verdict else outcome['error'] or 'it runs; it was not checked'}")


def _say(text: str) -> None:
    """Print what a reader's code may have made of any characters, also such as no file or terminal takes."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def run(code: str, earlier: dict[str, str], seconds: float = SECONDS) -> dict:
    """What `cell.run` returns, from a process that ends after some seconds.

    Args:
        code: the cell.
        earlier: exercise -> code that passed, for `built.bring`.
        seconds: after which the process is stopped.

    Returns:
        As `cell.run`; `error` says so if the process was stopped or left without an answer.
    """
    found_here = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "cosface_edu.exercises.apart"]
    failed = {"printed": "", "value": "", "json": "", "verdict": None}
    with tempfile.TemporaryDirectory() as folder:
        outcome = Path(folder) / "outcome.json"
        asked = json.dumps({"code": code, "earlier": earlier, "outcome": str(outcome)}).encode()
        try:
            done = subprocess.run(
                command, input=asked, env=found_here, stdout=subprocess.DEVNULL, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return failed | {"error": f"stopped after {seconds:g} seconds. Is there a loop that never ends?"}
        try:
            return json.loads(outcome.read_bytes())
        except (FileNotFoundError, ValueError):
            return failed | {"error": f"your code ended Python, with exit code {done.returncode}"}


def _main() -> None:
    asked = json.load(sys.stdin)
    built.bring(asked["earlier"])
    outcome = cell.run(asked["code"])
    Path(asked["outcome"]).write_text(json.dumps(outcome), encoding="ascii")


if __name__ == "__main__":
    _main()
