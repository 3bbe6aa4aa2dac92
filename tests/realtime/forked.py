"""``mummer`` as a process of its own, without the second that its imports take: a fork of one that has them behind it.

The process is a real one: with streams, a folder, an environment and signals of its own, it runs the program's ``main``
to the interpreter's end. What only a fresh interpreter shows (which modules load and when, encodings, limits, closed
streams) is started with ``python -m realtime``.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from functools import cache
from importlib import import_module
from multiprocessing import forkserver, get_context
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

__all__ = ["Mummer", "preloaded", "run"]

ROOT = Path(__file__).parents[2]
#: What commands import before they do anything.
LOADED = (
    *(f"realtime.cli.{path.stem}" for path in sorted((ROOT / "realtime" / "cli").glob("[a-z]*.py"))),
    "realtime.jobs.one_file",
    "realtime.jobs.convert",
    "realtime.live.engine",
    "realtime.marking.provenance.sign",
    "realtime.marking.provenance.verify",
    "realtime.serve.daemon",
)
#: What ``python -m realtime`` does.
MAIN = "from realtime.__main__ import main; main()"
#: How many bytes a request may have.
LONGEST = 1 << 17
LINUX = sys.platform.startswith("linux")
if LINUX:
    import resource

    #: What a process inherits of these, and tests change.
    LIMITS = (resource.RLIMIT_AS, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)


class Mummer(subprocess.Popen[Any]):
    """As ``Popen([sys.executable, "-m", "realtime", *words], ...)``, with the options that are used here.

    ``before`` is Python that runs in the process first.
    """

    def __init__(self, words: list[str], before: str = "", **options: Any) -> None:
        self._before = before
        super().__init__(words if LINUX else [sys.executable, "-c", f"{before}\n{MAIN}", *words], **options)

    if LINUX:

        def _execute_child(self, *given: Any) -> None:
            """In the place of a fork and an exec of our own."""
            words, cwd, env = given[0], given[5], given[6]
            stdin, tells, hears, stdout, hears_errors, stderr = given[10:16]
            asked = {
                "words": words,
                "before": self._before,
                "cwd": str(cwd or Path.cwd()),
                "env": env or {**os.environ},
            }
            asked["limits"] = [(kind, resource.getrlimit(kind)) for kind in LIMITS]
            ends = [own if end == -1 else end for own, end in enumerate((stdin, stdout, stderr))]
            self._told, theirs = socket.socketpair()
            with theirs:
                socket.send_fds(_loaded(), [json.dumps(asked).encode()], [theirs.fileno(), *ends])
            self.pid = self._number()
            self._child_created = True
            self._close_pipe_fds(stdin, tells, hears, stdout, hears_errors, stderr)  # type: ignore[attr-defined]

        def _number(self) -> int:
            said = self._told.recv(4)
            assert len(said) == 4, "the process that forks has ended"
            return int.from_bytes(said, "little")

        def _try_wait(self, flags: int) -> tuple[int, int]:
            """In the place of ``waitpid``: it is another process's child."""
            if not select.select([self._told], [], [], 0 if flags & os.WNOHANG else None)[0]:
                return 0, 0
            with self._told:
                return self.pid, self._number()

        def _internal_poll(self, *_: object, **__: object) -> int | None:
            if self.returncode is None:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)  # type: ignore[attr-defined]
            return self.returncode


def run(
    words: list[str], *, data: Any = None, timeout: float = 120, text: bool = True, **options: Any
) -> "subprocess.CompletedProcess[Any]":
    """As ``subprocess.run``, with ``data`` on its standard input and the other streams captured."""
    stdin = subprocess.DEVNULL if data is None else subprocess.PIPE
    options = {"stdin": stdin, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with Mummer(words, text=text, **options) as process:
        try:
            out, errors = process.communicate(data, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(words, process.returncode, out, errors)


def preloaded(*modules: str) -> BaseContext:
    """Of ``multiprocessing``: its processes are forked from one with ``modules`` behind it, and nothing else."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # one that runs has what was asked for before
    context = get_context("forkserver")
    context.set_forkserver_preload([*modules])
    return context


@cache
def _loaded() -> socket.socket:
    """The way to the process that has everything loaded; it ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    code = f"from tests.realtime.forked import serve; exec(serve({theirs.fileno()}))"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    line = [sys.executable, "-c", code]
    process = subprocess.Popen(line, cwd=ROOT, env=env, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve(number: int) -> str:
    """Fork for whoever asks through a socket of that ``number``; in each fork, return what it is to run."""
    asking = socket.socket(fileno=number)
    for name in LOADED:
        import_module(name)
    assert len([*Path("/proc/self/task").iterdir()]) == 1, "a fork would have the locks of threads that it has not"
    gc.collect()
    gc.freeze()
    living: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for ready in select.select([asking, *living], [], [])[0]:
            if ready is not asking:
                pid, told = living.pop(ready)
                os.close(ready)
                with told:
                    told.send(os.waitpid(pid, 0)[1].to_bytes(4, "little"))
                continue
            asked, ends, _, _ = socket.recv_fds(asking, LONGEST, 4)
            if not asked:
                os._exit(0)
            pid = os.fork()
            if pid == 0:
                asking.close()
                for descriptor, (_, told) in living.items():
                    os.close(descriptor)
                    told.close()
                return _become(json.loads(asked), ends)
            told = socket.socket(fileno=ends[0])
            for end in ends[1:]:
                os.close(end)
            told.send(pid.to_bytes(4, "little"))
            living[os.pidfd_open(pid)] = pid, told


def _become(asked: dict[str, Any], ends: list[int]) -> str:
    """Make of this process the one that is asked for."""
    os.close(ends[0])
    for number, end in enumerate(ends[1:]):
        os.dup2(end, number)
        os.close(end)
    os.chdir(asked["cwd"])
    for kind, limits in asked["limits"]:
        resource.setrlimit(kind, limits)
    os.environ.clear()
    os.environ.update(asked["env"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
    sys.argv = ["mummer", *asked["words"]]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        new = open(number, "w" if number else "r", encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115
        new.reconfigure(line_buffering=number == 2)
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    return f"{asked['before']}\n{MAIN}"
