"""From footage to a faceset: decode, find, align, measure, write.

The threads are those of every file job (``realtime.jobs.pipeline``): one decodes, one finds and aligns, one keeps the
index; measuring and encoding the faces, the costly part, is done by a pool between the last two. A face is on disk,
whole, before its line is in the index, and lines come in film order. So a job that is stopped at any moment can be
started again, and goes on: files that were finished are skipped, the others are read again, and faces
that are there already (same file, same frame, same place) are left as they are.
"""

import logging
import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeAlias

from models.faceset.colors import color_notes
from models.faceset.face_writer import DetectedFace, FaceWriter, ImageFormat
from models.faceset.folder import Faceset
from models.faceset.frame_sources import FrameOrigin, FrameSource, Pick, PictureFrames, Still, VideoFrames
from models.faceset.inputs import Inputs, find_inputs
from models.faceset.masks import MaskChoice
from models.faceset.record import Origin, Record, SourceRecord
from models.faceset.tone import tone_mapper
from realtime.align import TEMPLATES
from realtime.finder import open_finder
from realtime.finder.face import Box, Face
from realtime.finder.tracks import overlap
from realtime.jobs.pipeline import run
from realtime.media.file_source import Item, check_regular
from realtime.media.frame import Frame
from realtime.runtime.digest import file_digest
from realtime.runtime.errors import InputError, UsageError
from realtime.runtime.stop_signals import unwinding
from realtime.runtime.thread_priority import give_way
from realtime.swap.consent import Identity

__all__ = ["Extracted", "Extraction", "OnFrame", "extract"]

logger = logging.getLogger(__name__)

#: Called after each frame with the name of its file, the number done of it and the number expected.
OnFrame: TypeAlias = Callable[[str, int, int], None]

#: Sides of a face that make sense, in pixels.
MIN_SIDE, MAX_SIDE = 32, 2048
#: Boxes of one frame that share this much are the same face, whatever the settings were.
DUPLICATE_IOU: Final = 0.6
#: The alignment that every faceset has.
TEMPLATE: Final = TEMPLATES["whole-face"]


@dataclass(frozen=True, slots=True)
class Extraction:
    """What to collect.

    ``min_size`` is the shorter side of a face's box in frame pixels, ``min_score`` the presence in 0..1, ``limit``
    the most faces to add, ``mask`` how masks are made, ``parser`` the face parser that makes them; with
    ``tone_map`` the faces of HDR footage are made SDR.
    """

    inputs: tuple[str, ...]
    out: Path
    pick: Pick = field(default_factory=Pick)
    size: int = 512
    min_size: float = 0
    min_score: float = 0
    detector: str = "builtin"
    device: str = "auto"
    faces: Literal["all", "largest"] = "all"
    mask: MaskChoice = "visible"
    parser: Path | None = None
    format: ImageFormat = "png"
    tone_map: bool = False
    limit: int | None = None
    identity: Identity | None = None

    @property
    def settings(self) -> str:
        """What decides which faces of a file are taken; a file read to its end with the same settings is skipped."""
        pick = f"every {self.pick.every}" if self.pick.fps is None else f"{self.pick.fps} a second"
        return f"{pick}, {self.faces}, at least {self.min_size:g} px and {self.min_score:g}, {self.detector}"


@dataclass(slots=True)
class Extracted:
    """What was done: faces added, frames read, files skipped because an earlier run has read them to their end.

    ``notes`` says what is to be said of the footage's colours.
    """

    added: int = 0
    frames: int = 0
    passed: int = 0
    notes: list[str] = field(default_factory=list)


