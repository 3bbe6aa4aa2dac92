"""``mummer verify``: marked, altered, stripped, not marked, other people's, and hostile files."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import av
import c2pa
import pytest
from PIL import Image

from realtime.cli import main
from realtime.cli.verify import _lines
from realtime.jobs.convert import Job, convert
from realtime.marking.provenance.claim import Claim
from realtime.marking.provenance.keys import load_credentials
from realtime.marking.provenance.sign import sidecar_of, sign
from realtime.marking.provenance.verify import Mark, Signature, Verdict, read_signature, verify
from realtime.runtime.errors import InputError
from realtime.settings import Look
from tests.realtime.clips import Clip, make
from tests.realtime.jobs.test_convert import Scripted
from tests.realtime.marking.test_provenance import CLAIM, SMALL, flipped, media_bytes
from tests.realtime.tiny import NEGATIVE, make_model

#: Large enough for the watermark to be read.
CLIP = Clip(size=(320, 240), audio=None)


@pytest.fixture(scope="module")
def swapped(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The path of a converted clip in the container asked for; do not write to it."""
    folder = tmp_path_factory.mktemp("swapped")
    source, model = make(folder / "in.mp4", CLIP), make_model(folder / "negative.onnx")

    def made(suffix: str) -> Path:
        target = folder / f"out{suffix}"
        if not target.exists():
            convert(Job(source, target, Look(model=str(model))), finder=Scripted((20, 20, 64)))
        return target

    return made


def copy(path: Path, folder: Path, name: str | None = None) -> Path:
    """``path`` and its sidecar in ``folder``."""
    target = folder / (name or path.name)
    target.write_bytes(path.read_bytes())
    if sidecar_of(path).exists():
        sidecar_of(target).write_bytes(sidecar_of(path).read_bytes())
    return target


