"""The presets are the paper's; a rate is a function of the step."""

import pytest

from cosface_edu.training import PRESETS, Config, preset


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


@pytest.mark.parametrize("name", PRESETS)
def test_a_configuration_survives_json(name) -> None:
    import json

    config = preset(name)
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    "bad", [{"batch": 0}, {"centre_rate": 0.0}, {"centre_rate": 1.5}, {"precision": "int8"}, {"schedule": "poly"}]
)
def test_what_cannot_be_trained_is_refused(bad) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        Config(**bad)


def test_unknown_names_are_told() -> None:
    with pytest.raises(ValueError, match="rehearsal"):
        preset("casja")
    with pytest.raises(ValueError, match="learnrate"):
        Config.from_dict({"learnrate": 0.1})
