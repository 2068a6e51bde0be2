"""How much of a drawn world carries over to photographs: a network that saw FaceWorld only, judged on real faces.

    python -m cosface_edu.experiments.photographs runs/jobs --lfw lfw-dev-aligned --cfp $COSFACE_DATA/cfp

The weights come from the job `casia`; the pairs are LFW's development list and CFP's ten folds, frontal against
frontal. Nothing is chosen on them.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from safetensors.torch import load_file
from torch import Tensor, nn

from cosface_edu import data, evaluation, networks
from cosface_edu.experiments import record

app = typer.Typer(add_completion=False)
NETWORK, SIZE = "sphereface20", (112, 96)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """The pieces that the job wrote (`name@0`, `name@1`, …), put together in float32.

    Args:
        folder: with the files `casia-weights-*.safetensors`.

    Raises:
        FileNotFoundError: there are none.
    """
    files = sorted(folder.glob("casia-weights-*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{folder}: no casia-weights-*.safetensors; the job `casia` writes them")
    pieces: dict[str, dict[int, Tensor]] = {}
    for file in files:
        for name, value in load_file(file).items():
            whole, _, number = name.rpartition("@")
            pieces.setdefault(whole, {})[int(number)] = value.float()
    return {
        name: torch.cat([parts[k] for k in sorted(parts)]) if parts[0].dim() else parts[0]
        for name, parts in pieces.items()
    }


def judged(network: nn.Module, folder: Path, pairs: Path) -> dict[str, Any]:
    """Ten folds and rates on a list of pairs."""
    found = evaluation.evaluate(network, evaluation.open_pairs(folder, pairs, size=SIZE), precision="float32")
    result = found.verification
    return {
        "pairs": len(result.same),
        "accuracy": result.accuracy,
        "standard_error": result.standard_error,
        "auc": result.auc,
        "eer": result.eer,
        "tar_at_far_0.01": result.tar_at_far(0.01),
    }


@app.command()
def main(
    weights: Annotated[Path, typer.Argument(help="Folder with the job's weights.")],
    lfw: Annotated[Path, typer.Option(help="Aligned pictures of lfw-dev.")],
    cfp: Annotated[Path, typer.Option(help="Aligned pictures of CFP.")],
    out: Annotated[str, typer.Option(help="Record, by name or file.")] = "gpu-photographs",
) -> None:
    """Judge the network and write the record."""
    began = time.perf_counter()
    network = networks.create(NETWORK, size=SIZE)
    network.load_state_dict(read_weights(weights))
    lists = {
        "pairsDevTest": (lfw, data.root() / "lfw-dev" / "pairsDevTest.txt"),
        "cfp-ff": (cfp, data.root() / "cfp-ff.txt"),
    }
    results = {}
    for name, (folder, pairs) in lists.items():
        results[name] = judged(network.eval(), folder, pairs)
        print(name, results[name], flush=True)
    made = record.new(
        __name__,
        what="A network that was trained on drawn people only, on photographs",
        command="python -m cosface_edu.experiments.photographs runs/jobs --lfw lfw-dev-aligned --cfp $COSFACE_DATA/cfp",
        data={"source": "lfw-dev (pairsDevTest) and CFP, aligned to 112×96", "lists": list(results)},
        config={"network": NETWORK, "size": list(SIZE), "flip": "concat"},
        seeds=[0],
        seconds=time.perf_counter() - began,
        parents=["gpu-casia"],
        results=results,
    )
    print(record.save(out, made))


if __name__ == "__main__":
    app()
