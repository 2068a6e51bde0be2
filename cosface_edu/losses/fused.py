"""Softmax cross entropy over margin scores, with its gradient, in little more than three matrix products.

A straightforward head writes about ten arrays of size B×C: cosines, one-hot mask, margin logits, probabilities, and
a gradient for each. Here one buffer of logits exists. It is filled by a matrix product and turned, in place and
block by block while it is in the processor's cache, from logits to probabilities to the gradient

    ∂L/∂z_ij = (p_ij - [j = y_i]) / B,        p = softmax(z),

which two more products take back to the embeddings and the class centres. Three things make it cheap:

* the centres are never copied to length 1: column j of the product is divided by ‖W_j‖ instead;
* the margin touches one number a sample, so its derivative is taken by autograd on B numbers, whatever the rule;
* the gradient is computed in the forward pass, where the probabilities are at hand, so that no B×C array waits for
  the backward pass. `chunk_size` then bounds the buffer itself: only that many samples have logits at a time.

Normalisation of the centres: with ŵ = w/‖w‖ and a = ∂L/∂ŵ, ∂L/∂w = (a - (a·ŵ)ŵ)/‖w‖.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .checks import watched

ZERO_LENGTH = 1e-12  # a vector shorter than this has no direction; its length counts as 1 where we divide by it
BLOCK = 2**23  # numbers handled at once: 32 MB in float32, about a processor's last cache
CENTRES = 2**19  # numbers of the class centres multiplied at once: 2 MB, so that a short chunk finds them in cache


@dataclass(frozen=True)
class Scores:
    """How a head scores classes, in the logits' own units.

    Args:
        target: (z_y, ‖x‖, ‖w_y‖), each (B, 1) -> target logit (B, 1); z_y is the score without margin. Differentiable.
        others: (z block (b, C), rows) -> scores of the non-target classes (b, C), differentiable; None for identity.
        normalise: whether centres count by their direction only.
        sub_centers: K centres a class; a class scores by its best.
        chunk_size: samples whose logits exist at a time; None for all.
        fixed: whether the two functions are known to hold nothing that is learned; else it is tried in each step.

    Example:
        >>> from cosface_edu.losses import Scores
        >>> scores = Scores(target=lambda z, norms, lengths: z - 1)  # a margin of 1 in units of the logits
        >>> scores.normalise, scores.sub_centers
        (True, 1)
    """

    target: Callable[[Tensor, Tensor, Tensor], Tensor]
    others: Callable[[Tensor, slice], Tensor] | None = None
    normalise: bool = True
    sub_centers: int = 1
    chunk_size: int | None = None
    fixed: bool = False


@dataclass
class _Parts:
    """The loss and what the backward pass needs; gradients are None where nobody asked."""

    loss: Tensor
    inverse: Tensor | None  # 1/‖w_j‖, (C·K,)
    x: Tensor | None = None  # (B, D)
    weight: Tensor | None = None  # (C·K, D), before the projection of `_finish_weight`
    norms: Tensor | None = None  # (B, 1)


def safe_length(length: Tensor) -> Tensor:
    """The length, or 1 for a zero vector: its cosines are then 0 and its gradient is finite.

    A length past the largest number is NaN: entries of 1e20, which float32 cannot square, would have no direction
    either, and a loss that stays finite and teaches nothing would hide that training has run away.
    """
    return torch.where(length > ZERO_LENGTH, length, torch.ones_like(length)).where(length < torch.inf, torch.nan)


def margin_softmax(x: Tensor, weight: Tensor, norms: Tensor, labels: Tensor, scores: Scores) -> Tensor:
    """Mean cross entropy of margin scores; gradients flow to x, weight and norms.

    They flow to what `scores` itself holds too, a learned margin or scale, by plain operations: then all logits exist
    at once, whatever the `chunk_size`.

    Args:
        x: embeddings, already scaled to the length that the logits call for (B, D).
        weight: class centres (C·K, D).
        norms: original lengths of the embeddings (B, 1).
        labels: true classes (B,) int64.
        scores: how classes are scored.

    Returns:
        Scalar loss. Second derivatives (create_graph=True) are right too, at the price of plain operations.

    Example:
        >>> import torch
        >>> from cosface_edu.losses import Scores
        >>> from cosface_edu.losses.fused import margin_softmax
        >>> x, y = torch.tensor([[3.0, 4.0]], requires_grad=True), torch.tensor([0])
        >>> scores = Scores(target=lambda z, norms, lengths: z - 1)  # a margin of 1 in units of the logits
        >>> loss = margin_softmax(x, torch.eye(2), x.norm(dim=1, keepdim=True), y, scores)
        >>> round(loss.item(), 4)
        2.1269
    """
    if watched():  # the compiler fuses plain operations by itself; torch.func differentiates them in its own ways
        return F.cross_entropy(margin_logits(x, weight, norms, labels, scores), labels)
    if not torch.is_grad_enabled():  # a custom function is not told
        return _compute(x, weight, norms, labels, scores, (False, False, False)).loss
    if not scores.fixed and _learned(scores, norms.detach()):
        return F.cross_entropy(margin_logits(x, weight, norms, labels, scores), labels)
    return _MarginSoftmax.apply(x, weight, norms, labels, scores)


def _learned(scores: Scores, norms: Tensor) -> bool:
    """Whether the scores hold a tensor that wants a gradient, such as a learned margin: ours are of three arguments.

    Nothing that is handed over wants one, so whatever does must have come from elsewhere.
    """
    if scores.target(norms, norms, norms).requires_grad:
        return True
    return scores.others is not None and scores.others(norms, slice(None)).requires_grad


class _MarginSoftmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, norms: Tensor, labels: Tensor, scores: Scores) -> Tensor:
        ctx.scores, ctx.parts = scores, None
        parts = _compute(x, weight, norms, labels, scores, ctx.needs_input_grad)
        if any(ctx.needs_input_grad):
            ctx.parts = parts
            ctx.save_for_backward(x, weight, norms, labels)
        return parts.loss

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        x, weight, norms, labels = ctx.saved_tensors
        if torch.is_grad_enabled():  # create_graph=True: a second derivative is wanted, which plain operations have
            wanted = [t for t, need in zip((x, weight, norms), ctx.needs_input_grad, strict=False) if need]
            loss = F.cross_entropy(margin_logits(x, weight, norms, labels, ctx.scores), labels)
            grads = iter(torch.autograd.grad(loss, wanted, grad, create_graph=True, allow_unused=True))
            return *(next(grads) if need else None for need in ctx.needs_input_grad[:3]), None, None
        # The gradients are handed over, not copied. A second pass through the same graph computes them anew.
        parts: _Parts = ctx.parts or _compute(x, weight, norms, labels, ctx.scores, ctx.needs_input_grad)
        ctx.parts = None
        if parts.weight is not None:
            _finish_weight(parts.weight, weight, parts.inverse, grad)
        return (
            None if parts.x is None else parts.x.mul_(grad),
            parts.weight,
            None if parts.norms is None else parts.norms.mul_(grad),
            None,
            None,
        )


def _compute(
    x: Tensor, weight: Tensor, norms: Tensor, labels: Tensor, scores: Scores, needs: tuple[bool, ...]
) -> _Parts:
    """The loss; with it, as far as `needs` asks, its gradients with respect to x, weight and norms."""
    batch, K = len(x), scores.sub_centers
    want_x, want_weight, want_norms = needs[0], needs[1], needs[2]
    want_any = want_x or want_weight or want_norms
    y = labels[:, None]  # (B, 1)

    lengths = torch.linalg.vector_norm(weight, dim=1)  # (C·K,)
    inverse = safe_length(lengths).reciprocal_() if scores.normalise else None
    plain, own = _nearest(x, weight, inverse, y, K)
    target, slope, by_norm, by_length = _target(plain, norms, lengths[own], scores, want_any)

    parts = _Parts(x.new_zeros(()), inverse)
    chunk = min(scores.chunk_size or batch, batch)
    buffer = x.new_empty(chunk, len(weight))  # logits, then probabilities, then gradient
    pull = torch.empty_like(target)  # (B, 1), ∂(loss of the sample)/∂(target logit) = p_y - 1
    if want_x:
        parts.x = torch.zeros_like(x)
    if want_weight:
        parts.weight = torch.empty_like(weight)

    for first in range(0, batch, chunk):
        part = slice(first, min(first + chunk, batch))
        logits = buffer[: part.stop - first]  # (b, C·K)
        for some in _centres(weight):
            torch.mm(x[part], weight[some].T, out=logits[:, some])
        for rows in _blocks(part, len(weight), x.device):
            z = logits[rows.start - first : rows.stop - first]
            loss, pull[rows] = _softmax_block(z, inverse, target[rows], slope[rows], y[rows], rows, scores, want_any, K)
            parts.loss += loss
        for some in _centres(weight):
            pulls = logits[:, some]
            if parts.x is not None:
                parts.x[part].addmm_(pulls, weight[some])
            if parts.weight is not None:  # beta=0 on the first chunk: nothing to add to yet
                parts.weight[some].addmm_(pulls.T, x[part], beta=0 if first == 0 else 1, alpha=1 / batch)

    parts.loss /= batch
    if parts.x is not None:
        parts.x /= batch
    if want_norms and by_norm is not None:
        parts.norms = pull * by_norm / batch
    if parts.weight is not None and by_length is not None:  # the target's length counts: L-Softmax
        direction = weight[own[:, 0]] / safe_length(lengths[own])
        parts.weight.index_add_(0, own[:, 0], pull * by_length / batch * direction)
    return parts


def _nearest(x: Tensor, weight: Tensor, inverse: Tensor | None, y: Tensor, K: int) -> tuple[Tensor, Tensor]:
    """The best plain score of the target's K centres, and that centre's row of `weight`, (B, 1) each."""
    rows = y * K + torch.arange(K, device=y.device)  # (B, K)
    plain = torch.einsum("bd,bkd->bk", x, weight[rows])  # (B, K)
    if inverse is not None:
        plain = plain * inverse[rows]
    best, winner = plain.max(1, keepdim=True)
    return best, rows.gather(1, winner)


def _target(
    plain: Tensor, norms: Tensor, lengths: Tensor, scores: Scores, want_any: bool
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Target logits (B, 1) and their derivatives by the plain score, by ‖x‖ and by ‖w_y‖ (None where unused)."""
    given = (plain, norms, lengths)
    if not want_any:
        return scores.target(*given), plain, None, None
    with torch.enable_grad():
        leaves = tuple(t.detach().requires_grad_() for t in given)
        target = scores.target(*leaves)
        slope, by_norm, by_length = torch.autograd.grad(target.sum(), leaves, allow_unused=True)
    return target.detach(), slope, by_norm, None if scores.normalise else by_length


