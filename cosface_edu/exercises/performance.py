"""A check of the performance page."""

import torch

from cosface_edu import losses
from cosface_edu.exercises import answers, exercise


@exercise("performance-chunks")
def chunks(loss_in_chunks) -> str:
    """(head, x, labels, chunk) -> the loss of the whole batch."""
    answers.function(loss_in_chunks)
    head = losses.CosFace(8, 30, s=16.0).double()
    for B, chunk in ((64, 16), (70, 16), (5, 16), (33, 16)):
        x = 3 * torch.randn(B, 8, dtype=torch.float64)
        labels = torch.randint(30, (B,))
        labels[-1] = head.logits(x)[-1].argmin()  # a hard last sample, so that its weight shows
        right = head(x, labels).item()
        got = loss_in_chunks(head, x, labels, chunk)
        assert got is not None, "The function returned None."
        got = float(torch.as_tensor(got).detach())
        wanted, yours = answers.told(right, got, ".4f")
        assert abs(got - right) < 1e-9, f"A batch of {B} in chunks of {chunk}: {yours}, whole {wanted}."
    return "equal for every batch size."
