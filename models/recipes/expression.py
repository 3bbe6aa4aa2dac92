"""What of a face mesh is expression and what is the person: the statistics that a picture drawn through the mesh needs.

Over faces with several pictures of each person, the covariance within persons is expression, and the whole is both;
their quotient is the linear estimate of the expression in one mesh, see ``models/recipes/bronze/sculpt.py``. What is
shipped is that estimate, cut down to its strongest directions, and the mean face at rest.
"""

from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer

from models.recipes.bronze.mesh import load_canonical
from models.recipes.bronze.sculpt import Sculptor
from models.recipes.command import Faces, run
from models.recipes.face_mesh import FaceMesh
from models.recipes.faces68 import Faces68
from realtime.runtime.arrays import Floats

__all__ = ["find_meshes", "write_statistics"]

#: Directions that are kept: 92 % of the estimate, by its squares.
RANK: Final = 32
#: Faces turned further than this many degrees say too little of their far side, and these are the oddest.
TURNED: Final = 30.0
ODD: Final = 0.03


def find_meshes(faces: Faces68, network: Path) -> Floats:
    """The teacher's mesh of every face, float32 (N, 468, 3) in picture pixels."""
    teacher = FaceMesh(network)
    count = len(faces.files)
    return np.stack([teacher.find(faces.picture(i), faces.points[i], passes=3) for i in range(count)])


def write_statistics(faces: Faces68, teachers: Path, out: Path) -> float:
    """Write the statistics of ``faces``; returns the share of the estimate that the kept directions carry."""
    canonical = load_canonical(teachers / "canonical_face_468.obj")
    meshes = find_meshes(faces, teachers / "face_mesh_468.onnx")
    first = Sculptor.fit(canonical, meshes, faces.subject)
    poses = [first.pose(mesh) for mesh in meshes]
    shapes = np.stack([pose.undo(mesh) for pose, mesh in zip(poses, meshes, strict=True)])
    away = np.linalg.norm(shapes - first.neutral, axis=2).mean(axis=1)
    turned = np.abs([pose.yaw for pose in poses])
    kept = (turned < TURNED) & (away < np.quantile(away, 1 - ODD))
    fitted = Sculptor.fit(canonical, meshes[kept], faces.subject[kept])
    estimate = fitted.basis.T.astype(np.float64) @ fitted.filter @ fitted.basis  # (1404, 1404)
    u, strength, v = np.linalg.svd(estimate)
    root = np.sqrt(strength[:RANK])
    np.savez(
        out,
        neutral=fitted.neutral.astype(np.float32),
        read=(root[:, None] * v[:RANK]).astype(np.float16),  # (R, 1404): mesh to coordinates
        write=(u[:, :RANK] * root).astype(np.float16),  # (1404, R): coordinates to expression
    )
    return float((strength[:RANK] ** 2).sum() / (strength**2).sum())


def main(
    faces: Faces,
    teachers: Annotated[Path, typer.Option(help="Folder with face_mesh_468.onnx and canonical_face_468.obj.")],
    out: Annotated[Path, typer.Option(help="The file to write, .npz.")],
) -> None:
    """Learn what is expression, and write it."""
    share = write_statistics(Faces68.open(faces), teachers, out)
    print(f"{out}: {share:.4f} of the estimate")


if __name__ == "__main__":
    run(main)
