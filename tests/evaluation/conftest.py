"""Shared by the tests of evaluation."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture
def doubles_by_default() -> Iterator[None]:
    """What a program that computes in float64 has set."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
