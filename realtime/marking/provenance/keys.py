"""The key that outputs are signed with: the user's own, or one that is made at first use and stays on this machine.

A local key is an ES256 leaf under a root of its own. The root's private key signs that one leaf and is forgotten, so
nothing else can ever be issued in its name; both certificates say nothing about the machine or its user.
"""

import datetime
import logging
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from realtime.runtime.errors import SigningError, reason
from realtime.runtime.files import read_regular
from realtime.runtime.folders import HOME, config_folder

__all__ = ["Credentials", "load_credentials", "local_serial", "trusted_roots"]

logger = logging.getLogger(__name__)

#: The user's own certificate chain (leaf first) and private key, both PEM, and a time-stamping service.
CERTIFICATE, KEY, TIMESTAMP = "MUMMER_CERTIFICATE", "MUMMER_KEY", "MUMMER_TIMESTAMP"

_YEARS: Final = 20  # without a trusted time stamp a signature lasts as long as its certificate
_CURVES: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_LOCAL: Final = "mummer local key"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A private key with its certificates.

    ``path`` is where the certificates are, ``algorithm`` C2PA's name of the key's, ``chain`` PEM with the leaf
    first, ``key`` unencrypted PKCS8 PEM, ``timestamp`` the address of a time-stamping service, or None to stay
    offline.
    """

    path: Path
    algorithm: str
    chain: str
    key: bytes
    timestamp: str | None = None


def load_credentials() -> Credentials:
    """The key that ``MUMMER_CERTIFICATE`` and ``MUMMER_KEY`` name, or else the local one, made where there is none.

    Raises ``SigningError`` where a file is missing, open to others, unreadable, expired, or not the other's match.
    """
    certificate, key = os.environ.get(CERTIFICATE), os.environ.get(KEY)
    timestamp = os.environ.get(TIMESTAMP) or None
    if certificate and key:
        return _read(Path(key), Path(certificate), timestamp)
    if certificate or key:
        raise SigningError(f"{KEY} and {CERTIFICATE} go together; only {KEY if key else CERTIFICATE} is set")
    folder = config_folder() / "signing"
    with _reading(folder):
        there = folder.exists()
    if not there:
        _make(folder)
    return _read(folder / "key.pem", folder / "certificate.pem", timestamp)


def trusted_roots(warn: Callable[[str], None] = logger.warning) -> str:
    """The certificates that this machine knows, as one PEM text, empty where there are none.

    They are its own, the user's, and every ``*.pem`` in the folder ``trusted`` of the configuration. Of the last, one
    that cannot be read is left out, and ``warn`` is told. Raises ``SigningError`` for the others.
    """
    folder = config_folder()
    with _reading(folder / "signing"):
        own, others = [folder / "signing" / "certificate.pem"], sorted((folder / "trusted").glob("*.pem"))
    if given := os.environ.get(CERTIFICATE):
        own.append(Path(given))
    known = [_certificates(path) for path in own if _is_file(path)]
    for path in others:
        try:
            known.append(_certificates(path))
        except SigningError as error:
            warn(f"{error}; it is not trusted: mend or remove it")
    return "".join(known)


def local_serial() -> str | None:
    """The number of the certificate that this machine signs with, None where there is none yet."""
    own = os.environ.get(CERTIFICATE)
    path = Path(own) if own else config_folder() / "signing" / "certificate.pem"
    if not _is_file(path):
        return None
    with _reading(path):
        return str(x509.load_pem_x509_certificates(read_regular(path))[0].serial_number)


def _read(key: Path, certificate: Path, timestamp: str | None) -> Credentials:
    _check_closed(key)
    with _reading(key):
        secret = serialization.load_pem_private_key(read_regular(key), password=None)
    with _reading(certificate):
        chain = x509.load_pem_x509_certificates(read_regular(certificate))
    leaf, now = chain[0], datetime.datetime.now(datetime.UTC)
    if leaf.public_key() != secret.public_key():
        raise SigningError(f"{certificate}: its first certificate is not that of the key {key}")
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise SigningError(
            f"{certificate}: valid from {leaf.not_valid_before_utc:%Y-%m-%d} to {leaf.not_valid_after_utc:%Y-%m-%d},"
            " not today; check the clock, or renew it"
        )
    return Credentials(
        path=certificate,
        algorithm=_algorithm(secret, key),
        chain="".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in chain),
        key=_pem(secret),
        timestamp=timestamp,
    )


def _check_closed(key: Path) -> None:
    """Raise ``SigningError`` where others than the owner may read or write the private key."""
    with _reading(key):
        mode = stat.S_IMODE(key.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise SigningError(
            f"{key}: others can get at this private key (mode {mode:04o}); close it with `chmod 600`,"
            " and make a new one if somebody may have read it"
        )


def _is_file(path: Path) -> bool:
    """Whether there is such a file. Raises ``SigningError`` where the system does not say."""
    with _reading(path):
        return path.is_file()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SigningError(f"{path}: cannot be read: {reason(error)}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: the key wants a password
        raise SigningError(f"{path}: not an unencrypted PEM file of the kind needed: {error}") from error


def _algorithm(secret: PrivateKeyTypes, path: Path) -> str:
    if isinstance(secret, ec.EllipticCurvePrivateKey) and secret.curve.name in _CURVES:
        return _CURVES[secret.curve.name]
    if isinstance(secret, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(secret, rsa.RSAPrivateKey):
        return "ps256"
    raise SigningError(f"{path}: no kind of key that C2PA signs with; use one on the curve P-256")


def _certificates(path: Path) -> str:
    """The certificates of a file as PEM, and nothing else of it."""
    with _reading(path):
        chain = x509.load_pem_x509_certificates(read_regular(path))
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in chain)


# making one


def _make(folder: Path) -> None:
    """Make the local key and its certificates in ``folder``, whole or not at all.

    Of two programs that do so at once the first wins, and both use what it made.
    """
    fresh = folder.with_name(f".signing-{secrets.token_hex(6)}")
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.mkdir(mode=0o700)
        key, chain = _issue()
        secret = fresh / "key.pem"
        secret.touch(mode=0o600)
        secret.write_bytes(_pem(key))
        (fresh / "certificate.pem").write_text(chain, encoding="ascii")
        fresh.rename(folder)
    except OSError as error:
        if not folder.exists():
            raise SigningError(
                f"{folder}: no signing key can be made there: {reason(error)};"
                f" set {HOME} to another folder, or give a key with {KEY} and {CERTIFICATE}"
            ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _issue() -> tuple[ec.EllipticCurvePrivateKey, str]:
    """A new private key, and the PEM chain of its certificate and a root that exists for it alone."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _name(f"{_LOCAL} root"), _name(_LOCAL)
    root = (
        _certificate(root_key, root_name, root_name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _certificate(key, name, root_name)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage("digital_signature"), critical=True)
        # The standard wants a purpose; this one every validator takes.
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    return key, "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in (leaf, root))


def _certificate(key: ec.EllipticCurvePrivateKey, subject: x509.Name, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # clocks differ
        .not_valid_after(now + datetime.timedelta(days=365 * _YEARS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, common), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "mummer")]
    )


def _usage(*allowed: str) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in allowed for name in names})


def _pem(key: PrivateKeyTypes) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
