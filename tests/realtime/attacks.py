"""What happens to a video on its way through the world: encoded again, scaled, cropped, at another rate."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av


@dataclass(frozen=True)
class Attack:
    """One more encoding with x264.

    ``crop`` is the share of width and height that is cut off, all round; ``fps`` makes 30 frames a second of 25, and
    25 of 30.
    """

    name: str
    crf: int
    half: bool = False
    crop: float = 0.0
    fps: bool = False
    preset: str = "medium"

    def run(self, source: Path, target: Path, seconds: float | None = None) -> Path:
        """Encode the first ``seconds`` of ``source``, or all of it, to ``target``."""
        with av.open(str(source)) as container, av.open(str(target), "w") as out:
            video = container.streams.video[0]
            graph = av.filter.Graph()
            ends = [graph.add_buffer(template=video)]
            width, height = video.width, video.height
            for name, words in self._filters(video):
                ends.append(graph.add(name, words))
                ends[-2].link_to(ends[-1])
            sink = graph.add("buffersink")
            ends[-1].link_to(sink)
            graph.configure()
            width, height = self._size(width, height)
            rate = Fraction(_other_rate(video)) if self.fps else video.average_rate
            encoder = out.add_stream("libx264", rate=rate, options={"crf": str(self.crf), "preset": self.preset})
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
            last = None if seconds is None else round(seconds * video.average_rate)
            for number, picture in enumerate([*container.decode(video), None]):
                over = picture is None or number == last
                graph.push(None if over else picture)
                while True:
                    try:
                        changed = graph.pull()
                    except (av.error.BlockingIOError, av.error.EOFError):
                        break
                    changed.pict_type = av.video.frame.PictureType.NONE
                    out.mux(encoder.encode(changed))
                if over:
                    break
            out.mux(encoder.encode(None))
        return target

    def _filters(self, video: av.VideoStream) -> list[tuple[str, str]]:
        filters = []
        if self.crop:
            kept = 1 - self.crop
            width, height = _even(video.width * kept), _even(video.height * kept)
            # A third off the left and two off the right: a middle that stays would be too easy.
            x, y = _even((video.width - width) / 3), _even((video.height - height) / 2)
            filters.append(("crop", f"{width}:{height}:{x}:{y}"))
        if self.half:
            width, height = self._size(video.width, video.height)
            filters.append(("scale", f"{width}:{height}:flags=bicubic"))
        if self.fps:
            filters.append(("fps", str(_other_rate(video))))
        return [*filters, ("format", "yuv420p")]

    def _size(self, width: int, height: int) -> tuple[int, int]:
        kept = 1 - self.crop
        size = _even(width * kept), _even(height * kept)
        return (_even(size[0] / 2), _even(size[1] / 2)) if self.half else size


def _other_rate(video: av.VideoStream) -> int:
    assert video.average_rate is not None
    return 30 if video.average_rate < 28 else 25


def _even(length: float) -> int:
    return int(length) // 2 * 2


#: What the mark must outlive, alone and after x264 at CRF 23; and a few worse things.
ATTACKS = (
    Attack("CRF 18", 18),
    Attack("CRF 23", 23),
    Attack("CRF 30", 30),
    Attack("half size, CRF 18", 18, half=True),
    Attack("half size, CRF 23", 23, half=True),
    Attack("half size, CRF 30", 30, half=True),
    Attack("25 to 30 fps or back, CRF 18", 18, fps=True),
    Attack("25 to 30 fps or back, CRF 23", 23, fps=True),
    Attack("5 % cropped, CRF 18", 18, crop=0.05),
    Attack("5 % cropped, CRF 23", 23, crop=0.05),
    Attack("5 % cropped, CRF 30", 30, crop=0.05),
    Attack("5 % cropped, half size, CRF 23", 23, crop=0.05, half=True),
    Attack("CRF 36", 36),
)
