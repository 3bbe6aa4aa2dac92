"""What live leaves behind says what it is: who was put in, by which models, from the first frame to the last."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from realtime.live.engine import Engine
from realtime.live.settings import Change, LiveSettings
from realtime.marking.provenance.verify import verify
from tests.realtime.tiny import make_model


def until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 120  # a machine may have other things to do
    while not holds():
        assert time.monotonic() < ends, "never came true"
        time.sleep(0.05)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_recording_names_everybody_who_was_put_in(face_clip: Path, tmp_path: Path, suffix: str) -> None:
    model, record = make_model(tmp_path / "negative.onnx"), tmp_path / f"record{suffix}"
    engine = Engine(LiveSettings(camera=str(face_clip), sinks=(str(record),), loop=True))
    engine.start()
    until(lambda: engine.status().sinks[0].frames > 20)
    engine.change(Change(model=str(model)))
    until(lambda: engine.status().model.name == "negative")
    since = engine.status().sinks[0].frames
    until(lambda: engine.status().sinks[0].frames > since + 10)
    engine.stop()

    verdict = verify(record)
    assert (verdict.verdict, verdict.signature.state) == ("marked", "valid")
    assert verdict.watermark is not None
    facts = verdict.signature.facts
    assert facts is not None
    assert facts.label == "SYNTHETIC FACES"
    assert {identity.name for identity in facts.identities} == {"Bronze", "Negative"}
