"""Signing: read back with the C2PA library alone, keys, sidecars, and nothing fetched or left behind."""

import base64
import datetime
import hashlib
import http.server
import io
import json
import os
import signal
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import c2pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from realtime.jobs.convert import Job, convert
from realtime.marking.provenance import native
from realtime.marking.provenance.claim import SOURCE_TYPE, Claim
from realtime.marking.provenance.keys import load_credentials, trusted_roots
from realtime.marking.provenance.sign import embeds, ready_to_sign, sidecar_of, sign
from realtime.marking.provenance.verify import read_signature
from realtime.runtime.errors import OutputError, SigningError
from realtime.runtime.files import whole_or_nothing
from realtime.settings import Look
from realtime.swap.consent import record_digest
from tests.realtime.clips import Clip, make
from tests.realtime.jobs.test_convert import Scripted
from tests.realtime.tiny import NEGATIVE, make_model

SMALL = Clip(frames=6, audio=None)
CLAIM = Claim(
    source=None, model="negative", model_sha256="ab" * 32, identities=(NEGATIVE,), label="SYNTHETIC FACES",
    watermark="0123456789abcdef", frames_swapped=6, settings={"sharpen": 0.5, "color": None},
)  # fmt: skip
CONTAINERS = {
    ".mp4": SMALL, ".m4v": SMALL, ".mov": SMALL, ".3gp": SMALL, ".mkv": SMALL, ".ts": SMALL,
    ".webm": Clip(frames=6, audio=None, codec="libvpx-vp9", options={"cpu-used": "8"}),
    ".avi": Clip(frames=6, audio=None, codec="mpeg4", options={}),
}  # fmt: skip


def alone(path: Path, manifest: bytes | None = None, roots: str | None = None) -> dict[str, Any]:
    """The manifest store of a file as the C2PA library reads it, with none of this project's code."""
    settings = {"verify": {"remote_manifest_fetch": False}, "trust": {"user_anchors": roots or trusted_roots()}}
    if manifest is None and sidecar_of(path).exists():
        manifest = sidecar_of(path).read_bytes()
    # Of a container that the library does not know it only hashes the bytes, under any name.
    kind = "application/octet-stream" if manifest else None
    with (
        path.open("rb") as file,
        c2pa.Context.from_dict(settings) as context,
        c2pa.Reader(kind, file, manifest, context=context) as reader,
    ):
        store: dict[str, Any] = json.loads(reader.json())
    return store


def active(store: dict[str, Any]) -> dict[str, Any]:
    manifest: dict[str, Any] = store["manifests"][store["active_manifest"]]
    return manifest


def assertion(store: dict[str, Any], label: str) -> dict[str, Any]:
    (found,) = [each["data"] for each in active(store)["assertions"] if each["label"] == label]
    assert isinstance(found, dict)
    return found


def flipped(path: Path, at: int) -> Path:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    return path


def media_bytes(path: Path) -> tuple[int, int]:
    """Where the pictures' bytes begin and end."""
    with av.open(str(path)) as container:
        spans = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    return min(pos for pos, _ in spans), max(pos + size for pos, size in spans)


@pytest.fixture
def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "fresh home"
    monkeypatch.setenv("MUMMER_HOME", str(home))
    return home


# what is signed


