"""A run small enough to be repeated many times: ten FaceWorld people at 16×16 pixels, a four-layer network."""

import pytest
import torch

from cosface_edu.training import Config, checkpoint


class MemoryFaces:
    """Ten people, six noisy pictures each, in memory."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        self.labels = torch.arange(10).repeat_interleave(6)
        people = torch.rand(10, 3, 16, 16, generator=generator).repeat_interleave(6, dim=0)
        self.images = 0.7 * people + 0.3 * torch.rand(60, 3, 16, 16, generator=generator)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.images[index], int(self.labels[index])


@pytest.fixture
def faces() -> MemoryFaces:
    return MemoryFaces()


@pytest.fixture
def linear_network(monkeypatch) -> None:
    """Runs train a plain linear map: half precision convolutions are emulated, very slowly, on many processors."""

    def build(config: Config) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, config.embedding))

    monkeypatch.setattr(checkpoint, "build_network", build)


@pytest.fixture
def config() -> Config:
    return Config(
        size=(16, 16),
        network="sphereface4",
        embedding=8,
        loss="cosface",
        loss_options={"s": 16.0, "m": 0.2},
        margin_warm_up=5,
        batch=24,
        steps=10,
        lr=0.05,
        milestones=(7,),
        clip=5.0,
        log_every=2,
        save_every=4,
        validate_every=5,
        device="cpu",
    )
