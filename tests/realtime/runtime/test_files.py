"""Files that are there whole or not at all, and what is left where a process was killed."""

import os
import signal
import subprocess
import sys
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
    assert len(list(tmp_path.iterdir())) == 3
    remove_partial(tmp_path, older_than=600)  # perhaps somebody is writing it
    (left,) = (path for path in tmp_path.iterdir() if path.name not in (".hidden", target.name))
    hour_ago = left.stat().st_mtime - 3600
    os.utime(left, (hour_ago, hour_ago))
    remove_partial(tmp_path, older_than=600)
    assert {path.name for path in tmp_path.iterdir()} == {".hidden", target.name}
    remove_partial(tmp_path / "no such folder")


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
