"""What a loss is without options: the papers' own settings, or our choice. Records and the book's prose rely on it."""

import inspect

import pytest

from cosface_edu import losses

DEFAULTS = {
    "adacos": {"dynamic": True},
    "adaface": {"s": 64, "m": 0.4, "h": 0.333, "momentum": 0.01},
    "arcface": {"s": 64, "m": 0.5},
    "asoftmax": {"m": 4, "annealing": None, "s": None},
    "asoftmax_normfea": {"s": 64, "m": 4, "annealing": None},
    "center": {"alpha": 0.5},
    "circle": {"s": 256, "m": 0.25},
    "combined": {"s": 64, "m1": 1, "m2": 0.3, "m3": 0.2},
    "contrastive": {"margin": 1},
    "cosface": {"s": 64, "m": 0.35},
    "curricularface": {"s": 64, "m": 0.5, "momentum": 0.01},
    "elastic_arcface": {"s": 64, "m": 0.5, "std": 0.05},
    "elastic_cosface": {"s": 64, "m": 0.35, "std": 0.05},
    "lsoftmax": {"m": 4, "annealing": None},
    "magface": {"s": 64, "m_low": 0.45, "m_high": 0.8, "lower": 10, "upper": 110, "weight_g": 35},
    "nsl": {"s": 64},
    "softmax": {},
    "softmax_center": {"weight_center": 0.003, "alpha": 0.5},
    "softmax_contrastive": {"weight_pairs": 0.05, "margin": 1},
    "sphereface2": {"r": 40, "m": 0.4, "t": 3, "alpha": 0.7},
    "sphereface_r": {"s": 30, "m": 1.5, "version": 1},
    "subcenter_arcface": {"s": 64, "m": 0.5, "sub_centers": 3},
    "triplet": {"margin": 0.2, "mining": "batch-hard"},
}
EVERYWHERE = {"beyond_pi": "monotone", "chunk_size": None}


@pytest.mark.parametrize("name", DEFAULTS)
def test_the_settings_of_a_loss_that_is_given_none(name):
    parameters = inspect.signature(losses.card(name).loss).parameters
    settings = {k: p.default for k, p in parameters.items() if k not in ("in_features", "num_classes")}
    assert {k: v for k, v in settings.items() if k not in EVERYWHERE} == DEFAULTS[name]
    assert all(settings[k] == EVERYWHERE[k] for k in settings.keys() & EVERYWHERE)
