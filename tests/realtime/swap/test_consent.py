"""Consent records: what is refused and how, what is signed, what the digest holds."""

import base64
import datetime
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from pydantic import ValidationError

from realtime.jobs.convert import Job, convert
from realtime.runtime.errors import ConsentError
from realtime.settings import Look
from realtime.swap import open_model
from realtime.swap.consent import (
    Consent,
    Identity,
    check_consent,
    check_evidence,
    file_digest,
    read_identity,
    record_digest,
    sign_record,
    signer_of,
    slug,
)
from tests.realtime.clips import Clip, make
from tests.realtime.tiny import make_model

CONSENT = Consent(
    by="Ada",
    date=datetime.date(2026, 1, 31),
    scope="one play",
    statement="I agree.",
    expires=datetime.date(2027, 1, 31),
)
ADA = Identity(id="ada", name="Ada", kind="consented", consent=CONSENT)
PLAYED = datetime.date(2026, 6, 1)
FORGED = f"ed25519:{base64.b64encode(bytes(32)).decode()}:{base64.b64encode(bytes(64)).decode()}"


def write(path: Path, identity: Identity, **changes: object) -> Path:
    record = json.loads(identity.model_dump_json())
    record["consent"] = record["consent"] | changes
    path.write_text(json.dumps(record))
    return path


