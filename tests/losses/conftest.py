"""What the tests of the losses share: every loss of the registry by its cases (`cases.py`), for tests that ask for one.

A test that takes `make` or `case` runs for every head, one that takes `loss_case` for every loss.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import cases


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", cases.HEADS, scope="module")
    if "loss_case" in metafunc.fixturenames:
        metafunc.parametrize("loss_case", cases.CASES, scope="module")


@pytest.fixture
def make(case):
    """make(in_features, num_classes, **changes): the head of this case, with running statistics not at their start."""
    return lambda in_features, num_classes, **changes: cases.make(case, in_features, num_classes, **changes)