@pytest.mark.parametrize("suffix", CONTAINERS)
def test_every_container_is_signed_and_one_changed_byte_shows(tmp_path: Path, suffix: str) -> None:
    path = make(tmp_path / f"out{suffix}", CONTAINERS[suffix])
    signed = sign(path, CLAIM, path)
    assert (signed.where == "embedded") == embeds(path)
    assert sidecar_of(path).exists() == (not embeds(path))
    store = alone(path)
    assert store["validation_state"] == "Trusted"
    assert assertion(store, "mummer.swap")["model"] == {"name": "negative", "sha256": "ab" * 32}
    with av.open(str(path)) as container:  # and it still plays
        assert sum(1 for _ in container.decode(video=0)) == 6
    begin, end = media_bytes(path)
    for at in (begin + 6, (begin + end) // 2, end - 1):
        assert alone(flipped(path, at))["validation_state"] == "Invalid"
        flipped(path, at)
    assert alone(path)["validation_state"] == "Trusted"


def test_a_file_says_what_it_was_made_from_and_with_whose_consent(tmp_path: Path) -> None:
    source, path = make(tmp_path / "talk.mov", SMALL), make(tmp_path / "out.mp4", SMALL)
    claim = Claim(
        source, CLAIM.model, CLAIM.model_sha256, CLAIM.identities, "A LABEL", CLAIM.watermark, 6, CLAIM.settings
    )
    sign(path, claim, Path("shown.mp4"))
    store = alone(path)
    opened, edited = assertion(store, "c2pa.actions.v2")["actions"]
    assert (opened["action"], edited["action"]) == ("c2pa.opened", "c2pa.edited")
    assert edited["digitalSourceType"] == SOURCE_TYPE
    assert SOURCE_TYPE.endswith("/compositeWithTrainedAlgorithmicMedia")
    vouched = {each["label"] for each in active(store)["assertions"] if each.get("created")}
    assert {"c2pa.actions.v2", "mummer.swap"} <= vouched
    (parent,) = active(store)["ingredients"]
    assert (parent["title"], parent["relationship"]) == ("talk.mov", "parentOf")
    assert active(store)["title"] == "shown.mp4"
    assert active(store)["claim_generator_info"][0]["name"] == "mummer"
    facts = assertion(store, "mummer.swap")
    (face,) = facts["identities"]
    assert face["record_sha256"] == record_digest(NEGATIVE)
    assert NEGATIVE.consent is not None
    assert face["consent"]["by"] == NEGATIVE.consent.by
    assert (facts["label"], facts["watermark"]) == ("A LABEL", "0123456789abcdef")
    assert facts["settings"] == {"sharpen": 0.5, "color": None}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_live_recording_is_made_and_not_opened(tmp_path: Path, suffix: str) -> None:
    path = make(tmp_path / f"out{suffix}", SMALL)
    sign(path, CLAIM, path)
    store = alone(path)
    (made,) = assertion(store, "c2pa.actions.v2")["actions"]
    assert (made["action"], made["digitalSourceType"]) == ("c2pa.created", SOURCE_TYPE)
    assert not active(store).get("ingredients")


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "faststart"])
def test_other_layouts_of_mp4_are_signed_too(tmp_path: Path, flags: str) -> None:
    clip = Clip(frames=30, options={"g": "10"}, container_options={"movflags": flags})
    path = make(tmp_path / "out.mp4", clip)
    sign(path, CLAIM, path)
    assert alone(path)["validation_state"] == "Trusted"
    begin, end = media_bytes(path)
    assert alone(flipped(path, (begin + end) // 2))["validation_state"] == "Invalid"


def flat_hash(path: Path, excluded: list[dict[str, Any]]) -> bytes:
    """C2PA's hash of an ISO file by hand (2.1, 18.7): of each box at the top its place as eight bytes, then the box.

    Boxes that ``excluded`` describes are left out: by name, and by the bytes that they must have somewhere.
    """
    data, digest, at = path.read_bytes(), hashlib.sha256(), 0
    while at < len(data):
        (length, name), head = struct.unpack(">I4s", data[at : at + 8]), 8
        if length == 1:
            (length,), head = struct.unpack(">Q", data[at + 8 : at + 16]), 16
        box = data[at : at + length]
        assert length >= head
        if not any(
            each["xpath"] == f"/{name.decode('latin-1')}"
            and all(box[part["offset"] :].startswith(bytes_of(part["value"])) for part in each.get("data") or ())
            for each in excluded
        ):
            digest.update(at.to_bytes(8) + box)
        at += length
    return digest.digest()


def bytes_of(value: str | list[int]) -> bytes:
    """Bytes as the library's JSON has them: in base64, or as numbers."""
    return base64.b64decode(value) if isinstance(value, str) else bytes(value)


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_small_file_has_a_flat_hash(tmp_path: Path, suffix: str) -> None:
    """For programs that know no trees: one digest, which anybody can compute."""
    path = make(tmp_path / f"out{suffix}", Clip(frames=30))
    sign(path, CLAIM, path)
    store = alone(path)
    assert store["validation_state"] == "Trusted"
    binding = assertion(store, "c2pa.hash.bmff.v3")
    assert not binding.get("merkle")
    assert binding["alg"] == "sha256"
    assert bytes_of(binding["hash"]) == flat_hash(path, binding["exclusions"])
    begin, end = media_bytes(path)
    flipped(path, (begin + end) // 2)
    assert bytes_of(binding["hash"]) != flat_hash(path, binding["exclusions"])
    assert alone(path)["validation_state"] == "Invalid"


def test_large_files_are_signed_in_many_leaves(tmp_path: Path) -> None:
    noise = Clip(size=(1280, 720), frames=55, audio=None, codec="rawvideo", options={})
    path = make(tmp_path / "out.mov", noise)
    assert path.stat().st_size > 64 << 20
    sign(path, CLAIM, path)
    store = alone(path)
    assert store["validation_state"] == "Trusted"
    assert "merkle" in assertion(store, "c2pa.hash.bmff.v3")
    begin, end = media_bytes(path)
    assert alone(flipped(path, end - 1))["validation_state"] == "Invalid"
    assert begin


def test_what_was_signed_before_stays_in_the_chain(tmp_path: Path) -> None:
    first, second = make(tmp_path / "first.mp4", SMALL), make(tmp_path / "second.mp4", SMALL)
    sign(first, CLAIM, first)
    claim = Claim(first, "other", "cd" * 32, (NEGATIVE,))
    sign(second, claim, second)
    store = alone(second)
    assert len(store["manifests"]) == 2
    assert assertion(store, "mummer.swap")["model"]["name"] == "other"
    assert store["validation_state"] == "Trusted"


def test_an_altered_original_does_not_make_the_output_altered(tmp_path: Path) -> None:
    first, second = make(tmp_path / "first.mp4", SMALL), make(tmp_path / "second.mp4", SMALL)
    sign(first, CLAIM, first)
    flipped(first, media_bytes(first)[1] - 1)
    sign(second, Claim(first, "other", "cd" * 32, (NEGATIVE,)), second)
    assert read_signature(second).state == "valid"


@pytest.mark.parametrize("kind", ["rubbish behind", "other suffix", "shredded manifest", "gone"])
def test_an_original_that_the_library_cannot_read_is_named_all_the_same(tmp_path: Path, kind: str) -> None:
    """Whatever could be decoded must be signed at the end."""
    source, path = make(tmp_path / "talk.mp4", SMALL), make(tmp_path / "out.mp4", SMALL)
    if kind == "rubbish behind":
        source.write_bytes(source.read_bytes() + b"rubbish " * 9)
    elif kind == "other suffix":
        source = source.rename(tmp_path / "talk.avi")
    elif kind == "shredded manifest":
        sign(source, CLAIM, source)
        whole = source.read_bytes()
        source.write_bytes(whole[: whole.rindex(b"jumb") + 900])
    else:
        source.unlink()
    sign(path, Claim(source, "negative", "ab" * 32, (NEGATIVE,)), path)
    seen = read_signature(path)
    assert (seen.state, seen.origin) == ("valid", source.name)


def test_names_that_are_no_text_are_signed(tmp_path: Path) -> None:
    name = "sp ace ü \udcff\udcfe.mp4"
    for suffix in (".mp4", ".mkv"):
        path = make(tmp_path / f"plain{suffix}", SMALL)
        odd = path.with_name(name + suffix)
        try:
            path.rename(odd)
        except OSError:
            pytest.skip("this file system takes no such names")
        sign(odd, Claim(odd, "negative", "ab" * 32, (NEGATIVE,)), odd)
        assert read_signature(odd).state == "valid"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_private_key_is_in_no_output(tmp_path: Path, suffix: str, home: Path) -> None:
    path = make(tmp_path / f"out{suffix}", SMALL)
    sign(path, CLAIM, path)
    secret = serialization.load_pem_private_key((home / "signing" / "key.pem").read_bytes(), None)
    assert isinstance(secret, ec.EllipticCurvePrivateKey)
    scalar = secret.private_numbers().private_value.to_bytes(32)
    written = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert scalar not in written
    assert b"PRIVATE KEY" not in written


# keys


def test_the_local_key_is_made_once_and_for_its_owner_alone(fresh_home: Path) -> None:
    first, second = load_credentials(), load_credentials()
    assert first == second
    assert first.algorithm == "es256"
    folder = fresh_home / "signing"
    assert sorted(path.name for path in folder.iterdir()) == ["certificate.pem", "key.pem"]
    assert [path.name for path in fresh_home.iterdir()] == ["signing"]
    if os.name == "posix":
        assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    leaf, root = x509.load_pem_x509_certificates((folder / "certificate.pem").read_bytes())
    leaf.verify_directly_issued_by(root)
    assert isinstance(leaf.public_key(), ec.EllipticCurvePublicKey)


def test_two_programs_that_start_at_once_use_one_key(fresh_home: Path) -> None:
    code = "from realtime.marking.provenance.keys import load_credentials; print(load_credentials().chain)"
    with ThreadPoolExecutor(3) as pool:
        runs = [
            pool.submit(subprocess.run, [sys.executable, "-c", code], capture_output=True, check=True) for _ in "abc"
        ]
    assert len({run.result().stdout for run in runs}) == 1
    assert [path.name for path in fresh_home.iterdir()] == ["signing"]


@pytest.mark.skipif(os.name != "posix", reason="rights as POSIX has them")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o620])
def test_a_key_that_others_can_get_at_is_refused(fresh_home: Path, mode: int) -> None:
    load_credentials()
    key = fresh_home / "signing" / "key.pem"
    key.chmod(mode)
    with pytest.raises(
        SigningError, match=rf"key.pem: others can get at .* \(mode {mode:04o}\); close it with `chmod 600`"
    ):
        load_credentials()


def test_a_key_that_is_refused_stops_the_job_before_it_begins(fresh_home: Path, tmp_path: Path) -> None:
    load_credentials()
    (fresh_home / "signing" / "key.pem").write_text("nonsense")
    source, target = make(tmp_path / "in.mp4", SMALL), tmp_path / "out.mp4"
    model = make_model(tmp_path / "negative.onnx")
    with pytest.raises(SigningError, match=r"key.pem: not an unencrypted PEM file"):
        convert(Job(source, target, Look(model=str(model))), finder=Scripted((20, 20, 64)))
    assert not target.exists()


def test_the_users_own_key_is_used_where_there_is_one(
    tmp_path: Path, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, other = (made_key(tmp_path / name, monkeypatch) for name in ("mine", "other"))
    monkeypatch.setenv("MUMMER_HOME", str(fresh_home))
    monkeypatch.setenv("MUMMER_KEY", str(mine / "key.pem"))
    with pytest.raises(SigningError, match="go together; only MUMMER_KEY is set"):
        load_credentials()
    monkeypatch.setenv("MUMMER_CERTIFICATE", str(mine / "certificate.pem"))
    path = make(tmp_path / "out.mp4", SMALL)
    sign(path, CLAIM, path)
    assert not fresh_home.exists()
    assert read_signature(path).signer == "own"
    leaf = x509.load_pem_x509_certificates((mine / "certificate.pem").read_bytes())[0]
    assert active(alone(path))["signature_info"]["cert_serial_number"] == str(leaf.serial_number)

    monkeypatch.setenv("MUMMER_KEY", str(other / "key.pem"))
    with pytest.raises(SigningError, match="its first certificate is not that of the key"):
        load_credentials()
    (mine / "certificate.pem").write_text("nonsense")
    with pytest.raises(SigningError, match=r"certificate.pem: not an unencrypted PEM file"):
        load_credentials()
    (other / "key.pem").unlink()
    with pytest.raises(SigningError, match=r"key.pem: cannot be read: no such file"):
        load_credentials()


def test_a_certificate_that_c2pa_does_not_take_is_refused_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "me")]), datetime.datetime.now(datetime.UTC)
    bare = (
        x509.CertificateBuilder(name, name, secret.public_key(), 1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(secret, hashes.SHA256())
    )
    (tmp_path / "bare.pem").write_bytes(bare.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "bare.key").touch(mode=0o600)
    (tmp_path / "bare.key").write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    monkeypatch.setenv("MUMMER_KEY", str(tmp_path / "bare.key"))
    monkeypatch.setenv("MUMMER_CERTIFICATE", str(tmp_path / "bare.pem"))
    with pytest.raises(SigningError, match=r"bare.pem: cannot be signed with: the certificate"):
        ready_to_sign()


def made_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with a new key and its certificates."""
    monkeypatch.setenv("MUMMER_HOME", str(home))
    load_credentials()
    return home / "signing"


def test_others_keys_are_unknown_until_they_are_trusted(
    tmp_path: Path, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(tmp_path / "out.mp4", SMALL)
    sign(path, CLAIM, path)
    theirs = (fresh_home / "signing" / "certificate.pem").read_text()
    assert read_signature(path).signer == "own"
    here = tmp_path / "another machine"
    monkeypatch.setenv("MUMMER_HOME", str(here))
    assert (read_signature(path).state, read_signature(path).signer) == ("valid", "unknown")
    (here / "trusted").mkdir(parents=True)
    (here / "trusted" / "friend.pem").write_text(theirs)
    assert (read_signature(path).state, read_signature(path).signer) == ("valid", "known")
    assert not (here / "signing").exists()  # looking makes no key


# offline


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """An HTTP server on this machine, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}", asked
        served.shutdown()
        thread.join()


