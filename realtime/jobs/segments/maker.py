"""Making segments: decode, swap and encode in three threads, from one segment into the next without a pause."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final, cast

import av
from av.container import OutputContainer
from av.video.frame import PictureType

from realtime.finder.found import Found, FoundFinder, write_found
from realtime.finder.people import bare
from realtime.finder.saved_finder import SavedFinder
from realtime.jobs.pipeline import run
from realtime.jobs.segments.plan import Plan
from realtime.jobs.segments.segment_file import SegmentWriter
from realtime.jobs.segments.steps import Counts, FindSteps, LiftSteps, Step, SwapSteps, read_steps
from realtime.media.containers import container_for
from realtime.media.encoding import Encoding, is_lossless
from realtime.media.file_sink import moved_by, video_encoder
from realtime.media.file_source import FileSource
from realtime.media.video_encoder import VideoShape
from realtime.runtime.errors import OutputError, reason
from realtime.runtime.files import writing
from realtime.runtime.malloc import give_back_freed_memory
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.settings.part import Part
from realtime.swapper import FrameSwapper, make_swapper

__all__ = ["Order", "make_segments"]


@dataclass(frozen=True, slots=True)
class Order:
    """What all segments of a job have in common: all that a worker needs to know.

    ``target`` is what the output is to be called: its suffix says which container the packets are for. The segment
    number ``n`` becomes the file ``path(n)``. The ``encoding`` names its codec; the rest is as in ``Job``.

    An order that ``finds`` is for faces only: its files hold what was found. One for which they are ``found`` already,
    in the files for the frames of these spans, does not look for them again. With ``parts``, each the number of a face
    and who of the look's map it is, these files have the numbers of people. A ``layer`` is the faces alone, in pictures
    of ``shape``, too.
    """

    source: Path
    target: Path
    look: Look
    encoding: Encoding
    max_pixels: int
    deinterlace: bool
    part: Part
    plan: Plan
    shape: VideoShape
    folder: Path
    alignments: Path | None = None
    smooth: bool = True
    finds: bool = False
    found: tuple[range, ...] = ()
    parts: tuple[tuple[int, str], ...] | None = None
    layer: bool = False

    def open_source(self, stages: Stages) -> FileSource:
        """The source, to be read from anywhere. Raises ``InputError``."""
        return FileSource(self.source, stages, self.max_pixels, self.deinterlace, part=self.part)

    def open_swapper(self, stages: Stages) -> FrameSwapper:
        """All that a frame's way needs. Raises ``ModelError``, ``DetectorError``, ``InputError`` or ``UsageError``."""
        saved = None if self.alignments is None else SavedFinder(self.alignments, self.source, self.smooth)
        confined = is_lossless(self.encoding) and not self.layer
        swapper = make_swapper(self.look, stages, saved or self.found_finder(), confined=confined)
        if swapper.cast is not None and self.parts is not None:
            swapper.cast.bind(dict(self.parts))
        return swapper

    def found_finder(self) -> FoundFinder | None:
        """What takes the place of the face finder; None where faces are still to be found."""
        if not self.found:
            return None
        return FoundFinder(self.plan.times, self.found, self.found_paths)

    @property
    def found_paths(self) -> list[Path]:
        """The files of what was found in each of the spans ``found``."""
        suffix = FOUND if self.parts is None else NAMED
        return [self.folder / f"{number:06d}{suffix}" for number in range(len(self.found))]

    def path(self, segment: int) -> Path:
        """The file of a finished segment."""
        return self.folder / f"{segment:06d}{FOUND if self.finds else SUFFIX}"


#: The names of finished segments end so, those that hold faces only so, the same with the numbers of people so, and
#: those of others so.
SUFFIX: Final = ".segment"
FOUND: Final = ".found"
NAMED: Final = ".named"
PART: Final = ".part"


def make_segments(
    order: Order,
    source: FileSource,
    swapper: FrameSwapper,
    segments: Iterator[int],
    on_frame: Callable[[], None],
    on_segment: Callable[[int], None],
) -> None:
    """Make the files of ``segments``, whose numbers are asked for ahead of time.

    ``on_frame`` is called after each frame, ``on_segment`` with the number of each segment that is finished, both in
    threads of their own. Raises ``UncuttableError`` where the source does not keep to the plan.
    """
    steps = read_steps(source, order.plan, segments)
    if order.finds:
        swapper.use(bare(swapper.finder))
        run(steps, FindSteps(swapper), _FoundSink(order, on_frame, on_segment))
        return
    sink = _SegmentSink(order, source, swapper.stages, on_frame, on_segment)
    run(steps, (LiftSteps if order.layer else SwapSteps)(swapper), sink)


