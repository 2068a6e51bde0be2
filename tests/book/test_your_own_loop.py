"""The page on other people's loops: its cells and its blocks for two frameworks are run."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from cosface_edu import losses, networks
from cosface_edu.data import normalise

TEXT = (Path(__file__).resolve().parents[2] / "book" / "your-own-loop.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    return next(
        code for code in re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S) if code.startswith(f"# {name}")
    )


@pytest.fixture
def space() -> dict[str, Any]:
    """What the page has at hand where its blocks stand."""
    images, labels = torch.rand(96, 3, 28, 24), torch.arange(96) % 24
    return {
        "torch": torch,
        "losses": losses,
        "networks": networks,
        "normalise": normalise,
        "network": networks.create("small", size=(28, 24), embedding=32),
        "head": losses.CosFace(32, 24, s=16.0, m=0.2),
        "loader": DataLoader(TensorDataset(images, labels), batch_size=24),
    }


def test_the_cells_run_and_say_what_the_text_says() -> None:
    cells = re.findall(r"^```\{code-cell\} ipython3\n(?:---\n.*?^---\n|:tags:[^\n]*\n)?(.*?)^```", TEXT, re.M | re.S)
    space: dict[str, Any] = {}
    for code in cells:
        exec(compile(code, "your-own-loop.md", "exec"), space)
    assert float(space["own"]) == pytest.approx(float(space["theirs"]), rel=1e-5)
    assert space["passing"]["trained on"] == pytest.approx(0.01, abs=0.001)
    assert space["passing"]["others"] > 2 * space["passing"]["trained on"]  # 'four times as many here', on one machine
    kept = losses.CosFace(32, 24)
    space["keep_centres"](space["head"], space["names"], kept, space["more_names"])
    assert torch.equal(kept.weight[:12], space["head"].weight[12:])


def test_lightning(space, tmp_path) -> None:
    lightning = pytest.importorskip("pytorch_lightning")
    exec(block("pytorch-lightning"), space)
    module = space["Recogniser"]()
    before = module.head.weight.detach().clone()
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    lightning.Trainer(max_epochs=1, default_root_dir=tmp_path, **options).fit(module, space["loader"])
    assert not torch.equal(module.head.weight, before)


def test_accelerate(space) -> None:
    pytest.importorskip("accelerate")
    before = space["head"].weight.detach().clone()
    exec(block("accelerate"), space)
    assert not torch.equal(space["head"].weight, before.to(space["head"].weight.device))
