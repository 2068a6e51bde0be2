"""Faces: the procedural world that every chapter runs on by default, its data sets, and the same call for real ones."""

from cosface_edu.extras import need

need(__name__)

from cosface_edu.faces.compact import compact_vectors
from cosface_edu.faces.dataset import FaceWorldDataset
from cosface_edu.faces.stretched import Stretched
from cosface_edu.faces.toy import ToyFaces, toy_faces
from cosface_edu.faces.world import FaceWorld

__all__ = ["FaceWorld", "FaceWorldDataset", "Stretched", "ToyFaces", "compact_vectors", "toy_faces"]
