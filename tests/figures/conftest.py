"""Toys for figures: made up, not trained, so that these tests measure the drawing and take no time."""

from collections.abc import Callable

import matplotlib
import numpy as np
import pytest

from cosface_edu.experiments import toy
from cosface_edu.figures import style

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _in_the_book(built_page) -> None:
    """What a figure hands to a page, it hands to a built one."""


@pytest.fixture(autouse=True)
def _look():
    import matplotlib.pyplot as plt

    with matplotlib.rc_context():
        style.apply()
        yield
        plt.close("all")


@pytest.fixture
def made_up() -> Callable[..., toy.ToyRun]:
    """Eight clouds around evenly spread centres, narrower from epoch to epoch."""

    def make(spacing: float = 45.0, epochs: int = 3, **options) -> toy.ToyRun:
        config = toy.ToyConfig(epochs=epochs, **options)
        generator = np.random.default_rng(config.seed)
        labels = np.repeat(np.arange(8), 80)
        middle = np.radians(spacing * np.arange(8))
        centres = np.stack([np.cos(middle), np.sin(middle)], axis=1).astype(np.float32)
        features, test_features = (
            np.stack([cloud(generator, middle, labels, 20 / (epoch + 1)) for epoch in range(epochs + 1)]) for _ in "12"
        )
        return toy.ToyRun(
            config=config,
            features=features,
            labels=labels,
            test_features=test_features,
            test_labels=labels,
            centres=np.repeat(centres[None], epochs + 1, axis=0),
            losses=np.linspace(2, 0.1, epochs, dtype=np.float32),
            margins=np.full(epochs + 1, config.m or 0, dtype=np.float32),
            train_accuracies=np.linspace(0.1, 0.99, epochs + 1, dtype=np.float32),
            test_accuracies=np.linspace(0.1, 0.95, epochs + 1, dtype=np.float32),
            names=tuple(f"person {i}" for i in range(8)),
            seconds=1.0,
        )

    def cloud(generator, middle, labels, width: float) -> np.ndarray:
        angles = middle[labels] + np.radians(generator.normal(0, width, len(labels)))
        lengths = generator.uniform(2, 6, len(labels))
        return (lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.float32)

    return make
