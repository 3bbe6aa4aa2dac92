"""The panel in a real browser: what a user sees and does, from the first look to the browser's own camera."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from realtime.live.settings import LiveSettings
from realtime.live.sources.portrait import write_portrait
from realtime.marking.provenance.verify import verify
from realtime.serve import app
from tests.realtime.clips import talk
from tests.realtime.serve.conftest import Daemon, Launch, free_port

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")

#: The pixels of a canvas or video, made small, as a list of numbers.
PIXELS = """(element) => {
  const small = document.createElement("canvas");
  [small.width, small.height] = [96, 54];
  const context = small.getContext("2d", { willReadFrequently: true });
  context.drawImage(element, 0, 0, 96, 54);
  return [...context.getImageData(0, 0, 96, 54).data];
}"""


#: What a session begins with: pictures in plenty show no more here, and cost most of what these tests do.
MODEST = """() => {
  document.getElementById("more-size").value = "480x270";
  document.getElementById("more-fps").value = "6";
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator["playwright.Browser"]:
    playwright.expect.set_options(timeout=60_000)  # ms: the page waits for the daemon, which may have much to do
    with playwright.sync_playwright() as runner:
        chromium = runner.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                # Host addresses as they are: there is no resolver for made-up names of machines without a network.
                "--disable-features=WebRtcHideLocalIpsWithMdns",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: "playwright.Browser", daemon: Daemon) -> Iterator["playwright.Page"]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, permissions=["camera"])
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if "Content Security" in message.text else None)
    page.goto(f"{daemon.url}/#token={daemon.token}")
    page.evaluate(MODEST)
    yield page
    context.close()
    assert not errors


def pixels(page: "playwright.Page", selector: str) -> np.ndarray:
    data = page.eval_on_selector(selector, PIXELS)
    return np.array(data, np.int16).reshape(54, 96, 4)[..., :3]


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "never came true"
        time.sleep(0.2)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).mean())


def begin(page: "playwright.Page", daemon: Daemon) -> None:
    page.get_by_label("Camera", exact=True).fill(str(daemon.folder / "sample.mp4"))
    page.get_by_placeholder("virtualcam").fill("null:")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Start", exact=True).click()
    playwright.expect(page.locator("#state")).to_have_text("live", timeout=60_000)
    until(lambda: difference(pixels(page, "#before"), pixels(page, "#after")) > 0.5)


def test_a_session_is_started_changed_and_stopped(page: "playwright.Page", daemon: Daemon, tmp_path: Path) -> None:
    begin(page, daemon)
    assert daemon.token not in page.url, "the token does not stay in the address"

    # A slider, by keyboard alone.
    page.get_by_label("Sharpen").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    with daemon.client() as client:
        until(lambda: client.get("/api/status").json()["engine"]["look"]["sharpen"] == 0.1)

        # What stands in front of the face, by its box.
        page.get_by_label("keep hands and things in front of the face").check()
        until(lambda: client.get("/api/status").json()["engine"]["look"]["occlusion"] == "on")

        # Another place for the label: the preview changes there.
        before = pixels(page, "#after")
        page.get_by_role("radio", name="top left").check(force=True)
        until(lambda: client.get("/api/status").json()["engine"]["look"]["label_place"] == "top-left")
        until(lambda: difference(pixels(page, "#after")[:8, :24], before[:8, :24]) > 4)

        # Another model, chosen by its picture.
        picture = page.get_by_role("radio", name="negative").locator("xpath=../span/img")
        until(lambda: picture.evaluate("image => image.naturalWidth") > 100)
        before = pixels(page, "#after")
        page.get_by_role("radio", name="negative").check(force=True)
        until(lambda: client.get("/api/status").json()["engine"]["model"]["name"] == "negative")
        until(lambda: difference(pixels(page, "#after"), before) > 1)

        # A sink that is not there is told in words, and the others go on.
        page.get_by_placeholder("virtualcam").fill("/nowhere/out.mkv")
        page.get_by_role("button", name="Add", exact=True).click()
        playwright.expect(page.locator("#session-problem")).to_contain_text("out of bounds")
        assert client.get("/api/status").json()["engine"]["state"] == "live"

    page.screenshot(path=tmp_path / "panel.png", full_page=True)
    page.get_by_role("button", name="Stop").click()
    playwright.expect(page.locator("#state")).to_have_text("idle", timeout=60_000)
    playwright.expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()


def pictures_in(file: Path) -> int:
    """Of a recording; 0 while it is being finished."""
    try:
        with av.open(str(file)) as container:
            return container.streams.video[0].frames
    except av.error.FFmpegError:
        return 0


