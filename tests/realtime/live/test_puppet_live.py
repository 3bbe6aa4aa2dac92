"""The puppet live: only the photo is ever sent; it is switched off and on, and its rest is taken anew."""

from pathlib import Path
from time import monotonic

import cv2
import numpy as np
import pytest

from realtime.finder import BuiltinFinder
from realtime.live.engine import Engine
from realtime.live.puppet import LivePuppet, fit
from realtime.live.settings import Change, LiveSettings
from realtime.live.sources.file import PacedFile
from realtime.live.sources.portrait import Portrait, Pose
from realtime.live.testing.probes import InspectingSink
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import UsageError
from realtime.runtime.stages import Stages
from realtime.swap.consent import Consent, Identity

LONG = 20.0  # seconds that nothing here takes


@pytest.fixture(scope="module")
def consent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    record = Consent(by="A", date="2026-01-01", scope="tests", statement="I agree.")  # type: ignore[arg-type]
    path = tmp_path_factory.mktemp("puppet") / "consent.json"
    path.write_text(Identity(id="drawn", name="Drawn", kind="synthetic", consent=record).model_dump_json())
    return path


@pytest.fixture(scope="module")
def photo(consent: Path) -> Path:
    path = consent.with_name("photo.png")
    cv2.imwrite(str(path), cv2.cvtColor(Portrait(240, 300).draw(Pose()), cv2.COLOR_RGB2BGR))
    return path


def seen(frame: Frame) -> Bytes:
    return frame.warp(np.eye(2, 3), (frame.width, frame.height))


def frames(clip: Path) -> list[Frame]:
    return [item for item in FileSource(clip) if isinstance(item, Frame)][:45]


def test_only_the_photo_is_sent_whatever_fails(photo: Path, consent: Path, face_clip: Path) -> None:
    puppet, complaints = LivePuppet(photo, consent, "cpu", Stages()), list[Exception]()
    empty = Frame.from_rgb(np.zeros((360, 640, 3), np.uint8))
    drivers = frames(face_clip)
    sent = [puppet.process(frame, complaints.append) for frame in drivers]
    first, last = seen(sent[0]), seen(sent[-1])
    assert (first.shape[1], first.shape[0]) == (drivers[0].width, drivers[0].height)
    assert np.abs(first.astype(int) - last).max() > 40, "nothing moves"
    assert not complaints

    puppet._puppet.draw = lambda motion, performer: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    held = [seen(puppet.process(frame, complaints.append)) for frame in (*drivers[:3],)]
    assert len(complaints) == 3
    assert all(np.abs(each.astype(int) - last).mean() < 0.1 for each in held)

    anew = LivePuppet(photo, consent, "cpu", Stages())
    rest = seen(anew.process(empty, complaints.append))
    fitted, (x, y) = fit(anew.sitter, 640, 360)
    there = rest[y : y + fitted.picture.shape[0], x : x + fitted.picture.shape[1]]
    assert np.abs(there.astype(int) - fitted.picture).mean() < 3


def test_it_is_switched_off_and_on_and_calibrated(photo: Path, consent: Path, face_clip: Path) -> None:
    sink = InspectingSink()
    settings = LiveSettings(camera=str(face_clip), sinks=("0",), device="cpu", loop=True, puppet=photo, consent=consent)
    engine = Engine(
        settings,
        lambda address, asked: PacedFile(Path(address), asked),
        lambda address, asked: sink,
        BuiltinFinder("cpu"),
    )

    def until(rested: bool | None) -> None:
        """Until the puppet's rest is known, or not, or (None) there is no puppet."""
        ends = monotonic() + LONG
        while (None if (shown := engine.status().puppet) is None else shown.rested) is not rested:
            assert monotonic() < ends, engine.status()
            engine.wait(0.02)

    engine.start()
    try:
        until(True)
        assert engine.status().puppet.identity == "Drawn"  # type: ignore[union-attr]
        engine.calibrate()
        until(False)
        until(True)
        engine.change(Change(puppet=None))
        until(None)
        with pytest.raises(UsageError, match="nothing to calibrate"):
            engine.calibrate()
        engine.change(Change(puppet=photo))
        until(True)
        claim = engine._controller.claim()
        assert claim.model == "one picture"
        assert {identity.name for identity in claim.identities} >= {"Drawn", "Bronze"}
    finally:
        engine.stop()
    assert sink.frames > 10


def test_a_photo_without_consent_is_refused(photo: Path, face_clip: Path) -> None:
    with pytest.raises(UsageError, match="must have agreed"):
        Engine(LiveSettings(camera=str(face_clip), device="cpu", puppet=photo))
