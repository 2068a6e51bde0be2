"""ONNX: the network for runtimes that know nothing of PyTorch."""

import os

import torch
from torch import nn

from cosface_edu.files import atomically, file_to_write

from .modes import evaluating
from .numbers import dtype_of
from .sizes import size_of
from .weights import inside

CLOSE = {torch.float32: 1e-3, torch.float16: 1e-2}  # what onnxruntime may differ by, of the largest value


def export_onnx(network: nn.Module, path: str | os.PathLike[str], size: tuple[int, int] | None = None) -> float:
    """Write a network as one ONNX file and check it: onnxruntime must give PyTorch's output.

    Input `images`: (B, 3, H, W) normalised by (255x - 127.5)/128, any B, in the numbers of the network's own weights:
    float32, or float16 after `.half()`. Output `embeddings`: (B, D) in the same.

    Args:
        network: any network, also in a wrapper of PyTorch's; exported in evaluation mode.
        path: where to; the file appears whole and checked, or not at all.
        size: (height, width) of the images; None for those that the network was made for, and 112×96 where it does
            not say.

    Returns:
        The largest absolute difference to PyTorch, relative to the largest value of the embeddings.

    Raises:
        ImportError: if onnx, onnxscript or onnxruntime is not installed.
        ValueError: for a network in other numbers than float32 and float16; onnxruntime has no convolution for them.
        RuntimeError: if the outputs differ.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError("ONNX export needs: pip install 'cosface-edu[export]'") from error
    network = inside(network)
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    dtype = dtype_of(network) or torch.float32
    if dtype not in CLOSE:
        raise ValueError(f"onnxruntime computes in float32 and float16, not in {dtype}: call network.float() first")
    height, width = size_of(network) if size is None else size
    file_to_write(path)
    with evaluating(network):
        images = torch.randn(2, 3, height, width, device=device, dtype=dtype)
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
            # another batch size than the one it was traced with
            images = torch.randn(3, 3, height, width, device=device, dtype=dtype)
            with torch.inference_mode():
                expected = network(images).cpu().float()
            session = onnxruntime.InferenceSession(part.read_bytes(), providers=["CPUExecutionProvider"])
            actual = torch.from_numpy(session.run(None, {"images": images.cpu().numpy()})[0]).float()
            difference = ((actual - expected).abs().max() / expected.abs().max()).item()
            if not difference < CLOSE[dtype]:
                raise RuntimeError(f"{path}: not written: onnxruntime differs from PyTorch by {difference:.1e}")
    return difference
