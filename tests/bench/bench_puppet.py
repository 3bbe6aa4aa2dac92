"""The puppet on real clips: does it do what the performer does, what does it cost, and what does it look like?

    python tests/bench/bench_puppet.py ../shared/media --sheets /tmp/sheets

Every clip drives a photo out of every other one, cut to 512 pixels. Printed for each pair: the error of the head's
turn, in degrees, against the performer's own turn since rest, in frames where that is 25 degrees at most; how lids and
mouth correlate; milliseconds of CPU a frame. Mesh and turn of both sides are what the built-in finder sees in the
pictures. ``--sheets`` writes contact sheets: moments, and frames in a row.
"""

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from realtime.finder import BuiltinFinder
from realtime.jobs.rest import find_rest
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.mesh.canonical import POINTS
from realtime.mesh.pose import pose_of
from realtime.mesh.vertices import OVAL
from realtime.puppet.follower import Follower
from realtime.puppet.lids import seen_open
from realtime.puppet.limits import angle_of
from realtime.puppet.motion import Held, hold, lid_openings, mouth_opening
from realtime.puppet.performer import see
from realtime.puppet.show import Show
from realtime.puppet.sitter import Sitter
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.process import tune
from realtime.runtime.stages import Stages
from realtime.swap.consent import Identity

SIDE = 512
#: Which frame of each clip is the photo: nobody blinks or talks there.
PHOTO = 5
NOBODY = Identity(id="bench", name="Bench", kind="consented")


@dataclass
class Seen:
    """What the finder sees in one frame: mesh float32 (468, 3)."""

    mesh: Floats

    @property
    def lids(self) -> float:
        return float(lid_openings(self.mesh).mean())

    @property
    def mouth(self) -> float:
        return mouth_opening(self.mesh)


def frames(path: Path, most: int) -> Iterator[Frame]:
    source = FileSource(path)
    for number, frame in enumerate(item for item in source if isinstance(item, Frame)):
        if number >= most:
            break
        yield frame
    source.close()


def rgb(frame: Frame) -> Bytes:
    return frame.warp(np.eye(2, 3), (frame.width, frame.height))


