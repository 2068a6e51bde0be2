"""ONNX files give PyTorch's numbers in onnxruntime, at any batch size."""

import numpy as np
import pytest
import torch

from cosface_edu import networks

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize(("name", "size"), [("sphereface4", (32, 32)), ("small", (32, 32))])
def test_equal_outputs(tmp_path, name, size):
    network = networks.create(name, size=size, embedding=16)
    network.train()
    for _ in range(3):
        network(torch.randn(4, 3, *size))
    assert networks.export_onnx(network, tmp_path / "n.onnx", size) < 1e-4
    assert [p.name for p in tmp_path.iterdir()] == ["n.onnx"]  # the weights are inside, nothing else is left
    assert network.training  # as it was

    network.eval()
    session = onnxruntime.InferenceSession(tmp_path / "n.onnx")
    for batch in (1, 5):
        images = torch.randn(batch, 3, *size)
        actual = session.run(["embeddings"], {"images": images.numpy()})[0]
        np.testing.assert_allclose(actual, network(images).detach().numpy(), atol=1e-4, rtol=1e-3)


def test_a_module_without_weights(tmp_path):
    assert networks.export_onnx(torch.nn.Flatten(), tmp_path / "n.onnx", (8, 8)) == 0


def test_a_wrong_file_is_not_left_behind(tmp_path, monkeypatch):
    network = networks.create("sphereface4", size=(16, 16), embedding=4)

    class Wrong(onnxruntime.InferenceSession):
        def run(self, *args):
            return [2 * output for output in super().run(*args)]

    monkeypatch.setattr(onnxruntime, "InferenceSession", Wrong)
    with pytest.raises(RuntimeError, match="differs from PyTorch"):
        networks.export_onnx(network, tmp_path / "n.onnx", (16, 16))
    assert not list(tmp_path.iterdir())


def test_a_network_that_says_its_size_is_exported_at_it_and_a_place_is_checked_first(tmp_path, monkeypatch):
    network = networks.create("sphereface4", size=(48, 32), embedding=4)
    assert networks.export_onnx(network, tmp_path / "new" / "n.onnx") < 1e-4
    session = onnxruntime.InferenceSession(tmp_path / "new" / "n.onnx")
    assert session.get_inputs()[0].shape == ["batch", 3, 48, 32]
    monkeypatch.setattr(torch.onnx, "export", lambda *args, **options: pytest.fail("the work began"))
    with pytest.raises(IsADirectoryError, match="this is a folder"):
        networks.export_onnx(network, tmp_path / "new")


def test_half_precision_is_exported_as_it_is_and_frozen_layers_stay_frozen(tmp_path):
    network = networks.small(embedding=4, size=(32, 32))  # without a recipe
    network.bn.eval()
    assert networks.export_onnx(network.half(), tmp_path / "n.onnx") < 1e-2
    assert (network.training, network.bn.training) == (True, False)
    session = onnxruntime.InferenceSession(tmp_path / "n.onnx")
    assert session.get_inputs()[0].shape == ["batch", 3, 32, 32]
    images = torch.randn(5, 3, 32, 32, dtype=torch.float16)
    assert session.run(None, {"images": images.numpy()})[0].dtype == np.float16
    with pytest.raises(ValueError, match=r"float32 and float16, not in torch\.bfloat16: call network\.float\(\)"):
        networks.export_onnx(network.bfloat16(), tmp_path / "other.onnx")
