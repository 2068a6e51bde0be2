"""ONNX: the network for runtimes that know nothing of PyTorch."""

import os
from typing import Any

import torch
from torch import nn

from cosface_edu.files import atomically, file_to_write


def export_onnx(network: nn.Module, path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> float:
    """Write a network as one ONNX file and check it: onnxruntime must give PyTorch's output.

    Input `images`: (B, 3, H, W) float32, normalised by (255x - 127.5)/128, any B. Output `embeddings`: (B, D).

    Args:
        network: any network; exported in evaluation mode.
        path: where to; the file appears whole and checked, or not at all.
        size: (height, width) of the images; None for those that the network was made for, by its `recipe`, and 112×96
            where it has none.

    Returns:
        The largest absolute difference to PyTorch, relative to the largest value of the embeddings.

    Raises:
        ImportError: if onnx, onnxscript or onnxruntime is not installed.
        RuntimeError: if the outputs differ.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("ONNX export needs: pip install 'cosface-edu[export]'") from error
    if size is None:
        recipe: dict[str, Any] = getattr(network, "recipe", {})
        size = recipe.get("options", {}).get("size", (112, 96))
    file_to_write(path)
    training = network.training
    network.eval()
    try:
        device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
        images = torch.randn(2, 3, *size, device=device)
        with atomically(path) as part:
            torch.onnx.export(
                network,
                (images,),
                part,
                input_names=["images"],
                output_names=["embeddings"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                dynamo=True,
                external_data=False,  # one file
                verbose=False,
            )
            images = torch.randn(3, 3, *size, device=device)  # another batch size than the one it was traced with
            with torch.inference_mode():
                expected = network(images).cpu()
            session = onnxruntime.InferenceSession(part.read_bytes(), providers=["CPUExecutionProvider"])
            actual = torch.from_numpy(session.run(None, {"images": images.cpu().numpy()})[0])
            difference = ((actual - expected).abs().max() / expected.abs().max()).item()
            if not difference < 1e-3:
                raise RuntimeError(f"{path}: not written: onnxruntime differs from PyTorch by {difference:.1e}")
    finally:
        network.train(training)
    return difference
