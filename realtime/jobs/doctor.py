"""Which provider runs each network, proved by ONNX Runtime's own profile of a run."""

import json
import re
import statistics
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import packages_distributions
from pathlib import Path
from time import perf_counter, process_time, sleep
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from realtime.inference.guarded_session import GuardedSession
from realtime.inference.modelfile import ModelFile
from realtime.inference.onnx_runtime import onnxruntime
from realtime.inference.providers import DEVICES
from realtime.inference.session import SPINNING, open_session, why_not
from realtime.runtime.errors import HEADLESS, ModelError
from realtime.runtime.files import scratch_folder
from realtime.runtime.packages import OURS, imported_instead
from realtime.swap.drawing import SUFFIX
from realtime.swap.library import ASSETS, list_models

__all__ = ["DeviceCheck", "Diagnosis", "ModelCheck", "OpenCVCheck", "PackageCheck", "Spinning", "diagnose"]

#: Runs of a network that are timed, after one that is not.
RUNS: Final = 10
#: Seconds between two faces while idle threads are watched: a video's pace.
PAUSE: Final = 1 / 30
NETS: Final = ("detector", "landmarks")
#: Pixels of a side that a graph leaves open: what the detector makes of a frame's longer one.
USUAL: Final = 384
#: A value for every type of input: a grey picture, half a morph, the first identity.
_GREYS: Final[Mapping[str, np.generic]] = {
    "tensor(uint8)": np.uint8(128),
    "tensor(float)": np.float32(0.5),
    "tensor(float16)": np.float16(0.5),
    "tensor(int64)": np.int64(0),
}


class DeviceCheck(BaseModel):
    """A device, whether models can run on it here, and if not, why."""

    name: str
    provider: str
    works: bool
    why_not: str | None


class ModelCheck(BaseModel):
    """A network that was run on a grey face.

    ``nodes`` counts the graph's nodes by the provider that ran them, ``share`` is each provider's part (0..1) of
    their time, ``ms`` the median of a run in milliseconds; ``problem`` says why it did not run.
    """

    name: str
    device: str
    nodes: dict[str, int] = {}
    share: dict[str, float] = {}
    ms: float | None = None
    problem: str | None = None


class Spinning(BaseModel):
    """CPU milliseconds that a face costs on two threads at a video's pace, with idle threads asleep and spinning."""

    model: str
    asleep_ms: float
    spinning_ms: float


class PackageCheck(BaseModel):
    """A package of ours whose name others use, too, and what is imported in its place, if anything."""

    name: str
    instead: str | None


class OpenCVCheck(BaseModel):
    """OpenCV: its version, whether this build needs a display's libraries (libGL), and the packages that have it."""

    version: str
    display: bool
    packages: list[str]

    def problem(self) -> str | None:
        """What to do where several packages share the one folder; None where there is but one."""
        if len(self.packages) < 2:
            return None
        return (
            f"{' and '.join(self.packages)} are installed into one folder, so removing one breaks the other;"
            f" for the build that needs no display: {HEADLESS}"
        )


class Diagnosis(BaseModel):
    """Everything that ``mummer doctor`` finds."""

    packages: list[PackageCheck]
    onnxruntime: str
    opencv: OpenCVCheck
    devices: list[DeviceCheck]
    models: list[ModelCheck]
    spinning: Spinning


def diagnose(device: str = "auto") -> Diagnosis:
    """Run every network at hand on ``device``. Raises ``ModelError`` where there is no such device."""
    # The face finder's nets are small, so that they answer for the devices, too.
    probe = ASSETS / "landmarks.onnx"
    devices = []
    for name, each in DEVICES.items():
        reason = why_not(name, probe)
        devices.append(DeviceCheck(name=name, provider=each.provider, works=reason is None, why_not=reason))
    networks = [path for path in list_models() if path.suffix != SUFFIX]  # what is drawn runs on nothing
    paths = [*(ASSETS / f"{net}.onnx" for net in NETS), *networks]
    return Diagnosis(
        packages=[_package(name) for name in OURS],
        onnxruntime=onnxruntime.__version__,
        opencv=_opencv(),
        devices=devices,
        models=[_check(path, device) for path in paths],
        spinning=_spinning(ASSETS / "landmarks.onnx"),
    )


