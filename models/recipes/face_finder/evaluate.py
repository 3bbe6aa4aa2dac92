"""The face finder's figures, for the model card: the shipped files, as the program runs them.

    python -m models.recipes.face_finder.evaluate --faces FACES68 --teachers TEACHERS --clips MEDIA

Errors of landmarks and meshes are shares of the distance of the outer eye corners, on held-out subjects alone.
"""

import time
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from models.recipes.command import Faces, run
from models.recipes.crop import crop_still
from models.recipes.face_finder.data import (
    AnnotatedFaces,
    crop_as_running,
    jittered,
    load_faces,
    to_unit,
    unlike_a_face,
)
from models.recipes.face_finder.expressions import express
from models.recipes.face_finder.lookalikes import photographs, pictures_in
from models.recipes.face_finder.teachers import YuNet
from models.recipes.face_mesh import FaceMesh
from realtime.align import TEMPLATES
from realtime.finder import BuiltinFinder, landmarks68
from realtime.finder.detector import Detector
from realtime.finder.face import Box, Face, eye_distance
from realtime.finder.landmarker import SIZE, Landmarker
from realtime.finder.landmarks68 import lower, upper
from realtime.finder.tracks import overlap
from realtime.media.affine import apply
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.mesh.vertices import INNER_LIP_PAIRS, LID_PAIRS, OUTER_EYE_CORNERS
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import InputError

__all__ = ["main"]

#: A box of the teacher counts from this score and this height in pixels on, and is found from this overlap (IoU) on.
SCORE, HEIGHT, MATCH_IOU = 0.8, 64, 0.4
#: Height of the teacher's boxes that count in crowds, and pictures of each kind of crowd.
SMALL, CROWDS = 32, 8
#: Gaps by name: pairs of landmarks above and below.
GAPS = {"lids": tuple(chain(*landmarks68.LID_PAIRS)), "lips": landmarks68.INNER_LIP_PAIRS}
#: Frames after which the smoothing of a still face has settled.
SETTLED = 10


def expressions(faces: AnnotatedFaces, landmarker: Landmarker) -> None:
    """Held-out subjects bent to other expressions: how far the gaps of lids and lips are followed."""
    rng = np.random.default_rng(8)
    wanted: list[list[float]] = []
    found: list[list[float]] = []
    for i in np.flatnonzero(faces.held_out):
        crop = TEMPLATES["landmarks"].frame_to_crop(faces.landmarks[i], 2 * SIZE)
        pixels = crop_as_running(faces.pictures[i], crop, 2 * SIZE)
        bent, points = express(pixels, to_unit(faces.landmarks[i], crop, 2 * SIZE), rng)
        points = (points * (2 * SIZE) - 0.5).astype(np.float32)
        eye = eye_distance(points)
        seen = landmarker.follow(Frame.from_rgb(bent), points).landmarks
        for gaps, marks in ((wanted, points), (found, seen)):
            apart = (np.linalg.norm(marks[upper(*gap)] - marks[lower(*gap)], axis=1) for gap in GAPS.values())
            gaps.append([float(distances.mean() / eye) for distances in apart])
    for name, ours, theirs in zip(GAPS, np.transpose(found), np.transpose(wanted), strict=True):
        slope, correlation = np.polyfit(theirs, ours, 1)[0], np.corrcoef(theirs, ours)[0, 1]
        print(f"  bent to other expressions, {name}: follow by {slope:.0%}, correlation {correlation:.2f}")


