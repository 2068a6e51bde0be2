"""A world shared by the room's tests: drawing its noise table once saves a second a test."""

import pytest

from cosface_edu.faces import FaceWorld


@pytest.fixture(scope="session")
def world() -> FaceWorld:
    return FaceWorld(seed=0)