def key(path: Path, secret: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey, ssh: bool = False) -> Path:
    form = serialization.PrivateFormat.OpenSSH if ssh else serialization.PrivateFormat.PKCS8
    path.write_bytes(secret.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    return path


def refused(path: Path) -> str:
    with pytest.raises(ConsentError) as caught:
        read_identity(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    assert read_identity(write(tmp_path / "ada.json", ADA)) == ADA
    assert check_consent(ADA, "ada.json", PLAYED) == CONSENT


def test_missing_and_malformed_records_are_refused_with_one_line(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "nowhere.json")
    assert "is a directory" in refused(tmp_path)
    for name, text in {
        "words": b"hello",
        "binary": b"\xff\xfe\0",
        "empty": b"",
        "list": b"[]",
        "cut": b'{"id": "a',
    }.items():
        path = tmp_path / name
        path.write_bytes(text)
        assert "mummer consent new" in refused(path)
    assert "consent.by" in refused(write(tmp_path / "a", ADA, by="   "))
    assert "consent.date" in refused(write(tmp_path / "b", ADA, date="soon"))
    assert "before its date" in refused(write(tmp_path / "c", ADA, expires="2025-01-01"))
    assert "consent.note" in refused(write(tmp_path / "d", ADA, note="more"))
    assert "consent.signature" in refused(write(tmp_path / "e", ADA, signature="yes"))


def test_an_identity_without_consent_is_refused() -> None:
    nobody = Identity(id="nobody", name="Nobody", kind="synthetic")
    with pytest.raises(ConsentError, match=r"face.onnx: no consent is recorded for 'Nobody'.*mummer models add"):
        check_consent(nobody, "face.onnx")


def test_consent_holds_from_its_first_day_to_its_last() -> None:
    assert CONSENT.expires is not None
    for today in (CONSENT.date, CONSENT.expires):
        check_consent(ADA, "face.onnx", today)
    day = datetime.timedelta(days=1)
    with pytest.raises(ConsentError, match=r"face.onnx: the consent of 'Ada' expired on 2027-01-31"):
        check_consent(ADA, "face.onnx", CONSENT.expires + day)
    with pytest.raises(ConsentError, match="yet to come"):
        check_consent(ADA, "face.onnx", CONSENT.date - day)


def test_the_evidence_must_be_the_file_that_was_recorded(tmp_path: Path) -> None:
    release, other = tmp_path / "release.pdf", tmp_path / "other.pdf"
    release.write_bytes(b"I, Ada")
    other.write_bytes(b"I, Bob")
    backed = ADA.model_copy(update={"consent": CONSENT.model_copy(update={"evidence_sha256": file_digest(release)})})
    check_evidence(backed, release, "ada.json")
    with pytest.raises(ConsentError, match=r"other.pdf: not the file that ada.json refers to"):
        check_evidence(backed, other, "ada.json")
    with pytest.raises(ConsentError, match="cannot be read: no such file"):
        check_evidence(backed, tmp_path / "gone.pdf", "ada.json")
    with pytest.raises(ConsentError, match="refers to no file"):
        check_evidence(ADA, release, "ada.json")


@pytest.mark.parametrize("ssh", [False, True])
def test_a_signed_record_is_refused_once_it_was_changed(tmp_path: Path, ssh: bool) -> None:
    secret = ed25519.Ed25519PrivateKey.generate()
    signed = sign_record(ADA, key(tmp_path / "key", secret, ssh))
    assert signer_of(signed) is not None
    assert signer_of(ADA) is None
    assert read_identity(write(tmp_path / "ada.json", signed)) == signed
    for changes in ({"scope": "everything"}, {"expires": None}, {"by": "Eve"}):
        path = write(tmp_path / "changed.json", signed, **changes)
        assert "changed after it was signed" in refused(path)
    renamed = signed.model_copy(update={"name": "Eve"})
    with pytest.raises(ConsentError, match="changed after it was signed"):
        check_consent(renamed, "face.onnx", PLAYED)


def test_only_an_open_ed25519_key_signs(tmp_path: Path) -> None:
    with pytest.raises(ConsentError, match="not an Ed25519 key"):
        sign_record(ADA, key(tmp_path / "key", ec.generate_private_key(ec.SECP256R1())))
    (tmp_path / "words").write_text("hello")
    with pytest.raises(ConsentError, match="not a private key"):
        sign_record(ADA, tmp_path / "words")
    with pytest.raises(ConsentError, match="no such file"):
        sign_record(ADA, tmp_path / "gone")
    with pytest.raises(ConsentError, match="no consent"):
        sign_record(Identity(id="a", name="A", kind="self"), key(tmp_path / "k", ed25519.Ed25519PrivateKey.generate()))


def test_the_digest_is_that_of_the_whole_record() -> None:
    again = Identity.model_validate_json(ADA.model_dump_json(indent=4))
    assert record_digest(again) == record_digest(ADA)
    other = ADA.model_copy(update={"consent": CONSENT.model_copy(update={"scope": "two plays"})})
    assert record_digest(other) != record_digest(ADA)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Ada Lovelace", "ada-lovelace"), ("  Zoë! ", "zo"), ("日本", "identity"), ("x" * 90, "x" * 63)],
)
def test_names_become_ids(name: str, expected: str) -> None:
    assert slug(name) == expected
    Identity(id=slug(name), name=name, kind="self")


def test_the_built_in_model_has_the_record_of_its_recipe() -> None:
    recipe = Path(__file__).parents[3] / "models" / "recipes" / "bronze" / "identity.json"
    assert open_model("bronze", "cpu").identities == (read_identity(recipe),)


@pytest.mark.parametrize(
    ("consent", "said"),
    [
        (None, "no consent is recorded for 'Ada'"),
        (CONSENT.model_copy(update={"expires": datetime.date(2026, 2, 1)}), "expired on 2026-02-01"),
        (CONSENT.model_copy(update={"date": datetime.date(9999, 1, 1), "expires": None}), "yet to come"),
        (CONSENT.model_copy(update={"signature": FORGED}), "changed after it was signed"),
    ],
)
def test_a_model_without_valid_consent_does_not_swap(tmp_path: Path, consent: Consent | None, said: str) -> None:
    source, target = make(tmp_path / "in.mp4", Clip(frames=2, audio=None)), tmp_path / "out.mp4"
    model = make_model(tmp_path / "ada.onnx", identities=(ADA.model_copy(update={"consent": consent}),))
    with pytest.raises(ConsentError, match=said) as caught:
        convert(Job(source, target, Look(model=str(model))))
    assert str(caught.value).startswith(str(model))
    assert "\n" not in str(caught.value)
    assert not target.exists()


def test_a_kind_must_be_one_of_the_five() -> None:
    with pytest.raises(ValidationError):
        Identity.model_validate({"id": "a", "name": "A", "kind": "somebody"})
