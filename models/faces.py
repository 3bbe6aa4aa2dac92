"""The aligned faces of one side, read into arrays; see ``models.faceset``."""

from models.faceset.reading import FaceSet, read_faces, read_faceset

__all__ = ["FaceSet", "read_faces", "read_faceset"]
