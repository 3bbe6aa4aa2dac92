"""Devices of macOS and Windows, as FFmpeg's inputs list them."""

import sys
from typing import Final

import av
import av.device

from realtime.devices.linux import Found

__all__ = ["MICROPHONE", "VIRTUAL_CAMERA", "cameras", "microphones"]

VIRTUAL_CAMERA: Final = (
    "No virtual camera was found: install OBS from obsproject.com, and press Start Virtual Camera in it once."
)
MICROPHONE: Final = "plug one in, and let this program use it in the system's privacy settings."

_INPUT: Final = "avfoundation" if sys.platform == "darwin" else "dshow"
#: What virtual cameras call themselves.
_VIRTUAL: Final = ("OBS", "Unity Video Capture")


def cameras() -> tuple[list[Found], list[Found]]:
    """Cameras, and virtual cameras."""
    seen: list[Found] = []
    virtual: list[Found] = []
    for number, device in enumerate(_devices("video")):
        name = device.description or device.name
        if name.startswith(_VIRTUAL):
            virtual.append((f"virtualcam:{name}", name, ""))
        else:
            seen.append((str(number), name, ""))
    return seen, virtual


def microphones() -> list[Found]:
    """What sound can be captured from."""
    return [(device.name, device.description or device.name, "") for device in _devices("audio")]


def _devices(kind: str) -> list[av.device.DeviceInfo]:
    try:
        listed = av.device.enumerate_input_devices(_INPUT)
    except (ValueError, av.error.FFmpegError):  # this FFmpeg comes without it
        return []
    return [device for device in listed if kind in device.media_types]