def _softmax_block(
    z: Tensor,
    inverse: Tensor | None,
    target: Tensor,
    slope: Tensor,
    y: Tensor,
    rows: slice,
    scores: Scores,
    want_any: bool,
    K: int,
) -> tuple[Tensor, Tensor]:
    """Turns a block of products z (b, C·K) into its gradient, in place; returns the summed loss and p_y - 1 (b, 1)."""
    if inverse is not None:
        z.mul_(inverse)
    u = z
    if K > 1:
        u, winner = z.view(len(z), -1, K).max(dim=2)  # (b, C)
    if scores.others is not None and not want_any:
        u = scores.others(u, rows)
    elif scores.others is not None:
        with torch.enable_grad():
            leaf = u.detach().requires_grad_()
            scored = scores.others(leaf, rows)
        u = scored.detach()
    u.scatter_(1, y, target)
    top = u.amax(1, keepdim=True)
    torch.softmax(u, 1, out=u)  # probabilities
    # ln Σ e^z from the largest posterior e^top / Σ e^z, which is at least 1/C and cannot underflow
    loss = (top - u.amax(1, keepdim=True).log() - target).sum()
    if not want_any:
        return loss, torch.zeros_like(target)

    pull = u.gather(1, y) - 1
    if scores.others is not None:
        (u,) = torch.autograd.grad(scored, leaf, u)
    u.scatter_(1, y, pull * slope)
    if K > 1:
        z.zero_().view(len(z), -1, K).scatter_(2, winner[:, :, None], u[:, :, None])
    elif u is not z:
        z.copy_(u)
    if inverse is not None:
        z.mul_(inverse)
    return loss, pull


