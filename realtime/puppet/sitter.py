"""Whom a photo shows: the picture, the face in it, and who agreed to its use."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.finder.still_face import face_in
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.media.still import read_still
from realtime.mesh.canonical import POINTS
from realtime.mesh.pose import pose_of
from realtime.mesh.vertices import OVAL
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.digest import file_digest
from realtime.runtime.errors import InputError, UsageError
from realtime.swap.consent import Identity, check_consent, read_identity

__all__ = ["ONE_PICTURE", "Sitter", "read_sitter"]

#: What stands where outputs name their model.
ONE_PICTURE: Final = "one picture"

#: Pixels of the longer side beyond which a photo is made smaller: more than a video holds, or anybody sees move.
LONGEST: Final = 4096
#: A face less wide than this many pixels has nothing to show. Degrees to the side beyond which half of it is hidden,
#: and beyond which that is worth a warning.
SMALLEST: Final = 64
PROFILE, TURNED = 40.0, 22.0


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """One photo and its face.

    ``picture`` is uint8 (H, W, 3) RGB of even sides, ``mesh`` float32 (468, 3) in its pixels, ``sha256`` the digest of
    the file, ``warnings`` what is to be said of the photo.
    """

    path: Path
    picture: Bytes
    mesh: Floats
    identity: Identity
    sha256: str
    warnings: list[str] = field(default_factory=list)


def read_sitter(
    photo: Path,
    consent: Path | None,
    device: str = "auto",
    which: str | None = None,
    max_pixels: int = MAX_PIXELS,
    longest: int = LONGEST,
) -> Sitter:
    """Open ``photo``, with the ``consent`` record of whom it shows; ``which`` chooses a face, as in ``face_in``.

    Raises ``UsageError`` without a record, ``ConsentError`` for one that does not hold, and ``InputError`` for a
    picture that cannot be read or has no face, several, or one too small or seen from the side.
    """
    if consent is None:
        raise UsageError(
            f"{photo}: whoever is in the photo must have agreed: give --consent IDENTITY.json, which `mummer consent"
            " new` writes"
        )
    identity = read_identity(consent)
    check_consent(identity, str(consent))
    still = read_still(photo, max_pixels)
    warnings = list(still.warnings)
    picture = _plain(still.samples, still.alpha)
    longer = max(picture.shape[:2])
    if longer > longest:
        warnings.append(f"{photo}: made smaller, to {longest:,} pixels")
        zoom = longest / longer
        picture = np.asarray(cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    if min(height, width) < SMALLEST:
        raise InputError(f"{photo}: {width}x{height} pixels are too few; give a larger photo")
    picture = np.ascontiguousarray(picture[:height, :width])
    mesh = face_in(photo, picture, which, device).mesh
    assert mesh is not None  # noqa: S101  # asked for
    _check(photo, mesh, warnings)
    return Sitter(photo, picture, mesh, identity, file_digest(photo), warnings)


def _plain(samples: "np.ndarray[tuple[int, ...], np.dtype[np.uint8 | np.uint16]]", alpha: object) -> Bytes:
    """Samples, (H, W) or (H, W, 3) of uint8 or uint16, as uint8 (H, W, 3) RGB; what is see-through lies on white."""
    levels = samples if samples.dtype == np.uint8 else np.rint(samples / np.float32(257))
    rgb = np.repeat(levels[..., None], 3, axis=2) if levels.ndim == 2 else levels
    if isinstance(alpha, np.ndarray):
        share = (alpha / np.float32(np.iinfo(alpha.dtype).max))[..., None]
        rgb = np.rint(rgb * share + 255 * (1 - share))
    return np.ascontiguousarray(rgb, np.uint8)


def _check(photo: Path, mesh: Floats, warnings: list[str]) -> None:
    """Raise ``InputError`` for a face that cannot be moved; what will look poor goes to ``warnings``."""
    width = float(np.ptp(mesh[list(OVAL), 0]))
    if width < SMALLEST:
        raise InputError(
            f"{photo}: the face is {width:.0f} pixels wide, and {SMALLEST} are needed; give a larger photo"
        )
    away = abs(pose_of(mesh, POINTS).yaw)
    if away > PROFILE:
        raise InputError(f"{photo}: the face is seen from the side ({away:.0f} degrees); give one from the front")
    if away > TURNED:
        warnings.append(f"{photo}: the face is turned by {away:.0f} degrees: it turns back well, and further hardly")
