"""Networks that train in part, or not at all; a module of somebody's own, imported by name."""

import torch


class Idle(torch.nn.Module):
    """A linear map, and a layer that nothing asks."""

    def __init__(self, embedding: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.used = torch.nn.Linear(3 * size[0] * size[1], embedding)
        self.other = torch.nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.used(x.flatten(1))


class Frozen(Idle):
    """Only the class centres train."""

    def __init__(self, embedding: int, size: tuple[int, int]) -> None:
        super().__init__(embedding, size)
        self.requires_grad_(False)
