"""One frame's way: find, align, swap, mask, colour, paste, mark; and how it is put together from settings."""

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from realtime.composite.color import Transfer, open_color
from realtime.composite.mask import Blend, open_blend
from realtime.composite.occlusion import Cover, Occlusion, open_occlusion
from realtime.composite.sharpen import sharpen
from realtime.finder import BuiltinFinder, FaceFinder, PluginFinder, open_finder
from realtime.finder.face import Box, Face
from realtime.finder.found import FoundFinder
from realtime.finder.people import People, bare, reunited
from realtime.finder.saved_finder import SavedFinder
from realtime.marking.label import Label
from realtime.marking.mark import mark
from realtime.marking.provenance.claim import Claim
from realtime.marking.watermark import Watermark, payload_of
from realtime.media.frame import Frame
from realtime.media.interlaced import fields_of
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import UsageError
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.settings.casting import cast_of
from realtime.swap import SwapModel, open_model
from realtime.swap.cast import Assigned, Cast, Role, chosen
from realtime.swap.drawn import DrawnModel
from realtime.swap.early import Early, Swapped
from realtime.swap.face_crop import FaceCrop
from realtime.swap.put_in import cut_out, put_in

__all__ = ["FrameSwapper", "check_finder", "make_claim", "make_swapper"]

#: A face fills a fifth of its crop or more. A mask with less than this share hides nobody.
LEAST_MASK: Final = 0.05
#: Faces that go through the model at once: a crowd takes no more memory than so many of them.
BATCH: Final = 16


