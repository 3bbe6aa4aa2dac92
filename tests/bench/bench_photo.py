"""One photograph on real clips: is it the photographed face, does it move as the performer's, what does it cost?

    python tests/bench/bench_photo.py ../shared/media --sheets /tmp/sheets

The first frame of every clip is the photograph for all the others. Printed for each ordered pair: how the texture of
the result correlates with the photograph's and with the performer's (unrolled, detail of the skin, brows, nose and
lips without eyes and the mouth's inside); how the openings of mouth and lids correlate with the performer's, as the
built-in finder sees both, and, as what that finder can tell at all, how those it reads in the performer's own picture
mirrored do; and milliseconds of CPU for a face in all: for its mesh, beyond its landmarks, and for cutting it out,
drawing and pasting it; beside those of one blur of the same crop, for machines differ. Last, how far the finder's
points move on a still face with noise of 2 grey levels, swapped and not, at 512 px. ``--sheets`` writes a contact
sheet: photograph, performer, result, two moments of each pair.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from realtime.finder import BuiltinFinder
from realtime.finder.face import Face
from realtime.finder.landmarker import Landmarker
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.mesh.atlas import ATLAS
from realtime.mesh.canonical import TRIANGLES
from realtime.mesh.outline import AROUND
from realtime.mesh.raster import rasterise
from realtime.mesh.vertices import EYES, INNER_LIPS, OUTER_EYE_CORNERS
from realtime.photo_swap.portrait import Portrait, read_portrait
from realtime.photo_swap.texture import View, view_of
from realtime.photo_swap.zones import COVER, HOLES
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.process import tune
from realtime.runtime.stages import Stages
from realtime.settings import ModelOptions
from realtime.swap.consent import Consent, Identity
from realtime.swap.drawing import read_drawing
from realtime.swap.photo import PhotoModel, pack_photos
from realtime.swap.put_in import cut_out

TODAY = date.today()
NOBODY = Identity(
    id="bench", name="Bench", kind="consented",
    consent=Consent(by="bench", date=TODAY, scope="measuring", statement="measured, not shown"),
)  # fmt: skip


@dataclass
class Figures:
    """What is measured of one pair, frame by frame."""

    like_photo: list[float] = field(default_factory=list)
    like_performer: list[float] = field(default_factory=list)
    openings: list[list[float]] = field(default_factory=list)
    mirrored: list[list[float]] = field(default_factory=list)
    mesh_ms: list[float] = field(default_factory=list)
    cut_ms: list[float] = field(default_factory=list)
    draw_ms: list[float] = field(default_factory=list)
    paste_ms: list[float] = field(default_factory=list)
    blur_ms: list[float] = field(default_factory=list)
    height: list[float] = field(default_factory=list)

    def line(self) -> str:
        seen = np.array(self.openings)
        mouth, lids = (float(np.corrcoef(seen[:, k], seen[:, k + 2])[0, 1]) for k in (0, 1))
        own = np.array(self.mirrored)
        best = [float(np.corrcoef(own[:, k], own[:, k + 2])[0, 1]) for k in (0, 1)]
        parts = [float(np.median(each)) for each in (self.mesh_ms, self.cut_ms, self.draw_ms, self.paste_ms)]
        return (
            f"like photo {np.mean(self.like_photo):.2f} performer {np.mean(self.like_performer):.2f}"
            f"  mouth {mouth:.3f} lids {lids:.3f} (the performer's own, mirrored, {best[0]:.3f} and {best[1]:.3f})"
            f"  {sum(parts):.1f} ms (mesh {parts[0]:.2f}, cut out {parts[1]:.1f}, draw {parts[2]:.1f},"
            f" paste {parts[3]:.1f}; a blur {np.median(self.blur_ms):.2f}; {np.median(self.height):.0f} px of face)"
        )


def frames(path: Path, most: int, step: int) -> Iterator[Frame]:
    source = FileSource(path, Stages())
    kept = 0
    for number, item in enumerate(each for each in source if isinstance(each, Frame)):
        if number % step == 0:
            yield item
            kept += 1
        if kept >= most:
            break
    source.close()


def rgb_of(frame: Frame) -> Bytes:
    return frame.warp(np.eye(2, 3), (frame.width, frame.height))


def openings(face: Face) -> list[float]:
    """Mouth and lids, in distances of the outer eye corners."""
    assert face.mesh is not None
    mesh = face.mesh[:, :2]
    apart = float(np.linalg.norm(np.subtract(*mesh[list(OUTER_EYE_CORNERS)])))
    lids = [float(np.linalg.norm(mesh[eye[12]] - mesh[eye[4]])) for eye in EYES]
    return [float(np.linalg.norm(mesh[INNER_LIPS[15]] - mesh[INNER_LIPS[5]])) / apart, sum(lids) / 2 / apart]


def detail(view: View) -> Floats:
    """The unrolled face without its light: log luma less its low frequencies, where the photograph covers."""
    raster = rasterise(ATLAS * 256 - 0.5, TRIANGLES, 256)
    covered = raster.interpolate(COVER[:, None])[..., 0] > 0.7
    covered &= ~np.concatenate([[True], HOLES])[raster.numbers]
    grey = cv2.cvtColor(cv2.resize(view.rgb, (256, 256), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    luma = np.log(grey.astype(np.float32) + 8)
    luma -= cv2.GaussianBlur(luma, (0, 0), 12)
    return cv2.GaussianBlur(luma, (0, 0), 1.2)[covered]


def alike(a: Floats, b: Floats) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def tile(rgb: Bytes, mesh: Floats, side: int = 200) -> Bytes:
    low, high = mesh[AROUND, :2].min(axis=0), mesh[AROUND, :2].max(axis=0)
    scale = side / (1.3 * float((high - low).max()))
    shift = side / 2 - scale * (low + high) / 2
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    return np.asarray(cv2.warpAffine(rgb, matrix, (side, side), flags=cv2.INTER_AREA), np.uint8)


def milliseconds(landmarker: Landmarker, frame: Frame, face: Face) -> float:
    """Of CPU, for looking at a face that is followed; the second look of two, which finds its memory warm."""
    for _ in range(2):
        started = time.thread_time()
        landmarker.follow(frame, face.landmarks)
        spent = time.thread_time() - started
    return 1e3 * spent


def pair(clip: Path, portrait: Portrait, most: int, step: int) -> tuple[Figures, list[Bytes]]:
    data = pack_photos([portrait], NOBODY)
    model = PhotoModel(read_drawing(portrait.path, data), "0" * 64, ModelOptions())
    before, after, aside = (BuiltinFinder("cpu", mesh=True) for _ in range(3))
    plain, meshed = Landmarker("cpu"), Landmarker("cpu", mesh=True)
    figures, tiles, theirs = Figures(), [tile(portrait.picture, portrait.mesh)], detail(portrait.view)
    for number, frame in enumerate(frames(clip, most, step)):
        faces = before.find(frame)
        if not faces:
            continue
        face = faces[0]
        assert face.mesh is not None
        rgb = rgb_of(frame)
        if found := aside.find(Frame.from_rgb(np.ascontiguousarray(rgb[:, ::-1]))):
            figures.mirrored.append([*openings(face), *openings(found[0])])
        figures.height.append(float(np.ptp(face.mesh[AROUND, :2], axis=0).max()))
        figures.mesh_ms.append(milliseconds(meshed, frame, face) - milliseconds(plain, frame, face))
        started = time.thread_time()
        crop = cut_out(frame, face, model)
        figures.cut_ms.append(1e3 * (time.thread_time() - started))
        started = time.thread_time()
        picture, alpha = model.draw(crop)
        figures.draw_ms.append(1e3 * (time.thread_time() - started))
        started = time.thread_time()
        cv2.GaussianBlur(crop.rgb, (0, 0), 3)
        figures.blur_ms.append(1e3 * (time.thread_time() - started))
        started = time.thread_time()
        frame.paste(picture, alpha, crop.frame_to_crop)
        figures.paste_ms.append(1e3 * (time.thread_time() - started))
        swapped = rgb_of(frame)
        if found := after.find(frame):
            figures.openings.append([*openings(face), *openings(found[0])])
        if number % 5 == 0:
            own, result = view_of(rgb, face.mesh), view_of(swapped, face.mesh)
            figures.like_photo.append(alike(detail(result), theirs))
            figures.like_performer.append(alike(detail(result), detail(own)))
        if number in (most // 4, most * 3 // 4):
            tiles += [tile(rgb, face.mesh), tile(swapped, face.mesh)]
    return figures, tiles


def steadiness(clip: Path, portrait: Portrait) -> tuple[float, float]:
    """How far the points move, RMS in pixels of a face in 512 px: found in noise, and found in the swapped noise."""
    still = rgb_of(next(frames(clip, 1, 1)))
    still = np.asarray(cv2.resize(still, (512, round(512 * still.shape[0] / still.shape[1]))), np.uint8)
    rng = np.random.default_rng(0)
    model = PhotoModel(read_drawing(portrait.path, pack_photos([portrait], NOBODY)), "0" * 64, ModelOptions())
    finders = BuiltinFinder("cpu", mesh=True), BuiltinFinder("cpu", mesh=True)
    seen: list[list[Floats]] = [[], []]
    for number in range(30):
        frame = Frame.from_rgb(np.clip(still + rng.normal(0, 2, still.shape), 0, 255).astype(np.uint8))
        for which, finder in enumerate(finders):
            face = finder.find(frame)[0]
            assert face.mesh is not None
            if number >= 10:
                seen[which].append(face.mesh[:, :2])
            if which == 0:
                crop = cut_out(frame, face, model)
                frame.paste(*model.draw(crop), crop.frame_to_crop)
    first, second = (float(np.sqrt((np.std(each, axis=0) ** 2).sum(axis=1).mean())) for each in seen)
    return first, second


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("media", type=Path)
    options.add_argument("--sheets", type=Path)
    options.add_argument("--frames", type=int, default=60)
    options.add_argument("--step", type=int, default=2)
    options.add_argument("--only", nargs=2, metavar=("PHOTO", "CLIP"), help="one pair, by the names of its clips")
    chosen = options.parse_args()
    tune()
    clips = sorted(chosen.media.glob("*.mp4"))
    with TemporaryDirectory() as folder:
        portraits = {}
        for clip in clips:
            path = Path(folder) / f"{clip.stem}.png"
            cv2.imwrite(str(path), cv2.cvtColor(rgb_of(next(frames(clip, 1, 1))), cv2.COLOR_RGB2BGR))
            portraits[clip] = read_portrait(path, device="cpu")
            print(f"{clip.stem}: {'; '.join(portraits[clip].warnings) or 'a good photograph'}", flush=True)
        for clip in clips:
            rows = []
            for photo in (each for each in clips if each != clip):
                if chosen.only and chosen.only != [photo.stem, clip.stem]:
                    continue
                figures, tiles = pair(clip, portraits[photo], chosen.frames, chosen.step)
                print(f"{photo.stem} on {clip.stem}: {figures.line()}", flush=True)
                rows.append(np.hstack(tiles))
            if chosen.sheets and rows:
                chosen.sheets.mkdir(parents=True, exist_ok=True)
                sheet = cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR)
                cv2.imwrite(str(chosen.sheets / f"photo_{clip.stem}.png"), sheet)
        other = portraits[clips[1]]
        print("still face: the points move {:.2f} px, in the swap {:.2f} px".format(*steadiness(clips[0], other)))


if __name__ == "__main__":
    main()