def test_a_manifest_elsewhere_is_not_fetched(tmp_path: Path, server: tuple[str, list[str]]) -> None:
    address, asked = server
    path, remote = make(tmp_path / "in.mp4", SMALL), tmp_path / "remote.mp4"
    credentials = load_credentials()
    info = c2pa.C2paSignerInfo(b"es256", credentials.chain.encode(), credentials.key, None)
    actions = {
        "label": "c2pa.actions.v2",
        "data": {"actions": [{"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}]},
    }
    with c2pa.Signer.from_info(info) as signer, c2pa.Context() as context:
        builder = c2pa.Builder({"claim_generator_info": [{"name": "x"}], "assertions": [actions]}, context)
        builder.set_no_embed()
        builder.set_remote_url(f"{address}/manifest.c2pa")
        with path.open("rb") as source, remote.open("w+b") as target:
            builder.sign(signer, "video/mp4", source, target)
    assert f"{address}/manifest.c2pa".encode() in remote.read_bytes()
    seen = read_signature(remote)
    assert seen.state == "none", seen
    assert f"{address}/manifest.c2pa" in seen.problems[0]
    sign(path, Claim(remote, "negative", "ab" * 32, (NEGATIVE,)), path)  # nor when it is the original
    assert read_signature(path).state == "valid"
    assert asked == []


def test_a_time_stamp_is_asked_for_only_where_it_is_configured(
    tmp_path: Path, server: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, asked = server
    path = make(tmp_path / "out.mp4", SMALL)
    sign(path, CLAIM, path)
    assert asked == []
    monkeypatch.setenv("MUMMER_TIMESTAMP", f"{address}/stamp")
    shown = rf"cannot be signed with and stamped by {address}/\*\*\*: "
    with pytest.raises(SigningError, match=shown):
        ready_to_sign()
    assert set(asked) == {"/stamp"}


# whole or nothing


def test_output_and_sidecar_take_their_names_together(tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    with whole_or_nothing(target, sidecar_of) as part:
        make(part, SMALL)
        sign(part, CLAIM, target)
        assert not target.exists()
        assert not sidecar_of(target).exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mkv", "out.mkv.c2pa"]
    assert read_signature(target).state == "valid"


def test_a_job_that_fails_leaves_neither(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_or_nothing(tmp_path / "out.mkv", sidecar_of) as part:
        make(part, SMALL)
        sign(part, CLAIM, tmp_path / "out.mkv")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_an_output_that_cannot_have_its_sidecar_does_not_appear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def refuse(old: Path, new: Path) -> None:
        if new.suffix == ".c2pa":
            raise PermissionError(13, "Permission denied")
        replace(old, new)

    monkeypatch.setattr(os, "replace", refuse)
    with (
        pytest.raises(OutputError, match=r"out.mkv: cannot be written: permission denied"),
        whole_or_nothing(tmp_path / "out.mkv", sidecar_of) as part,
    ):
        make(part, SMALL)
        sign(part, CLAIM, tmp_path / "out.mkv")
    assert not list(tmp_path.iterdir())


def test_a_link_has_the_sidecar_of_what_it_points_to(tmp_path: Path) -> None:
    real, link = tmp_path / "real.mkv", tmp_path / "link.mkv"
    make(real, SMALL)
    try:
        link.symlink_to(real)
    except OSError:
        pytest.skip("no links here")
    with whole_or_nothing(link, sidecar_of) as part:
        make(part, SMALL)
        sign(part, CLAIM, link)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.mkv", "real.mkv", "real.mkv.c2pa"]
    assert read_signature(link).state == read_signature(real).state == "valid"


@pytest.fixture
def usual_interrupt() -> Iterator[None]:
    """Python's own answer to Ctrl-C, whatever a command that ran before has put in its place."""
    before, told = signal.signal(signal.SIGINT, signal.default_int_handler), signal.set_wakeup_fd(-1)
    yield
    signal.signal(signal.SIGINT, before)
    signal.set_wakeup_fd(told)


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
def test_a_signal_is_not_lost_in_the_library(tmp_path: Path, usual_interrupt: None) -> None:
    """An exception raised in one of the library's calls back to Python would be printed and forgotten."""
    path, steps = make(tmp_path / "out.mp4", SMALL), []

    class Slow(io.BytesIO):
        def readinto(self, buffer: Any) -> int:
            if not steps:
                os.kill(os.getpid(), signal.SIGINT)
            steps.append("read")
            return super().readinto(buffer)

    sign(path, CLAIM, path)
    with pytest.raises(KeyboardInterrupt):
        native.undisturbed(lambda: c2pa.Reader("video/mp4", Slow(path.read_bytes())).close())
    assert len(steps) > 1  # it went on to its end, in good order


def test_a_sidecar_does_not_outlive_its_file(tmp_path: Path) -> None:
    source, model = make(tmp_path / "in.mp4", SMALL), make_model(tmp_path / "negative.onnx")
    target = tmp_path / "out.mkv"
    look = Look(model=str(model))
    convert(Job(source, target, look), finder=Scripted((20, 20, 64)))
    first = sidecar_of(target).read_bytes()
    with pytest.raises(OutputError, match=r"out.mkv: exists already"):
        convert(Job(source, target, look), finder=Scripted((20, 20, 64)))
    target.unlink()
    with pytest.raises(OutputError, match=r"out.mkv.c2pa: exists already"):
        convert(Job(source, target, look), finder=Scripted((20, 20, 64)))
    convert(Job(source, target, look, force=True), finder=Scripted((20, 20, 64)))
    assert sidecar_of(target).read_bytes() != first
    assert read_signature(target).state == "valid"
    stale = sidecar_of(tmp_path / "out.mp4")
    stale.write_bytes(first)
    convert(Job(source, tmp_path / "out.mp4", look, force=True), finder=Scripted((20, 20, 64)))
    assert not stale.exists()


def test_the_job_signs_says_so_and_tags_the_container(tmp_path: Path) -> None:
    source, model = make(tmp_path / "in.mp4", SMALL), make_model(tmp_path / "negative.onnx")
    for suffix, where in ((".mp4", "embedded"), (".mov", "embedded"), (".3gp", "embedded"), (".mkv", "sidecar")):
        target = tmp_path / f"out{suffix}"
        report = convert(Job(source, target, Look(model=str(model), label=None)), finder=Scripted((20, 20, 64)))
        assert report.provenance.manifest == where
        assert report.provenance.manifest_path == str(target if where == "embedded" else sidecar_of(target))
        assert report.provenance.label is None
        facts = assertion(alone(target), "mummer.swap")
        assert facts["watermark"] == report.provenance.watermark
        assert (facts["frames_swapped"], facts["label"]) == (6, None)
        assert facts["model"]["sha256"] == report.model.sha256
        written = target.read_bytes()
        assert b"Contains synthetic faces" in written
        assert SOURCE_TYPE.encode() in written
        if suffix != ".3gp":  # FFmpeg writes a comment there, and does not read it
            with av.open(str(target)) as container:
                (comment,) = (value for name, value in container.metadata.items() if name.lower() == "comment")
            assert comment.startswith("Contains synthetic faces")
            assert (".c2pa" in comment) == (where == "sidecar")


def test_a_transport_stream_has_no_comment_but_a_provider(tmp_path: Path) -> None:
    source, model = make(tmp_path / "in.mp4", SMALL), make_model(tmp_path / "negative.onnx")
    target = tmp_path / "out.ts"
    convert(Job(source, target, Look(model=str(model))), finder=Scripted((20, 20, 64)))
    assert b"mummer: contains synthetic faces" in target.read_bytes()


def test_a_comment_that_was_there_stays(tmp_path: Path) -> None:
    source, model = make(tmp_path / "plain.mp4", SMALL), make_model(tmp_path / "negative.onnx")
    commented = tmp_path / "in.mkv"
    with av.open(str(source)) as old, av.open(str(commented), "w") as new:
        new.metadata["COMMENT"] = "take two"
        copy = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(video=0):
            if packet.dts is not None:
                packet.stream = copy
                new.mux(packet)
    convert(Job(commented, tmp_path / "out.mp4", Look(model=str(model))), finder=Scripted((20, 20, 64)))
    with av.open(str(tmp_path / "out.mp4")) as container:
        comment = container.metadata["comment"]
    assert "synthetic faces" in comment
    assert comment.endswith("take two")


def test_a_full_disk_while_signing_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "out.mkv", SMALL)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"shown.mkv: cannot be signed: .*No space left"):
        sign(path, CLAIM, Path("shown.mkv"))
