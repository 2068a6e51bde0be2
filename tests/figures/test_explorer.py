"""The explorer: controls make configurations, results become pictures with alt text."""

import pytest

from cosface_edu import figures
from cosface_edu.experiments import toy


@pytest.fixture
def asked(made_up, monkeypatch: pytest.MonkeyPatch) -> list[toy.ToyConfig]:
    """What the explorer trains; a made-up toy answers at once."""
    seen: list[toy.ToyConfig] = []

    def cached(config: toy.ToyConfig, progress=None) -> toy.ToyRun:
        seen.append(config)
        progress(1, 3, 0.5)
        margin = {} if config.m is None else {"m": config.m}
        return made_up(loss=config.loss, s=config.s, seed=config.seed, **margin)

    monkeypatch.setattr(toy, "cached", cached)
    return seen


def test_first_state_is_a_picture_with_alt_text(asked) -> None:
    shown = figures.explorer()
    assert (asked[-1].loss, asked[-1].m, asked[-1].seed) == ("cosface", 0.2, 0)
    assert 'src="data:image/png;base64,' in shown.picture.value
    assert 'alt="LMCL, m = 0.2: features of 8 identities' in shown.picture.value
    assert shown.progress.value == shown.progress.max


def test_controls_train_what_they_say(asked) -> None:
    shown = figures.explorer()
    shown.m.value = 0.35
    assert asked[-1].m == pytest.approx(0.35)
    shown.s.value = 20
    shown.seed.value = 3
    assert (asked[-1].s, asked[-1].seed) == (20, 3)


def test_margin_is_fitted_to_the_loss(asked) -> None:
    shown = figures.explorer()
    before = len(asked)
    shown.loss.value = "nsl"
    assert shown.m.disabled
    assert asked[-1].m is None
    shown.loss.value = "asoftmax"
    assert shown.s.disabled
    assert (asked[-1].loss, asked[-1].m) == ("asoftmax", 4)
    assert len(asked) == before + 2  # one training for each change
