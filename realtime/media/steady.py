"""What an encoder is told so that the same pictures give the same bits, whatever lay in memory before."""

from collections.abc import Mapping
from functools import cache
from typing import Final

import cv2

__all__ = ["steady_options"]

#: OpenCV's number of AVX-512 among the abilities of a processor, which its Python module has no name for.
_AVX_512: Final = 13
#: Of widths that are multiples of this libx264 reads no memory that it has not written.
_STEADY: Final = 128
#: Its functions for AVX-512 do at others, and decide by it how good each macroblock gets (those of ``mbtree``): the
#: same job would give other bits each time it is run. Those for AVX2 do not, and take some hundredths of time more.
_STEADIER: Final = {"x264-params": "asm=avx2,fma3,bmi1,bmi2,lzcnt"}
_NOTHING: Final[Mapping[str, str]] = {}


def steady_options(encoder: str, width: int) -> Mapping[str, str]:
    """The options for FFmpeg's ``encoder``, by its name, and pictures ``width`` pixels wide."""
    concerned = encoder in ("libx264", "libx264rgb") and width % _STEADY
    return _STEADIER if concerned and _has_avx_512() else _NOTHING


@cache
def _has_avx_512() -> bool:
    return bool(cv2.checkHardwareSupport(_AVX_512))
