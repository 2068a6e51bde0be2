"""Answers that a page exported, each run in a Python of its own: none changes another, and none runs for ever.

A file that a page exports calls `answer` for each of its answers. The process is this module, run as a script: it takes
the cell as JSON on standard input and gives back what `cell.run` returns, as the last line of what it prints.
"""

import json
import os
import subprocess
import sys

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
        print(outcome["printed"])
    verdict = outcome["verdict"]
    if name in built.PIECES and verdict and verdict["passed"]:
        _passed[name] = code[1:]
    print(f"{name}: {verdict['message'] if verdict else outcome['error'] or 'it runs; it was not checked'}", flush=True)


def run(code: str, earlier: dict[str, str], seconds: float = SECONDS) -> dict:
    """What `cell.run` returns, from a process that ends after some seconds.

    Args:
        code: the cell.
        earlier: exercise -> code that passed, for `built.bring`.
        seconds: after which the process is stopped.

    Returns:
        As `cell.run`; `error` says so if the process was stopped or left without an answer.
    """
    asked = json.dumps({"code": code, "earlier": earlier})
    found_here = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "cosface_edu.exercises.apart"]
    failed = {"printed": "", "value": "", "json": "", "verdict": None}
    try:
        done = subprocess.run(
            command, input=asked, env=found_here, encoding="utf-8", stdout=subprocess.PIPE, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return failed | {"error": f"stopped after {seconds:g} seconds. Is there a loop that never ends?"}
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return failed | {"error": f"your code ended Python, with exit code {done.returncode}"}


def _main() -> None:
    asked = json.load(sys.stdin)
    built.bring(asked["earlier"])
    print("\n" + json.dumps(cell.run(asked["code"])))


if __name__ == "__main__":
    _main()
