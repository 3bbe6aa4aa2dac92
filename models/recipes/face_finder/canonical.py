"""Write the canonical face that the program draws with.

python -m models.recipes.face_finder.canonical --teachers TEACHERS --out realtime/assets/canonical_face.npz
"""

import io
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from models.recipes.bronze.mesh import load_canonical
from models.recipes.command import run
from realtime.runtime.arrays import Points
from realtime.runtime.errors import InputError
from realtime.runtime.files import write_whole

__all__ = ["main", "texture_places"]


def texture_places(path: Path, vertices: int) -> Points:
    """Where each vertex of an ``.obj`` lies in a texture, float32 (V, 2), (0, 0) at its top left.

    Raises ``InputError`` where a vertex has no place or several.
    """
    lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    listed = np.array([line[1:3] for line in lines if line[:1] == ["vt"]], np.float32)
    corners = {tuple(word.split("/")[:2]) for line in lines if line[:1] == ["f"] for word in line[1:4]}
    places = {int(vertex) - 1: int(place) - 1 for vertex, place in corners}
    if not len(corners) == len(places) == vertices:
        raise InputError(f"{path}: {len(corners)} places in the texture for {vertices} vertices; one each is needed")
    uv = listed[[places[vertex] for vertex in range(vertices)]]
    return np.asarray(uv * (1, -1) + (0, 1), np.float32)


def main(
    teachers: Annotated[Path, typer.Option(help="Folder with canonical_face_468.obj.")],
    out: Annotated[Path, typer.Option(help="The .npz to write.")],
) -> None:
    """Read MediaPipe's file, and write its points, triangles and texture coordinates."""
    path = teachers / "canonical_face_468.obj"
    face = load_canonical(path)
    data = io.BytesIO()
    np.savez_compressed(
        data,
        points=face.points,
        triangles=face.triangles.astype(np.int32),
        uv=texture_places(path, len(face.points)),
    )
    write_whole(out, data.getvalue())
    print(f"{out}: {data.tell() / 1e3:.0f} kB")


if __name__ == "__main__":
    run(main)