def _finish_weight(grad_weight: Tensor, weight: Tensor, inverse: Tensor | None, grad: Tensor) -> None:
    """From (∂L/∂ŵ)/‖w‖ to ∂L/∂w times `grad`, in place: remove the part along w."""
    if not (grad.device.type == "cpu" and grad.item() == 1):  # the usual case; elsewhere reading it would wait
        grad_weight.mul_(grad)
    if inverse is not None:
        along = torch.einsum("cd,cd->c", grad_weight, weight) * inverse.square()  # no array of its own, unlike a * w
        grad_weight.addcmul_(along[:, None], weight, value=-1)


def _blocks(part: slice, columns: int, device: torch.device) -> Iterator[slice]:
    """Rows of a chunk, in blocks that stay in cache; elsewhere than on a CPU all rows at once."""
    rows = part.stop - part.start
    step = max(1, BLOCK // columns) if device.type == "cpu" else rows
    for first in range(part.start, part.stop, step):
        yield slice(first, min(first + step, part.stop))


def _centres(weight: Tensor) -> Iterator[slice]:
    """Rows of the centres, in blocks that stay in cache; elsewhere than on a CPU all at once."""
    step = max(1, CENTRES // weight.shape[1]) if weight.device.type == "cpu" else len(weight)
    for first in range(0, len(weight), step):
        yield slice(first, min(first + step, len(weight)))


def margin_logits(x: Tensor, weight: Tensor, norms: Tensor, labels: Tensor | None, scores: Scores) -> Tensor:
    """The scores themselves, (B, C), in ordinary differentiable operations.

    What `margin_softmax` takes the cross entropy of, for accuracy, for figures, for second derivatives, and for
    `torch.compile`, which fuses operations on its own.

    Args:
        x: scaled embeddings (B, D).
        weight: class centres (C·K, D).
        norms: original lengths of the embeddings (B, 1).
        labels: true classes (B,); None for no margin.
        scores: how classes are scored.

    Returns:
        Logits (B, C).

    Example:
        >>> import torch
        >>> from cosface_edu.losses import Scores
        >>> from cosface_edu.losses.fused import margin_logits
        >>> x, y = torch.tensor([[3.0, 4.0]]), torch.tensor([0])
        >>> scores = Scores(target=lambda z, norms, lengths: z - 1)
        >>> margin_logits(x, torch.eye(2), x.norm(dim=1, keepdim=True), y, scores)
        tensor([[2., 4.]])
    """
    lengths = torch.linalg.vector_norm(weight, dim=1, keepdim=True)  # (C·K, 1)
    z = x @ (weight / safe_length(lengths) if scores.normalise else weight).T  # (B, C·K)
    winner = None
    if scores.sub_centers > 1:
        z, winner = z.view(len(x), -1, scores.sub_centers).max(dim=2)  # (B, C)
    if labels is None:
        return z if scores.others is None else scores.others(z, slice(None))
    y = labels[:, None]  # (B, 1)
    own = y if winner is None else y * scores.sub_centers + winner.gather(1, y)  # (B, 1), the target's row of `weight`
    if torch.compiler.is_compiling():  # it fuses comparisons; around a gather and a scatter it writes the logits out
        places = torch.arange(z.shape[1], device=z.device) == y  # (B, C)
        target = scores.target(torch.where(places, z, 0.0).sum(1, keepdim=True), norms, lengths[own[:, 0]])
        others = z if scores.others is None else scores.others(z, slice(None))
        return torch.where(places, target, others)
    target = scores.target(z.gather(1, y), norms, lengths[own[:, 0]])
    others = z if scores.others is None else scores.others(z, slice(None))
    return others.scatter(1, y, target)
