"""What decides the bits of a job: where one part of it has changed, what was finished before does not fit any more."""

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, TypeAlias

import av
import cv2
import numpy as np

from realtime.inference.onnx_runtime import onnxruntime
from realtime.jobs.segments.plan import Plan
from realtime.media.containers import container_for
from realtime.media.encoding import Encoding
from realtime.runtime.digest import sample_digest
from realtime.runtime.version import our_version
from realtime.settings import Look
from realtime.swap import SwapModel

__all__ = ["Key", "differences", "digest", "key_of", "machine", "of_file", "versions"]

#: Digests by what they are of.
Key: TypeAlias = dict[str, str]


def key_of(
    source: Path,
    target: Path,
    look: Look,
    encoding: Encoding,
    choices: Sequence[str | float | None],
    models: Sequence[SwapModel],
    plan: Plan,
    alignments: str | None,
) -> Key:
    """The key of a job; ``choices`` are all others that decide its bits, ``alignments`` the digest of its saved faces.

    Raises ``InputError`` for a file that cannot be read.
    """
    files = [path for path in (*look.photo, look.embedder, look.consent) if path is not None]
    settings = [
        look.model_dump(mode="json", exclude={"model"}),
        asdict(encoding),
        list(choices),
        container_for(target).muxer,
        [(span.start, span.stop) for span in plan.spans],
        [of_file(path) for path in files],
    ]
    return {
        "the input": digest([of_file(source), hashlib.sha256(plan.times.tobytes()).hexdigest()]),
        "the alignments": digest(alignments),
        "the model": digest([[each.sha256, each.identity, each.morph] for each in models]),
        "the settings": digest(settings),
        "the program": digest(versions()),
        "the machine": digest(machine()),
    }


def differences(old: Key, new: Key) -> list[str]:
    """What has changed between two keys, in words."""
    return [name for name, digest in new.items() if old.get(name) != digest]


def machine() -> list[str]:
    """What of this machine decides bits: its processor, and how many encoder threads there are."""
    return [platform.machine(), _processor(), str(os.cpu_count())]


def _processor() -> str:
    """The processor's name and abilities: libraries choose their instructions, and so their rounding, by them."""
    page = Path("/proc/cpuinfo")
    if page.exists():
        lines = page.read_text(encoding="utf-8", errors="replace").splitlines()
        told = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)  # the first core's come last
        return "".join(value for name, value in sorted(told.items()) if name.strip() in _TELLING)
    return platform.processor()


_TELLING: Final = frozenset({"model name", "flags", "CPU part", "Features"})


def versions() -> list[str]:
    """Those of this program and of the libraries that decide bits."""
    libraries = [f"{name} {number}" for name, number in sorted(av.library_versions.items())]
    return [
        our_version(), platform.python_version(), av.__version__, np.__version__, cv2.__version__,
        onnxruntime.__version__, *libraries,
    ]  # fmt: skip


def of_file(path: Path) -> str:
    """A file's name for itself: the digest of its size and of samples, and its time. Raises ``InputError``."""
    sampled = sample_digest(path)
    return f"{sampled} {path.stat().st_mtime_ns}"


def digest(facts: object) -> str:
    """SHA-256 of what JSON can hold."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
