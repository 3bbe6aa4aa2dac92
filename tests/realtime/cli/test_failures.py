"""What the machine or its libraries refuse is one line: no traceback, and no crash without a word."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.cli.failures import of_the_machine
from realtime.marking.provenance.keys import load_credentials, local_serial, trusted_roots
from realtime.runtime.errors import ModelError, SigningError
from realtime.swap.library import list_models
from tests.realtime.cli.test_cli import MUMMER, ROOT
from tests.realtime.clips import Clip, make
from tests.realtime.forked import run

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits and namespaces of Linux")
NOBODY = 65534


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("clips") / "in.mp4", Clip(size=(320, 240), frames=12))


def limited(megabytes: int, *words: str, code: str | None = None) -> "subprocess.CompletedProcess[str]":
    """Run with so much address space."""
    command = [*MUMMER, *words] if code is None else [sys.executable, "-c", code]
    line = ["bash", "-c", f'ulimit -v {megabytes << 10}; exec "$@"', "_", *command]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@LINUX
@pytest.mark.parametrize("megabytes", [300, 500])
def test_too_little_to_load_the_libraries(megabytes: int, clip: Path, tmp_path: Path) -> None:
    done = limited(megabytes, "convert", str(clip), str(tmp_path / "out.mp4"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"mummer: this process is limited to {megabytes} MB of address space")
    assert done.stderr.count("\n") == 1


@LINUX
@pytest.mark.parametrize("megabytes", [650, 700, 800, 1000])
def test_too_little_to_work(megabytes: int, clip: Path, tmp_path: Path) -> None:
    """How far it comes is the machine's matter; how it ends is not."""
    done = limited(megabytes, "convert", str(clip), str(tmp_path / "out.mp4"), "--quiet")
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr
    assert done.returncode == 0 or done.stderr.startswith(("mummer: ", "OpenBLAS error: "))
    assert (tmp_path / "out.mp4").exists() == (done.returncode == 0)


@LINUX
@pytest.mark.parametrize(
    "work",
    [
        "np.zeros(1 << 32, np.uint8)",
        "cv2.resize(np.zeros((2, 2), np.uint8), (60000, 60000))",
        "[threading.Thread(target=time.sleep, args=(0.2,)).start() for _ in range(4000)]",
        "av.VideoFrame(16000, 16000, 'rgba')",
        "mmap.mmap(-1, 1 << 33)",
    ],
)
def test_each_way_of_lacking_memory(work: str) -> None:
    """The real errors, as the libraries raise them in a process with 200 MB to go."""
    code = (
        "import av, cv2, mmap, os, resource, sys, threading, time, numpy as np\n"
        "from realtime.cli.failures import of_the_machine\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * os.sysconf('SC_PAGE_SIZE')\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20),) * 2)\n"
        f"try:\n    {work}\n"
        "except Exception as error:\n    print(repr(of_the_machine(error)))\n"
        "sys.stdout.flush()\n"
        "os._exit(0)\n"
    )
    line = [sys.executable, "-c", code]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert "there is not enough memory" in done.stdout, done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits and peaks as Linux has them")