def extract(job: Extraction, on_frame: OnFrame | None = None) -> Extracted:
    """Collect the faces of ``job.inputs`` in the faceset ``job.out``, which is made where there is none.

    One bad file among several does not stop the others. Raises ``InputError`` at the end where any could not be read
    whole, and a ``MummerError`` at once for what makes the job impossible; what was collected stays.
    """
    if not MIN_SIDE <= job.size <= MAX_SIDE:
        raise UsageError(f"--size is a face's side in pixels, from {MIN_SIDE} to {MAX_SIDE}, not {job.size}")
    inputs = find_inputs(job.inputs)
    faceset = Faceset.create(job.out)
    if job.identity is not None:
        faceset.name_identity(job.identity)
    done = _Job(job, faceset).work(inputs, on_frame)
    done.notes = color_notes(faceset.sources.read())
    return done


class _Job:
    """One run of an extraction: what is known already, and what was added."""

    def __init__(self, job: Extraction, faceset: Faceset) -> None:
        self.job, self.faceset = job, faceset
        self.done = Extracted()
        self.writer = FaceWriter(faceset, job.size, job.format, job.mask, job.parser, job.device)
        self.known: dict[tuple[str, int], list[Box]] = defaultdict(list)
        #: Faces of each file in the set, those that an earlier run has added, too.
        self.counts: Counter[str] = Counter()
        for record in faceset.records():
            if record.size != job.size:
                raise UsageError(
                    f"{job.out}: holds faces of {record.size} px; give --size {record.size}, or another --out"
                )
            face = Face(record.points, record.score, record.track)
            self.known[record.source.sha256, record.frame].append(face.box)
            self.counts[record.source.sha256] += 1
        self.finished = {source.source.sha256 for source in faceset.sources.read() if source.settings == job.settings}

    @property
    def room(self) -> int | None:
        """How many faces may still be added; None without a limit."""
        return None if self.job.limit is None else max(self.job.limit - self.done.added, 0)

    @unwinding()
    def work(self, inputs: Inputs, on_frame: OnFrame | None) -> Extracted:
        """Go through all files."""
        failures: list[str] = []
        pool = ThreadPoolExecutor(os.cpu_count() or 2, "face", give_way)
        try:
            for path in inputs.videos:
                try:
                    self._video(path, pool, on_frame)
                except InputError as error:
                    logger.info("%s", error)  # raised at the end
                    failures.append(str(error))
            if inputs.stills:
                failures += self._stills(inputs.stills, pool, on_frame)
        finally:
            pool.shutdown(cancel_futures=True)
            self.faceset.index.close()
            self.faceset.sources.close()
        if failures:
            more = f"; and {len(failures) - 1} more" if len(failures) > 1 else ""
            kept = f"; the {self.done.added} faces that were found are kept" if self.done.added else ""
            raise InputError(f"{failures[0]}{more}{kept}")
        return self.done

    def _video(self, path: Path, pool: Executor, on_frame: OnFrame | None) -> None:
        if self.room == 0:
            return
        check_regular(path)
        origin = Origin(name=path.name, sha256=file_digest(path))
        if origin.sha256 in self.finished:
            logger.info("%s: skipped, read before", path)
            self.done.passed += 1
            return
        logger.info("%s: begun", path)
        frames = VideoFrames(path, origin, self.job.pick)
        try:
            faces = _FaceCollector(self, frames, pool, on_frame and partial(on_frame, path.name))
            run(frames, faces.collect, faces)
            if not frames.enough:
                self.finish(faces.summary(origin, frames.frames, frames.size))
            else:
                logger.info("%s: stopped at the limit of %s faces", path, self.job.limit)
        finally:
            frames.close()

    def _stills(self, stills: Sequence[Still], pool: Executor, on_frame: OnFrame | None) -> list[str]:
        """Go through pictures; returns what is to be said of those that cannot be read."""
        if self.room == 0:
            return []
        frames = PictureFrames(stills, lambda origin: origin.sha256 in self.finished)
        logger.info("%d pictures: begun", len(stills))
        faces = _FaceCollector(self, frames, pool, on_frame and partial(on_frame, "pictures"))
        run(frames, faces.collect, faces)
        self.done.passed += frames.passed
        for message in frames.unreadable:
            logger.info("%s", message)
        logger.info("%d pictures: %d skipped, read before", len(stills), frames.passed)
        return frames.unreadable

    def finish(self, record: SourceRecord) -> None:
        """Note that a file was read to its end."""
        self.finished.add(record.source.sha256)
        self.faceset.sources.append(record)
        logger.debug("%s: finished, %d frames, %d faces", record.source.name, record.frames, record.faces)