def remuxed(path: Path, target: Path) -> Path:
    """The same packets in a new container, as most programs pass them on."""
    with av.open(str(path)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.size:
                packet.stream = stream
                new.mux(packet)
    return target


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str | Path
) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["mummer", "verify", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return ended.value.code, shown.out, shown.err


@pytest.mark.parametrize("suffix", [".mp4", ".m4v", ".mov", ".3gp", ".mkv", ".webm", ".avi", ".ts"])
def test_what_convert_writes_is_marked(swapped: Callable[[str], Path], suffix: str) -> None:
    seen = verify(swapped(suffix))
    assert seen.verdict == "marked"
    assert (seen.signature.state, seen.signature.signer, seen.signature.synthetic) == ("valid", "own", True)
    assert seen.signature.origin == "in.mp4"
    facts = seen.signature.facts
    assert facts is not None
    assert facts.label == "SYNTHETIC FACES"
    assert [face.name for face in facts.identities] == ["Negative"]
    assert seen.watermark is not None
    assert seen.watermark.bits == facts.watermark
    assert facts.model.sha256 is not None
    assert facts.model.sha256.startswith(seen.watermark.model)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_changed_byte_makes_it_altered(
    swapped: Callable[[str], Path], tmp_path: Path, suffix: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = copy(swapped(suffix), tmp_path)
    begin, end = media_bytes(path)
    flipped(path, (begin + end) // 2)
    code, out, _ = command(monkeypatch, capsys, path)
    assert code == 4
    assert "altered" in out
    assert "Hash.mismatch" in out


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_without_its_manifest_the_watermark_still_says_so(
    swapped: Callable[[str], Path], tmp_path: Path, suffix: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = remuxed(swapped(suffix), tmp_path / f"passed on{suffix}")
    code, out, _ = command(monkeypatch, capsys, path)
    assert code == 0
    assert "passed on" in out
    assert "signature: not signed" in out
    assert "watermark: found" in out


def test_an_original_is_not_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = make(tmp_path / "in.mp4", CLIP)
    code, out, _ = command(monkeypatch, capsys, path)
    assert code == 3
    assert "not marked" in out
    assert "watermark: not found" in out


@pytest.mark.shared
def test_a_real_original_is_not_marked(shared: Path) -> None:
    for path in sorted((shared / "media").glob("d0.mp4")):
        assert verify(path).verdict == "not marked"


def test_json_holds_it_all(
    swapped: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = make(tmp_path / "in.mp4", SMALL)
    code, out, _ = command(monkeypatch, capsys, "--json", swapped(".mkv"), plain)
    marked, unmarked = (json.loads(line) for line in out.splitlines())
    assert code == 3
    assert (marked["verdict"], unmarked["verdict"]) == ("marked", "not marked")
    assert marked["signature"]["where"] == "sidecar"
    assert marked["signature"]["facts"]["identities"][0]["consent"]["by"] == "The tests"
    assert marked["watermark"]["confidence"] > 0.99
    assert unmarked["watermark"] is None


def test_of_several_files_the_gravest_counts(
    swapped: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    marked, plain = swapped(".mp4"), make(tmp_path / "in.mp4", SMALL)
    altered = copy(marked, tmp_path)
    flipped(altered, media_bytes(altered)[1] - 1)
    gone = tmp_path / "gone.mp4"
    for files, expected in (
        ([marked, marked], 0), ([marked, plain], 3), ([plain, gone], 1), ([altered, gone, marked], 4),
    ):  # fmt: skip
        code, _, err = command(monkeypatch, capsys, *files)
        assert code == expected
        assert err.count("\n") == (gone in files)


# other people's manifests


def others(path: Path, target: Path, source_type: str, title: str = "theirs") -> Path:
    """``path`` signed by another program, which says how it came to be."""
    credentials = load_credentials()
    info = c2pa.C2paSignerInfo(b"es256", credentials.chain.encode(), credentials.key, None)
    action = {
        "action": "c2pa.created",
        "digitalSourceType": f"http://cv.iptc.org/newscodes/digitalsourcetype/{source_type}",
    }
    definition = {
        "claim_generator_info": [{"name": "Another\x1b[31m program", "version": "7"}],
        "title": title,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    with (
        c2pa.Signer.from_info(info) as signer,
        c2pa.Context() as context,
        c2pa.Builder(definition, context) as builder,
        path.open("rb") as source,
        target.open("w+b") as written,
    ):
        builder.sign(signer, "video/mp4", source, written)
    return target


@pytest.mark.parametrize(
    ("source_type", "expected"),
    [("digitalCapture", "not marked"), ("trainedAlgorithmicMedia", "marked"), ("compositeSynthetic", "marked")],
)
def test_what_others_say_is_told(tmp_path: Path, source_type: str, expected: str) -> None:
    seen = verify(others(make(tmp_path / "in.mp4", SMALL), tmp_path / "signed.mp4", source_type))
    assert seen.verdict == expected
    assert seen.signature.state == "valid"
    assert seen.signature.facts is None
    assert seen.signature.generator is not None
    assert seen.signature.generator.startswith("Another")


def test_nothing_in_a_file_reaches_the_terminal_as_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = others(make(tmp_path / "in.mp4", SMALL), tmp_path / "signed.mp4", "digitalCapture")
    _, out, _ = command(monkeypatch, capsys, path)
    assert "Another" in out
    assert "\x1b" not in out


def test_a_swap_that_another_program_passed_on_is_still_marked(swapped: Callable[[str], Path], tmp_path: Path) -> None:
    """The other program's manifest says that it opened ours."""
    ours, target = swapped(".mp4"), tmp_path / "edited.mp4"
    credentials = load_credentials()
    info = c2pa.C2paSignerInfo(b"es256", credentials.chain.encode(), credentials.key, None)
    with (
        c2pa.Signer.from_info(info) as signer,
        c2pa.Context() as context,
        c2pa.Builder({"claim_generator_info": [{"name": "editor"}]}, context) as builder,
        ours.open("rb") as parent,
        ours.open("rb") as source,
        target.open("w+b") as written,
    ):
        builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
        builder.add_ingredient({"title": "out.mp4", "relationship": "parentOf"}, "video/mp4", parent)
        builder.sign(signer, "video/mp4", source, written)
    seen = read_signature(target)
    assert (seen.state, seen.synthetic, seen.generator) == ("valid", True, "editor")
    assert seen.facts is not None
    assert seen.facts.model.name == "negative"


def test_facts_of_an_unknown_shape_are_left_out(tmp_path: Path) -> None:
    path = make(tmp_path / "out.mp4", SMALL)
    claim = Claim(None, CLAIM.model, CLAIM.model_sha256, (NEGATIVE,), settings={"sharpen": {"by": 1}})  # type: ignore[dict-item]
    sign(path, claim, path)
    seen = read_signature(path)
    assert seen.state == "valid"
    assert seen.facts is None


# hostile files


@pytest.mark.parametrize("manifest", [b"", b"garbage" * 99, b"\0\0\0\x08jumb", os.urandom(5000)], ids=len)
def test_a_sidecar_of_garbage_is_altered(tmp_path: Path, manifest: bytes) -> None:
    path = make(tmp_path / "in.mkv", SMALL)
    sidecar_of(path).write_bytes(manifest)
    seen = read_signature(path)
    assert (seen.state, seen.where) == ("altered", "sidecar")
    assert seen.problems


def test_a_sidecar_of_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    path = make(tmp_path / "in.mkv", SMALL)
    with sidecar_of(path).open("wb") as file:
        file.truncate(1 << 30)
    assert "is no manifest" in read_signature(path).problems[0]


def test_the_sidecar_of_another_file_is_altered(swapped: Callable[[str], Path], tmp_path: Path) -> None:
    path = make(tmp_path / "in.mkv", SMALL)
    sidecar_of(path).write_bytes(sidecar_of(swapped(".mkv")).read_bytes())
    assert read_signature(path).state == "altered"


def test_a_damaged_manifest_is_altered_whatever_byte_it_is(tmp_path: Path) -> None:
    path = make(tmp_path / "out.mp4", SMALL)
    sign(path, CLAIM, path)
    whole = path.read_bytes()
    # What the boxes hold, from the end of one's name to the length of the next; the rest is forgiven.
    assertions, claim, signature = (b"c2pa.assertions\0", b"c2pa.claim.v2\0", b"c2pa.signature\0")
    held = ((assertions, claim, 60), (claim, signature, 60), (signature, b"cpad", 0))
    places = [
        at
        for first, then, frame in held
        for at in range(whole.index(first) + len(first), whole.index(then) - frame, 131)
    ]
    assert len(places) > 15
    for at in places:
        flipped(path, at)
        assert read_signature(path).state in ("altered", "none"), at
        path.write_bytes(whole)


@pytest.mark.parametrize(
    "name", ["cut.mp4", "cut.mkv", "noise.mp4", "noise.mkv", "empty.mp4", "words.txt", "boxes.mp4"]
)
def test_broken_files_are_not_signed(tmp_path: Path, name: str) -> None:
    whole = make(tmp_path / f"in{Path(name).suffix}", SMALL).read_bytes() if name.startswith("cut") else b""
    contents = {
        "cut": whole[: len(whole) // 2],
        "noise": os.urandom(4000),
        "empty": b"",
        "words": b"hello\n",
        "boxes": b"\0\0\0\x10ftypisom\0\0\0\0" + b"\0\0\0\x08moov" * 1000,
    }
    path = tmp_path / name
    path.write_bytes(contents[path.stem])
    assert read_signature(path).state == "none"


@pytest.mark.parametrize(
    "name", ["noise.mp4", "noise.png", "empty.mp4", "words.txt", "words.png", "half.mp4", "damaged.mp4", "half.png"]
)
def test_what_cannot_be_read_is_a_failure_and_no_verdict(
    swapped: Callable[[str], Path], tmp_path: Path, name: str,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Not "not marked", for nobody has looked; nor "altered", for it was never signed."""
    path = tmp_path / name
    if name == "half.mp4":
        whole = swapped(".mp4").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif name == "damaged.mp4":
        path.write_bytes(bytes(byte ^ 0xA5 if 40 <= at < 400 else byte for at, byte in enumerate(
            make(tmp_path / "in.mp4", SMALL).read_bytes())))  # fmt: skip
    elif name == "half.png":
        Image.effect_noise((64, 64), 50).save(tmp_path / "whole.png")
        whole = (tmp_path / "whole.png").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    else:
        path.write_bytes({"noise": os.urandom(4000), "empty": b"", "words": b"hello\n"}[path.stem])
    code, out, err = command(monkeypatch, capsys, path)
    assert (code, out) == (1, "")
    assert err.startswith(f"mummer: {path}: ")
    assert err.count("\n") == 1


def test_an_unmarked_file_that_is_cut_short_is_not_called_unmarked(tmp_path: Path) -> None:
    """The mark may have been in the part that is missing."""
    path = make(tmp_path / "in.mkv", CLIP)
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(InputError, match="cut short"):
        verify(path)


def test_a_bad_trusted_certificate_is_told_once_and_fails_nothing(
    swapped: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate = load_credentials().chain
    here = tmp_path / "another machine"
    monkeypatch.setenv("MUMMER_HOME", str(here))
    (here / "trusted").mkdir(parents=True)
    (here / "trusted" / "a.pem").write_text("no certificate")
    (here / "trusted" / "b.pem").write_text(certificate)
    code, out, err = command(monkeypatch, capsys, swapped(".mp4"), swapped(".mp4"))
    assert code == 0
    assert "a key that this machine knows" in out
    assert err.startswith(f"mummer: note: {here / 'trusted' / 'a.pem'}: not an unencrypted PEM file")
    assert err.count("\n") == 1


def test_any_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sp ace ü \udcff.mp4"
    try:
        path.write_bytes(make(tmp_path / "in.mp4", SMALL).read_bytes())
    except OSError:
        pytest.skip("this file system takes no such names")
    code, out, _ = command(monkeypatch, capsys, "--json", path)
    assert code == 3
    assert json.loads(out)["file"] == str(path)


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone.mp4"):
        with pytest.raises(InputError):
            verify(path)


def test_a_cut_off_output_is_no_longer_signed_but_still_marked(swapped: Callable[[str], Path], tmp_path: Path) -> None:
    whole = swapped(".ts").read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(whole[: len(whole) * 3 // 4 // 188 * 188])
    seen = verify(path)
    assert (seen.verdict, seen.signature.state) == ("marked", "none")


def test_a_mark_too_faint_to_read_is_still_a_mark() -> None:
    faint = Mark(bits=None, corrected=0, version=None, tool=None, model=None, confidence=1.0, log10_chance=-9.4)
    verdict = Verdict(file="faint.mp4", verdict="marked", signature=Signature(state="none"), watermark=faint)
    assert "  watermark: found, too faint to tell its bits; the chance to be wrong is below 10^-9" in _lines(verdict)
