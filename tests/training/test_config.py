"""The presets are the paper's; a rate is a function of the step."""

import dataclasses
import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from cosface_edu.training import PRESETS, Config, preset
from cosface_edu.training.config import kinds


def test_casia_is_the_paper_s_small_schedule() -> None:
    casia = preset("casia")
    rates = {step: casia.learning_rate(step) for step in (0, 15_999, 16_000, 23_999, 24_000, 27_999, 28_000, 29_999)}
    assert list(rates.values()) == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 1e-4, 1e-4])
    assert (casia.batch, casia.steps, casia.momentum, casia.weight_decay) == (512, 30_000, 0.9, 5e-4)
    assert (casia.network, casia.loss_options, casia.size, casia.flip) == (
        "sphereface64",
        {"s": 64.0, "m": 0.35},
        (112, 96),
        True,
    )
    assert casia.steps * casia.batch / 490_000 == pytest.approx(31.3, abs=0.1)  # epochs of the 0.49 M images


def test_large_is_the_paper_s_large_schedule() -> None:
    large = preset("large")
    assert [large.learning_rate(t) for t in (0, 80_000, 140_000, 200_000)] == pytest.approx([0.05, 5e-3, 5e-4, 5e-5])
    assert (large.batch, large.steps) == (512, 240_000)


def test_warm_up_and_cosine() -> None:
    config = Config(steps=110, lr=1.0, schedule="cosine", lr_warm_up=10)
    assert config.learning_rate(0) == pytest.approx(0.1)
    assert config.learning_rate(10) == pytest.approx(1.0)
    assert config.learning_rate(60) == pytest.approx(0.5)
    assert 0 < config.learning_rate(109) < 1e-3


def test_what_is_done_to_a_preset_is_one_s_own() -> None:
    preset("casia").loss_options["m"] = 9
    assert preset("casia").loss_options["m"] == 0.35


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_survives_json(name) -> None:
    import json

    config = preset(name)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        *[("flip", word, False) for word in ("false", "False", "no", "off", "0", 0, np.bool_(False))],
        *[("flip", word, True) for word in ("true", "YES", "on", 1, np.bool_(True))],
        *[("milestones", value, (22,)) for value in (22, "22", [22], np.array([22]), "[22]", "(22,)", np.int64(22))],
        *[("milestones", value, (2, 3)) for value in ([2, 3], "2,3", np.array([2, 3]), "(2, 3)", torch.tensor([2, 3]))],
        *[("milestones", value, ()) for value in ("", "()", [])],
        *[("size", value, (56, 48)) for value in ([56, 48], "56x48", "56×48", "(56, 48)", np.array([56, 48]))],
        *[("steps", value, 7) for value in (np.int64(7), torch.tensor(7), np.array(7), "7", " 7 ")],
        *[("lr", value, 0.35) for value in (np.float32(0.35), np.float64(0.35), "0.35", "35e-2", Fraction(35, 100))],
        *[("micro_batch", value, None) for value in (None, "None", "none", "")],
        *[("clip", value, 5.0) for value in (5, "5", np.int32(5))],
        *[("held_out", value, value) for value in (0, 4, 100)],
        *[("loss_options", value, {"s": 30, "m": 0.35}) for value in ("{'s': 30, 'm': 0.35}", {"s": 30, "m": 0.35})],
        ("loss_options", {"s": np.int64(30), "m": np.float32(0.35)}, {"s": 30, "m": 0.35}),
        ("network_options", {"blocks": [1, 2]}, {"blocks": (1, 2)}),
        ("data", Path("faces") / "here", "faces/here"),
        ("data", "2024", "2024"),
        ("device", "cuda:3", "cuda:3"),
    ],
)
def test_a_value_is_taken_as_it_is_meant_and_kept_as_python_s_own(name, given, meant) -> None:
    kept = getattr(Config(**{name: given}), name)
    assert kept == meant
    assert type(kept) is type(meant)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        *[("batch", value, "at least 1") for value in (0, -8, 8.0, True, None, "1e1", "8 images", "30,000", [8])],
        *[("steps", value, "at least 1") for value in ("1e1", 0, 10.0, "ten", 2**63)],
        *[("lr", value, "at least 0") for value in (-0.1, math.nan, math.inf, "nan", "0,1", (0, 1), "fast", True)],
        *[("momentum", value, "at most 1") for value in ("0.9f", -0.1, 9)],
        *[("held_out", value, "0 or an integer of at least 4") for value in (1, 2, 3, -1, "ten", 4.0)],
        *[("seed", value, "at least 0") for value in (1.5, -1, 2**64, "x")],
        *[("device", value, "cpu, cuda, cuda:N or mps") for value in ("gpu", "cuda:", "cuda:a", "CPU", 0)],
        *[("micro_batch", value, "at least 1 or None") for value in (-1, 0, 1.5)],
        *[
            ("size", value, "112x96")
            for value in (56, "56", "axb", (56,), (56, 48, 3), (0, 48), (3, 48), (56.0, 48.0), "56x")
        ],
        *[("crop", value, "at least 0") for value in (2.5, -1)],
        *[("loss_options", value, "names and values") for value in ("s:30", "s=30", 30, None, [30], {1: 2})],
        *[("workers", value, "at least 0") for value in ("two", -1)],
        *[("milestones", value, "at least 0") for value in (-3, 2.5, "x", "1e3", None, [1, -2])],
        *[("flip", value, "true or false") for value in ("maybe", 2, None, "", 1.0, [True])],
        *[("clip", value, "above 0 or None") for value in (0, -5, "much")],
        *[("centre_rate", value, "above 0 and at most 1") for value in (0, 1.5)],
        *[("precision", value, "fp32, bf16, fp16") for value in ("int8", None, ["fp32"])],
        *[("schedule", value, "steps, cosine") for value in ("poly", 1)],
        *[("data", value, "a name or a path") for value in ("", None, 3)],
        *[(name, -1, "at least 0") for name in ("lr_warm_up", "margin_warm_up", "weight_decay", "colour", "occlude")],
        *[
            (name, 0, "at least 1")
            for name in ("embedding", "per_identity", "log_every", "save_every", "validate_every")
        ],
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_with_name_value_and_what_is_allowed(name, value, allowed) -> None:
    with pytest.raises(ValueError, match=re.escape(name)) as refused:
        Config(**{name: value})
    text = str(refused.value)
    assert "\n" not in text
    assert allowed in text
    assert str(value).strip("[]") in text


