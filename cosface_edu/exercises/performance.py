"""A check of the performance page."""

import torch

from cosface_edu import losses
from cosface_edu.exercises import answers, exercise
from cosface_edu.exercises.seeded import seeded


@exercise("performance-chunks")
@seeded()
def chunks(loss_in_chunks) -> str:
    """(head, x, labels, chunk) -> the loss of the whole batch."""
    loss_in_chunks = answers.function(loss_in_chunks)
    head = losses.CosFace(8, 30, s=16.0).double()
    seen: list[int] = []
    head.register_forward_pre_hook(lambda _, given: seen.extend(len(batch) for batch in given[:1]))
    for B, chunk in ((64, 16), (70, 16), (5, 16), (33, 16)):
        x = 3 * torch.randn(B, 8, dtype=torch.float64)
        labels = torch.randint(30, (B,))
        labels[-1] = head.logits(x)[-1].argmin()  # a hard last sample, so that its weight shows
        right = head(x, labels).item()
        seen.clear()
        got = answers.number(loss_in_chunks(head, x.clone(), labels.clone(), chunk))
        wanted, yours = answers.told(right, got, ".4f")
        assert abs(got - right) < 1e-9, f"A batch of {B} in chunks of {chunk}: {yours}, whole {wanted}."
        assert max(seen, default=0) <= chunk, f"In chunks of {chunk}: the head saw {max(seen)} samples at once."
    return "equal for every batch size."
