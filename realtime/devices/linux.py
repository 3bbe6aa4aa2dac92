"""Devices of Linux: video4linux and ALSA, as the kernel lists them."""

import re
from pathlib import Path
from typing import Final, TypeAlias

from realtime.devices import v4l2
from realtime.runtime.errors import reason

__all__ = ["FREE", "IN_USE", "MICROPHONE", "VIRTUAL_CAMERA", "Found", "cameras", "microphones"]

#: Address, name, and what there is to say about it.
Found: TypeAlias = tuple[str, str, str]

#: Notes of virtual cameras: somebody writes to it, or nobody does.
IN_USE: Final = "in use"
FREE: Final = "free"
VIRTUAL_CAMERA: Final = (
    "No virtual camera was found: install the package v4l2loopback-dkms, then run"
    " `sudo modprobe v4l2loopback exclusive_caps=1 card_label=mummer`."
)
MICROPHONE: Final = "plug one in; `arecord -l` lists what the kernel knows."

_VIDEO: Final = Path("/sys/class/video4linux")
_SOUND: Final = Path("/proc/asound/pcm")
#: A line of the kernel's list: card and device, names, and what it can do.
_PCM: Final = re.compile(r"(\d+)-(\d+): ([^:]*):.*capture")


def cameras(video: Path = _VIDEO, devices: Path = Path("/dev")) -> tuple[list[Found], list[Found]]:
    """Cameras, and virtual cameras."""
    seen: list[Found] = []
    virtual: list[Found] = []
    if not video.is_dir():
        return seen, virtual
    for folder in sorted(video.iterdir(), key=lambda each: (len(each.name), each.name)):
        device = devices / folder.name
        name = (folder / "name").read_text(errors="replace").strip() if (folder / "name").is_file() else folder.name
        try:
            can = v4l2.capability(device)
            choice = v4l2.modes(device) if can.captures else []
        except OSError as error:
            seen.append((str(device), name, reason(error)))
            continue
        if can.loopback:
            virtual.append((f"virtualcam:{device}", name, IN_USE if choice else FREE))
        if choice:  # devices without pictures carry a camera's other data, or are virtual and show nothing
            best = v4l2.choose_mode(choice, None, None)
            most = max(choice, key=lambda mode: mode.width * mode.height)
            note = f"up to {most.width}x{most.height}"
            if best is not None:
                note = f"{best.width}x{best.height} at {float(best.rate):g} fps ({best.pixels}), {note}"
            seen.append((str(device), name, note))
    return seen, virtual


def microphones(listing: Path = _SOUND) -> list[Found]:
    """What ALSA can capture from."""
    try:
        lines = listing.read_text(errors="replace").splitlines()
    except OSError:
        return []
    matches = [match for line in lines if (match := _PCM.match(line))]
    return [(f"plughw:{int(m[1])},{int(m[2])}", m[3].strip(), "") for m in matches]