def photo(path: Path) -> Sitter:
    """Head and shoulders of one frame."""
    picture = rgb(list(frames(path, PHOTO + 1))[-1])
    (face, *_) = BuiltinFinder("cpu", mesh=True).find(Frame.from_rgb(picture))
    assert face.mesh is not None
    middle = face.mesh[list(OVAL), :2].mean(axis=0)
    reach = np.linalg.norm(face.mesh[10, :2] - face.mesh[152, :2]) * 1.45
    x0, y0 = np.maximum(middle - reach, 0).astype(int)
    x1, y1 = (middle + reach).astype(int)
    cut = picture[y0:y1, x0:x1]
    zoom = SIDE / max(cut.shape[:2])
    cut = cv2.resize(cut, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC)
    cut = np.ascontiguousarray(cut[: cut.shape[0] // 2 * 2, : cut.shape[1] // 2 * 2])
    finder, frame = BuiltinFinder("cpu", mesh=True), Frame.from_rgb(cut)
    (face, *_) = [finder.find(frame) for _ in range(4)][-1]
    assert face.mesh is not None
    return Sitter(path, cut, face.mesh, NOBODY, "0" * 64)


def meshes(found: list[Frame], finder: BuiltinFinder) -> list[Floats | None]:
    return [faces[0].mesh if (faces := finder.find(frame)) else None for frame in found]


def blinks(pictures: list[Frame], meshes: list[Floats | None]) -> list[float]:
    """How far the eyes are seen to be open."""
    return [np.nan if m is None else float(seen_open(see(f, m)).mean()) for f, m in zip(pictures, meshes, strict=True)]


def score(
    driver: list[Floats | None],
    made: list[Floats | None],
    eyes: tuple[list[float], list[float]],
    rest: Held,
    sitter: Sitter,
) -> str:
    still = hold(sitter.mesh, np.ones(2), np.zeros(2))
    errors, lids, mouths, largest = [], [], [], 0.0
    for ours, theirs in zip(made, driver, strict=True):
        if ours is None or theirs is None:
            continue
        wanted = pose_of(theirs, POINTS).turn @ rest.pose.turn.T
        shown = pose_of(ours, POINTS).turn @ still.pose.turn.T
        largest = max(largest, angle_of(wanted))
        if angle_of(wanted) <= 25:
            errors.append(angle_of(shown @ wanted.T))
        lids.append((Seen(ours).lids, Seen(theirs).lids))
        mouths.append((Seen(ours).mouth, Seen(theirs).mouth))
    by_mesh, lips = (np.corrcoef(np.array(pairs).T)[0, 1] for pairs in (lids, mouths))
    there = np.isfinite(eyes[0]) & np.isfinite(eyes[1])
    seen = np.corrcoef(np.array(eyes)[:, there])[0, 1]
    missed = sum(each is None for each in made)
    return (
        f"turn error {np.mean(errors):4.1f} (p95 {np.quantile(errors, 0.95):4.1f}, turns to {largest:4.1f})"
        f"  lids {by_mesh:5.2f}, seen {seen:5.2f}  mouth {lips:5.2f}  unseen {missed}"
    )


def show_of(sitter: Sitter, rest: Held, stages: Stages) -> Show:
    return Show(sitter, BuiltinFinder("cpu", mesh=True), stages, None, None, Follower(rest))


def sheet(path: Path, driver: list[Bytes], made: list[Bytes], which: list[int], tile: int = 256) -> None:
    """Frames ``which`` of the performer above those of the photo."""

    def fit(picture: Bytes) -> Bytes:
        zoom = tile / max(picture.shape[:2])
        small = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
        out = np.full((tile, tile, 3), 255, np.uint8)
        out[: small.shape[0], : small.shape[1]] = small
        return out

    rows = []
    for part in (which[: len(which) // 2], which[len(which) // 2 :]) if len(which) > 8 else (which,):
        rows.append(np.hstack([_named(fit(driver[n]), n) for n in part]))
        rows.append(np.hstack([fit(made[n]) for n in part]))
    wide = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 0), (0, wide - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    cv2.imwrite(str(path), cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))


def _named(picture: Bytes, number: int) -> Bytes:
    cv2.putText(picture, str(number), (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 0), 1, cv2.LINE_AA)
    return picture


def moments(seen: list[Floats | None], rest: Held, count: int) -> list[int]:
    """Frames that differ: the widest mouth, shut lids, the largest turns, and others between them."""
    there = [n for n, mesh in enumerate(seen) if mesh is not None]
    held = {n: Seen(mesh) for n in there if (mesh := seen[n]) is not None}
    turned = {n: pose_of(held[n].mesh, POINTS) for n in there}
    chosen = [
        max(there, key=lambda n: held[n].mouth),
        min(there, key=lambda n: held[n].lids),
        min(there, key=lambda n: turned[n].yaw),
        max(there, key=lambda n: turned[n].yaw),
        min(there, key=lambda n: turned[n].pitch),
        max(there, key=lambda n: turned[n].pitch),
        max(there, key=lambda n: angle_of(turned[n].turn @ rest.pose.turn.T)),
    ]
    spread = np.linspace(0, len(seen) - 1, count).astype(int).tolist()
    return sorted({*chosen, *spread})[: count + 7]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sheets", type=Path)
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--drivers", nargs="*")
    parser.add_argument("--photos", nargs="*")
    given = parser.parse_args()
    tune()
    clips = sorted(given.folder.glob("*.mp4"))
    sitters = {clip.stem: photo(clip) for clip in clips if not given.photos or clip.stem in given.photos}
    for clip in clips:
        if given.drivers and clip.stem not in given.drivers:
            continue
        rest = find_rest(clip, None, "cpu")
        theirs = list(frames(clip, given.frames))
        seen = meshes(theirs, BuiltinFinder("cpu", mesh=True))
        for name, sitter in sitters.items():
            show, began = show_of(sitter, rest, Stages()), time.process_time()
            made = [show.process(frame) for frame in theirs]
            cost = (time.process_time() - began) / len(made) * 1000
            again = meshes(made, BuiltinFinder("cpu", mesh=True))
            eyes = blinks(made, again), blinks(theirs, seen)
            print(f"{name} by {clip.stem}: {score(seen, again, eyes, rest, sitter)}  {cost:5.1f} ms", flush=True)
            if given.sheets:
                given.sheets.mkdir(parents=True, exist_ok=True)
                before, after = [rgb(frame) for frame in theirs], [rgb(frame) for frame in made]
                which = moments(seen, rest, 8)
                sheet(given.sheets / f"{name}_by_{clip.stem}.png", before, after, which)
                start = max(
                    max((n for n, m in enumerate(seen) if m is not None), key=lambda n: Seen(seen[n]).mouth) - 6, 0
                )  # type: ignore[arg-type]
                row = list(range(start, min(start + 16, len(made))))
                sheet(given.sheets / f"{name}_by_{clip.stem}_row.png", before, after, row)


if __name__ == "__main__":
    main()