# Beside the steps' number and milestones, which depend on what is done already.
MAY_CHANGE = {
    **{"data": "elsewhere", "in_memory": True, "workers": 3, "save_every": 7, "validate_every": 7, "log_every": 7},
    **{"device": "cpu", "compile": True, "micro_batch": 8},
}
MAKES_ANOTHER_RUN = {
    **{"identities": 7, "per_identity": 7, "world_seed": 7, "size": (56, 48), "flip": False, "crop": 2, "colour": 0.1},
    **{"occlude": 0.1, "held_out": 7, "held_out_pairs": 7, "network": "small", "network_options": {"a": 1}},
    **{"embedding": 7, "loss": "nsl", "loss_options": {"s": 7.0}, "margin_warm_up": 7, "centre_rate": 0.5, "batch": 7},
    **{"lr": 0.7, "factor": 0.7, "schedule": "cosine", "lr_warm_up": 7, "momentum": 0.7, "weight_decay": 0.7},
    **{"clip": 7.0, "precision": "bf16", "channels_last": True, "seed": 7, "init": "another"},
}


def test_a_run_goes_on_with_what_leaves_its_steps_as_they_are() -> None:
    assert {*MAY_CHANGE, *MAKES_ANOTHER_RUN, "steps", "milestones"} == set(kinds())
    for name, value in (MAY_CHANGE | MAKES_ANOTHER_RUN).items():
        told = Config().replace(**{name: value}).differences(Config())
        assert len(told) == (name in MAKES_ANOTHER_RUN), name


def test_every_field_says_what_it_may_hold() -> None:
    assert list(kinds()) == [field.name for field in dataclasses.fields(Config)]


def test_unknown_names_are_told() -> None:
    with pytest.raises(ValueError, match="rehearsal"):
        preset("casja")
    with pytest.raises(ValueError, match="learnrate"):
        Config.from_dict({"learnrate": 0.1})
