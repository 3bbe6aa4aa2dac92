"""The detectors of face-alignment with its FAN landmarks: slow, and accurate.

Bulat and Tzimiropoulos, "How far are we from solving the 2D & 3D face alignment problem?" (ICCV 2017). Each
factory here is a plug-in of the entry-point group ``mummer.detectors``. The weights are the library's; they
are fetched into torch hub's folder on first use.
"""

import pickle
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, cast

import cv2
import numpy as np

from models.detectors.weights import Weights, ensure
from realtime.inference.onnx_runtime import native
from realtime.runtime.arrays import Bytes, Points
from realtime.runtime.errors import DetectorError

if TYPE_CHECKING:
    from torch import nn

__all__ = ["FanFinder", "blazeface", "retinaface", "scrfd", "sfd", "yunet"]

_FAN: Final = Weights("2DFAN4-11f355bf06.pth.tar", "face_alignment.api", "models_urls", "2DFAN-4")


def _of(detector: str, file: str, constant: str = "models_urls", key: str | None = None) -> Weights:
    return Weights(file, f"face_alignment.detection.{detector}.{detector}_detector", constant, key)


_WEIGHTS: Final = {
    "sfd": (_of("sfd", "s3fd-619a316812.pth", key="s3fd"),),
    "blazeface": (
        _of("blazeface", "blazeface.pth", key="blazeface_weights"),
        _of("blazeface", "anchors.npy", key="blazeface_anchors"),
    ),
    "yunet": (_of("yunet", "face_detection_yunet_2023mar.onnx", "model_url"),),
    "retinaface": (_of("retinaface", "retinaface_mobilenet0.25.pth", key="retinaface_mobilenet0.25"),),
    "scrfd": (_of("scrfd", "scrfd_2.5g_bnkps.onnx", "model_url"),),
}
#: The torch device that stands for each device of ``--device``.
_DEVICES: Final = {
    "cpu": "cpu",
    "openvino": "cpu",
    "directml": "cpu",
    "cuda": "cuda",
    "tensorrt": "cuda",
    "coreml": "mps",
    "mps": "mps",
}
#: What torch, numpy, OpenCV and ONNX Runtime raise on a file that is not what its name says.
_DAMAGED: Final = (
    pickle.UnpicklingError, RuntimeError, ValueError, EOFError, KeyError, TypeError, AttributeError,
    cv2.error, native.Fail, native.InvalidArgument, native.InvalidGraph, native.InvalidProtobuf,
)  # fmt: skip
#: Faces that go through FAN at once.
_BATCH: Final = 8


class _Boxes(Protocol):
    """What every detector of the library can do."""

    face_detector: "nn.Module"

    def detect_from_image(self, image: Bytes) -> list[list[float]]:
        """x0, y0, x1, y1, score of each face of an RGB picture."""


class _Aligner(Protocol):
    """The part of ``face_alignment.FaceAlignment`` that is used here."""

    face_detector: _Boxes
    face_alignment_net: "nn.Module"

    def get_landmarks_from_image(self, image: Bytes, detected_faces: list[list[float]]) -> list[Points]:
        """68 points for each of the boxes."""


class FanFinder:
    """Finds all faces of a picture, with no memory of the last."""

    def __init__(self, name: str, device: str = "auto") -> None:
        """Open the detector ``name``. Raises ``DetectorError`` without library, device or weights."""
        purpose = f"--detector {name}"
        _import(name, purpose)
        import face_alignment

        on = _device(device, purpose)
        paths = [ensure(weights, purpose) for weights in (*_WEIGHTS[name], _FAN)]
        try:
            self._aligner = cast(
                _Aligner,
                face_alignment.FaceAlignment(
                    face_alignment.LandmarksType.TWO_D,
                    face_detector=name,
                    device=on,
                    compile=False,  # would want a C++ compiler and a minute on first use
                    max_batch_size=_BATCH,
                ),
            )
        # One of the files is damaged, or another file under its name.
        except _DAMAGED as error:
            files = " and ".join(path.name for path in paths)
            raise DetectorError(
                f"{purpose} cannot read its weights, one of {files} in {paths[0].parent}: "
                "delete the damaged one, and it is fetched anew"
            ) from error

    @property
    def networks(self) -> "tuple[nn.Module, nn.Module]":
        """The detector's net, where torch runs it (S3FD, BlazeFace, RetinaFace), and FAN."""
        return self._aligner.face_detector.face_detector, self._aligner.face_alignment_net

    def find(self, rgb: Bytes) -> list[tuple[Points, float]]:
        """Landmarks float32 (68, 2) in pixels and score 0..1 of each face of ``rgb``, uint8 (H, W, 3)."""
        boxes = [list(map(float, box)) for box in self._aligner.face_detector.detect_from_image(rgb)]
        boxes = [box for box in boxes if box[2] - box[0] >= 1 and box[3] - box[1] >= 1]
        if not boxes:
            return []
        found = self._aligner.get_landmarks_from_image(rgb, detected_faces=boxes)
        return [
            (np.asarray(points, np.float32), float(np.clip(box[4], 0, 1)))
            for points, box in zip(found, boxes, strict=True)
        ]


def _import(name: str, purpose: str) -> None:
    """Import the library with its detector ``name``, or raise ``DetectorError``."""
    try:
        import_module(f"face_alignment.detection.{name}")
    except ImportError as error:
        package = (error.name or "face_alignment").partition(".")[0]
        # RetinaFace alone uses torchvision, which the library does not bring along.
        wanted = package if package == "torchvision" else '"mummer[train]"'
        raise DetectorError(f"{purpose} needs {package}, which is not installed: pip install {wanted}") from error
    except RuntimeError as error:  # torchvision's word for a torch that it was not built for
        raise DetectorError(
            f"{purpose} cannot start ({error}): torch and torchvision do not fit together, "
            "install the torchvision of this torch's release"
        ) from error


def _device(name: str, purpose: str) -> str:
    """The torch device for ``name``; what is asked for by name must be there."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if there[device])
    device = _DEVICES.get(name)
    if device is None or not there[device]:
        present = ", ".join(device for device, has in there.items() if has)
        raise DetectorError(f"{purpose} cannot run on {name}: torch here has {present}")
    return device


def _plugin(name: str) -> Callable[[str], FanFinder]:
    def factory(device: str = "auto") -> FanFinder:
        return FanFinder(name, device)

    factory.__name__ = factory.__qualname__ = name
    factory.__doc__ = f"Open face-alignment's ``{name}`` detector with FAN landmarks on ``device``."
    return factory


sfd = _plugin("sfd")
blazeface = _plugin("blazeface")
yunet = _plugin("yunet")
retinaface = _plugin("retinaface")
scrfd = _plugin("scrfd")
