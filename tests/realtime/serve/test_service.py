"""The unit for systemd: what it starts is what the docs install, and its words are understood."""

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.realtime.forked import run

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "docs" / "mummer.service"


def started() -> list[str]:
    (line,) = [line for line in UNIT.read_text().splitlines() if line.startswith("ExecStart=")]
    return shlex.split(line.removeprefix("ExecStart="))


def test_the_unit_starts_what_the_docs_install() -> None:
    venv = Path(started()[0]).parents[1]
    page = (ROOT / "docs" / "daemon.md").read_text()
    assert f"python3 -m venv {venv}" in page
    assert f"{venv}/bin/pip install" in page


def test_its_words_are_understood(tmp_path: Path) -> None:
    """As the service starts it, but for a settings file that is not there: the words before it were taken."""
    done = run([*started()[1:], "--config", str(tmp_path / "missing.toml")])
    assert done.stderr == f"mummer: {tmp_path / 'missing.toml'}: cannot be read: no such file or directory\n"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / "mummer.service"
    copy.write_text(UNIT.read_text().replace(started()[0], "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False)
    assert (done.returncode, str(copy) in done.stderr) == (0, False), done.stderr
