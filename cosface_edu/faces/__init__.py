"""Faces: the procedural world that every chapter runs on by default, and the same call for real ones."""

from cosface_edu.faces.compact import compact_vectors
from cosface_edu.faces.toy import ToyFaces, toy_faces
from cosface_edu.faces.world import FaceWorld

__all__ = ["FaceWorld", "ToyFaces", "compact_vectors", "toy_faces"]
