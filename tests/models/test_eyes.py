"""Eyes in what the mesh draws: whose they are, where they look, and when they are left alone."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from models.eyes import Doing, Eyes
from models.faceset.gaze import gaze
from models.faceset.reading import AlignedFaces
from models.meshed import MeshedFaces, meshed
from models.renderings import render
from models.sitter import sitter_of
from realtime.align import TEMPLATES
from realtime.demo.animate import Puppet
from realtime.demo.gesture import Gesture
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.finder.landmarker import Landmarker
from realtime.finder.landmarks68 import EYES
from realtime.media.affine import apply
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes

SIZE = 256
LEFT, AHEAD, RIGHT, SHUT = Gesture(gaze=(-3, 0)), Gesture(), Gesture(gaze=(3, 0)), Gesture(blink=1)


def film(photo: Bytes, moments: Sequence[Gesture]) -> tuple[AlignedFaces, MeshedFaces]:
    """The face of ``photo`` at those ``moments``, and its meshes."""
    puppet, landmarker = Puppet(photo, 512, 512), Landmarker("cpu")
    still = LANDMARKS
    for _ in range(4):  # the puppet's camera is nearer than the photograph's
        still = landmarker.follow(Frame.from_rgb(puppet.draw(AHEAD)), still).landmarks
    matrix = TEMPLATES["whole-face"].frame_to_crop(still, SIZE)
    pictures = [cv2.warpAffine(puppet.draw(moment), matrix, (SIZE, SIZE)) for moment in moments]
    landmarks = np.repeat(apply(matrix, still)[None], len(moments), axis=0).astype(np.float32)
    faces = AlignedFaces(np.array(pictures, np.uint8), np.full((len(moments), SIZE, SIZE), 255, np.uint8), landmarks)
    return faces, meshed(faces, np.arange(len(moments)))


def blue_eyed() -> Bytes:
    """The portrait with eyes that are blue from lid to lid."""
    portrait = load_portrait().copy()
    inside = np.zeros(portrait.shape[:2], np.uint8)
    for eye in EYES:
        cv2.fillPoly(inside, [np.rint(LANDMARKS[eye]).astype(np.int32)], (255,))
    portrait[..., 2] = np.where(inside > 0, np.maximum(portrait[..., 2], 60) + 100.0, portrait[..., 2]).clip(0, 255)
    return portrait


def blue(picture: Bytes, faces: AlignedFaces) -> float:
    """How blue its eyes are, in grey levels."""
    assert faces.landmarks is not None
    inside = np.zeros(picture.shape[:2], np.uint8)
    for eye in EYES:
        cv2.fillPoly(inside, [np.rint(faces.landmarks[0, eye]).astype(np.int32)], (255,))
    red, _, blue = picture[inside > 0].astype(float).mean(axis=0)
    return float(blue - red)


@pytest.fixture(scope="module")
def a() -> tuple[AlignedFaces, MeshedFaces]:
    return film(load_portrait(), (LEFT, AHEAD, RIGHT, SHUT))


@pytest.mark.parametrize("moments", [(LEFT, AHEAD, RIGHT), (AHEAD, AHEAD)], ids=["who looks around", "who does not"])
def test_eyes_are_the_others_and_look_where_the_one_asked_for_does(
    a: tuple[AlignedFaces, MeshedFaces], moments: Sequence[Gesture]
) -> None:
    (faces, known), (theirs, their_known) = a, film(blue_eyed(), moments)
    sitter = sitter_of(theirs, their_known)
    assert sitter is not None and faces.landmarks is not None
    drawn = render(faces, known, sitter, Eyes(theirs, their_known)).pictures
    for picture, own in zip(drawn[:3], faces.faces, strict=False):
        assert blue(picture, faces) > blue(own, faces) + 50
    left, ahead, right = (gaze(picture, faces.landmarks[0])[0] for picture in drawn[:3])
    assert left < ahead - 0.02 and ahead + 0.02 < right


def test_eyes_that_nobody_ever_shut_are_left_to_the_face_asked_for(a: tuple[AlignedFaces, MeshedFaces]) -> None:
    (faces, known), (theirs, their_known) = a, film(blue_eyed(), (AHEAD, LEFT))
    sitter = sitter_of(theirs, their_known)
    assert sitter is not None
    drawn = render(faces, known, sitter, Eyes(theirs, their_known)).pictures
    assert Doing.of(known).opened[3].max() < 0.5
    assert abs(blue(drawn[3], faces) - blue(faces.faces[3], faces)) < 15
