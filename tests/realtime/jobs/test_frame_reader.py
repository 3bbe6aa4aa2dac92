"""Pictures by their times: the same whichever way they are come to."""

from dataclasses import replace
from pathlib import Path

import pytest

from realtime.jobs.frame_reader import FrameReader
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError
from tests.realtime.clips import Clip, make

CLIP = Clip(frames=90, audio=None, options={"preset": "veryfast", "crf": "20", "g": "30"})


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_a_jump_gives_the_picture_that_reading_on_gives(tmp_path: Path, suffix: str) -> None:
    clip = CLIP if suffix != ".avi" else replace(CLIP, codec="mpeg4", options={"bf": "2"})
    path = make(tmp_path / f"clip{suffix}", clip)
    source = FileSource(path)
    times = [item.pts for item in source if isinstance(item, Frame) and item.pts is not None]
    source.close()
    assert len(times) == 90
    with FrameReader(path) as reader:
        onwards = {time: reader.picture(time) for time in times}
    assert len(set(onwards.values())) == 90
    with FrameReader(path) as reader:
        for number in (80, 3, 79, 78, 40, 41, 0, 89, 12):
            assert reader.picture(times[number]) == onwards[times[number]], number
        with pytest.raises(InputError, match="has no frame at"):
            reader.picture(times[5] + 1)
        with pytest.raises(InputError, match="has no frame at"):
            reader.picture(times[89] + 10_000_000)
        assert reader.picture(times[7]) == onwards[times[7]]
