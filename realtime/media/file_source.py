"""A video file as a source: frames, and the packets of all other streams, in file order."""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import av
from av.codec.context import CodecContext, Flags
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import Type
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from realtime.media.completeness import Promise
from realtime.media.container_facts import container_facts
from realtime.media.cut import Cut, move
from realtime.media.damage import Damage, Splices, packets_of
from realtime.media.frame import Frame
from realtime.media.interlaced import field_times, without_fields
from realtime.media.orientation import Turn
from realtime.media.picture import is_picture
from realtime.media.pixel_formats import FORMATS, SITINGS, nearest_known, siting_of
from realtime.media.pixel_limit import MAX_PIXELS, check_pixels, decoder_options, limit_pixels
from realtime.media.side_data import side_data
from realtime.media.standard_streams import STREAM
from realtime.media.stream_facts import stream_facts
from realtime.media.truncation import check_whole
from realtime.runtime.errors import InputError, reason
from realtime.runtime.stages import Stages
from realtime.settings.part import WHOLE, Part

__all__ = ["FileSource", "Item", "check_regular", "display_matrix", "open_media"]

#: What flows from source to sink: frames to swap, and packets of the other streams to pass on as they
#: are.
Item: TypeAlias = "Frame | Packet[Stream]"


class FileSource:
    """A video file. Opening it decodes up to the first frame, so that everything a sink must know is known.

    Every frame of the first real video stream comes with the file's own presentation time; packets of all
    other streams come as they were read, in file order. The file is trusted with nothing: only media
    containers are opened, and none of them may name another file or an address. Raises ``InputError`` when
    the file cannot be opened, holds no video, has a video without frames or with pictures of more than
    ``max_pixels``, or breaks off or is damaged on the way. ``deinterlace`` makes whole pictures of fields. With
    ``keep`` damage is no error: what decodes comes, what does not is counted in ``damage``, pictures of another shape
    are made like the first, and where the clock jumps back the rest follows what came before. A ``part`` of the file is
    as a file of its own: nothing else of it is seen.
    """

    def __init__(
        self,
        path: Path,
        stages: Stages | None = None,
        max_pixels: int = MAX_PIXELS,
        deinterlace: bool = False,
        keep: bool = False,
        part: Part = WHOLE,
    ) -> None:
        self.path = path
        self.frames = 0
        self._decoded_frames = 0
        self._max_pixels = max_pixels
        self._deinterlace = deinterlace
        self._fields: tuple[tuple[int, int], ...] = ()
        self.damage = Damage() if keep else None
        self._splices = None if self.damage is None else Splices(self.damage)
        self._told: list[str] = []
        self._stage = (stages or Stages())("decode")
        self._time: Fraction | None = None
        self._shape = ""
        self._turn = Turn()
        self._damaged: set[int] = set()
        self._decoding_times: deque[int] | None = None
        check_regular(path)
        if path != STREAM:
            self._check_whole()
        self.container = open_media(path, max_pixels)
        try:
            self.video = self._choose_video()
            self.video.codec_context.thread_count = DECODER_THREADS
            self.video.thread_type = "AUTO"
            self.video.codec_context.flags |= Flags.unaligned  # else a crop at the left is rounded
            self.facts = stream_facts(self.container, self.video.index)
            self.container_facts = container_facts(path, self.container)
            self._decoder = _decoder_of(self.video, max_pixels)
            self._siting = SITINGS.get(self.facts.chroma or "")
            self.rate, self.time_base, self.expected_frames = _clock(self.container, self.video)
            if self.container.format.name in _UNTIMED and self.video.codec_context.has_b_frames:
                self._decoding_times = deque()
            if self.facts.fields is not None:
                self._see_fields(self.facts.fields)
            self._cut = Cut(part, (self.video.start_time or 0) * self.time_base)
            self._over = False
            if part != WHOLE:
                self.expected_frames = round(self._cut.length(self.expected_frames / self.rate) * self.rate)
                self._go_near_start()
            self._items = self._read_part()
            self._head: deque[Item] = deque()
            self.first = self._fetch_first(part)
            self._set_time_codes()
        except BaseException:
            self.container.close()
            raise

    @property
    def warnings(self) -> list[str]:
        """What is not as it was, so far."""
        return self._told if self.damage is None else [*self._told, *self.damage.words]

    @property
    def others(self) -> list[Stream]:
        """Every stream but the video that is converted, and cover pictures."""
        return [stream for stream in self.container.streams if stream.type != "video"]

    @property
    def starts(self) -> list[Fraction]:
        """Seconds at which the other streams begin, as far as that is known. Those of a part begin with it."""
        if self._cut.start is not None:
            return []
        return [each.start_time * each.time_base for each in self.others if each.start_time and each.time_base]

    @property
    def chapters(self) -> list[Any]:
        """Its chapters, as PyAV has them."""
        return self._cut.chapters(self.container.chapters())

    def shows(self, pts: int) -> bool:
        """Whether the picture of a packet of ``packets`` is one of the frames: else others are decoded by its help."""
        return self._cut.shows(pts * self.time_base)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing was read yet but what opening it takes."""
        return bool(self._head)

    def __iter__(self) -> Iterator[Item]:
        while self._head:
            yield self._head.popleft()
        yield from self._items

    def frames_from(self, place: int, first: int) -> Generator[Frame]:
        """The frames from the time ``first`` on, read from a keyframe at or before ``place``; both in ``time_base``.

        Nothing else can be read any more. What lies between the two is decoded and left out, whole or not: decoders
        need it. Raises ``InputError``.
        """
        self._items.close()
        self._head.clear()
        if self.damage is not None:
            self._splices = Splices(self.damage)  # going back here is none
        units = round(self._cut.moved / self.time_base)
        place, first = place + units, first + units
        with self._clear_errors():
            self.container.seek(place, stream=self.video, backward=True)
            if isinstance(self._decoder, VideoCodecContext):  # the container does not know of it
                self._decoder.flush_buffers()
            for picture in self._pictures():
                if picture.pts is None or picture.pts < first:
                    continue
                frame = self._frame(picture)
                if self._cut.is_over(picture.pts * self.time_base):
                    return
                yield self._moved(frame)

    def _pictures(self) -> Iterator[VideoFrame]:
        """All that is decoded from where the container stands."""
        for packet in self.container.demux(self.video):
            with self._stage:
                pictures = self._decoder.decode(packet)
            yield from pictures

    def packets(self) -> "Generator[Packet[Stream]]":
        """All packets of the file, in file order and as they are; the file is read once more for it.

        Of a part, the packets of the video before it come too: ``shows`` tells. Raises ``InputError``, also where its
        container promises more than there is.
        """
        units = round(self._cut.moved / self.time_base)
        with self._clear_errors(), closing(open_media(self.path, self._max_pixels)) as container:
            streams = [container.streams[stream.index] for stream in (self.video, *self.others)]
            promise = Promise(container, streams)
            for packet in (each for each in container.demux(*streams) if each.size):
                promise.note(packet)
                if packet.stream.index != self.video.index:
                    self._note_damage(packet)
                    if not self._cut.keep(packet):
                        continue
                elif self._is_far_behind(packet):
                    return
                else:
                    move(packet, units)
                yield packet
        if missing := promise.broken():
            raise InputError(f"{self.path}: the file is damaged or cut short: {missing}; get a whole copy")

    def close(self) -> None:
        """Close the file; nothing may be read afterwards."""
        self._items.close()
        self.container.close()

    def _choose_video(self) -> VideoStream:
        videos = [s for s in self.container.streams.video if not s.disposition & Disposition.attached_pic]
        if not videos:
            kinds = ", ".join(sorted({stream.type for stream in self.container.streams}))
            raise InputError(f"{self.path}: no video in this file, only {kinds or 'nothing'}; give a video file")
        if len(videos) > 1:
            self._told.append(f"only the first of {len(videos)} video streams was converted")
        if len(videos) < len(self.container.streams.video):
            self._told.append("the cover picture was left out: it may show a face")
        video = videos[0]
        if video.codec_context is None:
            raise InputError(f"{self.path}: no decoder for its video; convert it to H.264 first")
        return video

    def _see_fields(self, order: str) -> None:
        if self._deinterlace:
            self.facts = replace(self.facts, fields=None)
            self._told.append("the video is interlaced: of each picture the first field was kept, and made whole")
        else:
            self._fields = field_times(order, round(1 / (2 * self.rate) / self.time_base))

    def _fetch_first(self, part: Part) -> Frame:
        for item in self._items:
            self._head.append(item)
            if isinstance(item, Frame):
                return item
        if part != WHOLE and self._time is not None:
            raise InputError(f"{self.path}: no picture {part.words}; its last one comes at {float(self._time):.2f} s")
        raise InputError(f"{self.path}: its video has no frames")

    def _check_whole(self) -> None:
        try:
            check_whole(self.path)
        except InputError as error:
            if self.damage is None or not self.path.stat().st_size:
                raise
            self.damage.missing = str(error).removeprefix(f"{self.path}: ").removesuffix("; get a whole copy")

    def _read_part(self) -> Generator[Item]:
        """What the part has of the file, as it comes there."""
        waiting: list[Packet[Stream]] = []
        for item in self._read():
            if not isinstance(item, Frame):
                if self._cut.origin is None:
                    waiting.append(item)
                elif self._cut.keep(item):
                    yield item
                continue
            time = (item.pts or 0) * (item.time_base or self.time_base)
            self._over = self._over or self._cut.is_over(time)
            if self._over or not self._cut.starts_by(time):
                continue
            yield from filter(self._cut.keep, waiting)
            waiting.clear()
            self.frames += 1
            yield self._moved(item)

    def _moved(self, frame: Frame) -> Frame:
        """``frame`` at its time in the part."""
        picture = frame.picture
        frame.moved = round(self._cut.moved / (picture.time_base or self.time_base))
        picture.pts = cast(int, picture.pts) - frame.moved
        return frame

    def _go_near_start(self) -> None:
        """Begin to read where the part is near, if it can be found; what comes before it is decoded and left out."""
        start = self._cut.start
        if start is None or self.path == STREAM or self.container.format.name not in SEEKABLE:
            return
        has_text = any(stream.type == "subtitle" for stream in self.others)
        for lead in (TEXT_LEAD if has_text else LEAD, FAR_LEAD):
            place = int((start - lead) / self.time_base)
            with suppress(av.error.FFmpegError):
                self.container.seek(place, stream=self.video, backward=True)
                came = next((packet for packet in self.container.demux(self.video) if packet.size), None)
                if came is not None and came.is_keyframe and came.pts is not None and came.pts <= place:
                    self.container.seek(place, stream=self.video, backward=True)
                    return
        with self._clear_errors():
            self.container.seek(-FAR_LEAD * av.time_base, backward=True)

    def _is_far_behind(self, packet: "Packet[Stream]") -> bool:
        """Whether nothing of the part can come after this packet of the video."""
        time = packet.dts if packet.dts is not None else packet.pts
        return time is not None and self._cut.is_over(time * (packet.time_base or self.time_base) - FAR_LEAD)

    def _set_time_codes(self) -> None:
        if self._cut.start is not None:
            for metadata in (self.video.metadata, self.container.metadata):
                for name in [name for name in metadata if name.lower() == "timecode"]:
                    metadata[name] = self._cut.time_code(metadata[name], self.rate)

    def _read(self) -> Generator[Item]:
        streams = [self.video, *self.others]
        promise = Promise(self.container, streams)
        untimed: list[VideoFrame] | None = []
        with self._clear_errors():
            for packet in packets_of(self.container, streams, self.damage):
                if packet.size:
                    promise.note(packet)
                if packet.stream is not self.video:  # the empty packets at the end have an index of 0
                    if packet.size:
                        self._note_damage(packet)
                        yield self._in_row(packet)
                    continue
                if self._over:
                    if packet.size and self._is_far_behind(packet):
                        return
                    continue
                if packet.is_corrupt and self.damage is None:
                    raise InputError(f"{self.path}: the file is damaged or cut short {self._where()}")
                if self._decoding_times is not None and packet.dts is not None and packet.size:
                    self._decoding_times.append(packet.dts)
                pictures = self._decoded(packet)
                if untimed is not None:
                    untimed += pictures
                    if (
                        not packet.size
                        or len(untimed) > _UNTIMED_AT_MOST
                        or any(each.pts is not None for each in untimed)
                    ):
                        pictures, untimed = self._timed(untimed), None
                    else:
                        continue
                for picture in pictures:
                    yield self._frame(picture)
        for picture in untimed or ():
            yield self._frame(picture)
        if missing := promise.broken():
            if self.damage is None:
                raise InputError(f"{self.path}: the file is damaged or cut short: {missing}; get a whole copy")
            self.damage.missing = self.damage.missing or missing

    def _decoded(self, packet: "Packet[Stream]") -> list[VideoFrame]:
        try:
            with self._stage:
                return self._decoder.decode(packet)
        except av.error.FFmpegError:
            context = self.video.codec_context
            if self.damage is None or context.width * context.height > self._max_pixels:
                raise
            self.damage.packets += 1
            return []

    def _timed(self, pictures: list[VideoFrame]) -> list[VideoFrame]:
        """The first pictures of a recording that was joined on its way: those before the first time count back."""
        start = next((at for at, picture in enumerate(pictures) if picture.pts is not None), 0)
        for at, picture in enumerate(pictures[:start]):
            known = pictures[start]
            step = 1 / (self.rate * (known.time_base or self.time_base))
            picture.pts = cast(int, known.pts) - round((start - at) * step)
        return pictures

    def _in_row(self, packet: "Packet[Stream]") -> "Packet[Stream]":
        """``packet``, later by as much as the clock has jumped back."""
        time = packet.pts if packet.dts is None else packet.dts
        if self._splices is not None and time is not None and packet.time_base:
            unit = packet.time_base
            later = round(self._splices.shift(packet.stream.index, time * unit, (packet.duration or 0) * unit) / unit)
            if later:
                packet.pts = None if packet.pts is None else packet.pts + later
                packet.dts = None if packet.dts is None else packet.dts + later
        return packet

    def _note_damage(self, packet: "Packet[Stream]") -> None:
        stream = packet.stream
        if packet.is_corrupt and stream.index not in self._damaged:
            self._damaged.add(stream.index)
            self._told.append(f"stream {stream.index} ({stream.type}) is damaged in places: copied as it is")

    def _frame(self, picture: VideoFrame) -> Frame:
        if picture.is_corrupt:
            if self.damage is None:
                raise InputError(f"{self.path}: the picture is damaged {self._where()}")
            self.damage.pictures += 1
        check_pixels(self.path, picture.width, picture.height, self._max_pixels)
        shape = _shape(picture)
        self._shape = self._shape or shape
        if shape != self._shape:
            picture = self._like_the_first(picture)
        if picture.time_base is None:
            picture.time_base = self.time_base
        if self._decoding_times:  # pictures come in the order in which they are shown
            picture.pts = self._decoding_times.popleft()
        if picture.pts is None:  # containers without presentation times: decoding order, then the frame rate
            number = round(self._decoded_frames / self.rate / picture.time_base)
            picture.pts = number if picture.dts is None else picture.dts
        if self._splices is not None:
            unit = picture.time_base
            shift = self._splices.shift(self.video.index, picture.pts * unit, 1 / self.rate)
            picture.pts += round(shift / unit)
        if self._decoded_frames == 0 and (matrix := display_matrix(picture)):
            self._turn = Turn.read(matrix)
        self._decoded_frames += 1
        self._time = picture.pts * picture.time_base
        known = picture if picture.format.name in FORMATS else self._known(picture)
        if self._deinterlace and picture.interlaced_frame:
            known = without_fields(known)
        siting = siting_of(self.video.codec_context.name)
        return Frame(known, siting=siting, turn=self._turn, stated=self._siting, fields=self._fields)

    def _like_the_first(self, picture: VideoFrame) -> VideoFrame:
        if self.damage is None:
            raise InputError(
                f"{self.path}: the picture changes from {self._shape} to {_shape(picture)} {self._where()};"
                " split the file there first"
            )
        self.damage.resized += 1
        size, pixels = self._shape.split(" ")
        width, height = map(int, size.split("x"))
        like = picture.reformat(width=width, height=height, format=pixels)
        like.pts, like.time_base, like.duration = picture.pts, picture.time_base, picture.duration
        return like

    def _known(self, picture: VideoFrame) -> VideoFrame:
        """``picture`` in the nearest format whose planes we know."""
        name = nearest_known(picture.format.name)
        if self._decoded_frames == 1:
            self._told.append(f"pictures were converted from {picture.format.name} to {name}")
        known = picture.reformat(format=name, dst_color_range=picture.color_range or None)
        known.pts, known.time_base, known.duration = picture.pts, picture.time_base, picture.duration
        return known

    def _where(self) -> str:
        if self._time is None:
            return "at the first frame"
        return f"after frame {self._decoded_frames} ({float(self._time):.2f} s)"

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except av.error.FFmpegError as error:
            context = self.video.codec_context
            check_pixels(self.path, context.width, context.height, self._max_pixels)  # they have grown
            raise InputError(
                f"{self.path}: cannot be decoded {self._where()}: {reason(error)}; the file is damaged or cut short"
            ) from error


def _clock(container: InputContainer, video: VideoStream) -> tuple[Fraction, Fraction, int]:
    """Frames a second, seconds a unit of ``pts``, and how many frames are to come (0: nobody says)."""
    rate = video.guessed_rate or video.average_rate or Fraction(25)
    frames = video.frames or round((container.duration or 0) / av.time_base * rate)
    return rate, video.time_base or 1 / rate, frames


def _decoder_of(video: VideoStream, max_pixels: int) -> "VideoCodecContext | VideoStream":
    """What decodes ``video``: for VP8 and VP9 with transparency the one library that knows it."""
    library = _TRANSPARENT.get(video.codec_context.name)
    tags = {name.lower(): value for name, value in video.metadata.items()}
    if library is None or tags.get("alpha_mode") != "1":
        return video
    context = CodecContext.create(library, "r")
    context.thread_count = DECODER_THREADS
    context.options = decoder_options(max_pixels)
    return cast(VideoCodecContext, context)


def _shape(picture: VideoFrame) -> str:
    return f"{picture.width}x{picture.height} {picture.format.name}"


def display_matrix(picture: VideoFrame) -> bytes | None:
    """How the picture is to be turned for display, nine int32; None where it is shown as it is."""
    return side_data(picture, Type.DISPLAYMATRIX)


def check_regular(path: Path) -> None:
    """Raise ``InputError`` unless ``path`` is a file that can be read, or standard input."""
    if path == STREAM:
        return
    try:
        path.stat()
    except FileNotFoundError as error:
        hint = "; give the path of a file, not an address" if ":" in str(path) else ""
        raise InputError(f"{path}: no such file{hint}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error
    if path.is_dir():
        raise InputError(f"{path}: a folder, not a video file")
    if not path.is_file():
        raise InputError(f"{path}: not a regular file")


def open_media(path: Path, max_pixels: int = MAX_PIXELS) -> InputContainer:
    """Open a media file that is trusted with nothing, its decoders limited to ``max_pixels`` a picture.

    Raises ``InputError``.
    """
    container = _open(path, decoder_options(max_pixels))
    try:
        for video in container.streams.video:
            if video.codec_context is None or video.disposition & Disposition.attached_pic:
                continue
            if not video.codec_context.width and path != STREAM:  # nothing is said, or FFmpeg has refused it
                check_pixels(path, *_stated_size(path, video.index), max_pixels)
            limit_pixels(path, video, max_pixels)
    except BaseException:
        container.close()
        raise
    return container


def _stated_size(path: Path, index: int) -> tuple[int, int]:
    """The width and height that a stream has by the file's headers, without any decoder; 0 where they do not say."""
    with _open(path, {"codec_whitelist": "none"}) as container:
        stream = container.streams[index] if index < len(container.streams) else None
        context = stream.codec_context if isinstance(stream, VideoStream) else None
        return (0, 0) if context is None else (context.width, context.height)


