"""Where the pictures of a sequence go: files of their own, each marked and signed, or a video."""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange, Colorspace

from realtime.marking.provenance.claim import Claim, tag, with_source_type
from realtime.marking.provenance.keys import Credentials
from realtime.marking.provenance.sign import Signed, embeds, sidecar_of, sign
from realtime.media.color_tags import BT709, ColorTags
from realtime.media.colorspace import Codes
from realtime.media.containers import container_for
from realtime.media.encoding import Encoding, find_encoder
from realtime.media.frame import Frame
from realtime.media.sequence import Pattern
from realtime.media.still import Still
from realtime.media.still_encoder import encode_still, fitted
from realtime.media.video_encoder import VideoEncoder, VideoShape, choose_pixels
from realtime.runtime.errors import InputError, OutputError, reason
from realtime.runtime.files import whole_or_nothing, writing
from realtime.runtime.stages import Stages

__all__ = ["PictureSink", "Step", "VideoSink"]


@dataclass
class Step:
    """One picture on its way: its number in the output, the file it came from, and its frame.

    ``still`` is the picture that was read, None for a frame of a video. ``samples`` (as shown, RGB or grey) and
    ``alpha`` are what is written, ``swapped`` is 1 where a face was swapped, else 0.
    """

    number: int
    source: Path
    frame: Frame
    still: Still | None = None
    samples: Codes | None = None
    alpha: Codes | None = None
    swapped: int = 0


class PictureSink:
    """Writes each picture under its number; ``claim`` is what it says of itself, but for its source and its faces.

    Pictures that come each ``of_its_own`` file name that as what they were made of, those of a video its name only: it
    is not read once more for each. Those that are ``finished`` stay as they are, but for the first one, which shows how
    pictures are signed.
    """

    def __init__(
        self, pattern: Pattern, force: bool, credentials: Credentials, claim: Claim, stages: Stages, of_its_own: bool
    ) -> None:
        self.warnings: list[str] = []
        self.signed: Signed | None = None
        self.signed_s = 0.0
        self.finished: frozenset[int] = frozenset()
        self._pattern, self._force, self._credentials, self._claim = pattern, force, credentials, claim
        self._stages, self._of_its_own = stages, of_its_own

    def write(self, item: Step) -> None:
        """Encode, write and sign one picture."""
        is_finished = item.number in self.finished
        if is_finished and self.signed is not None:
            return
        target = self._pattern.name(item.number)
        assert item.samples is not None  # noqa: S101  # it was swapped
        like = item.still or Still(item.samples, None, "video", lossless=True)
        metadata = replace(like.metadata, xmp=with_source_type(like.metadata.xmp))
        still = fitted(replace(like, samples=item.samples, alpha=item.alpha, metadata=metadata), target)
        for words in still.warnings:
            if words not in self.warnings:
                self.warnings.append(words)
        with self._stages("encode"):
            encoded = encode_still(still, target)
        claim = replace(self._claim, source=item.source, frames_swapped=item.swapped, named_only=not self._of_its_own)
        with whole_or_nothing(target, sidecar_of, replace=self._force or is_finished) as part:
            with writing(target):
                part.write_bytes(encoded)
            began = perf_counter()
            self.signed = sign(part, claim, target, self._credentials)
            self.signed_s += perf_counter() - began

    def finish(self) -> None:
        """Every picture is whole already."""

    def abort(self) -> None:
        """Those that were written are whole, and stay."""


class VideoSink:
    """Encodes the pictures into a video of ``rate`` frames a second; ``part`` becomes ``target``.

    Lossless codecs get RGB as it is; all others what players show: 4:2:0 in BT.709, with 10 bits where the pictures are
    deeper and the encoder was chosen by name. Raises ``OutputError``.
    """

    def __init__(
        self, part: Path, target: Path, first: Still, encoding: Encoding, rate: Fraction, stages: Stages
    ) -> None:
        self._part, self._target, self._stages = part, target, stages
        kind = container_for(target)
        codec = find_encoder(encoding.codec or kind.codec)
        frame = Frame.from_samples(first.samples).picture
        self._given = (frame.width, frame.height, frame.format.name)
        deep = first.samples.dtype == np.uint16
        wanted = frame.format.name
        if codec.lossy:
            wanted = "yuv420p10le" if deep and encoding.codec is not None else "yuv420p"
        pixels, _ = choose_pixels(codec, wanted, (frame.width, frame.height))
        self._pixels = pixels
        self.warnings: list[str] = []
        if deep and max(part.bits for part in av.VideoFormat(pixels).components) < 10:
            self.warnings.append(
                f"{codec.name} was given 8 of 16 bits a sample; --codec libx265, prores_ks or ffv1 takes more"
            )
        self._rgb = av.VideoFormat(pixels).is_rgb or pixels.startswith("gray")
        tags = ColorTags() if self._rgb else BT709
        shape = VideoShape(frame.width, frame.height, pixels, rate, 1 / rate, tags)
        self._container = av.open(str(part.absolute()), "w", format=kind.muxer)
        self._encoder = VideoEncoder(self._container, str(target), shape, replace(encoding, codec=codec.name))
        if not kind.reorders:
            self._encoder.context.max_b_frames = 0
        tag(self._container.metadata, beside=not embeds(target))
        self._encoder.open()
        self._clock, self._frames = 1 / rate, 0
        try:
            self._container.start_encoding()
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{target}: cannot be written: {reason(error)}") from error

    def write(self, item: Step) -> None:
        """Encode one picture."""
        picture = item.frame.picture
        if (picture.width, picture.height) != self._given[:2]:
            raise InputError(
                f"{item.source}: {picture.width}x{picture.height}, and the first picture is"
                f" {self._given[0]}x{self._given[1]}; a video has one size"
            )
        made = self._made(picture)
        made.pts, made.time_base, made.pict_type = self._frames, self._clock, PictureType.NONE
        self._frames += 1
        with self._stages("encode"):
            self._put(made)

    def finish(self) -> None:
        """Empty the encoder and write what makes the file whole."""
        self._put(None)
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self._target}: cannot be finished: {reason(error)}") from error

    def abort(self) -> None:
        """Close the file as it is; it is of no use to anybody."""
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError):
            return

    def sign(self, claim: Claim, credentials: Credentials) -> tuple[Signed, float]:
        """Sign the finished file; how, and how many seconds that took."""
        began = perf_counter()
        signed = sign(self._part, replace(claim, named_only=True), self._target, credentials)
        return signed, perf_counter() - began

    def _made(self, picture: VideoFrame) -> VideoFrame:
        if picture.format.name == self._pixels:
            return picture
        return picture.reformat(
            format=self._pixels,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG if self._rgb else ColorRange.MPEG,
            dst_colorspace=None if self._rgb else Colorspace.ITU709,
        )

    def _put(self, picture: VideoFrame | None) -> None:
        try:
            for packet in self._encoder.encode(picture):
                self._container.mux_one(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"{self._target}: cannot be written: {reason(error)}") from error
