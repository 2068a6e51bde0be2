"""The lab's vectors: the same everywhere, standardised, separable but not trivially."""

import torch

from cosface_edu.faces import compact_vectors


def test_standardised_and_reproducible():
    vectors, labels = compact_vectors(identities=4, n=20, dims=8)
    assert vectors.shape == (80, 8)
    assert vectors.dtype == torch.float32
    assert torch.equal(labels, torch.arange(4).repeat_interleave(20))
    torch.testing.assert_close(vectors.mean(dim=0), torch.zeros(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(vectors.std(dim=0), torch.ones(8))
    again, _ = compact_vectors(identities=4, n=20, dims=8)
    torch.testing.assert_close(vectors, again, atol=1e-3, rtol=0)


def test_a_small_network_separates_most_of_it():
    from sklearn.neural_network import MLPClassifier

    vectors, labels = compact_vectors()
    assert vectors.shape == (500, 16)
    held = torch.arange(500) % 5 == 0
    network = MLPClassifier((32, 32, 2), alpha=1e-3, max_iter=800, random_state=0)
    network.fit(vectors[~held], labels[~held])
    accuracy = network.score(vectors[held], labels[held])
    assert 0.8 < accuracy < 1.0
