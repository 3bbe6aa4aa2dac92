"""The page on which saved faces are corrected, in a real browser, and what ``convert`` makes of what it saves."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest

from realtime.finder.alignments import AlignedFrame, Alignments
from realtime.jobs.convert import Job, convert
from realtime.jobs.save_faces import look_through
from realtime.media.encoding import Encoding
from realtime.settings import Look
from tests.realtime.clips import decoded, talk
from tests.realtime.forked import Mummer
from tests.realtime.tiny import make_model

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

SIZE = (480, 270)
FRAMES = 20
#: Frames with a face that is none, and one with a landmark out of place, by so many pixels.
FALSE, OFF, AWAY = (8, 9), 14, 24
NOSE = 30


@dataclass
class Desk:
    """The program, running: its address, token and file."""

    url: str
    token: str
    file: Path
    process: Mummer

    def frame(self, at: int) -> AlignedFrame:
        """A frame as the file has it now."""
        return Alignments.read(self.file).frames[at]

    def stop(self) -> str:
        """End it as Ctrl-C does; what it said on stderr."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=60)[1]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("align")
    talk(folder / "clip.mp4", SIZE, FRAMES / 25, 25)
    make_model(folder / "negative.onnx")
    look_through(folder / "clip.mp4", folder / "found.jsonl", None)
    head, *lines = (folder / "found.jsonl").read_text().splitlines()
    frames = [json.loads(line) for line in lines]
    for at in FALSE:
        x, y = np.array(frames[at]["faces"][0]["landmarks"]).mean(axis=0)
        points = [[(px - x) / 3 + 60, (py - y) / 3 + 60] for px, py in frames[at]["faces"][0]["landmarks"]]
        frames[at]["faces"].append({"track": 1, "score": 0.6, "landmarks": points})
    frames[OFF]["faces"][0]["landmarks"][NOSE][1] += AWAY
    (folder / "wrong.jsonl").write_text("\n".join([head, *map(json.dumps, frames)]) + "\n")
    return folder / "clip.mp4"