def landmarks(faces: AnnotatedFaces) -> None:
    """Held-out subjects: error from a badly placed crop and from the detector, presence, steadiness."""
    landmarker, finder, rng = Landmarker("cpu"), BuiltinFinder("cpu"), np.random.default_rng(7)
    placed, detected, present, absent, unseen = [], [], [], [], 0
    for i in np.flatnonzero(faces.held_out):
        frame, truth = Frame.from_rgb(faces.pictures[i]), faces.landmarks[i]
        eye = eye_distance(truth)
        first = landmarker.look(frame, jittered(truth, SIZE, rng))
        second = landmarker.follow(frame, first.landmarks)
        placed.append(np.linalg.norm(second.landmarks - truth, axis=1).mean() / eye)
        present.append(first.presence > 0.5)
        absent.append(landmarker.look(frame, unlike_a_face(truth, SIZE, rng)).presence < 0.5)
        finder.reset()
        errors = [np.linalg.norm(f.landmarks - truth, axis=1).mean() / eye for f in finder.find(frame)]
        if errors and min(errors) < 0.5:
            detected.append(min(errors))
        else:
            unseen += 1
    print(f"landmarks, {len(placed)} held-out faces, % of the outer-eye distance:")
    for name, values in (("from a crop near the face", placed), ("from the detector", detected)):
        mean, median, p95 = np.mean(values), np.median(values), np.percentile(values, 95)
        print(f"  {name}: mean {mean:.2%} median {median:.2%} p95 {p95:.2%}")
    expressions(faces, landmarker)
    print(f"  not detected: {unseen}; presence right {np.mean(present):.1%}, absence right {np.mean(absent):.1%}")


def opening(mesh: Floats, pairs: Sequence[tuple[int, int]]) -> float:
    """How far the points of ``pairs`` are apart in a mesh, float32 (468, 3): the mean, in outer-eye distances."""
    above, below = zip(*pairs, strict=True)
    first, second = OUTER_EYE_CORNERS
    flat = mesh[:, :2]
    apart = np.linalg.norm(flat[list(above)] - flat[list(below)], axis=1)
    return float(apart.mean() / np.linalg.norm(flat[first] - flat[second]))


def meshes(faces: AnnotatedFaces, teacher: FaceMesh) -> None:
    """Held-out subjects: distance of the mesh from the teacher's, at the second look, and what of it is depth."""
    landmarker, rng = Landmarker("cpu", mesh=True), np.random.default_rng(7)
    flat, depth = [], []
    for i in np.flatnonzero(faces.held_out):
        frame, truth = Frame.from_rgb(faces.pictures[i]), teacher.find(faces.pictures[i], faces.landmarks[i], passes=2)
        first = landmarker.look(frame, jittered(faces.landmarks[i], SIZE, rng))
        seen = landmarker.follow(frame, first.landmarks).mesh
        if seen is None:
            continue
        eye = np.linalg.norm(truth[OUTER_EYE_CORNERS[0], :2] - truth[OUTER_EYE_CORNERS[1], :2])
        off = seen - truth
        flat.append(np.linalg.norm(off[:, :2], axis=1).mean() / eye)
        depth.append(np.abs(off[:, 2] - off[:, 2].mean()).mean() / eye)
    mean, median, p95 = np.mean(flat), np.median(flat), np.percentile(flat, 95)
    print(f"mesh, {len(flat)} held-out faces, distance from the teacher's, % of the outer-eye distance:")
    print(f"  in the picture: mean {mean:.2%} median {median:.2%} p95 {p95:.2%}; in depth: mean {np.mean(depth):.2%}")


def movement(path: Path, teacher: FaceMesh) -> None:
    """One clip: how the smoothed mesh's lids and lips follow the teacher's, frame by frame."""
    finder, source = BuiltinFinder("cpu", mesh=True), FileSource(path)
    pairs = {"lids": (*LID_PAIRS[0], *LID_PAIRS[1]), "lips": INNER_LIP_PAIRS}
    ours: dict[str, list[float]] = {name: [] for name in pairs}
    theirs: dict[str, list[float]] = {name: [] for name in pairs}
    for frame in source:
        faces = finder.find(frame) if isinstance(frame, Frame) else ()
        if not isinstance(frame, Frame) or not faces or faces[0].mesh is None:
            continue
        picture = frame.warp(np.eye(2, 3), (frame.width, frame.height))
        truth = teacher.find(picture, faces[0].landmarks, passes=2)
        for name, each in pairs.items():
            ours[name].append(opening(faces[0].mesh, each))
            theirs[name].append(opening(truth, each))
    source.close()
    for name in pairs if len(ours["lids"]) > SETTLED else ():
        slope, correlation = np.polyfit(theirs[name], ours[name], 1)[0], np.corrcoef(theirs[name], ours[name])[0, 1]
        print(f"  {path.name}, {name}: correlation {correlation:.2f}, follow by {slope:.0%}")