@dataclass
class FrameSwapper:
    """Everything that a frame meets on its way, in order.

    ``sharpness`` is 0..1, ``doubtful`` gives the boxes of heads in the last frame that may have a face. ``faces_left``
    counts those, and the faces that were found and not swapped, over all frames. ``faces`` says which ones get the
    ``model`` and its ``color``, unless a ``cast`` has several models for them; the first of those is then ``model``.
    ``occlusion`` says what stands in front of faces, and stays there; without it a face goes over everything.
    """

    finder: FaceFinder
    model: SwapModel
    color: Transfer
    sharpness: float
    blend: Blend
    label: Label | None
    watermark: Watermark | None
    faces: str
    stages: Stages
    cast: Cast | None = None
    occlusion: Occlusion | None = None
    doubtful: Callable[[], tuple[Box, ...]] = lambda: ()
    frames_swapped: int = 0
    faces_swapped: int = 0
    faces_unmasked: int = 0
    faces_left: int = 0
    _early: Early = field(default_factory=Early, init=False, repr=False)

    @property
    def warnings(self) -> list[str]:
        """What is wrong with the pictures that are drawn, and what is to be said of faces that are as they were."""
        drawn = [words for model in self.models if isinstance(model, DrawnModel) for words in model.warnings]
        return [*drawn, *self._left, *reunited(self.finder)]

    @property
    def _left(self) -> list[str]:
        """What is to be said of faces that are as they were; ``faces_unmasked`` counts those with an empty mask."""
        if self.faces_unmasked:
            return [f"the model's mask was empty for {self.faces_unmasked:,} of the faces found: they are as they were"]
        if not self.faces_swapped:
            return ["no face was found: the pictures are as they were"]
        if self.faces_left and self.faces == "all":
            return [f"a face, or what may be one, was seen {self.faces_left:,} times and not swapped"]
        return []

    def process(self, frame: Frame) -> tuple[Face, ...]:
        """Swap the faces of ``frame`` in place and label it; returns the faces that were swapped."""
        faces = tuple(face for field in fields_of(frame) for face in self.swap(field))
        self.mark(frame)
        return faces

    def swap(self, frame: Frame) -> tuple[Face, ...]:
        """The first half of ``process``: find the faces of a frame, or of one of its fields, and swap them."""
        before = bool(frame.pasted)
        self._early.clear()
        with self.stages("find"):
            found = self.finder.find(frame)
        faces: tuple[Face, ...] = ()
        try:
            for role, its in self._assigned(found, frame.width):
                for start in range(0, len(its), BATCH):
                    faces += self._swap(frame, its[start : start + BATCH], role)
        finally:
            self._early.clear()  # it holds a model that may be replaced now
            self.frames_swapped += bool(faces) and not before
            self.faces_swapped += len(faces)
            self.faces_left += len(found) - len(faces) + len(self.doubtful())
        return faces

    def share_work(self, finder: BuiltinFinder, helper: Executor) -> None:
        """Let the detector of ``finder``, which is within that of the swapper, look at frames in ``helper``'s thread.

        Meanwhile the faces that are known already are swapped here. The pictures are the same.
        """
        finder.helper, finder.meanwhile = helper, self._swap_early

    def use(self, finder: FaceFinder) -> None:
        """Let ``finder`` find the faces from the next frame on."""
        self.finder, self.doubtful = finder, doubts_of(finder)
        if self.occlusion is not None:  # tracks are numbered anew
            self.occlusion.forget()

    def unknowing(self) -> "FrameSwapper":
        """Another one with the same networks and pictures whose finder and drawn model have seen nothing yet."""
        other = copy.copy(self)
        other.finder = copy.copy(self.finder)
        other.finder.reset()  # gives it tracks of its own
        if isinstance(self.model, DrawnModel):
            other.model = copy.copy(self.model)
            other.model.forget()
        return other

    def rehearse(self, frame: Frame) -> None:
        """Let the finder and a drawn model see a frame, or one of its fields, which stays as it is."""
        with self.stages("find"):
            found = self.finder.find(frame)
        if isinstance(self.model, DrawnModel):
            self._through_model(frame, chosen(found, self.faces), self.model)

    def know(self, other: "FrameSwapper") -> None:
        """Go on with what ``other``, made by ``unknowing``, has seen by now."""
        self.use(other.finder)
        self.model = other.model

    def reset(self) -> None:
        """The next frame has nothing to do with the last."""
        self.finder.reset()
        if self.cast is not None:
            self.cast.reset()
        if self.occlusion is not None:
            self.occlusion.forget()
        for model in self.models:
            if isinstance(model, DrawnModel):
                model.forget()

    def mark(self, frame: Frame) -> None:
        """The other half: say on the picture what was done to it."""
        mark(frame, self.watermark, self.label, self.stages)

    @property
    def models(self) -> tuple[SwapModel, ...]:
        """All models that may swap a face, each once."""
        if self.cast is None:
            return (self.model,)
        return tuple({role.model.sha256: role.model for role in self.cast.roles}.values())

    def _assigned(self, found: tuple[Face, ...], width: int) -> list[Assigned]:
        """Which of the faces get which model."""
        if self.cast is not None:
            return self.cast.assign(found, width)
        return [(Role(self.faces, self.model, self.color), chosen(found, self.faces))]

    def _swap(self, frame: Frame, faces: tuple[Face, ...], role: Role) -> tuple[Face, ...]:
        """Swap ``faces``, in one run of the model; returns them without those that its mask leaves as they were."""
        covers = self._covers(frame, faces)
        swapped = self._swapped(frame, faces, role.model)
        shares = [self._paste(frame, role, *each, cover) for each, cover in zip(swapped, covers, strict=True)]
        hidden = tuple(face for face, share in zip(faces, shares, strict=True) if share >= LEAST_MASK)
        self.faces_unmasked += len(faces) - len(hidden)
        return hidden

    def _swapped(self, frame: Frame, faces: tuple[Face, ...], model: SwapModel) -> list[Swapped]:
        """What ``model`` makes of each of ``faces``; what it has made of some already is not made again."""
        early = [self._early.of(model, face) for face in faces]
        left = [face for face, made in zip(faces, early, strict=True) if made is None]
        late = iter(self._through_model(frame, left, model) if left else ())
        return [made or next(late) for made in early]

    def _through_model(self, frame: Frame, faces: Sequence[Face], model: SwapModel) -> list[Swapped]:
        with self.stages("warp"):
            crops = [cut_out(frame, face, model) for face in faces]
        with self.stages("swap"):
            return [(crop, *each) for crop, each in zip(crops, put_in(model, crops), strict=True)]

    def _swap_early(self, frame: Frame, found: tuple[Face, ...]) -> None:
        """Swap the faces ``found`` so far, while the finder looks for more, and keep what comes of it."""
        model = self.model
        if self.cast is not None or self._early.failed:
            return  # a cast remembers whom it was asked for
        faces = [face for face in chosen(found, self.faces)[:BATCH] if not self._early.has(model, face)]
        if not faces:
            return
        undo = [model.bookmark(face.track) for face in faces] if isinstance(model, DrawnModel) else None
        try:
            with self.stages.outside("find"):
                swapped = self._through_model(frame, faces, model)
        except Exception as error:  # noqa: BLE001  # the finder has not failed: it goes on
            self._early.fail(error)
        else:
            self._early.keep(model, faces, swapped, undo)

    def _covers(self, frame: Frame, faces: tuple[Face, ...]) -> list[Cover | None]:
        """What stands in front of each of ``faces``; None where nobody asks."""
        if self.occlusion is None:
            return [None] * len(faces)
        with self.stages("occlusion"):
            return [self.occlusion.look(frame, face.landmarks, face.track) for face in faces]

    def _paste(
        self, frame: Frame, role: Role, crop: FaceCrop, swapped: Bytes, mask: Bytes, cover: Cover | None
    ) -> float:
        """Put one swapped face back, behind what covers it; returns the share of its crop that its mask has."""
        if not isinstance(role.model, DrawnModel):  # which has seen to its light and its edge
            with self.stages("color"):
                swapped = sharpen(role.color(swapped, crop.rgb, mask), self.sharpness)
                mask = self.blend.alpha(mask)
        with self.stages("paste"):
            alpha = mask if cover is None else cover.leave_out(mask, crop.frame_to_crop)
            frame.paste(swapped, alpha, crop.frame_to_crop)
        return cv2.mean(mask)[0] / 255


