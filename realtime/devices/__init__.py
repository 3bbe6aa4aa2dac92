"""Cameras, microphones, virtual cameras and compute devices of this machine."""

import sys

from pydantic import BaseModel

from realtime.devices import linux, others
from realtime.inference.providers import DEVICES, what_is_missing

__all__ = ["Computer", "Hardware", "Thing", "list_hardware"]


class Thing(BaseModel, frozen=True):
    """A camera, virtual camera or microphone: the ``address`` that commands take, and what it calls itself."""

    address: str
    name: str
    note: str = ""


class Computer(BaseModel, frozen=True):
    """What models may run on, by its name on the command line; ``missing`` says why it cannot be used."""

    name: str
    missing: str | None


class Hardware(BaseModel, frozen=True):
    """All of it. ``advice`` says in sentences what is missing, and how to get it."""

    cameras: tuple[Thing, ...]
    virtual_cameras: tuple[Thing, ...]
    microphones: tuple[Thing, ...]
    computers: tuple[Computer, ...]
    advice: tuple[str, ...]


def list_hardware() -> Hardware:
    """Look what is there. No device is started; what may not be opened is listed with the reason."""
    here = linux if sys.platform.startswith("linux") else others
    cameras, virtual = (tuple(Thing(address=a, name=n, note=o) for a, n, o in each) for each in here.cameras())
    microphones = tuple(Thing(address=a, name=n, note=o) for a, n, o in here.microphones())
    computers = tuple(Computer(name=name, missing=what_is_missing(device)) for name, device in DEVICES.items())
    advice = []
    if not cameras:
        advice.append("No camera was found: plug one in, or use a file, a stream, or test: in its place.")
    if not virtual:
        advice.append(here.VIRTUAL_CAMERA)
    if not microphones:
        advice.append(f"No microphone was found: {here.MICROPHONE}")
    return Hardware(
        cameras=cameras,
        virtual_cameras=virtual,
        microphones=microphones,
        computers=computers,
        advice=tuple(advice),
    )
