"""The other end of the pipe to a process that carries a stream to the network."""

import errno
import os
import select
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import monotonic_ns
from typing import IO, Final, TypeAlias, cast

from realtime.live.ffmpeg_program import find_program, sending
from realtime.live.protocols import carries
from realtime.live.sinks import mux_child
from realtime.runtime.errors import OutputError
from realtime.runtime.redaction import redacted, shown
from realtime.runtime.threads import guarded_thread

__all__ = ["MuxProcess"]

#: Seconds that the other end gets for answering, and for taking what is left at the end.
CONNECTING: Final = 8.0
FINISHING: Final = 2.0
#: Seconds that a process gets for its last words.
ENDING: Final = 1.0
#: Seconds without a byte taken after which a connection is given up.
STALLED: Final = 5.0
#: Lines of the process's own words that are kept.
_LINES: Final = 20


class MuxProcess:
    """A process that sends what is written to it to ``address``; PyAV takes it for a file.

    It is this program's own ``mux_child``, or the ffmpeg program for a protocol that PyAV comes without. ``waited_ns``
    is for how long the network was waited for, all in all. Raises ``OutputError`` where there is neither.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        scheme = address.partition(":")[0].lower()
        self._own_child = carries(scheme)
        with _own_child(address) if self._own_child else _ffmpeg(address, scheme) as (command, variables, inherited):
            self._process = subprocess.Popen(  # noqa: S603  # no shell, and no secret among the arguments
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=os.environ | variables,
                pass_fds=inherited,
                bufsize=0,
                start_new_session=True,  # Ctrl-C is for us: it is to send what is left
            )
        self._pipe = cast(IO[bytes], self._process.stdin)
        if sys.platform != "win32":
            os.set_blocking(self._pipe.fileno(), False)
        self._held = bytearray()
        self.waited_ns = 0
        self._connected = False
        self._words: deque[str] = deque(maxlen=_LINES)
        self._answered = Event()
        self._ready = False
        self._listener = guarded_thread(self._listen, f"mux {shown(address)}", self._deaf)
        self._listener.start()

    def connect(self, sample: bytes) -> None:
        """Wait until the other end takes the stream, of which ``sample`` is a file; what was written goes out then.

        Raises ``OutputError`` where it does not. The ffmpeg program connects later, with the first packets.
        """
        try:
            if self._own_child:
                self._send(len(sample).to_bytes(4, "big") + sample)
                if not self._answered.wait(CONNECTING):
                    raise OutputError(f"{self.address}: no answer in {CONNECTING:.0f} s; check address and network")
                if not self._ready:
                    raise self._reason()
            self._connected = True
            self._send(self._held)
        except OSError as error:
            raise self._reason() from error

    def write(self, data: bytes) -> int:
        """Send ``data``; raises ``OSError`` where the process ended, or takes nothing for too long."""
        if self._connected:
            self._send(data)
        else:
            self._held += data
        return len(data)

    def explain(self, error: OutputError) -> OutputError:
        """Why writing failed: what the process said at its end, or ``error`` where it has not ended."""
        self._listener.join(ENDING)
        return error if self._listener.is_alive() else self._reason()

    def finish(self) -> None:
        """The stream has ended; wait for the last of it to be sent, and not for long."""
        try:
            self._pipe.close()
            self._process.wait(FINISHING)
        except (OSError, subprocess.TimeoutExpired):
            self.kill()
        self._process.wait()
        self._listener.join(FINISHING)

    def kill(self) -> None:
        """End it now; from any thread."""
        self._process.kill()

    def _reason(self) -> OutputError:
        self._listener.join(ENDING)
        last = next((line for line in reversed(self._words) if line), "the connection was closed")
        words = redacted(last.removeprefix(f"{self.address}: "), self.address).rstrip(".").lower()
        return OutputError(f"{shown(self.address)}: {words}; check that something takes it there")

    def _send(self, data: bytes | bytearray) -> None:
        """All of ``data`` into the pipe, though the process may be slow."""
        left = memoryview(data)
        while left:
            if not self._takes_more():
                self._words.append(f"nothing was taken for {STALLED:.0f} s")
                self.kill()
                raise TimeoutError(errno.ETIMEDOUT, "the network takes nothing")
            left = left[self._pipe.write(left) or 0 :]

    def _takes_more(self) -> bool:
        """Wait until the pipe has room, and not for long. Windows cannot wait for pipes: there writing blocks."""
        if sys.platform == "win32":
            return True
        poll = select.poll()
        poll.register(self._pipe, select.POLLOUT)
        if poll.poll(0):
            return True
        began_ns = monotonic_ns()
        has_room = bool(poll.poll(STALLED * 1000))
        self.waited_ns += monotonic_ns() - began_ns
        return has_room

    def _listen(self) -> None:
        """In a thread of its own: hear what the process says, until it ends."""
        with cast(IO[bytes], self._process.stderr) as stderr:
            for line in stderr:
                words = line.decode(errors="replace").strip()
                if words == mux_child.READY:
                    self._ready = True
                    self._answered.set()
                else:
                    self._words.append(words)
        self._answered.set()

    def _deaf(self, error: BaseException) -> None:
        """What the process says cannot be heard: whoever waits for it is told why."""
        self._words.append(f"its words were lost: {error}")
        self._answered.set()


#: A command, variables of its environment, and the descriptors that it inherits.
_Launch: TypeAlias = tuple[list[str], dict[str, str], tuple[int, ...]]


@contextmanager
def _own_child(address: str) -> Iterator[_Launch]:
    """This program's own: its environment can be read by its user alone."""
    yield [sys.executable, "-I", str(Path(mux_child.__file__))], {mux_child.ADDRESS: address}, ()


@contextmanager
def _ffmpeg(address: str, scheme: str) -> Iterator[_Launch]:
    """The ffmpeg program in the place of the mux child."""
    program = find_program(scheme)
    if program is None:
        raise OutputError(
            f"{address}: PyAV's FFmpeg comes without {scheme}; install an ffmpeg program that has it, or use rtmp"
        )
    with sending(program, address) as (command, inherited):
        yield command, {}, inherited
