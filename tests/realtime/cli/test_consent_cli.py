"""``mummer consent``: asking, writing, checking."""

import io
import json
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from realtime.cli import main
from realtime.runtime.digest import file_digest
from realtime.swap.consent import read_identity, signer_of

ANSWERS = ("--name", "Ada", "--kind", "self", "--by", "Ada", "--scope", "one play", "--expires", "never")


@pytest.fixture
def mummer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Mummer":
    return Mummer(monkeypatch, capsys)


class Mummer:
    """The command, with what somebody types."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: str | Path, typed: str = "") -> tuple[object, str, str]:
        self._monkeypatch.setattr(sys, "argv", ["mummer", "consent", *map(str, words)])
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended:
            main()
        shown = self._capsys.readouterr()
        assert "Traceback" not in shown.err
        return ended.value.code, shown.out, shown.err


def test_what_is_asked_for_is_written(mummer: Mummer, tmp_path: Path) -> None:
    code, out, _ = mummer("new", tmp_path / "bob.json", typed="Bob\nmyself\nself\n\nteaching\n\n")
    assert code == 0
    identity = read_identity(tmp_path / "bob.json")
    assert (identity.id, identity.name, identity.kind) == ("bob", "Bob", "self")
    assert identity.consent is not None
    assert (identity.consent.by, identity.consent.scope, identity.consent.expires) == ("Bob", "teaching", None)
    assert "One of synthetic, self" in out  # "myself" is none of them
    assert mummer("check", tmp_path / "bob.json")[0] == 0


def test_nothing_is_asked_where_all_is_said(mummer: Mummer, tmp_path: Path) -> None:
    secret, release, record = tmp_path / "key", tmp_path / "release.txt", tmp_path / "ada.json"
    secret.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    release.write_text("I, Ada")
    said = (
        "--date",
        "2026-01-31",
        "--statement",
        "Go on.",
        "--evidence",
        release,
        "--sign",
        secret,
        "--id",
        "countess",
    )
    assert mummer("new", record, *ANSWERS, *said)[0] == 0
    identity = read_identity(record)
    assert identity.id == "countess"
    assert signer_of(identity)
    assert identity.consent is not None
    assert identity.consent.statement == "Go on."
    assert identity.consent.evidence_sha256 == file_digest(release)
    code, out, _ = mummer("check", record, "--evidence", release)
    assert code == 0
    assert "signed with the Ed25519 key" in out
    release.write_text("I, Eve")
    code, _, err = mummer("check", record, "--evidence", release)
    assert (code, err.count("\n")) == (1, 1)
    assert "not the file that" in err


def test_where_nobody_answers_the_option_is_named(mummer: Mummer, tmp_path: Path) -> None:
    code, _, err = mummer("new", tmp_path / "x.json", "--name", "X", "--kind", "licensed")
    assert code == 2
    assert "give --by" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["self", "public-domain"])
def test_without_a_terminal_a_name_and_a_kind_are_enough(mummer: Mummer, tmp_path: Path, kind: str) -> None:
    """As the README shows it."""
    assert mummer("new", tmp_path / "bob.json", "--name", "Bob", "--kind", kind)[0] == 0
    consent = read_identity(tmp_path / "bob.json").consent
    assert consent is not None
    assert consent.by == {"self": "Bob", "public-domain": "nobody, public domain"}[kind]
    assert (consent.scope, consent.expires) == ("any use", None)


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ((), "--name"),
        (("--name", "X"), "--kind"),
        (("--name", "X", "--kind", "consented"), "--scope"),
        (("--name", "X", "--kind", "licensed", "--by", "Y"), "--scope"),
        (("--name", "X", "--kind", "synthetic"), "--by"),
    ],
)
def test_what_others_agreed_to_must_be_said(
    mummer: Mummer, tmp_path: Path, words: tuple[str, ...], option: str
) -> None:
    code, _, err = mummer("new", tmp_path / "x.json", *words)
    assert code == 2
    assert f"give {option}" in err
    assert not list(tmp_path.iterdir())


def test_a_record_is_not_overwritten_by_accident(mummer: Mummer, tmp_path: Path) -> None:
    record = tmp_path / "ada.json"
    record.write_text("precious")
    code, out, err = mummer("new", record)
    assert code == 1
    assert "exists already" in err
    assert "?" not in out  # refused before anything is asked
    assert record.read_text() == "precious"
    assert mummer("new", record, *ANSWERS, "--force")[0] == 0
    assert read_identity(record).name == "Ada"


def test_the_name_of_the_file_is_that_of_the_face(
    mummer: Mummer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mummer("new", *ANSWERS)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["ada.json"]
    code, _, err = mummer("new", *ANSWERS)
    assert code == 1
    assert "exists already" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--date", "yesterday"), "--date: not a date; write it as YYYY-MM-DD"),
        (("--date", "2030-01-02", "--expires", "2030-01-01"), "--expires: it expires on 2030-01-01, before its date"),
        (("--id", "Not An Id"), "--id: "),
        (("--evidence", "nowhere.pdf"), "nowhere.pdf: cannot be read"),
        (("--sign", "nowhere.key"), "nowhere.key: cannot be read"),
    ],
)
def test_what_does_not_fit_is_refused_with_one_line(
    mummer: Mummer, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    code, _, err = mummer("new", tmp_path / "x.json", *ANSWERS, *words)
    assert code in (1, 2)
    assert said in err
    assert err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_expired_consent_is_named(mummer: Mummer, tmp_path: Path) -> None:
    record = tmp_path / "ada.json"
    assert mummer("new", record, *ANSWERS, "--date", "2020-01-01", "--expires", "2021-01-01")[0] == 0
    code, _, err = mummer("check", record)
    assert code == 1
    assert "expired on 2021-01-01" in err


def test_a_record_is_plain_json(mummer: Mummer, tmp_path: Path) -> None:
    mummer("new", tmp_path / "ada.json", *ANSWERS, "--statement", "Ja, gerne: für dieses Stück")
    assert json.loads((tmp_path / "ada.json").read_text(encoding="utf-8"))["consent"]["statement"].endswith("Stück")