def _package(name: str) -> PackageCheck:
    found = imported_instead(name)
    return PackageCheck(name=name, instead=None if found is None else str(found))


def _opencv() -> OpenCVCheck:
    interface = re.search(r"^ *GUI: *(\S+)", cv2.getBuildInformation(), re.MULTILINE)
    return OpenCVCheck(
        version=cv2.__version__,
        display=interface is not None and interface[1] != "NONE",
        packages=sorted(set(packages_distributions().get("cv2", []))),
    )


def _check(path: Path, device: str) -> ModelCheck:
    """Run one file, and read the profile."""
    with scratch_folder() as folder:
        try:
            with ModelFile(path) as file:
                file.graph  # noqa: B018  # refuses what may not be run
                session = open_session(file, device, profile=folder / "profile")
            run, feeds = GuardedSession(session, str(path)), _grey(session)
            times = [_time(run, feeds) for _ in range(RUNS + 1)]
        except ModelError as error:
            return ModelCheck(name=path.stem, device=device, problem=str(error))
        nodes, share = _profile(Path(session.end_profiling()))
    return ModelCheck(
        name=path.stem, device=device, nodes=nodes, share=share, ms=round(statistics.median(times[1:]), 3)
    )


def _time(run: GuardedSession, feeds: Mapping[str, NDArray[np.generic]]) -> float:
    began = perf_counter()
    run([port.name for port in run.outputs], feeds)
    return (perf_counter() - began) * 1e3


def _grey(session: onnxruntime.InferenceSession) -> dict[str, NDArray[np.generic]]:
    """Something for every input: one picture, of a usual size where the graph leaves it open."""
    feeds: dict[str, NDArray[np.generic]] = {}
    for node in session.get_inputs():
        if node.type not in _GREYS:
            raise ModelError(f"its input {node.name!r} is {node.type}, which no model of this program takes")
        usual = (1, *[USUAL] * len(node.shape))
        shape = tuple(size if isinstance(size, int) else other for size, other in zip(node.shape, usual, strict=False))
        feeds[node.name] = np.full(shape, _GREYS[node.type])
    return feeds


def _profile(page: Path) -> tuple[dict[str, int], dict[str, float]]:
    """Nodes and share of time by provider, from ONNX Runtime's profile."""
    times: Counter[str] = Counter()
    nodes: dict[str, set[str]] = {}
    for event in json.loads(page.read_text(encoding="utf-8")):
        provider = event.get("args", {}).get("provider")
        if event.get("cat") == "Node" and provider and event["name"].endswith("_kernel_time"):
            times[provider] += event["dur"]
            nodes.setdefault(provider, set()).add(event["name"])
    total = max(times.total(), 1)
    return {name: len(ran) for name, ran in nodes.items()}, {
        name: round(time / total, 4) for name, time in times.items()
    }


def _spinning(path: Path) -> Spinning:
    asleep, spinning = (_cpu_ms(path, dict.fromkeys(SPINNING, on)) for on in ("0", "1"))
    return Spinning(model=path.stem, asleep_ms=asleep, spinning_ms=spinning)


def _cpu_ms(path: Path, config: Mapping[str, str]) -> float:
    """CPU milliseconds of the whole process for a face every thirtieth of a second, on two threads."""
    session = open_session(path, "cpu", threads=2, config=config)
    run, feeds = GuardedSession(session, str(path)), _grey(session)
    _time(run, feeds)
    began = process_time()
    for _ in range(RUNS):
        _time(run, feeds)
        sleep(PAUSE)
    return round((process_time() - began) / RUNS * 1e3, 3)