def test_a_performance(page: "playwright.Page", daemon: Daemon, tmp_path: Path) -> None:
    """From the first look: a test picture, a preset, a recording, both pictures over one another; and a reload."""
    expect = playwright.expect
    expect(page.get_by_role("heading", name="Where shall the pictures come from?")).to_be_visible()
    expect(page.locator("#pictures")).to_be_hidden()
    page.screenshot(path=tmp_path / "idle.png")
    page.get_by_role("button", name="A test picture").click()
    expect(page.locator("#state")).to_have_text("live", timeout=60_000)
    expect(page.locator("#begin")).to_be_hidden()

    with daemon.client() as client:

        def engine() -> dict[str, Any]:
            return dict(client.get("/api/status").json()["engine"])

        # A look with a name, and by key.
        page.get_by_role("radio", name="top left").check(force=True)
        until(lambda: engine()["look"]["label_place"] == "top-left")
        page.get_by_placeholder("this look").fill("evening")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("button", name="1 evening")).to_be_visible()
        page.get_by_role("radio", name="bottom right").check(force=True)
        until(lambda: engine()["look"]["label_place"] == "bottom-right")
        page.locator("#state").click()
        page.keyboard.press("1")
        until(lambda: engine()["look"]["label_place"] == "top-left")
        page.keyboard.press("m")
        until(lambda: bool(engine()["look"]["mirror"]))
        page.get_by_placeholder("this look").fill("m1")  # who writes presses no keys
        assert engine()["look"]["mirror"] and page.input_value("#preset-name") == "m1"

        # What goes out, on the whole screen, and back.
        page.locator("#state").click()
        page.keyboard.press("f")
        until(lambda: page.evaluate("document.fullscreenElement?.id") == "figure-after")
        page.keyboard.press("f")
        until(lambda: page.evaluate("document.fullscreenElement") is None)

        # A recording, with its length and size.
        page.get_by_role("button", name="Record").click()
        recording = page.get_by_role("button", name="Stop recording")
        expect(recording).to_have_text(re.compile(r"Stop recording +0:0[1-9] +\d+(\.\d MB| kB)"), timeout=60_000)
        page.keyboard.press("Escape")
        page.locator("#compare").click()
        page.locator("#compare-at").fill("30")
        clip = page.locator("#figure-before").evaluate("figure => getComputedStyle(figure).clipPath")
        assert "70%" in clip or "calc" in clip
        page.screenshot(path=tmp_path / "running.png")
        recording.click()
        expect(page.get_by_role("button", name="Record", exact=True)).to_be_visible(timeout=60_000)
        (file,) = daemon.folder.glob("mummer_*.mp4")
        until(lambda: pictures_in(file) > 3)
        file.unlink()

        # Whoever comes again sees what runs; and another camera may be chosen.
        page.reload()
        expect(page.locator("#state")).to_have_text("live", timeout=60_000)
        expect(page.locator("#camera")).to_have_value("test:")
        expect(page.locator("#begin")).to_be_hidden()
        page.locator("#camera").fill(str(daemon.folder / "sample.mp4"))
        page.get_by_role("button", name="Change the camera").click()
        until(lambda: str(engine()["source"]["address"]).endswith("sample.mp4"))


