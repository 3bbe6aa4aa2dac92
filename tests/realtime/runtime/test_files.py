"""Files that are there whole or not at all, and what is left where a process was killed."""

import errno
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from realtime.runtime.errors import OutputError
from realtime.runtime.files import remove_partial, whole_or_nothing, write_whole

KILLED = """
import os, signal, sys
from pathlib import Path
from realtime.runtime.files import whole_or_nothing
with whole_or_nothing(Path(sys.argv[1])) as part:
    part.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "run.safetensors"
    write_whole(target, b"whole")
    (tmp_path / ".hidden").write_bytes(b"the user's")
    done = subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"whole"
    assert len(list(tmp_path.iterdir())) > 2
    with whole_or_nothing(tmp_path / "other.mp4") as part:  # the next run into the folder, whatever it writes
        left = {path.name for path in tmp_path.iterdir()}
        assert {name for name in left if not name.startswith(part.stem)} == {".hidden", target.name}
    assert {path.name for path in tmp_path.iterdir()} == {".hidden", target.name, "other.mp4"}
    remove_partial(tmp_path / "no such folder")


WORKING = """
import sys
from pathlib import Path
from realtime.runtime.files import whole_or_nothing
def beside(path):
    return path.with_name(path.name + ".c2pa")
with whole_or_nothing(Path(sys.argv[1]), beside) as part:
    part.write_bytes(b"half")
    beside(part).write_bytes(b"signature")
    print("begun", flush=True)
    input()
"""


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    target = tmp_path / "film.mkv"
    with subprocess.Popen(
        [sys.executable, "-c", WORKING, str(target)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "begun\n"
        there = sorted(tmp_path.iterdir())
        assert sum(path.name.endswith((".mkv", ".mkv.c2pa")) for path in there) == 2
        for older_name in ("left.mp4", "0123456789ab.png"):  # of no process
            (tmp_path / f".mummer-{older_name}").write_bytes(b"half")
        remove_partial(tmp_path)
        assert sorted(tmp_path.iterdir()) == there
        worker.communicate("go on\n")
    assert worker.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mkv", "film.mkv.c2pa"]


def test_many_at_once_never_sweep_one_another_away(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for _ in range(20):
            with whole_or_nothing(tmp_path / f"{number}.bin") as part:
                part.write_bytes(bytes([number]) * 100)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert {path.name: path.read_bytes()[0] for path in tmp_path.iterdir()} == {f"{n}.bin": n for n in range(8)}


def beside(path: Path) -> Path:
    return path.with_name(path.name + ".c2pa")


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("appeared", ["out.mkv", "out.mkv.c2pa"])
def test_a_file_that_appears_meanwhile_stays_and_so_does_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, appeared: str, links: bool
) -> None:
    if not links:

        def no_links(old: Path, new: Path) -> None:
            raise OSError(errno.EPERM, "Operation not permitted")

        monkeypatch.setattr(os, "link", no_links)
    target = tmp_path / "out.mkv"

    def write() -> None:
        with whole_or_nothing(target, beside, replace=False) as part:
            part.write_bytes(b"new")
            beside(part).write_bytes(b"new signature")
            (tmp_path / appeared).write_bytes(b"precious")
            (tmp_path / "out-2.mkv").write_bytes(b"precious")

    with pytest.raises(OutputError, match=r"out.mkv: a file of this name appeared .* is in .*out-3.mkv"):
        write()
    assert (tmp_path / appeared).read_bytes() == (tmp_path / "out-2.mkv").read_bytes() == b"precious"
    assert (tmp_path / "out-3.mkv").read_bytes() == b"new"
    assert (tmp_path / "out-3.mkv.c2pa").read_bytes() == b"new signature"
    assert len(list(tmp_path.iterdir())) == 4
    (tmp_path / appeared).unlink()
    with whole_or_nothing(target, beside, replace=False) as part:
        part.write_bytes(b"newer")
    assert target.read_bytes() == b"newer"


STOPPED = """
import os, signal, sys
from pathlib import Path
from realtime.runtime import files, stop_signals
from realtime.runtime.files import whole_or_nothing
stop_signals.listen()
def stop():
    os.kill(os.getpid(), signal.SIGTERM)
def named(*_):
    stop()
    return name(*_)
where = sys.argv[2]
if where == "while it takes its name":
    name, files._name = files._name, named
try:
    if where == "before":
        stop()
    with whole_or_nothing(Path(sys.argv[1])) as part:
        part.write_bytes(b"whole")
        if where == "inside":
            stop()
        if where == "inside, and lost":
            class Callback:
                def __del__(self):
                    stop()
            Callback()
    print("written")
except stop_signals.Interrupted:
    print("unwound", flush=True)
    stop_signals.leave()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(
    ("where", "said", "left"),
    [
        ("before", "", []),
        ("inside", "unwound\n", []),
        ("inside, and lost", "unwound\n", []),
        ("while it takes its name", "unwound\n", ["out"]),
    ],
)
def test_a_signal_is_answered_wherever_it_comes(tmp_path: Path, where: str, said: str, left: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", STOPPED, str(tmp_path / "out"), where],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (130, said), done.stderr
    assert done.stderr.endswith("mummer: interrupted\n")
    assert [path.name for path in tmp_path.iterdir()] == left


def test_a_block_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_whole(target, b"old")

    def fail() -> None:
        with whole_or_nothing(target) as part:
            part.write_bytes(b"half of the new")
            raise ValueError("no more to come")

    with pytest.raises(ValueError, match="no more"):
        fail()
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
    with pytest.raises(OutputError, match="cannot make this folder"):
        write_whole(target / "inside", b"")
