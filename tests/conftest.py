"""Shared by every test: results must not depend on which tests ran before."""

import pytest
import torch


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
