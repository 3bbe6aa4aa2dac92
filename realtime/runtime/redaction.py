"""Addresses without their secrets: what of a network address may be shown, logged and counted.

A stream key is the last part of an address's path, a password stands before its host, a passphrase among its options.
So of a network address are shown: scheme, host, port, the path but for its last part, and the options that are known
to be harmless. Everything else is ``***``.
"""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote, unquote_plus

__all__ = ["HIDDEN", "redacted", "secrets_of", "shown"]

#: What stands in the place of a secret.
HIDDEN: Final = "***"
#: Shorter ones are no secrets, and looking for them would spoil every sentence with a number in it.
SHORTEST: Final = 3
#: Addresses of this program's own, which lead to nothing on a network.
_OWN: Final = frozenset({"browser", "camera", "null", "test", "virtualcam"})
#: Options of FFmpeg's protocols whose values tell how a connection is made, and open nothing.
_HARMLESS: Final = frozenset({
    "buffer_size", "connect_timeout", "fifo_size", "latency", "listen", "listen_timeout", "localaddr", "localport",
    "max_delay", "maxbw", "mode", "overrun_nonfatal", "pbkeylen", "peerlatency", "pkt_size", "rcvlatency", "reuse",
    "rtsp_transport", "timeout", "transtype", "ttl",
})  # fmt: skip
#: A part of a path that is shown, unless it is the last: a short plain word. Long ones may be tokens.
_PLAIN: Final = re.compile(r"[\w.~-]{1,15}")
#: What may stand before an address of the web, and says what is spoken there.
_AROUND: Final = re.compile(r"(?i:whip|whep):(?=[A-Za-z])")
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//)?")
#: Addresses in a text. What ends a sentence after one does no harm inside it: it is hidden with the rest.
_ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://[^\s'\"<>`]+")
_AFTER: Final = re.compile(r"[:;,.)\]}]*$")


def shown(address: str) -> str:
    """``address`` as anybody may see it; cameras, files and what leads to no network as they are."""
    if (around := _AROUND.match(address)) is not None:
        return around[0] + shown(address[around.end() :])
    scheme = _SCHEME.match(address)
    if scheme is None or scheme[1].lower() in _OWN:
        return redacted(address)
    authority, path, query, fragment = _parts(address[scheme.end() :])
    if "@" in path:  # a password with a slash in it: nobody can say where the host begins
        return f"{scheme[0]}{HIDDEN}"
    user, at, host = authority.rpartition("@")
    *before, last = path.split("/") if path else [""]
    shown_path = [part if not part or _PLAIN.fullmatch(part) else HIDDEN for part in before] + [last and HIDDEN]
    return "".join((
        scheme[0],
        user and HIDDEN, at, host,
        "/".join(shown_path),
        query and "?" + "&".join(_shown_option(option) for option in query[1:].split("&")),
        fragment and "#" + HIDDEN,
    ))  # fmt: skip


def redacted(text: str, *addresses: str) -> str:
    """``text``, with every address in it as ``shown`` has it, and without the secrets of ``addresses``.

    For what others word, such as FFmpeg and the system: they repeat whole addresses, and parts of them, in any case.
    """
    for address in addresses:
        instead = shown(address)
        text = re.sub(re.escape(address), instead.replace("\\", r"\\"), text, flags=re.IGNORECASE)
        for secret in secrets_of(address):
            if len(secret) < SHORTEST:
                continue
            text = re.sub(rf"(?<![^\W_]){re.escape(secret)}(?![^\W_])", HIDDEN, text, flags=re.IGNORECASE)
    return _ADDRESS.sub(_shown_in_text, text)


def secrets_of(address: str) -> tuple[str, ...]:
    """The parts of ``address`` that ``shown`` hides, as they stand there and decoded; the longest first."""
    if (around := _AROUND.match(address)) is not None:
        return secrets_of(address[around.end() :])
    scheme = _SCHEME.match(address)
    if scheme is None or scheme[1].lower() in _OWN:
        return ()
    return tuple(sorted({form for part in _hidden(address[scheme.end() :]) for form in _forms(part)}, key=_longest))


def _hidden(rest: str) -> Iterator[str]:
    authority, path, query, fragment = _parts(rest)
    user, _, _ = (authority + path).rpartition("@")
    yield from (user, *user.partition(":")[::2], fragment[1:])
    *before, last = path.split("/")
    yield from (last, *(part for part in before if not _PLAIN.fullmatch(part)))
    for option in query[1:].split("&"):
        name, equals, value = option.partition("=")
        if name not in _HARMLESS:
            yield value if equals else name


def _parts(rest: str) -> tuple[str, str, str, str]:
    """Authority, path, query and fragment of what follows the scheme; the last three with their first character."""
    rest, hash_, fragment = rest.partition("#")
    rest, mark, query = rest.partition("?")
    authority, slash, path = rest.partition("/")
    return authority, slash + path, mark + query, hash_ + fragment


def _shown_option(option: str) -> str:
    name, equals, value = option.partition("=")
    if not equals:
        return name and HIDDEN
    return option if name in _HARMLESS and _PLAIN.fullmatch(value) else f"{name}={HIDDEN}"


def _shown_in_text(match: "re.Match[str]") -> str:
    address = match[0]
    after = _AFTER.search(address)
    end = after.start() if after else len(address)
    return shown(address[:end]) + address[end:]


def _forms(secret: str) -> Iterator[str]:
    """A secret as it stands in the address, and as programs may word it."""
    yield from (form for form in (secret, unquote(secret), unquote_plus(secret)) if form)


def _longest(secret: str) -> tuple[int, str]:
    return -len(secret), secret
