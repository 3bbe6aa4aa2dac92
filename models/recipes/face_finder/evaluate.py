"""The face finder's figures, for the model card: the shipped files, as the program runs them.

    python -m models.recipes.face_finder.evaluate --faces FACES68 --teachers TEACHERS --clips MEDIA

Errors of landmarks are shares of the distance of the outer eye corners, on held-out subjects alone.
"""

import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from models.recipes.command import run
from models.recipes.face_finder.data import (
    AnnotatedFaces,
    crop_as_running,
    jittered,
    load_faces,
    to_unit,
    unlike_a_face,
)
from models.recipes.face_finder.expressions import express
from models.recipes.face_finder.teachers import YuNet
from realtime.align import TEMPLATES
from realtime.finder import BuiltinFinder
from realtime.finder.detector import Detector
from realtime.finder.face import eye_distance
from realtime.finder.landmarker import SIZE, Landmarker
from realtime.finder.landmarks68 import INNER_LIP_PAIRS, LID_PAIRS, lower, upper
from realtime.finder.tracks import overlap
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError

__all__ = ["main"]

#: A box of the teacher counts from this score and this height in pixels on, and is found from this overlap (IoU) on.
SCORE, HEIGHT, MATCH_IOU = 0.8, 64, 0.4
#: Gaps by name: pairs of landmarks above and below.
GAPS = {"lids": tuple(chain(*LID_PAIRS)), "lips": INNER_LIP_PAIRS}
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


def steadiness(path: Path) -> None:
    """One frame repeated with +-2 grey levels of noise: RMS motion of the landmarks in px at 512 px."""
    source, rng = FileSource(path), np.random.default_rng(0)
    rgb = source.first.warp(np.eye(2, 3), (source.first.width, source.first.height))
    source.close()
    zoom = 512 / max(rgb.shape[:2])
    finder, seen = BuiltinFinder("cpu"), []
    for _ in range(90):
        noisy = np.clip(rgb.astype(np.int16) + rng.integers(-2, 3, rgb.shape), 0, 255).astype(np.uint8)
        seen += [face.landmarks * zoom for face in finder.find(Frame.from_rgb(noisy))[:1]]
    if len(seen) <= SETTLED:
        print(f"  {path.name}: no face")
        return
    points = np.stack(seen[SETTLED:])
    rms = float(np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=2).mean()))
    print(f"  {path.name}: {rms:.3f} px")


def speed(picture: Bytes) -> None:
    """Milliseconds on one core, median of many, whole calls with their warps."""
    frame = Frame.from_rgb(np.asarray(cv2.resize(picture, (1280, 720)), np.uint8))
    detector, landmarker = Detector("cpu"), Landmarker("cpu")
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


def main(
    faces: Annotated[Path, typer.Option(help="Folder with images/ and points.npz.")],
    teachers: Annotated[Path, typer.Option(help="Folder with yunet_n_dynamic.onnx.")],
    clips: Annotated[Path, typer.Option(help="Folder with clips of talking heads.")],
) -> None:
    """Print all figures."""
    cv2.setNumThreads(1)
    teacher = YuNet(teachers / "yunet_n_dynamic.onnx", 0.5)
    paths = sorted(clips.glob("*.mp4"))
    if not paths:
        raise InputError(f"{clips}: no .mp4 files in it")
    known = load_faces(faces)
    landmarks(known)
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
