"""The lab's vectors: the same everywhere, standardised, separable but not trivially."""

import torch
from torch import nn

from cosface_edu.faces import compact_vectors
from cosface_edu.losses import NSL


def test_standardised_and_reproducible():
    vectors, labels = compact_vectors(identities=4, n=20, dims=8)
    assert vectors.shape == (80, 8)
    assert vectors.dtype == torch.float32
    assert torch.equal(labels, torch.arange(4).repeat_interleave(20))
    torch.testing.assert_close(vectors.mean(dim=0), torch.zeros(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(vectors.std(dim=0), torch.ones(8))
    again, _ = compact_vectors(identities=4, n=20, dims=8)
    torch.testing.assert_close(vectors, again, atol=1e-3, rtol=0)
    other, _ = compact_vectors(identities=4, n=20, dims=8, seed=1)
    assert (vectors - other).abs().mean() > 0.5


def test_the_lab_network_separates_most_of_it():
    """What the lab trains, 16-32-32-2 with normalised features: all learned, most of the unseen named."""
    vectors, labels = compact_vectors()
    assert vectors.shape == (500, 16)
    held = torch.arange(500) % 5 == 0
    network = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
    turns = torch.arange(10) * 2 * torch.pi / 10
    head = NSL(in_features=2, num_classes=10, s=10.0)
    head.weight.data = torch.stack([turns.cos(), turns.sin()], dim=1)
    optimiser = torch.optim.Adam([*network.parameters(), *head.parameters()], lr=0.01)
    for _ in range(500):
        optimiser.zero_grad()
        head(network(vectors[~held]), labels[~held]).backward()
        optimiser.step()
    right = head.logits(network(vectors)).argmax(dim=1) == labels
    assert right[~held].float().mean() > 0.99
    assert 0.88 <= right[held].float().mean() <= 0.99