@pytest.fixture
def desk(clip: Path) -> Iterator[Desk]:
    file = clip.with_name("edited.jsonl")
    shutil.copy(clip.with_name("wrong.jsonl"), file)
    process = Mummer(["align", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url, _, token = process.stdout.readline().strip().partition("/#token=")
    yield Desk(url, token, file, process)
    if process.poll() is None:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture
def page(desk: Desk) -> Iterator["playwright.Page"]:
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as runner:
        chromium = runner.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if "Content Security" in said.text else None)
        page.goto(f"{desk.url}/#token={desk.token}")
        yield page
        chromium.close()
        assert not errors


def on_stage(page: "playwright.Page", point: np.ndarray) -> tuple[float, float]:
    """Where a point of the frame lies in the window, while the whole frame is shown."""
    box = page.locator("#picture").bounding_box()
    assert box is not None
    zoom = min(box["width"] / SIZE[0], box["height"] / SIZE[1])
    x, y = (point - (np.array(SIZE) - 1) / 2) * zoom
    return box["x"] + box["width"] / 2 + float(x), box["y"] + box["height"] / 2 + float(y)


def drag(page: "playwright.Page", begin: np.ndarray, end: np.ndarray) -> None:
    page.mouse.move(*on_stage(page, begin))
    page.mouse.down()
    page.mouse.move(*on_stage(page, (begin + end) / 2))
    page.mouse.move(*on_stage(page, end))
    page.mouse.up()


def swapped(clip: Path, file: Path, target: Path) -> list[np.ndarray]:
    """The luma of every frame, once its faces were swapped where ``file`` says."""
    look = Look(model=str(clip.with_name("negative.onnx")), label=None)
    convert(Job(clip, target, look, Encoding("ffv1"), alignments=file, smooth=False))
    width, height = SIZE
    return [np.frombuffer(data[: width * height], np.uint8).reshape(height, width) for _, data in decoded(target)]


def test_what_a_person_corrects_is_in_the_output(
    page: "playwright.Page", desk: Desk, clip: Path, tmp_path: Path
) -> None:
    expect = playwright.expect
    where, state = page.locator("#where"), page.locator("#state")
    # The first doubtful frame, with the false face chosen: it goes, comes back, and goes again.
    expect(where).to_contain_text(f"frame {FALSE[0]} of {FRAMES}")
    expect(page.locator("#why")).to_contain_text("track 1 appears")
    faces = page.get_by_role("radio")
    expect(faces).to_have_count(2)
    page.keyboard.press("x")
    expect(faces).to_have_count(1)
    page.keyboard.press("u")
    expect(faces).to_have_count(2)
    expect(state).to_have_text("saved")  # as it was
    page.keyboard.press("X")  # in every frame
    expect(page.locator("#doubts li")).to_have_count(1)
    expect(state).to_have_text("not saved")

    # The tip of the nose is put back with the mouse, and then by a pixel more with the keys.
    page.keyboard.press("n")
    expect(where).to_contain_text(f"frame {OFF} of")
    expect(page.locator("#why")).to_have_text("track 0 jumps")
    wrong = desk.frame(OFF).faces[0].landmarks
    right = wrong[NOSE] - (0, AWAY)
    drag(page, wrong[NOSE], right)
    expect(page.get_by_role("radio")).to_contain_text("placed")
    expect(page.locator("#why")).to_have_text("nothing doubtful")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("#doubts li")).to_have_count(0)

    # A face that is deleted by mistake is copied from the neighbour.
    page.keyboard.press("ArrowRight")
    expect(where).to_contain_text(f"frame {OFF + 1} of")
    page.keyboard.press("x")
    expect(page.get_by_role("radio")).to_have_count(0)
    page.keyboard.press("v")
    expect(page.get_by_role("radio")).to_contain_text("placed")
    page.keyboard.press("Enter")
    expect(where).to_contain_text("checked")
    page.keyboard.press("s")
    expect(state).to_have_text("saved")
    page.screenshot(path=tmp_path / "align.png")

    assert all(desk.frame(at).face(1) is None for at in FALSE)
    face = desk.frame(OFF).faces[0]
    assert face.placed
    np.testing.assert_allclose(face.landmarks[NOSE], right - (1, 0), atol=1.0)
    np.testing.assert_array_equal(np.delete(face.landmarks, NOSE, 0), np.delete(wrong, NOSE, 0))
    np.testing.assert_array_equal(desk.frame(OFF + 1).faces[0].landmarks, desk.frame(OFF + 2).faces[0].landmarks)
    assert desk.frame(OFF + 1).checked

    before = swapped(clip, clip.with_name("wrong.jsonl"), tmp_path / "before.mkv")
    after = swapped(clip, desk.file, tmp_path / "after.mkv")
    changed = [bool((one != other).any()) for one, other in zip(before, after, strict=True)]
    assert [at for at, is_other in enumerate(changed) if is_other] == [*FALSE, OFF, OFF + 1]
    corner = (slice(30, 90), slice(30, 90))  # where the false face was: no longer negative
    width, height = SIZE
    source = np.frombuffer(decoded(clip)[FALSE[0]][1][: width * height], np.uint8).reshape(height, width)
    assert (after[FALSE[0]][corner] == source[corner]).all() and (before[FALSE[0]][corner] != source[corner]).any()


def test_who_has_no_token_or_comes_from_elsewhere_sees_nothing(desk: Desk) -> None:
    with httpx.Client(base_url=desk.url) as stranger:
        assert stranger.get("/").status_code == 200  # the empty page
        for path in ("/api/file", "/api/frames/0", "/api/frames/0/picture"):
            assert stranger.get(path).status_code == 401
        assert stranger.post("/api/save", json={}).status_code == 401
    with httpx.Client(base_url=desk.url, headers={"x-mummer-token": desk.token}) as known:
        assert known.get("/api/file", headers={"origin": "http://evil.example"}).status_code == 403
        assert known.get("/api/file", headers={"host": "evil.example"}).status_code == 403
        assert known.get("/api/frames/99").status_code == 400
        picture = known.get("/api/frames/19/picture")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
        line = known.get("/api/frames/3").json()["line"]["faces"][0]
        refused: list[tuple[Callable[[dict[str, object]], object], int]] = [
            (lambda face: [face, face], 409),
            (lambda face: [face | {"landmarks": [[0, 0]]}], 422),
            (lambda face: [face | {"landmarks": [[1e9, 0]] * 68}], 422),
            (lambda face: [face | {"landmarks": [[5, 5]] * 68}], 422),
        ]
        for faces, status in refused:
            assert known.put("/api/frames/3", json={"faces": faces(line)}).status_code == status
        # What is not saved when the program ends lies beside the file.
        assert known.put("/api/frames/3", json={"faces": []}).json()["saved"] is False
    assert "what was not saved is in" in desk.stop()
    assert desk.process.returncode == 0
    beside = desk.file.with_stem(f"{desk.file.stem}-unsaved")
    assert Alignments.read(beside).frames[3].faces == () and desk.frame(3).faces
