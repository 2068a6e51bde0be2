"""Validation while training, on people who are in neither the training nor the test set."""

from torch import Tensor, nn
from torch.utils.data import Subset

from cosface_edu import evaluation

from .batches import Faces, draw_pairs


class HeldOut:
    """Pairs of held-out people, shaped like LFW's, and the accuracy of a network on them.

    Args:
        faces: the whole data set.
        people: labels of the people held out.
        pairs: genuine pairs, and as many impostor pairs.
    """

    def __init__(self, faces: Faces, people: Tensor, pairs: int) -> None:
        self.faces = faces
        drawn, self.same = draw_pairs(faces.labels, people, pairs)  # (P, 2), (P,)
        self.images, self.pairs = drawn.unique(return_inverse=True)  # each image is embedded once

    def verify(self, network: nn.Module, batch: int = 128, workers: int = 0) -> "evaluation.Verification":
        """Ten folds, with features of image and flip concatenated, as the paper tests (Section 4.1)."""
        chosen = Subset(self.faces, self.images.tolist())  # type: ignore[arg-type]
        features = evaluation.embed(network, chosen, batch=batch, workers=workers, precision="float32")  # (n, 2D)
        return evaluation.verify(evaluation.cosine_scores(features, self.pairs), self.same)
