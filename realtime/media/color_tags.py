"""What a stream or a picture says of its colours: FFmpeg's codes, and their names."""

from dataclasses import dataclass
from typing import Final, Protocol

from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc

from realtime.media.colorspace import ColorMatrix

__all__ = ["BT709", "NO_MATRIX", "ColorTags", "matrix_name", "primaries_name", "range_name", "transfer_name"]

#: AVCOL_SPC_UNSPECIFIED: PyAV has no names for the codes of matrices, and ``ColorMatrix`` none for what is no matrix.
NO_MATRIX: Final = 2


class Tagged(Protocol):
    """A picture, or the context of a codec."""

    colorspace: int
    color_range: int
    color_primaries: int
    color_trc: int


@dataclass(frozen=True, slots=True)
class ColorTags:
    """The four codes that FFmpeg keeps, by ITU-T H.273; each may leave open what it is."""

    matrix: int = NO_MATRIX
    range: int = ColorRange.UNSPECIFIED
    primaries: int = ColorPrimaries.UNSPECIFIED
    transfer: int = ColorTrc.UNSPECIFIED

    @classmethod
    def of(cls, tagged: Tagged) -> "ColorTags":
        """What ``tagged`` says."""
        return cls(tagged.colorspace, tagged.color_range, tagged.color_primaries, tagged.color_trc)

    def put_on(self, tagged: Tagged) -> None:
        """Let ``tagged`` say the same."""
        tagged.colorspace, tagged.color_range = self.matrix, self.range
        tagged.color_primaries, tagged.color_trc = self.primaries, self.transfer


#: Plain video of today, limited in range.
BT709: Final = ColorTags(ColorMatrix.BT709, ColorRange.MPEG, ColorPrimaries.BT709, ColorTrc.BT709)


def matrix_name(code: int) -> str:
    """FFmpeg's name of a matrix; ``unknown`` where nothing is said, the number where it has no name."""
    return _MATRICES.get(code, str(code))


def primaries_name(code: int) -> str:
    """FFmpeg's name of a set of primaries; ``unknown`` where nothing is said, the number where it has no name."""
    return _PRIMARIES.get(code, str(code))


def transfer_name(code: int) -> str:
    """FFmpeg's name of a transfer curve; ``unknown`` where nothing is said, the number where it has no name."""
    return _TRANSFERS.get(code, str(code))


def range_name(code: int) -> str:
    """``limited``, ``full``, or ``unknown`` where nothing is said."""
    return _RANGES.get(code, str(code))


_MATRICES: Final[dict[int, str]] = {
    0: "gbr",
    NO_MATRIX: "unknown",
    ColorMatrix.BT709: "bt709",
    ColorMatrix.FCC: "fcc",
    ColorMatrix.BT470BG: "bt470bg",
    ColorMatrix.BT601: "smpte170m",
    ColorMatrix.SMPTE240M: "smpte240m",
    ColorMatrix.YCGCO: "ycgco",
    ColorMatrix.BT2020: "bt2020nc",
    ColorMatrix.BT2020_CL: "bt2020c",
    14: "ictcp",
}
# PyAV's names are FFmpeg's in capitals and with underscores, but for these.
_PRIMARIES: Final[dict[int, str]] = {
    **{code: code.name.lower() for code in ColorPrimaries},
    ColorPrimaries.UNSPECIFIED: "unknown",
}
_TRANSFERS: Final[dict[int, str]] = {
    **{code: code.name.lower().replace("_", "-") for code in ColorTrc},
    ColorTrc.UNSPECIFIED: "unknown",
    ColorTrc.LOG: "log100",
    ColorTrc.LOG_SQRT: "log316",
    ColorTrc.BT1361_ECG: "bt1361e",
}
_RANGES: Final[dict[int, str]] = {
    ColorRange.UNSPECIFIED: "unknown",
    ColorRange.MPEG: "limited",
    ColorRange.JPEG: "full",
}
