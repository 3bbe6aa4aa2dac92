"""What a file job is: its input, its output, and how the one becomes the other."""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal, TypeAlias

from realtime.media.containers import Container, container_for
from realtime.media.encoding import Encoding
from realtime.media.file_source import FileSource
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.media.standard_streams import STREAM, streamed
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.settings.part import WHOLE, Part

__all__ = ["Engine", "Job", "OnFrame", "container_of", "open_source"]


#: Called after each frame with the number written and the number expected (0 where nobody knows).
OnFrame: TypeAlias = Callable[[int, int], None]

#: What ``workers`` are: processes of this machine, or of a Ray cluster.
Engine: TypeAlias = Literal["local", "ray"]


@dataclass(frozen=True, slots=True)
class Job:
    """One conversion.

    ``report`` is where the report is written as JSON; ``force`` replaces an existing output; pictures of more than
    ``max_pixels`` are refused. ``STREAM`` as source or target is standard input or output, and ``stream`` the container
    that is written there. ``deinterlace`` makes whole pictures of fields. ``strict`` makes an error of whatever the
    output would not keep of the input. ``keep_damaged`` converts what can be decoded of a damaged input, else an error.
    ``layer`` writes the faces alone, transparent around them. ``resume`` goes on with what an earlier run left, and so
    many ``workers`` share the work: processes of this machine, or of the Ray cluster at ``address`` (None: one of its
    own) where the ``engine`` is that. ``alignments`` is a file of saved faces that takes the place of the face finder,
    and ``smooth`` steadies them over time. Only a ``part`` of a video may be meant. ``smart`` copies the groups of
    pictures without a face as they are.
    ``fps`` is the rate of a video that is made of numbered pictures (None: 25), ``start_number`` the first number of
    those that are written (None: as they are).
    """

    source: Path
    target: Path
    look: Look = field(default_factory=Look)
    encoding: Encoding = field(default_factory=Encoding)
    report: Path | None = None
    force: bool = False
    max_pixels: int = MAX_PIXELS
    stream: str | None = None
    deinterlace: bool = False
    strict: bool = False
    keep_damaged: bool = True
    layer: bool = False
    resume: bool = False
    workers: int = 1
    engine: Engine = "local"
    address: str | None = None
    alignments: Path | None = None
    smooth: bool = True
    part: Part = WHOLE
    fps: Fraction | None = None
    start_number: int | None = None
    smart: bool = False


def open_source(job: Job, stages: Stages | None = None) -> FileSource:
    """The job's input, read as the job says. Raises ``InputError``."""
    return FileSource(job.source, stages, job.max_pixels, job.deinterlace, job.keep_damaged, job.part)


def container_of(job: Job) -> Container:
    """What the target is. Raises ``OutputError`` for a name that has no container's suffix."""
    return streamed(job.stream)[0] if job.target == STREAM else container_for(job.target)