def _open(path: Path, options: dict[str, str]) -> InputContainer:
    # An absolute path never looks like a protocol ("concat:a|b"), and the whitelists keep playlists and
    # references to other files and hosts out, whatever the suffix says.
    address, protocol = ("pipe:0", "pipe") if path == STREAM else (str(path.absolute()), "file")
    trust = {"protocol_whitelist": protocol, "format_whitelist": DEMUXERS}
    try:
        return av.open(address, "r", container_options=trust, options=options, metadata_errors="surrogateescape")
    except PermissionError as error:
        raise InputError(f"{path}: no permission to read it") from error
    except (av.error.FFmpegError, UnicodeError) as error:
        if path == STREAM:
            raise InputError(
                "standard input: not a video that can be read from start to end (a usual MP4 has its index behind it);"
                " use Matroska or a transport stream, or give the name of the file"
            ) from error
        if is_picture(path):
            raise InputError(f"{path}: a picture, not a video; give a video file") from error
        raise InputError(f"{path}: not a video that can be read (damaged, cut short, or not a media file)") from error


#: Real containers of video and sound. Not in it: everything that names other files (hls, dash, concat, sdp,
#: image2).
DEMUXERS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,live_flv,kux,asf,nut,ogg,mxf,gxf,ivf,obu,"
    "h264,hevc,vvc,m4v,mjpeg,yuv4mpegpipe,gif,apng,dv,rm,wtv,wav,mp3,flac,aac,aiff,ac3,eac3,w64,caf"
)

#: Containers that store no presentation times. FFmpeg guesses them, and wrongly where pictures are reordered.
_UNTIMED: Final = frozenset({"avi"})

#: Containers, by FFmpeg's names, whose packets say when each picture is shown, and in which places are found again.
SEEKABLE: Final = frozenset({"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts"})
#: Seconds before a part from which on the file is read, and where there are texts, which may last for some time.
LEAD, TEXT_LEAD = 2, 10
#: Seconds by which streams may lie apart in a file.
FAR_LEAD: Final = 30

#: Decoders that give transparency back, by those that do not.
_TRANSPARENT: Final = {"vp9": "libvpx-vp9", "vp8": "libvpx"}

#: Pictures that may wait for the first time; where none comes, the file has none.
_UNTIMED_AT_MOST: Final = 32

#: Enough to keep the decoder ahead; each thread holds a frame or two.
DECODER_THREADS: Final = 2
