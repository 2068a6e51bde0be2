"""A chunked head never holds the B×C logits. (That chunks change no number: test_contract.)"""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cosface_edu import losses


def run(head, x, labels):
    x = x.detach().requires_grad_()
    torch.manual_seed(5)  # the same margins where they are drawn
    loss = head(x, labels)
    return [loss.detach(), *torch.autograd.grad(loss, (x, head.weight))]


def test_blocks_of_rows_change_nothing(make, case, monkeypatch):
    """Many small blocks inside a chunk, as with very many classes."""
    head = make(6, 30).double()
    x, labels = torch.randn(10, 6, dtype=torch.float64), torch.randint(30, (10,))
    state = {k: v.clone() for k, v in head.state_dict().items()}
    whole = run(head, x, labels)
    head.load_state_dict(state)
    monkeypatch.setattr("cosface_edu.losses.fused.BLOCK", 60)
    for a, b in zip(whole, run(head, x, labels), strict=True):
        torch.testing.assert_close(a, b)


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation returns."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor):
            self.numel = max(self.numel, out.numel())
        return out


def test_no_array_of_all_logits_exists():
    B, D, C = 64, 4, 3000
    x, labels = torch.randn(B, D, requires_grad=True), torch.randint(C, (B,))
    sizes = {}
    for chunk_size in (None, 8):
        with Largest() as seen:
            losses.CosFace(D, C, chunk_size=chunk_size)(x, labels).backward()
        sizes[chunk_size] = seen.numel
    assert sizes[None] == B * C
    assert sizes[8] == 8 * C


def test_chunks_without_gradient_are_scored_by_their_own_samples():
    """CurricularFace decides by each sample's own target which of the other classes are hard."""
    x, labels = torch.randn(12, 6, dtype=torch.float64), torch.randint(30, (12,))
    head = losses.CurricularFace(6, 30, m=0.5).double().eval()
    with torch.no_grad():
        whole = head(x, labels)
        head.chunk_size = 5
        torch.testing.assert_close(head(x, labels), whole)