def make_swapper(look: Look, stages: Stages, finder: FaceFinder | None = None, confined: bool = False) -> FrameSwapper:
    """Open all that the frame's way needs; ``confined`` keeps the watermark to the faces.

    Raises ``ModelError``, ``DetectorError`` or ``UsageError``.
    """
    label = None if look.label is None else Label(look.label, look.label_place)
    blend = open_blend(look.blend)
    color = None if look.color is None else open_color(look.color)
    opened = {name: open_model(name, look.device, look) for name in look.models}
    model = next(iter(opened.values()))
    draws = any(isinstance(each, DrawnModel) for each in opened.values())
    finder = finder or open_finder(look.detector, look.device, draws, smallest=look.faces_min)
    if isinstance(finder, SavedFinder):
        finder.mesh = draws
    for each in opened.values():
        check_finder(each, finder)
    roles = [
        Role(who, opened[name], color or open_color(opened[name].manifest.color))
        for who, name in cast_of(look.map).items()
    ]
    if roles and not isinstance(finder, SavedFinder | FoundFinder):  # whose numbers are those of people
        finder = People(finder)
    return FrameSwapper(
        finder=finder,
        model=model,
        color=color or open_color(model.manifest.color),
        sharpness=look.sharpen,
        blend=blend,
        label=label,
        watermark=Watermark(payload_of(model.sha256), confined),
        faces=look.faces,
        stages=stages,
        cast=Cast(roles) if roles else None,
        occlusion=open_occlusion(look.occlusion, look.device),
        doubtful=doubts_of(finder),
    )


def doubts_of(finder: FaceFinder) -> Callable[[], tuple[Box, ...]]:
    """What tells the boxes of heads in the last frame that may have a face; none where ``finder`` has no doubts."""
    its = bare(finder)
    return lambda: its.doubtful if isinstance(its, BuiltinFinder | FoundFinder) else ()


def check_finder(model: SwapModel, finder: FaceFinder) -> None:
    """Raise ``UsageError`` where ``model`` needs the dense mesh, and ``finder`` is a detector that has none."""
    if isinstance(model, DrawnModel) and isinstance(finder, PluginFinder):
        raise UsageError(
            f"{model.name} is drawn through the dense mesh of the face, which only the built-in detector gives: leave"
            " out --detector"
        )


def make_claim(source: Path | None, look: Look, swapper: FrameSwapper) -> Claim:
    """What an output that ``swapper`` made from ``source`` (None for a live one) says of itself."""
    model, mark = swapper.model, swapper.watermark
    return Claim(
        source=source,
        model=model.name,
        model_sha256=model.sha256,
        identities=tuple(dict.fromkeys(identity for each in swapper.models for identity in each.shown)),
        label=None if swapper.label is None else swapper.label.text,
        watermark=None if mark is None else np.packbits(mark.payload.encode()).tobytes().hex(),
        frames_swapped=swapper.frames_swapped,
        settings={
            "identity": model.identity,
            "morph": model.morph,
            "detector": "saved faces" if isinstance(swapper.finder, SavedFinder) else look.detector,
            **(_mapped(look, swapper) if look.map else {"faces": look.faces}),
            "blend": look.blend,
            "color": look.color,
            "sharpen": look.sharpen,
            "occlusion": look.occlusion,
            **({"made_of": model.made_of} if isinstance(model, DrawnModel) else {}),
        },
    )


def _mapped(look: Look, swapper: FrameSwapper) -> dict[str, str]:
    """What a claim says of several models."""
    return {
        "map": " ".join(f"{who}={Path(name).stem}" for who, name in cast_of(look.map).items()),
        "models": ", ".join(f"{model.name} {model.sha256}" for model in swapper.models),
    }
