"""A loss that is no number is noticed without looking at it in every step: when, at which step, with which weights."""

import pytest
import torch

from cosface_edu import losses
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


@pytest.fixture
def fused(monkeypatch):
    """Runs get the optimiser that they get on a GPU."""
    begin = loop.begin

    def begin_fused(*arguments):
        state = begin(*arguments)
        groups = [group | {"fused": True} for group in state.optimiser.param_groups]
        state.optimiser = torch.optim.SGD(groups, lr=1.0, momentum=0.9, fused=True)
        return state

    monkeypatch.setattr(loop, "begin", begin_fused)
    monkeypatch.setattr(loop, "Watch", unattended)


def test_a_run_begun_on_a_processor_goes_on_on_a_gpu(config, faces, tmp_path, request) -> None:
    first = config.replace(schedule="steps", milestones=(), lr_warm_up=0, steps=3, save_every=3)
    loop.train(first, tmp_path, faces=faces, say=lambda line: None)
    request.getfixturevalue("fused")
    run = loop.train(first.replace(steps=5), tmp_path, faces=faces, resume=True, say=lambda line: None)
    assert run.history[-1]["step"] == 5


def test_weights_that_a_good_loss_made_infinite_are_not_saved(config, faces, monkeypatch, tmp_path) -> None:
    """A gradient may overflow where the loss does not: the checkpoint before stays."""
    changed = config.replace(steps=10, save_every=2, validate_every=2)
    step = torch.optim.SGD.step

    def overflowing(self, *arguments, **options):
        found = step(self, *arguments, **options)
        if self.param_groups[0]["params"][0].grad is not None and next(counted) == 5:
            self.param_groups[0]["params"][0].data.view(-1)[0] = float("inf")
        return found

    counted = iter(range(100))
    monkeypatch.setattr(torch.optim.SGD, "step", overflowing)
    with pytest.raises(TrainingDiverged, match=r"no longer finite numbers after step 5.*init=.*last\.pt") as caught:
        loop.train(changed, tmp_path, faces=faces, say=lambda line: None)
    kept = torch.load(tmp_path / "last.pt", weights_only=True)
    assert kept["step"] == caught.value.step - 1 == 4
    assert all(torch.isfinite(tensor).all() for tensor in kept["network"].values())


def test_a_run_names_the_step_that_failed_and_looks_at_its_batch_again(
    config, faces, fused, monkeypatch, tmp_path
) -> None:
    seen = []

    def cause(config, step, images, features, network, head) -> str:
        seen.append((step, images, features, next(network.parameters()).detach().clone()))
        return "asked"

    faces.images[17] = float("nan")
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


@pytest.mark.parametrize("name", ["cosface", "arcface", "asoftmax_normfea", "sphereface_r", "circle"])
def test_an_overflow_is_told_with_the_loss_that_its_own_rule_begins_at(name, config) -> None:
    """Embeddings and centres at right angles: the loss is then the number that the message names."""
    head = losses.create(name, in_features=8, num_classes=7).double()
    head.weight.data = torch.eye(7, 8, dtype=torch.float64)
    features = torch.zeros(3, 8, dtype=torch.float64)
    features[:, 7] = 2.0
    begins = head(features, torch.tensor([0, 3, 6])).item()
    told = diagnose.likely_cause(config, 0, torch.zeros(3, 3, 8, 8), features, torch.nn.Identity(), head)
    assert f"s={head.s:g} and {head.rule} start it near {begins:.1f};" in told


@pytest.mark.parametrize("name", ["nsl", "sphereface2"])
def test_an_overflow_of_a_loss_without_a_margin_or_a_softmax_is_told_plainly(name, config) -> None:
    head = losses.create(name, in_features=8, num_classes=7)
    told = diagnose.likely_cause(config, 0, torch.zeros(3, 3, 8, 8), torch.ones(3, 8), torch.nn.Identity(), head)
    assert told.startswith("the logits overflow")