def clip(path: Path, teacher: YuNet) -> None:
    """One clip: recall of the teacher's boxes by the detector alone and by the finder, and what is too much."""
    detector, finder = Detector("cpu"), BuiltinFinder("cpu")
    asked = hits = followed = false = false_tracks = total = 0
    source = FileSource(path)
    for frame in source:
        if not isinstance(frame, Frame):
            continue
        truth = teacher.boxes(frame.warp(np.eye(2, 3), (frame.width, frame.height)))
        boxes = [box for box, _ in detector.detect(frame)]
        faces = [face.box for face in finder.find(frame)]
        total += 1
        for x0, y0, x1, y1, score in truth.tolist():
            if score >= SCORE and y1 - y0 >= HEIGHT:
                asked += 1
                hits += overlap((x0, y0, x1, y1), boxes) >= MATCH_IOU
                followed += overlap((x0, y0, x1, y1), faces) >= MATCH_IOU
        sure = [(a, b, c, d) for a, b, c, d, _ in truth.tolist()]
        false += any(overlap(box, sure) < 0.2 for box in boxes)
        false_tracks += any(overlap(box, sure) < 0.2 for box in faces)
    source.close()
    print(
        f"  {path.name}: {total} frames, {asked} boxes of the teacher; detector finds {hits / max(asked, 1):.2%},"
        f" finder {followed / max(asked, 1):.2%}; frames with a false box {false}, with a false face {false_tracks}"
    )


def crowd(faces: AnnotatedFaces, cells: int, rng: np.random.Generator) -> tuple[Bytes, list[Box]]:
    """A picture of 1280 x 720 with held-out people in ``cells`` columns and as many rows as fit, and where they are."""
    side, width, height = 1280 // cells, 1280, 720
    pool, where = np.flatnonzero(faces.held_out), []
    picture = np.full((height, width, 3), rng.integers(40, 216, 3), np.uint8)
    for row, column in np.ndindex(height // side, cells):
        i = int(rng.choice(pool))
        marks = faces.landmarks[i]
        low, high = marks.min(axis=0), marks.max(axis=0)
        zoom = side * rng.uniform(0.35, 0.6) / float((high - low).max())
        corner = np.array([column, row]) * side
        matrix = np.column_stack([np.eye(2) * zoom, side / 2 - zoom * (low + high) / 2])
        cell = crop_still(faces.pictures[i], matrix, side)
        picture[corner[1] : corner[1] + side, corner[0] : corner[0] + side] = cell
        where.append(Face(apply(matrix, marks) + corner.astype(np.float32), 1.0, 0).box)
    return picture, where


def crowds(faces: AnnotatedFaces, teacher: YuNet) -> None:
    """Composed crowds: recall of what the teacher sees there, and faces where nobody is."""
    rng, finder = np.random.default_rng(5), BuiltinFinder("cpu")
    for cells in (4, 6, 8, 12, 16):
        asked = found = false = people = met = 0
        for _ in range(CROWDS):
            picture, where = crowd(faces, cells, rng)
            finder.reset()
            boxes = [face.box for face in finder.find(Frame.from_rgb(picture))]
            people, met = people + len(where), met + sum(overlap(box, boxes) >= MATCH_IOU for box in where)
            false += sum(overlap(box, where) < 0.2 for box in boxes)
            for x0, y0, x1, y1, score in teacher.boxes(picture).tolist():
                if score >= SCORE and y1 - y0 >= SMALL:
                    asked += 1
                    found += overlap((x0, y0, x1, y1), boxes) >= MATCH_IOU
        print(
            f"crowds in cells of {1280 // cells} px: finds {found / max(asked, 1):.2%} of the teacher's {asked} boxes"
            f" of {SMALL} px and more, {met / people:.2%} of all {people} people; {false} false faces"
        )


def without(folder: Path, teacher: YuNet) -> None:
    """Pictures without people, as they are and as parts of 1280 x 720: in how many the finder sees a face."""
    finder, views, false = BuiltinFinder("cpu"), 0, []
    for path in pictures_in(folder):
        picture = next(photographs([path], lambda seen: len(teacher.boxes(seen)) > 0), None)
        if picture is None:
            continue
        height, width = (side & ~1 for side in picture.shape[:2])
        corners = [(y, x) for y in range(0, height - 719, 720) for x in range(0, width - 1279, 1280)]
        parts = [picture[y : y + 720, x : x + 1280] for y, x in corners]
        for part in (picture[:height, :width], *(parts if len(parts) > 1 else ())):
            finder.reset()
            views += 1
            if finder.find(Frame.from_rgb(np.ascontiguousarray(part))):
                false.append(path.name)
    print(f"pictures without people: a face in {len(false)} of {views} views {', '.join(false)}")


def steadiness(path: Path) -> None:
    """One frame repeated with +-2 grey levels of noise: RMS motion of landmarks and mesh in px at 512 px."""
    source, rng = FileSource(path), np.random.default_rng(0)
    rgb = source.first.warp(np.eye(2, 3), (source.first.width, source.first.height))
    source.close()
    zoom = 512 / max(rgb.shape[:2])
    finder, seen, dense = BuiltinFinder("cpu", mesh=True), [], []
    for _ in range(90):
        noisy = np.clip(rgb.astype(np.int16) + rng.integers(-2, 3, rgb.shape), 0, 255).astype(np.uint8)
        faces = finder.find(Frame.from_rgb(noisy))[:1]
        seen += [face.landmarks * zoom for face in faces]
        dense += [face.mesh[:, :2] * zoom for face in faces if face.mesh is not None]
    if len(seen) <= SETTLED:
        print(f"  {path.name}: no face")
        return
    rms = [
        float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=2).mean()))
        for points in (np.stack(each[SETTLED:]) for each in (seen, dense))
    ]
    print(f"  {path.name}: landmarks {rms[0]:.3f} px, mesh {rms[1]:.3f} px")


