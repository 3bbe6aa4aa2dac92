"""Log lines in words and as JSON, from a program of its own: which are written, and that no secret is in them."""

import json
import subprocess
import sys

import pytest

#: Logs at every level, with fields, an address, and the traceback of an error in a thread.
PROGRAM = """
import logging, sys
from realtime.runtime.events import Events
from realtime.runtime.logs import set_up
from realtime.runtime.threads import guarded_thread
set_up(sys.argv[1], sys.argv[2] == "json")
log = logging.getLogger("realtime.live.engine")
log.debug("so it goes")
log.info("sent %d frames\\nto %s", 3, "rtmp://me:Geheim1@h/live/Schluessel9", extra={"sink": "rtmp://h/Schluessel9"})
Events(log).tell("sink", "rtmp://h/live/Schluessel9: gone", problem=True)
logging.getLogger("elsewhere").info("not ours")
logging.getLogger("elsewhere").warning("not ours, but grave")
def fail():
    raise ValueError("at rtsp://me:Geheim1@h/Schluessel9")
thread = guarded_thread(fail, "worker")
thread.start()
thread.join()
"""


def log(level: str, form: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, level, form], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert "Geheim1" not in done.stderr and "Schluessel9" not in done.stderr
    return done.stderr.splitlines()


@pytest.mark.parametrize(("level", "count"), [("debug", 5), ("info", 4), ("warning", 3), ("error", 1)])
def test_json_is_one_object_a_line(level: str, count: int) -> None:
    lines = [json.loads(line) for line in log(level, "json")]
    assert len(lines) == count
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert all(line["time"].endswith("+00:00") for line in lines)
    last = lines[-1]
    assert (last["level"], last["logger"]) == ("error", "realtime.runtime.threads")
    assert "ValueError" in last["message"] and "Traceback" in last["error"] and "in fail" in last["error"]
    if level == "info":
        assert lines[0]["message"] == "sent 3 frames\nto rtmp://***@h/live/***"
        assert lines[0]["sink"] == "rtmp://h/***"
        assert (lines[1]["topic"], lines[1]["message"]) == ("sink", "rtmp://h/live/***: gone")


def test_words_are_a_line_each_but_for_tracebacks() -> None:
    lines = log("info", "words")
    assert lines[0].endswith("info realtime.live.engine: sent 3 frames to rtmp://***@h/live/*** (sink=rtmp://h/***)")
    assert lines[1].endswith("warning realtime.live.engine: rtmp://h/live/***: gone (topic=sink)")
    assert lines[2].endswith("warning elsewhere: not ours, but grave")
    assert lines[4].startswith("Traceback")