class _FoundSink:
    """Keeps what was found in each segment."""

    def __init__(self, order: Order, on_frame: Callable[[], None], on_segment: Callable[[int], None]) -> None:
        self._order, self._on_frame, self._on_segment = order, on_frame, on_segment
        self._found: list[Found] = []

    def write(self, step: Step) -> None:
        if step.segment is None or step.found is None:
            return
        self._found.append(step.found)
        self._on_frame()
        if step.is_last:
            path = self._order.path(step.segment)
            with writing(path):
                write_found(path.with_suffix(PART), self._found)
                path.with_suffix(PART).replace(path)
            self._found = []
            self._on_segment(step.segment)

    def finish(self) -> None:
        """Nothing: each segment was finished after its last frame."""

    def abort(self) -> None:
        """Nothing: no file is open between two frames."""


class _SegmentSink:
    """Encodes steps, each segment with an encoder of its own; there is one at a time, for it takes much memory."""

    def __init__(
        self,
        order: Order,
        source: FileSource,
        stages: Stages,
        on_frame: Callable[[], None],
        on_segment: Callable[[int], None],
    ) -> None:
        self._order, self._source, self._on_frame, self._on_segment = order, source, on_frame, on_segment
        self._stage = stages("encode")
        self._later = int(moved_by(source, container_for(order.target)) / source.time_base)
        self._at_work: _Encoding | None = None

    def write(self, step: Step) -> None:
        if step.segment is None:
            return
        if step.is_first:
            self._at_work = _Encoding(self._order, self._source, step.segment)
        at_work = cast(_Encoding, self._at_work)
        with self._stage:
            at_work.write(step, self._later)
        self._on_frame()
        if step.is_last:
            self._at_work = None
            with self._stage:
                at_work.finish(step.counts or Counts())
                del at_work
                give_back_freed_memory()  # else the next encoder's would come on top of what this one leaves
            self._on_segment(step.segment)

    def finish(self) -> None:
        """Nothing: each segment was finished after its last frame."""

    def abort(self) -> None:
        if self._at_work is not None:
            self._at_work.abort()


class _Encoding:
    """One segment on its way through an encoder into its file."""

    def __init__(self, order: Order, source: FileSource, segment: int) -> None:
        self._path = order.path(segment)
        self._name = order.target
        kind = container_for(order.target)
        # Nothing is written to it: encoders ask what they are to be muxed into.
        self._container: OutputContainer = av.open(BytesIO(), "w", format=kind.muxer)
        self._encoder = video_encoder(self._container, source, order.shape, kind, order.encoding, order.target)
        self._encoder.open()
        try:
            self._writer = SegmentWriter(self._path.with_suffix(PART))
        except OSError as error:
            raise self._refusal(error) from error

    def write(self, step: Step, later: int) -> None:
        """Encode the step's frame, ``later`` by so many units of the source's clock."""
        picture = step.frame.picture
        picture.pict_type = PictureType.NONE  # the decoder's would be orders to the encoder
        picture.pts = cast(int, picture.pts) + later
        try:
            self._writer.write(self._encoder.encode(picture))
        except (av.error.FFmpegError, OSError) as error:
            raise self._refusal(error) from error

    def finish(self, counts: Counts) -> None:
        """Empty the encoder, and give the file its name."""
        try:
            self._writer.write(self._encoder.encode(None))
            self._writer.finish(bytes(self._encoder.context.extradata or b""), counts)
            self._path.with_suffix(PART).replace(self._path)
        except (av.error.FFmpegError, OSError) as error:
            raise self._refusal(error) from error
        finally:
            self._container.close()

    def abort(self) -> None:
        """Let go of everything."""
        self._writer.abort()
        self._container.close()

    def _refusal(self, error: Exception) -> OutputError:
        return OutputError(f"{self._name}: cannot be written: {reason(error)}")
