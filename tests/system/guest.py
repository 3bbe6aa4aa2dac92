"""Runs in the virtual machine: read the second device, and compare it with the clip that is played into the first."""

import sys
import time
from pathlib import Path

import av
import cv2
import numpy as np

from realtime.finder import open_finder
from realtime.media.frame import Frame

SEEN = Path("/out")
DEVICE = "/dev/video11"
WAIT = 900  # seconds for the first frame, on an emulated processor
ENOUGH = 10  # swapped frames


def clip_frames(size: tuple[int, int]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The clip's pictures at ``size``, RGB, and where the face is in each."""
    finder = open_finder()
    pictures, faces = [], []
    with av.open("/clip.y4m") as clip:
        for picture in clip.decode(video=0):
            rgb = cv2.resize(picture.to_ndarray(format="rgb24"), size, interpolation=cv2.INTER_AREA)
            found = finder.find(Frame.from_rgb(rgb))
            mask = np.zeros(rgb.shape[:2], bool)
            for face in found:
                x0, y0, x1, y1 = (int(edge) for edge in face.box)
                mask[max(y0, 0) : y1, max(x0, 0) : x1] = True
            if found:
                pictures.append(rgb.astype(np.int16))
                faces.append(mask)
    return pictures, faces


def open_device() -> av.container.InputContainer:
    """The device, as soon as something is written to it."""
    until = time.monotonic() + WAIT
    while True:
        try:
            return av.open(DEVICE, format="v4l2", timeout=WAIT)
        except (av.error.FFmpegError, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(2)


def main(seconds: float) -> int:
    camera = open_device()
    frames = camera.decode(video=0)
    first = next(frames)
    size = first.width, first.height
    print(f"{DEVICE}: {size[0]}x{size[1]} {first.format.name}", flush=True)
    pictures, faces = clip_frames(size)
    print(f"{len(pictures)} pictures of the clip to compare with", flush=True)
    swapped = plain = slates = 0
    until = time.monotonic() + seconds
    last: np.ndarray | None = None
    for picture in frames:
        rgb = picture.to_ndarray(format="rgb24").astype(np.int16)
        if last is not None and np.array_equal(rgb, last):
            continue  # the slate again
        last = rgb
        # The moment of the clip is the one whose surroundings look the same.
        around = [np.abs(rgb - at)[~mask].mean() for at, mask in zip(pictures, faces, strict=True)]
        best = int(np.argmin(around))
        inside = float(np.abs(rgb - pictures[best])[faces[best]].mean())
        if around[best] > 12:
            slates += 1
        elif inside > 2 * around[best] + 8:
            swapped += 1
        else:
            plain += 1
        seen = swapped + plain + slates
        print(f"picture {seen}: around {around[best]:.1f}, face {inside:.1f}", flush=True)
        cv2.imwrite(str(SEEN / f"{seen:04d}.png"), rgb[..., ::-1].astype(np.uint8))
        if swapped >= ENOUGH or time.monotonic() > until:
            break
    print(f"{swapped} frames with another face, {plain} with the clip's own, {slates} slates or covered whole")
    return 0 if swapped >= ENOUGH and not plain else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1])))