def speed(picture: Bytes) -> None:
    """Milliseconds on one core, median of many, whole calls with their warps."""
    frame = Frame.from_rgb(np.asarray(cv2.resize(picture, (1280, 720)), np.uint8))
    detector, landmarker, mesh = Detector("cpu"), Landmarker("cpu"), Landmarker("cpu", mesh=True)
    crop = np.array([[0.2, 0, 0], [0, 0.2, 0]])

    def milliseconds(call: Callable[[], object]) -> float:
        times = []
        for _ in range(100):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
        return float(np.median(times)) * 1e3

    print(f"  detector, 720p frame: {milliseconds(lambda: detector.detect(frame)):.2f} ms")
    print(f"  landmarks, one face: {milliseconds(lambda: landmarker.look(frame, crop)):.2f} ms")
    print(f"  landmarks and mesh, one face: {milliseconds(lambda: mesh.look(frame, crop)):.2f} ms")


def main(
    faces: Faces,
    teachers: Annotated[Path, typer.Option(help="Folder with yunet_n_dynamic.onnx and face_mesh_468.onnx.")],
    clips: Annotated[Path, typer.Option(help="Folder with clips of talking heads.")],
    without_faces: Annotated[Path | None, typer.Option(help="Folder with pictures without people.")] = None,
) -> None:
    """Print all figures."""
    cv2.setNumThreads(1)
    teacher = YuNet(teachers / "yunet_n_dynamic.onnx", 0.5)
    paths = sorted(clips.glob("*.mp4"))
    if not paths:
        raise InputError(f"{clips}: no .mp4 files in it")
    if without_faces is not None:
        without(without_faces, teacher)
    known = load_faces(faces)
    landmarks(known)
    crowds(known, teacher)
    mesh_teacher = FaceMesh(teachers / "face_mesh_468.onnx")
    meshes(known, mesh_teacher)
    for path in paths:
        movement(path, mesh_teacher)
    print(f"detector and finder against YuNet (score >= {SCORE}, height >= {HEIGHT} px, IoU >= {MATCH_IOU}):")
    for path in paths:
        clip(path, teacher)
    print("steadiness, RMS at 512 px, one frame with +-2 grey levels of noise:")
    for path in paths:
        steadiness(path)
    print("speed on one core:")
    speed(known.pictures[0])


if __name__ == "__main__":
    run(main)
