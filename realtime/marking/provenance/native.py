"""The standard's own library, c2pa, as it is used here: offline, without thumbnails, and in place.

Its Python functions sign by writing the whole output twice more, and hold half a gigabyte of it in memory. Its C
interface can do what long videos need: hash the file once where it lies, piece by piece, and hand out the signed
manifest. The Python functions leave that part out, so its calls are declared here, as the library's header
``c2pa.h`` has them.
"""

import ctypes
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

import c2pa
from c2pa import c2pa as binding

from realtime.marking.provenance.claim import ASSERTION, Json
from realtime.marking.provenance.keys import Credentials

__all__ = [
    "UNKNOWN", "hash_in_leaves", "hash_media", "hash_rest", "media_type", "new_context", "new_signer", "reserve",
    "signed_box", "signed_sidecar", "undisturbed",
]  # fmt: skip

T = TypeVar("T")

#: A file of which nothing is known.
UNKNOWN: Final = "application/octet-stream"

#: By suffix. The library embeds in the first line's; of the others it takes any name for a run of bytes.
_TYPES: Final = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".3gp": "video/mp4", ".m4a": "audio/mp4", ".mov": "video/quicktime",
    ".mkv": "video/x-matroska", ".webm": "video/webm", ".avi": "video/x-msvideo",
    ".ts": "video/mp2t", ".m2ts": "video/mp2t", ".mts": "video/mp2t",
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".avif": "image/avif",
    ".tif": "image/tiff", ".tiff": "image/tiff", ".gif": "image/gif", ".bmp": "image/bmp",
}  # fmt: skip

_C: Final = binding._lib
_POINTER, _SIZE, _TEXT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
_BYTES: Final = ctypes.POINTER(ctypes.c_ubyte)
_OUT: Final = ctypes.POINTER(_BYTES)
_CALLS: Final = {
    "set_fixed_size_merkle": (ctypes.c_int, [_POINTER, _SIZE]),
    "placeholder": (ctypes.c_int64, [_POINTER, _TEXT, _OUT]),
    "hash_mdat_bytes": (ctypes.c_int, [_POINTER, _SIZE, _TEXT, _SIZE, ctypes.c_bool]),
    "update_hash_from_stream": (ctypes.c_int, [_POINTER, _TEXT, _POINTER]),
    "sign_embeddable": (ctypes.c_int64, [_POINTER, _TEXT, _OUT]),
    "data_hashed_placeholder": (ctypes.c_int64, [_POINTER, _SIZE, _TEXT, _OUT]),
    "sign_data_hashed_embeddable": (ctypes.c_int64, [_POINTER, _POINTER, _TEXT, _TEXT, _POINTER, _OUT]),
}
for _name, (_result, _arguments) in _CALLS.items():
    _function = getattr(_C, f"c2pa_builder_{_name}")
    _function.restype, _function.argtypes = _result, _arguments


def undisturbed(work: Callable[[], T]) -> T:
    """What ``work`` returns, done in a thread of its own.

    The library calls back to read files, and an exception out of a signal (Ctrl-C) would be lost in there. So it
    reaches the waiting thread instead, which raises it when ``work`` is done.
    """
    with ThreadPoolExecutor(1, "c2pa") as pool:
        return pool.submit(work).result()


def media_type(path: Path) -> str:
    """The kind of a file by its name, in the words of the library."""
    return _TYPES.get(path.suffix.lower(), UNKNOWN)


def new_context(roots: str = "", signer: "c2pa.Signer | None" = None) -> "c2pa.Context":
    """The library's settings: nothing is fetched, and the PEM certificates ``roots`` are trusted."""
    settings: dict[str, Json] = {
        "version": 1,
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
        # "Created" is what the signer vouches for; anything else would count as found somewhere.
        "builder": {
            "thumbnail": {"enabled": False},
            "created_assertion_labels": ["c2pa.actions", "c2pa.ingredient", ASSERTION],
        },
    }
    if roots:
        settings["trust"] = {"user_anchors": roots}
    return c2pa.Context.from_dict(settings, signer=signer)


def new_signer(credentials: Credentials) -> "c2pa.Signer":
    """What signs manifests with ``credentials``. Give it to a context, or close it."""
    return c2pa.Signer.from_info(
        c2pa.C2paSignerInfo(
            alg=credentials.algorithm.encode(),
            sign_cert=credentials.chain.encode(),
            private_key=credentials.key,
            ta_url=credentials.timestamp.encode() if credentials.timestamp else None,
        )
    )


# a manifest within an ISO file: these, in this order; without the first and the third ``hash_rest`` hashes all


def hash_in_leaves(builder: "c2pa.Builder", size: int) -> None:
    """Have pictures and sound hashed in leaves of ``size`` kilobytes, which ``hash_media`` gets the bytes of."""
    _check(_C.c2pa_builder_set_fixed_size_merkle(builder._handle, size))


def reserve(builder: "c2pa.Builder", kind: str) -> bytes:
    """A box to stand in the manifest's place, which must be the last of the file: the manifest may be longer."""
    return _handed(_C.c2pa_builder_placeholder, builder._handle, kind.encode())


def hash_media(builder: "c2pa.Builder", data: bytes, large: bool) -> None:
    """Hash the next bytes of the file's one media box; ``large`` says that its length has 64 bits."""
    _check(_C.c2pa_builder_hash_mdat_bytes(builder._handle, 0, data, len(data), large))


def hash_rest(builder: "c2pa.Builder", kind: str, file: BinaryIO) -> None:
    """Hash all that has not been hashed yet."""
    file.seek(0)
    stream = c2pa.Stream(file)
    try:
        _check(_C.c2pa_builder_update_hash_from_stream(builder._handle, kind.encode(), stream._stream))
    finally:
        stream.close()


def signed_box(builder: "c2pa.Builder", kind: str) -> bytes:
    """The box with the signed manifest."""
    return _handed(_C.c2pa_builder_sign_embeddable, builder._handle, kind.encode())


# a manifest in a file of its own


def signed_sidecar(builder: "c2pa.Builder", signer: "c2pa.Signer", sha256: bytes) -> bytes:
    """The signed manifest of a file with this digest, whatever the file is."""
    kind = b"application/c2pa"
    _handed(_C.c2pa_builder_data_hashed_placeholder, builder._handle, signer.reserve_size(), kind)
    hard_binding = {"exclusions": [], "name": "whole file", "alg": "sha256", "hash": list(sha256), "pad": " "}
    return _handed(
        _C.c2pa_builder_sign_data_hashed_embeddable,
        builder._handle,
        signer._handle,
        json.dumps(hard_binding).encode(),
        kind,
        None,
    )


def _handed(call: Callable[..., int], *arguments: object) -> bytes:
    """What ``call`` hands out as its last argument, copied, and given back."""
    out = _BYTES()
    size = call(*arguments, ctypes.byref(out))
    _check(size)
    try:
        return ctypes.string_at(out, size)
    finally:
        _C.c2pa_free(out)


def _check(result: int) -> None:
    """Raise the library's own error where a call failed."""
    binding._check_ffi_operation_result(result, "the library does not say why", check=lambda value: value < 0)