class _FaceCollector:
    """The pipeline's two ends: ``collect`` finds and aligns, the pool makes the faces, ``write`` keeps the index."""

    def __init__(
        self, job: _Job, frames: FrameSource, pool: Executor, on_frame: Callable[[int, int], None] | None
    ) -> None:
        self._job, self._frames, self._pool, self._on_frame = job, frames, pool, on_frame
        self._finder = open_finder(job.job.detector, job.job.device)
        self._room = job.room
        self.tone = tone_mapper(frames.colors) if job.job.tone_map and frames.colors is not None else None
        self._made: deque[tuple[FrameOrigin, list[Future[Record]]]] = deque()
        self.frames = 0

    def collect(self, frame: Frame) -> None:
        """In the middle thread: find the faces of a frame, and hand those that are new to the pool."""
        at = self._frames.origins.popleft()
        size = self._job.job.size
        making: list[Future[Record]] = []
        for face in self._new_faces(at, frame):
            if self._room == 0:
                self._frames.enough = True
                break
            known = self._job.known[at.origin.sha256, at.number]
            matrix = TEMPLATE.frame_to_crop(face.landmarks, size)
            crop = frame.warp(matrix, size)
            if self.tone is not None:
                crop = self.tone(crop)
            detected = DetectedFace(at, len(known), frame.pts, frame.time_base, face, matrix, crop)
            known.append(face.box)
            making.append(self._pool.submit(self._job.writer.write, detected))
            if self._room is not None:
                self._room -= 1
        self._made.append((at, making))

    def _new_faces(self, at: FrameOrigin, frame: Frame) -> Iterator[Face]:
        """The faces of a frame that are asked for and not in the set yet."""
        job = self._job.job
        if at.landmarks is not None:
            faces = tuple(Face(points, 1.0, number) for number, points in enumerate(at.landmarks))
        else:
            if at.still:
                self._finder.reset()
            faces = self._finder.find(frame)
        if job.faces == "largest" and faces:
            faces = (max(faces, key=lambda face: face.eye_distance),)
        known = list(self._job.known[at.origin.sha256, at.number])
        for face in faces:
            x0, y0, x1, y1 = face.box
            large = min(x1 - x0, y1 - y0) >= job.min_size
            if large and face.score >= job.min_score and overlap(face.box, known) <= DUPLICATE_IOU:
                yield face

    def write(self, item: Item) -> None:
        """In the last thread: a frame's faces go into the index, once they are on disk."""
        at, making = self._made.popleft()
        for made in making:
            self._job.faceset.index.append(made.result())
            self._job.counts[at.origin.sha256] += 1
            self._job.done.added += 1
        self.frames += 1
        self._job.done.frames += 1
        if at.still and isinstance(item, Frame):
            self._job.finish(self.summary(at.origin, 1, (item.width, item.height)))
        if self._on_frame is not None:
            self._on_frame(self.frames, self._frames.expected)

    def summary(self, origin: Origin, frames: int, size: tuple[int, int]) -> SourceRecord:
        """What the index of sources says of a file that was read."""
        return SourceRecord(
            source=origin,
            settings=self._job.job.settings,
            frames=frames,
            faces=self._job.counts[origin.sha256],
            size=size,
            colors=self._frames.colors,
            tone_mapped=self.tone is not None,
        )

    def finish(self) -> None:
        """Nothing is held back."""

    def abort(self) -> None:
        """What is in the index is whole."""
