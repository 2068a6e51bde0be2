"""A loss that is no number is noticed without looking at it in every step: when, at which step, with which weights."""

import pytest
import torch

from cosface_edu.training import diagnose, loop
from cosface_edu.training.diagnose import TrainingDiverged, Watch


def unattended(config, optimiser, device) -> Watch:
    """As on a GPU: nothing is looked at but where the run waits anyhow."""
    watch = Watch(config, optimiser, device)
    watch.waits = False
    return watch


def test_weights_stay_from_the_bad_step_on_until_somebody_looks(config) -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    optimiser = torch.optim.SGD([weight], lr=0.1, momentum=0.9, fused=True)
    watch = unattended(config.replace(log_every=5, validate_every=50, save_every=50), optimiser, torch.device("cpu"))
    kept = None
    for step, loss in enumerate([2.0, 1.0, float("nan"), 1.0, 1.0]):
        failed = watch.failed(step, torch.tensor(loss))
        assert failed == (2 if step == 4 else None)
        weight.grad = torch.full((3,), loss)
        optimiser.step()
        if step == 1:
            kept = weight.detach().clone()
    assert torch.equal(weight, kept)
    assert torch.isfinite(weight).all()


def test_a_run_names_the_step_that_failed_and_looks_at_its_batch_again(config, faces, monkeypatch, tmp_path) -> None:
    begin, seen = loop.begin, []

    def fused(*arguments):
        state = begin(*arguments)
        groups = [group | {"fused": True} for group in state.optimiser.param_groups]
        state.optimiser = torch.optim.SGD(groups, lr=1.0, momentum=0.9, fused=True)
        return state

    def cause(config, step, images, features, network, head) -> str:
        seen.append((step, images, features, next(network.parameters()).detach().clone()))
        return "asked"

    faces.images[17] = float("nan")
    monkeypatch.setattr(loop, "begin", fused)
    monkeypatch.setattr(loop, "Watch", unattended)
    monkeypatch.setattr(diagnose, "likely_cause", cause)
    # the head refuses such features where it may look at them; on a GPU it may not
    monkeypatch.setattr("cosface_edu.losses.head.check_features", lambda *arguments: None)
    changed = config.replace(log_every=5, save_every=5, validate_every=100, steps=10, margin_warm_up=0)
    with pytest.raises(TrainingDiverged) as caught:
        loop.train(changed, tmp_path, faces=faces, say=lambda line: None)
    step, images, features, weights = seen[0]
    assert caught.value.step == step < 5
    assert caught.value.checkpoint is None
    assert not torch.isfinite(images).all()
    assert not torch.isfinite(features).all()
    assert torch.isfinite(weights).all()
