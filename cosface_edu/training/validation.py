"""Validation while training, on people who are in neither the training nor the test set."""

from torch import Tensor, nn

from cosface_edu import evaluation
from cosface_edu.data import Faces

from .batches import Part


class HeldOut:
    """Pairs of held-out people, shaped like LFW's, and the accuracy of a network on them.

    Args:
        faces: the whole data set.
        people: labels of the people held out.
        pairs: genuine pairs, and as many impostor pairs.
        workers: processes that read their images.
    """

    def __init__(self, faces: Faces, people: Tensor, pairs: int, workers: int = 0) -> None:
        self.people, self.workers = len(people), workers
        folds = min(10, len(people) // 2)  # a fold needs two people for an impostor pair, and folds share no person
        try:
            self.pairs = evaluation.draw_pairs(Part(faces, people), pairs, folds)
        except ValueError as error:
            raise ValueError(
                f"held_out_pairs={pairs} of held_out={len(people)} people cannot be drawn: {error}"
            ) from error

    def verify(self, network: nn.Module, batch: int = 128) -> evaluation.Verification:
        """Features of image and flip concatenated, as the paper tests (Section 4.1); cosine; k folds."""
        faces = self.pairs.images
        features = evaluation.embed(network, faces, batch=batch, workers=self.workers, precision="float32")  # (n, 2D)
        return evaluation.verify_pairs(features, self.pairs)
