"""``mummer extract`` and ``mummer faceset`` as they are typed."""

import subprocess
import sys
from pathlib import Path

import pytest

from models.faceset.folder import Faceset
from realtime.cli import main


def mummer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["mummer", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return int(ended.value.code or 0), said.out, said.err


def test_from_film_to_report(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ann, crowd = tmp_path / "ann", tmp_path / "crowd"
    steps = (
        (("extract", film, "--out", ann, "--size", 64, "--format", "jpeg"), "24 faces added from 24 frames"),
        (("extract", film, "--out", ann, "--size", 64), "0 faces added from 0 frames"),
        (("faceset", "report", ann), "report.html: written"),
        (("faceset", "sort", ann, "--by", "similarity"), "24 faces sorted by similarity"),
        (("faceset", "prune", ann, "--duplicates", "--dry-run"), "duplicate"),
        (("faceset", "prune", ann, "--duplicates", "--blurred", "--dark"), "set aside in"),
        (("faceset", "restore", ann), "faces brought back"),
        (("faceset", "merge", ann, ann, "--out", tmp_path / "both"), "24 faces of 2 sets"),
        (("faceset", "split", ann, "--out", crowd), "person-1: 24 faces"),
    )
    for words, says in steps:
        code, out, err = mummer(monkeypatch, capsys, *words)
        assert code == 0, err
        assert says in out
    assert len(Faceset.open(crowd / "person-1").faces()) == 24


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("extract", "nothing.mp4", "--out", "set"), 1, "nothing.mp4: no such file or folder"),
        (("extract", "nothing.mp4", "--out", "set", "--every", "2", "--fps", "4"), 2, "either --every or --fps"),
        (("extract", "nothing.mp4", "--out", "set", "--mask", "parser"), 2, "no face parser comes with mummer"),
        (("extract", "nothing.mp4", "--out", "set", "--identity", "no.json"), 1, "no.json: cannot be read"),
        (("faceset", "report", "set"), 1, "set: no such folder; `mummer extract VIDEO --out set` makes a faceset"),
        (("faceset", "sort", ".", "--by", "size"), 1, "not a faceset"),
        (("faceset", "prune", "set"), 1, "no such folder"),
        (("faceset", "merge", "set", "--out", "both"), 1, "no such folder"),
    ],
)
def test_mistakes_are_one_clear_line(
    words: tuple[str, ...],
    code: int,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    ended, out, err = mummer(monkeypatch, capsys, *words)
    assert (ended, out) == (code, "")
    assert err.startswith("mummer: ")
    assert err.count("\n") == 1
    assert says in err
    assert not list(tmp_path.iterdir())


def test_help_needs_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "cv2", "av", "onnxruntime")
    code = f"import sys, models.faceset.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_facesets_need_no_torch(whole: Faceset) -> None:
    code = (
        "import sys, models.faceset.extract, models.faceset.people, models.faceset.report, models.faceset.reading;"
        f"from pathlib import Path; print(len(models.faceset.reading.read_faceset(Path({str(whole.folder)!r}), 32)));"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["24", "False"]
