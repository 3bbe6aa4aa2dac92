"""Several photographs of one face: the one that is turned like the performer is shown most, and nothing jumps."""

from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.finder import BuiltinFinder
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.pose import Pose, pose_of
from realtime.photo_swap.blend import Blend, shares_of
from realtime.photo_swap.draw import PhotoFace
from realtime.photo_swap.portrait import Portrait, read_portrait
from realtime.photo_swap.texture import SIDE, View, make_texture, view_of
from realtime.runtime.arrays import Floats
from realtime.runtime.stages import Stages
from realtime.settings import ModelOptions
from realtime.swap.drawing import read_drawing
from realtime.swap.drawn import placed
from realtime.swap.face_crop import FaceCrop
from realtime.swap.photo import PhotoModel, pack_photos
from realtime.swap.put_in import cut_out
from tests.realtime.swap.test_photo import PERSON, picture, save

TURNS = np.array([(-25, 0), (0, 0), (25, 0)], np.float32)


def pose(yaw: float, scale: float = 12.0) -> Pose:
    s, c = np.sin(np.radians(yaw)), np.cos(np.radians(yaw))
    return Pose(scale, np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]), np.zeros(3))


def test_the_nearest_is_shown_most_and_shares_move_on_smoothly() -> None:
    for number, (yaw, _) in enumerate(TURNS.tolist()):
        shares = shares_of(TURNS, pose(yaw))
        assert shares.argmax() == number
        assert shares[number] > 0.9
    photos = [PhotoFace.of(NEUTRAL, np.full((SIDE, SIDE, 3), level, np.uint8)) for level in (60, 120, 180)]
    blend, seen = Blend(), []
    for yaw in np.concatenate([np.linspace(-25, 25, 30), np.full(30, 25)]).tolist():
        face = blend.face(photos, TURNS, pose(yaw))
        seen.append(int(face.level_for(12.0)[100, 100, 0]))
    assert abs(seen[0] - 60) < 6
    assert abs(seen[-1] - 180) < 6
    assert max(abs(b - a) for a, b in pairwise(seen)) <= 12
    assert blend.face(photos, TURNS, pose(25)) is blend.face(photos, TURNS, pose(25)), "nothing is mixed twice"
    assert blend.face(photos, TURNS, pose(25, scale=40)).level_for(40).shape[0] == SIDE, "as fine as is asked for"


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Portrait:
    pytest.importorskip("skimage")
    return read_portrait(save(tmp_path_factory.mktemp("photo") / "photo.png", picture()), device="cpu")


def model_of(*portraits: Portrait) -> PhotoModel:
    return PhotoModel(read_drawing(Path("a.drawn"), pack_photos(list(portraits), PERSON)), "0" * 64, ModelOptions())


def test_what_one_photograph_shows_comes_with_its_pose(photo: Portrait) -> None:
    spotted = photo.picture.copy()
    x, y = np.rint(photo.mesh[[50, 280], :2].mean(axis=0)).astype(int)  # the middle between the cheeks: the nose
    cv2.circle(spotted, (int(x), int(y)), 4, (20, 20, 20), -1, cv2.LINE_AA)
    beside = replace(photo, turn=(photo.turn[0] + 30, photo.turn[1]), view=view_of(spotted, photo.mesh))
    one, several = model_of(photo), model_of(photo, beside)
    darkest = []
    for yaw in (photo.turn[0], photo.turn[0] + 30):
        turned: Floats = placed(pose(yaw, 1.0).apply(NEUTRAL), 256)
        crop = FaceCrop(np.full((256, 256, 3), 150, np.uint8), np.eye(2, 3), round(yaw), turned)
        alone, both = one.draw(crop)[0], several.draw(crop)[0]
        x, y = np.rint(turned[[50, 280], :2].mean(axis=0)).astype(int)
        near = (slice(y - 12, y + 13), slice(x - 25, x + 26))
        darkest.append(float((alone[near].astype(int) - both[near]).max()))
    assert darkest[1] > 2 * darkest[0] + 15


def test_a_texture_shows_its_own_photograph_and_has_no_gaps(photo: Portrait) -> None:
    x = np.arange(SIDE)[None, :] < SIDE // 2
    halves = [
        View(np.where(shown[..., None], photo.view.rgb, 0).astype(np.uint8), np.where(shown, photo.view.seen, 0))
        for shown in (x, ~x)
    ]
    middle = slice(int(0.4 * SIDE), int(0.6 * SIDE)), slice(int(0.3 * SIDE), int(0.7 * SIDE))
    assert make_texture(halves, 1)[middle].mean(axis=2).min() > 25


def test_clips_turned_either_way_choose_their_photograph(shared: Path, tmp_path: Path) -> None:
    def start(name: str) -> list[Frame]:
        source = FileSource(shared / "media" / name, Stages())
        frames = list(islice((item for item in source if isinstance(item, Frame)), 4))
        source.close()
        return frames

    right, left = start("s32.mp4"), start("s18.mp4")
    shown = right[0].warp(np.eye(2, 3), (right[0].width, right[0].height))
    portraits = [
        read_portrait(save(tmp_path / f"{number}.png", np.ascontiguousarray(each)), device="cpu")
        for number, each in enumerate((shown, shown[:, ::-1]))
    ]
    assert portraits[0].turn[0] > 15 > -15 > portraits[1].turn[0]
    turns = np.array([each.turn for each in portraits], np.float32)
    portraits[1] = replace(portraits[1], identity=portraits[0].identity)  # only the textures differ
    models = [model_of(*portraits), *map(model_of, portraits)]
    for frames, number in ((right, 0), (left, 1)):
        finder, pictures = BuiltinFinder("cpu", mesh=True), []
        for model in models:
            model.forget()
        for frame in frames:
            (face,) = finder.find(frame)
            assert face.mesh is not None
            assert shares_of(turns, pose_of(face.mesh, NEUTRAL))[number] > 0.9
            crop = cut_out(frame, face, models[0])
            pictures.append([model.draw(crop)[0][:352, :352].astype(np.float32) for model in models])
        details = [each - cv2.GaussianBlur(each, (0, 0), 4) for each in pictures[-1]]
        off = [np.abs(details[0] - alone).mean() for alone in details[1:]]
        assert off[number] < off[1 - number], "the photograph that is turned like the performer"
        moved = [np.mean([np.abs(b[k] - a[k]).mean() for a, b in pairwise(pictures)]) for k in (0, number + 1)]
        assert moved[0] < 1.1 * moved[1] + 0.05, "as steady as one photograph"
