"""Stream keys, passwords and passphrases stay where they were given: nothing that is shown has them."""

import json
import shutil
import socket
import threading
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import pytest

from realtime.finder import BuiltinFinder
from realtime.live.address import Names
from realtime.live.engine import Engine
from realtime.live.protocols import carries
from realtime.live.settings import Change, LiveSettings, SinkSettings, SourceSettings
from realtime.live.sinks import SinkOpener
from realtime.live.sources.stream import StreamSource
from realtime.runtime.errors import InputError, MummerError, OutputError, UsageError
from tests.realtime.clips import Clip, make
from tests.realtime.forked import run
from tests.realtime.live.players import play, shape
from tests.realtime.live.waiting import LONG, until

#: In every place of an address where something secret may stand.
SECRETS = ("Benutzer7", "Geheim-1", "Schluessel_9", "T0ken5", "Passwort+Satz")


def rtmp(port: int) -> str:
    return f"rtmp://Benutzer7:Geheim-1@127.0.0.1:{port}/live/Schluessel_9?token=T0ken5"


def srt(port: int, more: str = "") -> str:
    return f"srt://127.0.0.1:{port}?{more}passphrase=Passwort+Satz&streamid=T0ken5"


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def assert_without_secrets(said: str) -> None:
    for secret in SECRETS:
        for form in (secret, secret.replace("+", " ")):
            assert form.lower() not in said.lower(), f"{form} in {said}"


def test_status_events_and_threads_of_an_engine(tmp_path: Path) -> None:
    """Two sinks that look alike, which are refused, and a camera that is: all that is said of them, and by FFmpeg."""
    port, said = free_port(), []
    sinks = (rtmp(port), rtmp(port) + "2", f"srt://127.0.0.1:{port}?passphrase=Passwort+Satz&streamid=T0ken5")
    clip = make(tmp_path / "small.mp4", Clip(rate=10))
    settings = LiveSettings(camera=str(clip), sinks=sinks, device="cpu", loop=True, patient=True)
    said.append(repr(settings))
    engine = Engine(settings, finder=BuiltinFinder("cpu"))
    with engine.events() as events:
        engine.start()
        try:
            status = until(engine, lambda status: all(sink.retries and sink.problem for sink in status.sinks))
            names = [sink.address for sink in status.sinks]
            said.append(" ".join(thread.name for thread in threading.enumerate()))
            engine.change(Change(camera=f"rtsp://Benutzer7:Geheim-1@127.0.0.1:{port}/Schluessel_9"))
            said.append(until(engine, lambda status: status.source.problem is not None).model_dump_json())
            for wrong in (Change(remove_sinks=(rtmp(port) + "3",)), Change(add_sinks=("rtmp:x?" + SECRETS[0],))):
                with pytest.raises(UsageError) as raised:
                    engine.change(wrong)
                said.append(str(raised.value))
            engine.change(Change(remove_sinks=(names[1],)))
            left = [sink.address for sink in until(engine, lambda status: len(status.sinks) == 2).sinks]
        finally:
            engine.stop()
        said += [event.text for event in events]
    shown = f"rtmp://***@127.0.0.1:{port}/live/***?token=***"
    assert names == [shown, f"{shown} (2)", f"srt://127.0.0.1:{port}?passphrase=***&streamid=***"]
    assert left == [names[0], names[2]]
    assert any("connection refused" in text for text in said)
    assert_without_secrets("\n".join([status.model_dump_json(), *said]))


def test_a_name_stands_for_its_address_and_for_no_other() -> None:
    names = Names()
    one, other = (f"rtmp://h/live/{key}" for key in ("one", "other"))
    assert [names.of(each) for each in (one, other, one, "talk.mkv")] == [
        "rtmp://h/live/***", "rtmp://h/live/*** (2)", "rtmp://h/live/***", "talk.mkv",
    ]  # fmt: skip
    assert names.address("rtmp://h/live/*** (2)") == names.address(other) == other
    assert names.address("talk.mkv") == "talk.mkv"
    assert names.address("a***b.mkv") == "a***b.mkv"
    with pytest.raises(UsageError, match="in full"):
        names.address("rtmp://elsewhere/live/***")


def test_what_the_command_prints(tmp_path: Path) -> None:
    clip = make(tmp_path / "small.mp4", Clip(rate=10))
    arguments = ["--camera", clip, "--loop", "--to", "null:", "--to", rtmp(free_port()), "--duration", "3"]
    for more, code in (["--patient"], 0), ([], 1):
        done = run(["live", *map(str, arguments), *more])
        assert done.returncode == code, done.stderr
        assert "connection refused" in done.stderr
        assert "/live/***" in done.stdout + done.stderr
        assert_without_secrets(done.stdout + done.stderr)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks at the arguments of processes there")
@pytest.mark.skipif(carries("srt") or shutil.which("ffmpeg") is None, reason="PyAV has srt, or no program does")
def test_helper_processes_have_no_secret_among_their_arguments() -> None:
    """Of a sink and a source by srt, both waiting for the other end."""
    source = StreamSource(srt(free_port(socket.SOCK_DGRAM), "mode=listener&"), SourceSettings())
    sink = SinkOpener()(srt(free_port(socket.SOCK_DGRAM), "mode=listener&"), SinkSettings())
    errors: list[MummerError] = []

    def read() -> None:
        try:
            list(source)
        except MummerError as error:
            errors.append(error)

    reader = Thread(target=read, daemon=True)
    reader.start()
    sink.open(shape())
    end = monotonic() + LONG
    while len(seen := programs()) < 2 and monotonic() < end:
        sleep(0.02)
    source.close()
    sink.abort()
    sink.close()
    reader.join(LONG)
    assert len(seen) == 2
    assert all("127.0.0.1" in arguments or "concat" in arguments for arguments in seen)
    assert_without_secrets("\n".join([*seen, *map(str, errors)]))


def programs() -> list[str]:
    """The arguments of the ffmpeg programs that this process started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            arguments = (folder / "cmdline").read_bytes().decode().replace("\0", " ")
        except OSError:
            continue
        if parent == str(threading.current_thread().native_id) and "ffmpeg" in arguments.split(" ")[0]:
            found.append(arguments)
    return found


@pytest.mark.skipif(carries("srt") or shutil.which("ffmpeg") is None, reason="PyAV has srt, or no program does")
@pytest.mark.parametrize("said", ["Passwort+Satz", "another+passphrase"])
def test_a_passphrase_reaches_the_other_end(said: str) -> None:
    """An encrypted stream from sink to source, or none where the passphrases differ."""
    port = free_port(socket.SOCK_DGRAM)
    source = StreamSource(f"srt://127.0.0.1:{port}?mode=listener&passphrase=Passwort+Satz", SourceSettings())
    frames, errors = [], []

    def read() -> None:
        try:
            for item in source:
                frames.append(item)
                if len(frames) > 20:
                    source.close()
        except InputError as error:
            errors.append(str(error))

    reader = Thread(target=read, daemon=True)
    reader.start()
    try:
        play(SinkOpener()(f"srt://127.0.0.1:{port}?passphrase={said}", SinkSettings()), 100, paced=True)
    except OutputError as error:
        errors.append(str(error))
    reader.join(LONG)
    assert not reader.is_alive()  # where nobody sends, it gives up
    assert source._bridge is not None and source._bridge.returncode is not None, "the program is not waited for"
    assert bool(frames) is (said == "Passwort+Satz")
    assert any("nothing came" in error for error in errors) is (said != "Passwort+Satz")
    assert_without_secrets(json.dumps(errors))
