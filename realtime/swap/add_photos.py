"""Photographs taken into the user's library: a small model of their face, and a sheet of what it looks like."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2

from realtime.media.picture import is_picture, opened
from realtime.photo_swap.portrait import read_portrait
from realtime.photo_swap.preview import preview
from realtime.photo_swap.texture import make_texture
from realtime.runtime.errors import ConsentError
from realtime.runtime.files import write_whole, writing
from realtime.swap.add import check_name
from realtime.swap.consent import Identity, check_consent
from realtime.swap.drawing import SUFFIX, read_drawing
from realtime.swap.library import models_folder
from realtime.swap.photo import pack_photos, shape_of

__all__ = ["AddedPhotos", "add_photos", "is_photograph"]


class AddedPhotos(NamedTuple):
    """A model made of photographs: its file, a picture of it from five sides, and what is wrong with which one."""

    path: Path
    sheet: Path
    warnings: tuple[str, ...]


def is_photograph(path: Path) -> bool:
    """Whether ``path`` is a picture without transparency; with it, it is a mask."""
    if not path.is_file() or not is_picture(path):
        return False
    with opened(path) as image:
        return "A" not in image.getbands() and "transparency" not in image.info


def add_photos(photos: Sequence[Path], name: str, person: Identity | None, face: str | None = None) -> AddedPhotos:
    """Make a model of ``photos``, all of the same ``person``, and put it into the library as ``name``.

    ``face`` says which face of a photograph is meant. Raises ``ConsentError`` where nobody agreed, ``InputError`` for
    photographs that cannot be used, ``ModelError`` or ``UsageError`` for a name that is taken or odd, ``OutputError``.
    """
    check_name(name)
    if person is None:
        raise ConsentError(
            f"{photos[0]}: whose face is it, and who agreed? give --consent IDENTITY.json of the photographed person;"
            " `mummer consent new` makes one"
        )
    check_consent(person, str(photos[0]))
    portraits = [read_portrait(path, face, "cpu") for path in photos]
    data = pack_photos(portraits, person)
    read_drawing(Path(name), data)  # what is written can be read
    folder = models_folder()
    path = folder / f"{name}{SUFFIX}"
    sheet = path.with_suffix(".png")
    texture = make_texture([portrait.view for portrait in portraits])
    _, png = cv2.imencode(".png", cv2.cvtColor(preview(texture, shape_of(portraits)), cv2.COLOR_RGB2BGR))
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(sheet, png.tobytes())
    write_whole(path, data)
    told = tuple(f"{each.path.name}: {words}" for each in portraits for words in each.warnings)
    return AddedPhotos(path, sheet, told)