def test_an_encoder_that_has_no_room_is_not_blamed() -> None:
    """What it says is that its options are wrong."""
    code = (
        "import resource\n"
        "from realtime.cli.failures import _peak, of_the_machine\n"
        "from realtime.runtime.errors import OutputError\n"
        "refused = OutputError('out.mp4: the encoder libx264 refuses 320x240')\n"
        "print(of_the_machine(refused))\n"
        "peak = _peak()\n"
        "for room in (1 << 30, 100 << 20):\n"
        "    resource.setrlimit(resource.RLIMIT_AS, (peak + room, resource.RLIM_INFINITY))\n"
        "    print(of_the_machine(refused))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    unlimited, roomy, tight = done.stdout.splitlines()
    assert (unlimited, roomy) == ("None", "None")
    assert tight.startswith("there is not enough memory: this process may have ")
    assert "the encoder libx264 refuses 320x240; raise the limit" in tight


def test_a_bug_is_none_of_these() -> None:
    for error in (RuntimeError("odd"), ValueError("bad"), ImportError("cannot import name", name="realtime.swapper")):
        assert of_the_machine(error) is None


@LINUX
def test_without_libgl(clip: Path, tmp_path: Path) -> None:
    """A namespace in which libGL is an empty file, and the build of OpenCV that wants it."""
    import cv2

    library = next((path for path in Path("/usr/lib").glob("*/libGL.so.1")), None)
    if "NONE" in next(line for line in cv2.getBuildInformation().splitlines() if "GUI:" in line):
        pytest.skip("this build of OpenCV needs no libGL")
    hide = f'mount --bind /dev/null {library}; exec "$@"'
    inside = ["unshare", "-rm", "bash", "-c", hide, "_"]
    if library is None or shutil.which("unshare") is None or subprocess.run([*inside, "true"], check=False).returncode:
        pytest.skip("no libGL to hide, or no right to hide it")
    for words in (
        ["convert", str(clip), str(tmp_path / "out.mp4")],
        ["doctor"],
        ["serve"],
        ["extract", "a", "--out", "b"],
    ):
        done = subprocess.run([*inside, *MUMMER, *words], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "OpenCV cannot be loaded" in done.stderr
        assert "pip install --force-reinstall --no-deps opencv-python-headless" in done.stderr


@pytest.mark.parametrize("module", ["cv2", "av"])
def test_a_library_that_is_not_there_or_broken(module: str, clip: Path, tmp_path: Path) -> None:
    """Found first on the way of modules, as a damaged installation is."""
    (tmp_path / "stub").mkdir()
    stub = tmp_path / "stub" / f"{module}.py"
    env = os.environ | {"PYTHONPATH": f"{stub.parent}{os.pathsep}{ROOT}"}
    for text, words in (
        (
            f"raise ImportError('libodd.so.1: cannot open it', name='{module}')",
            "cannot be loaded (libodd",
        ),
        (f"raise ModuleNotFoundError('no module', name='{module}')", f"the package {module} is not installed"),
    ):
        stub.write_text(text)
        line = [*MUMMER, "convert", str(clip), str(tmp_path / "out.mp4")]
        done = subprocess.run(line, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert words in done.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
class TestPipes:
    """Nobody writes into it: whoever waited would wait for ever."""

    @pytest.mark.parametrize(
        "words",
        [
            ("consent", "new", "a.json", "--name", "A", "--kind", "self", "--scope", "s", "--sign", "pipe"),
            ("consent", "new", "a.json", "--name", "A", "--kind", "self", "--scope", "s", "--evidence", "pipe"),
            ("consent", "check", "pipe"),
            ("serve", "--config", "pipe"),
            ("train", "--out", "run", "--config", "pipe"),
        ],
    )
    def test_as_a_file_to_read(self, words: tuple[str, ...], tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe", 0o600)
        done = run([str(tmp_path / word) if word in {"pipe", "a.json", "run"} else word for word in words])
        assert done.returncode in {1, 2}
        assert "not a regular file" in done.stderr
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize("pipe", ["key", "certificate"])
    def test_as_the_key_or_its_certificate(self, pipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        own = load_credentials()
        (tmp_path / "key").write_bytes(own.key)
        (tmp_path / "key").chmod(0o600)
        (tmp_path / "certificate").write_text(own.chain)
        (tmp_path / pipe).unlink()
        os.mkfifo(tmp_path / pipe, 0o600)
        monkeypatch.setenv("MUMMER_KEY", str(tmp_path / "key"))
        monkeypatch.setenv("MUMMER_CERTIFICATE", str(tmp_path / "certificate"))
        signal.alarm(60)  # a hang must not last
        with pytest.raises(SigningError, match=f"{pipe}: cannot be read: not a regular file"):
            load_credentials()
        signal.alarm(0)


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="users of POSIX")
def test_folders_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("MUMMER_HOME", str(home))
    root = os.geteuid() == 0
    home.chmod(0o700 if root else 0)  # of root's, and closed to all others; or closed to its owner
    if root:
        os.seteuid(NOBODY)
    try:
        for look in (load_credentials, trusted_roots, local_serial):
            with pytest.raises(SigningError, match=r"signing.*: cannot be read: permission denied"):
                look()
        with pytest.raises(ModelError, match="models: cannot be read: permission denied"):
            list_models()
    finally:
        if root:
            os.seteuid(0)
        home.chmod(0o700)


#: In one process, for its imports take longer than the three of them.
ONE_AFTER_THE_OTHER = """
import sys
from realtime.__main__ import main
source, target = sys.argv[1:]
for number, words in enumerate((["convert", source, target], ["verify", target], ["faces", source]), 1):
    sys.argv[1:] = words
    try:
        main()
    except SystemExit as ended:
        assert not ended.code, words
        print("done", number)
"""


@pytest.mark.parametrize(
    "setting",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["ascii output", "ascii system"],
)
def test_names_beyond_the_terminal(setting: dict[str, str], clip: Path, tmp_path: Path) -> None:
    source = tmp_path / "é日.mp4"
    shutil.copy(clip, source)
    target = tmp_path / "ö.mp4"
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_THE_OTHER, str(source), str(target)],
        cwd=ROOT, env=os.environ | setting, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == "done 3"
    assert target.exists()
