"""The ffmpeg program, for protocols that PyAV comes without: streams go through it, copied and not encoded again.

Everybody on a machine can read the arguments of every process on it, so no secret of an address stands there: what is
read is named in a playlist on the program's standard input, and options of what is written come from a pipe that only
the program has. Windows hands on no such pipes; there, others cannot read the arguments.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import IO, Final, cast
from urllib.parse import unquote

from realtime.live.endless import AT_ONCE, CONTAINER, OPTIONS
from realtime.runtime.errors import UsageError
from realtime.runtime.redaction import secrets_of
from realtime.runtime.tether import tethered

__all__ = ["find_program", "receive", "sending"]

#: How much of a stream is looked at before the first picture: bytes, and microseconds.
PROBED: Final = "500000"
#: What a stream that is read may consist of; the playlist itself comes by ``pipe``.
_PROTOCOLS: Final = "pipe,srt,rist,rtmp,rtmps,rtmpt,rtp,udp,tcp,tls,http,https,crypto,data"


def find_program(scheme: str) -> str | None:
    """The path of an ffmpeg program that knows the protocol; None where there is none."""
    program = shutil.which("ffmpeg")
    return program if program is not None and _knows(program, scheme) else None


def receive(program: str, address: str, sound: bool = True) -> "subprocess.Popen[bytes]":
    """A process that reads the stream at ``address`` and gives it out, without an end (``endless``)."""
    arguments = [
        "-probesize",
        PROBED,
        "-analyzeduration",
        PROBED,
        "-safe",
        "0",
        "-protocol_whitelist",
        _PROTOCOLS,
        "-f",
        "concat",
        "-i",
        "pipe:0",
    ]
    # Of the sound what has come by then (``u``: of known rate). Where it is announced and does not come, or not yet,
    # the program would refuse the pictures too.
    streams = ["-map", "0:v:0", *(["-map", "0:a:u?"] if sound else [])]
    copied = [*streams, "-c", "copy", *_arguments(OPTIONS), "-f", CONTAINER, "pipe:1"]
    quoted = address.replace("'", r"'\''")
    playlist = f"ffconcat version 1.0\nfile '{quoted}'\noption probesize {PROBED}\noption analyzeduration {PROBED}\n"
    process = subprocess.Popen(  # noqa: S603  # no shell
        tethered([program, "-hide_banner", "-nostdin", "-v", "error", *arguments, *copied]),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with cast(IO[bytes], process.stdin) as stdin:
        stdin.write(playlist.encode())
    process.stdin = None  # it is closed, and nobody is to wait for it
    return process


@contextmanager
def sending(program: str, address: str) -> Iterator[tuple[list[str], tuple[int, ...]]]:
    """The command that sends what comes on its standard input to ``address``, as a transport stream.

    With it come the descriptors that the process is to inherit; they are closed at the end of the block. Raises
    ``UsageError`` for an address whose secrets can only be told in the arguments.
    """
    quick = ["-probesize", "32", "-analyzeduration", "0", "-fpsprobesize", "0", "-f", CONTAINER, "-i", "pipe:0"]
    stream = ["-pes_payload_size", "0", "-muxdelay", "0", "-muxpreload", "0", "-f", "mpegts"]
    copied = ["-map", "0", "-c", "copy", *_arguments(AT_ONCE), *stream]
    command = tethered([program, "-hide_banner", "-nostats", *quick, *copied])
    if sys.platform == "win32":
        yield [*command, address], ()
        return
    bare, options = _without_options(address)
    if not options:
        yield [*command, bare], ()
        return
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "w") as pipe:
            pipe.writelines(f"{name}={value}\n" for name, value in options)
        yield [*command, "-fpre", f"/dev/fd/{reading}", bare], (reading,)
    finally:
        os.close(reading)


def _arguments(options: dict[str, str]) -> list[str]:
    return [word for name, value in options.items() for word in (f"-{name}", value)]


def _without_options(address: str) -> tuple[str, list[tuple[str, str]]]:
    """``address`` with the options that anybody may see, and the others by name, as the protocol understands them."""
    bare, mark, query = address.partition("?")
    public, private = [], []
    for option in query.split("&") if mark else ():
        name, _, value = option.partition("=")
        if secrets_of(f"{bare}?{option}") == secrets_of(bare):
            public.append(option)
            continue
        value = unquote(value.replace("+", " ")) if name.endswith("streamid") else value.replace("+", " ")
        if not name or not value or value.startswith("=") or not value.isprintable():
            raise UsageError(f"{address}: the option {name} cannot be handed on; write it as NAME=VALUE")
        private.append((name, value))
    if secrets_of(bare):
        raise UsageError(
            f"{address}: what stands before the host or behind it could be read by everybody on this machine;"
            " say it with an option, such as ?streamid="
        )
    return bare + (f"?{'&'.join(public)}" if public else ""), private


@lru_cache(maxsize=4)
def _knows(program: str, scheme: str) -> bool:
    listed = subprocess.run([program, "-v", "quiet", "-protocols"], capture_output=True, text=True, check=False)  # noqa: S603
    return scheme in listed.stdout.split()