def test_a_file_is_dropped_on_converted_and_taken_back(page: "playwright.Page", daemon: Daemon, tmp_path: Path) -> None:
    """With the look that is chosen, beside a session that goes on with its own."""
    expect = playwright.expect
    with daemon.client() as client:
        daemon.start(client, size="320x240", fps=10)
    expect(page.locator("#state")).to_have_text("live", timeout=60_000)
    page.get_by_role("button", name="Files", exact=True).click()
    expect(page.locator("#stage")).to_be_hidden()
    page.get_by_role("radio", name="negative").check(force=True)
    page.locator("#label").fill("FROM THE PANEL")
    page.get_by_role("radio", name="top left").check(force=True)

    # Dropped, as a hand does it; and chosen, one that is no video.
    talk(tmp_path / "clip.mp4", (320, 240), 10 / 25, 25)
    clip = list((tmp_path / "clip.mp4").read_bytes())
    dropped = page.evaluate_handle(
        """bytes => {
          const carried = new DataTransfer();
          carried.items.add(new File([new Uint8Array(bytes)], "my clip.mp4", { type: "video/mp4" }));
          return carried;
        }""",
        clip,
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    running = page.locator("#job-list li", has_text="my clip.mp4")
    expect(running.locator("progress")).to_be_visible(timeout=60_000)
    (tmp_path / "notes.mp4").write_bytes(b"words")
    page.set_input_files("#choose-files", tmp_path / "notes.mp4")
    page.screenshot(path=tmp_path / "files-running.png", full_page=True)
    done = page.locator("#job-list li", has_text="my clip-negative.mp4")
    expect(done).to_contain_text("10 of 10 frames swapped with negative", timeout=60_000)
    failed = page.locator("#job-list li", has_text="notes.mp4")
    expect(failed.locator(".problem")).to_have_text(
        re.compile("^notes.mp4: not a video that can be read"), timeout=60_000
    )
    page.screenshot(path=tmp_path / "files.png", full_page=True)

    with page.expect_download() as taken:
        done.get_by_role("button", name="Download").click()
    taken.value.save_as(tmp_path / taken.value.suggested_filename)
    assert taken.value.suggested_filename == "my clip-negative.mp4"
    told = verify(tmp_path / "my clip-negative.mp4")
    assert told.signature.state == "valid"
    with daemon.client() as client:
        session = client.get("/api/status").json()["engine"]
        assert (session["state"], session["model"]["name"], session["look"]["label_place"]) == (
            "live", "bronze", "bottom-right",
        )  # fmt: skip
        for line in (done, failed):
            line.get_by_role("button", name="Remove").click()
        expect(page.locator("#no-jobs")).to_be_visible(timeout=60_000)
        assert client.get("/api/jobs").json() == []
    page.get_by_role("button", name="Live", exact=True).click()
    expect(page.get_by_role("radio", name="bronze")).to_be_checked(timeout=60_000)


def test_a_photograph_is_sent_and_put_in(page: "playwright.Page", daemon: Daemon, tmp_path: Path) -> None:
    """With its consent record, and not without; the same pictures as a puppet."""
    expect = playwright.expect
    record = write_portrait(tmp_path / "drawing.png")
    with daemon.client() as client:
        daemon.start(client, size="320x240", fps=10)
        expect(page.locator("#state")).to_have_text("live", timeout=60_000)
        page.get_by_text("The face of a photograph").click()
        page.set_input_files("#send-photo", tmp_path / "drawing.png")
        expect(page.locator("#photo")).to_have_value(re.compile("drawing.png$"))
        page.get_by_role("button", name="Put this face in").click()
        expect(page.locator("#log")).to_contain_text("whose face is it, and who agreed?", timeout=60_000)
        page.set_input_files("#send-photo", record)
        expect(page.locator("#consent")).to_have_value(re.compile("drawing.json$"))
        page.get_by_role("button", name="Put this face in").click()
        until(lambda: client.get("/api/status").json()["engine"]["model"]["identities"] == ["Drawing"])
        page.screenshot(path=tmp_path / "photo.png", full_page=True)
        page.set_input_files("#send-puppet", [tmp_path / "drawing.png", record])
        expect(page.locator("#puppet-consent")).to_have_value(re.compile("drawing.json$"))
        page.locator("#puppet-on").check()
        until(lambda: client.get("/api/status").json()["engine"]["puppet"] is not None)


def test_all_that_can_be_chosen_is_in_the_panel() -> None:
    """A setting that is new is to be found there too; ``loop`` is always on, and ``patient`` is for services."""
    folder = Path(app.__file__).parent / "panel"
    page = (folder / "index.html").read_text()
    ids = {name.removeprefix("more-") for name in re.findall(r'id="([\w-]+)"', page)}
    ids |= {"model", "codec", "preset"}  # chosen by picture; and encoders are chosen for a sink, in the configuration
    ids |= {"puppet"} if "puppet-photo" in ids else set()
    assert set(LiveSettings.model_fields) - {"loop", "patient"} <= ids


def test_another_tab_that_takes_the_camera_tells_the_first(
    page: "playwright.Page", browser: "playwright.Browser", daemon: Daemon
) -> None:
    page.get_by_role("button", name="This browser's camera", exact=False).first.click()
    playwright.expect(page.locator("#state")).to_have_text("live", timeout=60_000)
    context = browser.new_context(permissions=["camera"])
    other = context.new_page()
    other.goto(f"{daemon.url}/#token={daemon.token}")
    playwright.expect(other.locator("#state")).to_have_text("live", timeout=60_000)
    other.get_by_role("button", name="Use this browser's camera").click()
    playwright.expect(page.locator("#session-problem")).to_contain_text("Another tab", timeout=60_000)
    playwright.expect(page.locator("#returned")).to_be_hidden()
    playwright.expect(other.locator("#session-problem")).to_be_empty()
    context.close()


def test_a_daemon_that_goes_away_is_told_and_comes_back(browser: "playwright.Browser", launch: Launch) -> None:
    port = str(free_port())
    daemon = launch("--port", port)
    page = browser.new_page()
    page.goto(f"{daemon.url}/#token={daemon.token}")
    playwright.expect(page.locator("#state")).to_have_text("idle", timeout=60_000)
    playwright.expect(page.locator("#away")).to_be_hidden()
    daemon.process.terminate()
    daemon.process.wait(60)
    playwright.expect(page.locator("#away")).to_be_visible(timeout=60_000)
    page.locator("#begin-test").click()
    playwright.expect(page.locator("#session-problem")).to_contain_text("does not answer")
    launch("--port", port)
    playwright.expect(page.locator("#away")).to_be_hidden(timeout=60_000)
    playwright.expect(page.locator("#state")).to_have_text("idle")
    playwright.expect(page.locator("#session-problem")).to_have_text("")
    page.close()


def test_pictures_of_models_leave_connections_to_everything_else(browser: "playwright.Browser", daemon: Daemon) -> None:
    """A browser has six: while all of them wait for pictures to be drawn, no preview and no change comes through."""
    page, under_way, most = browser.new_page(), set[str](), 0

    def asked(request: "playwright.Request") -> None:
        nonlocal most
        if request.url.endswith("/picture"):
            under_way.add(request.url)
            most = max(most, len(under_way))

    page.on("request", asked)
    page.on("requestfinished", lambda request: under_way.discard(request.url))
    page.goto(f"{daemon.url}/#token={daemon.token}")
    pictures = page.locator("#model-list img")
    until(lambda: pictures.count() > 2 and pictures.evaluate_all("all => all.every((each) => each.naturalWidth > 100)"))
    assert most == 1
    page.close()


def test_of_several_cameras_of_the_machine_one_is_chosen(browser: "playwright.Browser", daemon: Daemon) -> None:
    """There are none here: the daemon's list of them is exchanged on its way."""
    cameras = [{"address": "3", "name": "Front", "note": ""}, {"address": "97", "name": "Side", "note": ""}]
    with daemon.client() as client:
        devices = client.get("/api/devices").json() | {"cameras": cameras}
    page = browser.new_page()
    page.route("**/api/devices", lambda route: route.fulfill(json=devices))
    page.goto(f"{daemon.url}/#token={daemon.token}")
    page.get_by_role("button", name="A camera of the machine").click()
    page.get_by_role("button", name="Side", exact=True).click()
    playwright.expect(page.locator("#problems")).to_contain_text("no such device", timeout=60_000)
    assert page.input_value("#camera") == "97"
    page.close()


def test_the_graphs_move(page: "playwright.Page", daemon: Daemon) -> None:
    begin(page, daemon)
    empty = page.eval_on_selector("#latency-graph", "canvas => canvas.toDataURL()")
    until(lambda: page.eval_on_selector("#latency-graph", "canvas => canvas.toDataURL()") != empty)


def test_a_stranger_sees_the_question_for_the_token_only(browser: "playwright.Browser", daemon: Daemon) -> None:
    page = browser.new_page()
    page.goto(daemon.url)
    playwright.expect(page.get_by_label("Token")).to_be_visible()
    playwright.expect(page.locator("#panel")).to_be_hidden()
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Open").click()
    playwright.expect(page.locator("#login-problem")).to_contain_text("not the token of this daemon")
    page.get_by_label("Token").fill(daemon.token)
    page.get_by_role("button", name="Open").click()
    playwright.expect(page.locator("#panel")).to_be_visible()
    page.close()


def test_on_a_phone_nothing_sticks_out(browser: "playwright.Browser", daemon: Daemon) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 700}, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{daemon.url}/#token={daemon.token}")
    playwright.expect(page.locator("#panel")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    context.close()


def test_the_browser_as_camera(page: "playwright.Page", daemon: Daemon) -> None:
    page.get_by_role("button", name="Use this browser's camera").click()
    playwright.expect(page.locator("#state")).to_have_text("live", timeout=60_000)
    with daemon.client() as client:
        until(lambda: client.get("/api/status").json()["engine"]["frames_out"] > 20)
    # The video comes back: it plays, it is no black picture, and it changes as the fake camera does.
    until(lambda: page.eval_on_selector("#mirrored", "video => video.currentTime") > 0.5)
    until(lambda: pixels(page, "#mirrored").std() > 10)
    first = pixels(page, "#mirrored")
    until(lambda: difference(pixels(page, "#mirrored"), first) > 0.3)
    page.get_by_role("button", name="Stop").click()
    playwright.expect(page.locator("#state")).to_have_text("idle", timeout=60_000)
