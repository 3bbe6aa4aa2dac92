"""Memory is kept from frame to frame: counted in page faults, in a process and a thread of their own."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

FRAMES = 40
PROGRAM = f"""
import resource, sys, threading
import av, cv2, numpy as np
from realtime.media.frame import Frame
from realtime.runtime.malloc import keep_freed_memory

cv2.setNumThreads(1)
assert sys.argv[1] == "as-it-comes" or keep_freed_memory()
picture = av.VideoFrame(1280, 720, "yuv420p")
y, x = np.mgrid[:256, :256] - 127.5
alpha = np.clip((1 - np.hypot(x, y) / 120) * 2000, 0, 255).astype(np.uint8)
matrix = np.array([[0.6, 0.05, -260.0], [-0.05, 0.6, -60.0]])
faults = []

def work():
    for index in range(2 * {FRAMES}):
        if index == {FRAMES}:
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
        frame = Frame(picture)
        frame.paste(frame.warp(matrix, 256), alpha, matrix)
        extra = np.ones(index % 7 * 100_000, np.uint8)
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)

worker = threading.Thread(target=work)
worker.start()
worker.join()
print(faults[1] - faults[0])
"""


LEFT = """
import sys
from pathlib import Path
from realtime.runtime.malloc import give_back_freed_memory, keep_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) // 256

keep_freed_memory()
blocks = [bytearray(1_000_000) for _ in range(200)]
last, blocks = blocks[-1], None
kept = resident()
assert give_back_freed_memory()
print(kept - resident())
"""

HEAPS = """
import atexit, ctypes, tempfile
from pathlib import Path
from realtime.__main__ import main

def tell():
    libc = ctypes.CDLL(None)
    libc.fopen.restype = ctypes.c_void_p
    with tempfile.NamedTemporaryFile() as told:
        stream = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
        libc.malloc_info(0, stream)
        libc.fclose(stream)
        print(Path(told.name).read_text().count("<heap nr="))

atexit.register(tell)
main()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
@pytest.mark.parametrize("command", ["live --camera missing.mp4 --to null:", "bench live missing.mp4"])
def test_all_threads_of_a_program_that_lasts_have_one_heap(command: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", HEAPS, *command.split()], capture_output=True, text=True, cwd=tmp_path)
    assert "missing.mp4" in done.stderr
    assert int(done.stdout) == 1


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_was_kept_goes_back_when_something_large_has_ended() -> None:
    done = subprocess.run([sys.executable, "-c", LEFT], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 150  # MB


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_a_frame_reuses_the_memory_of_the_last() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, "kept"], capture_output=True, text=True, check=True)
    assert int(done.stdout) / FRAMES < 20
