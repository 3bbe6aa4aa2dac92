"""The photograph that the demo animates, and where the face is in it.

scikit-image carries NASA's public-domain portrait of the astronaut Eileen Collins (512 x 512) inside its
wheel. The file is read straight from the installed package: importing scikit-image would cost more than
reading the picture. The numbers below belong to this one photograph. Coordinates are pixels of it, the centre
of the top-left one (0, 0).
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError

__all__ = ["DEPTH", "HAIR", "HEAD", "LANDMARKS", "LOWER_LIP", "UPPER_LIP", "load_portrait"]


def load_portrait() -> Bytes:
    """Read the photograph: uint8 (512, 512, 3) RGB.

    Raises ``InputError`` where scikit-image is not installed, or is without its pictures.
    """
    spec = find_spec("skimage")
    if spec is None or not spec.submodule_search_locations:
        raise InputError('the sample clip needs scikit-image, which is not installed: pip install "mummer[demo]"')
    path = Path(spec.submodule_search_locations[0], "data", "astronaut.png")
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB) if path.is_file() else None
    if picture is None:
        raise InputError(f'{path} is missing or unreadable: pip install --force-reinstall "mummer[demo]"')
    return np.asarray(picture, np.uint8)


#: The 68 iBUG landmarks of the photograph, float32 (68, 2).
LANDMARKS: Final = np.array(
    [
        (178.7, 102.7), (178.9, 111.8), (179.1, 121.1), (179.8, 133.0), (184.4, 149.0), (189.4, 157.0),
        (196.1, 164.0), (206.1, 172.0), (220.8, 176.6), (236.2, 173.6), (247.6, 165.7), (254.3, 160.1),
        (260.2, 152.5), (267.2, 135.6), (269.8, 125.7), (271.2, 116.5), (272.5, 107.5), (189.3, 90.6),
        (194.6, 88.3), (200.5, 87.8), (206.8, 89.7), (212.8, 92.2), (238.3, 92.8), (244.5, 92.2),
        (251.2, 92.0), (257.0, 93.1), (262.4, 95.5), (225.0, 100.5), (224.3, 111.1), (223.6, 120.8),
        (223.2, 126.9), (212.6, 131.4), (217.2, 133.1), (223.0, 134.1), (228.9, 133.8), (234.6, 132.3),
        (193.0, 101.2), (197.8, 98.4), (206.0, 98.2), (212.5, 102.8), (207.3, 104.4), (200.0, 103.8),
        (236.7, 104.7), (244.2, 100.4), (252.2, 100.8), (257.6, 103.4), (250.5, 106.2), (243.2, 105.6),
        (201.5, 138.8), (210.3, 139.0), (217.8, 139.4), (223.5, 140.0), (229.8, 139.5), (237.3, 139.7),
        (245.0, 140.2), (235.5, 149.9), (228.9, 153.5), (222.2, 154.1), (216.0, 153.2), (210.6, 150.3),
        (203.0, 139.4), (217.2, 142.4), (223.2, 143.0), (229.2, 142.7), (243.6, 140.8), (228.8, 148.9),
        (222.9, 149.2), (216.6, 148.5),
    ],
    np.float32,
)  # fmt: skip

#: How far behind the eyes' plane each landmark lies, float32 (68,), in pixels; the nose is in front, so
#: negative.
DEPTH: Final = np.array(
    [
        37.8, 41.9, 43.2, 42.5, 34.2, 27.8, 22.6, 13.1, 8.4, 12.7, 21.9, 27.0, 33.2, 41.4, 42.0, 40.6, 36.6,
        4.2, -1.6, -6.5, -10.5, -12.5, -12.6, -10.8, -7.0, -2.4, 3.3, -11.2, -16.7, -23.7, -24.8, -6.6, -10.6,
        -11.8, -10.7, -6.8, 4.5, -0.2, -1.5, 0.7, -0.5, 0.7, 0.4, -2.0, -0.9, 3.8, 0.1, -1.0, 7.9, -5.9, -8.9,
        -9.4, -9.1, -6.3, 7.2, -0.7, -3.5, -4.0, -3.3, -0.3, 6.7, -5.0, -5.9, -5.3, 6.2, -2.7, -3.3, -2.4,
    ],
    np.float32,
)  # fmt: skip

#: Outline of head and neck, hair included, float32 (N, 2).
HEAD: Final = np.array(
    [
        (153, 72), (163, 46), (188, 26), (225, 15), (260, 22), (284, 44), (299, 74), (302, 95), (295, 115),
        (280, 129), (268, 143), (262, 158), (254, 172), (250, 188), (222, 194), (190, 186), (183, 168),
        (180, 146), (166, 124), (157, 100),
    ],
    np.float32,
)  # fmt: skip

#: Points on the hair with their depth: x, y, z, float32 (N, 3), a guess from heads in general.
HAIR: Final = np.array(
    [(225, 72, -10), (190, 74, 2), (260, 74, 2), (225, 45, 0), (186, 50, 18), (264, 50, 18), (166, 90, 42),
     (289, 92, 42), (170, 112, 46), (284, 116, 46)],
    np.float32,
)  # fmt: skip

#: The inner edge of the upper lip, corner to corner, float32 (N, 2).
UPPER_LIP: Final = np.array(
    [(202.2, 139.1), (206.2, 139.7), (210.3, 140.8), (213.6, 141.8), (217.2, 142.4), (223.2, 143.0),
     (229.2, 142.7), (234.8, 142.0), (238.6, 140.9), (241.6, 140.4), (244.4, 140.5)],
    np.float32,
)  # fmt: skip

#: The inner edge of the lower lip under the teeth, corner to corner, float32 (N, 2).
LOWER_LIP: Final = np.array(
    [(202.2, 139.1), (206.2, 142.9), (210.3, 146.2), (213.4, 147.7), (216.6, 148.6), (222.9, 149.3),
     (228.8, 148.9), (234.8, 146.9), (238.6, 144.6), (241.9, 142.4), (244.4, 140.5)],
    np.float32,
)  # fmt: skip
