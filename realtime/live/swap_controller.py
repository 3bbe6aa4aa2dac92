"""Who decides how frames are swapped: the look, the model, what changes between two frames, what is saved."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, TypeAlias

import av
import numpy as np

from realtime.composite.color import open_color
from realtime.composite.mask import open_blend
from realtime.composite.occlusion import open_occlusion
from realtime.finder import BuiltinFinder, FaceFinder
from realtime.finder.people import bare
from realtime.live.fail_closed import FailClosed
from realtime.live.governor import Governor
from realtime.live.puppet import LivePuppet
from realtime.live.settings import Change, LiveLook, LiveSettings, ModelChoice
from realtime.live.status import GovernorStatus, LookStatus, ModelStatus, PuppetStatus
from realtime.marking.label import Label
from realtime.marking.mark import prepare
from realtime.marking.provenance.claim import Claim
from realtime.marking.watermark import Watermark, payload_of
from realtime.media.frame import Frame, PictureFormat
from realtime.puppet.sitter import ONE_PICTURE
from realtime.runtime.clock import Clock
from realtime.runtime.errors import UsageError
from realtime.runtime.events import Events
from realtime.runtime.process import clear_up
from realtime.runtime.stages import Stages
from realtime.runtime.threads import guarded_thread
from realtime.settings import ModelOptions
from realtime.swap import SwapModel, open_model
from realtime.swap.consent import Identity
from realtime.swap.drawn import DrawnModel
from realtime.swapper import check_finder, make_claim, make_swapper

__all__ = ["DETECT_EVERY", "SwapController"]

#: Frames from one detection to the next: in live a newcomer's face is open until then. More while cost is saved.
DETECT_EVERY: Final = 1
DETECT_RARELY: Final = (3, 10)
#: Runs of a new model before it takes over: the first ones are slow.
REHEARSALS: Final = 3

#: A failure is talked about for so long.
TROUBLED_NS: Final = 5_000_000_000

#: Something to do between two frames.
_Step: TypeAlias = Callable[[], None]


@dataclass(frozen=True, slots=True)
class _Measure:
    """Something that saves cost, and how to take it back.

    That is tried while frames take less than ``easy`` of their time.
    """

    name: str
    take: _Step
    undo: _Step
    easy: float


class SwapController:
    """All that the swapping thread needs for a frame.

    ``process``, ``observe`` and ``new_picture`` belong to that thread; what the other methods change takes effect
    between two frames. ``thin`` is by how much the rate is divided.
    """

    def __init__(
        self,
        settings: LiveSettings,
        stages: Stages,
        events: Events,
        finder: FaceFinder | None,
        clock: Clock,
        starved: Callable[[], int],
    ) -> None:
        """Open the models. ``finder`` takes the place of the look's detector, ``starved`` is the governor's.

        Raises ``ModelError``, ``DetectorError`` or ``UsageError``.
        """
        self.look: LiveLook = settings
        self._asked: LiveLook = settings  # what was asked for last
        self._settled: LiveLook = settings  # what of that has taken effect
        self._events, self._clock, self._stages = events, clock, stages
        self._swapper = make_swapper(_for_faces(settings), stages, finder)
        self._puppet = None if settings.puppet is None else self._open_puppet(settings.puppet, settings)
        self._puppets = {} if self._puppet is None else {settings.puppet: self._puppet}
        self._puppeted = 0
        self._full = self._coming = self._swapper.model
        self._saves_model = False
        self.thin = 1
        self._kind: PictureFormat | None = None
        self._finder = bare(self._swapper.finder)
        self._light = None if settings.light_model is None else self._open(settings.light_model, ModelOptions())
        builtin = self._finder if isinstance(self._finder, BuiltinFinder) else None
        self._helper = ThreadPoolExecutor(1, "detect")
        if builtin is not None:
            self._swapper.share_work(builtin, self._helper)
        self._measures = self._list_measures(builtin)
        self._governor = Governor(tuple(each.easy for each in self._measures), starved)
        self._level = 0
        self._fail_closed = FailClosed(self._swapper, settings.on_miss, self._complain, self._swapper.doubtful)
        self._steps: SimpleQueue[_Step] = SimpleQueue()
        self._trouble = ""
        self._trouble_ns = self._told_ns = -TROUBLED_NS
        self._used: dict[tuple[str, str], None] = {}
        self._shown: dict[Identity, None] = {}
        self._remember()
        self._rehearse()

    # in the swapping thread

    def process(self, frame: Frame) -> Frame | None:
        """The frame to send for ``frame``, which is changed in place; None for the slate."""
        while True:
            try:
                self._steps.get_nowait()()
            except Empty:
                break
            self._remember()
        if self._puppet is None:
            self._begin_marks(frame)
            return self._fail_closed.process(frame)
        self._puppeted += 1
        shown = self._puppet.process(frame, self._complain)
        if self._swapper.label is not None:
            self._swapper.label.draw(shown)
        return shown

    def observe(self, spent: float, budget: float, drops: int) -> None:
        """Take in what a frame took of its time, in seconds, and what was dropped; lower the cost, or raise it."""
        level = self._governor.observe(spent, budget, drops)
        while self._level < level:
            measure = self._measures[self._level]
            measure.take()
            self._level += 1
            self._events.tell("governor", f"{self._governor.reason}: now {measure.name}", problem=True)
        while self._level > level:
            self._level -= 1
            measure = self._measures[self._level]
            measure.undo()
            self._events.tell("governor", f"there is room again: no longer {measure.name}")

    def new_picture(self) -> None:
        """Another source: nothing is known of what it shows."""
        self._fail_closed.reset()
        if self._puppet is not None:
            self._puppet.reset()

    # from any thread

    def close(self) -> None:
        """No frame will come any more."""
        self._helper.shutdown(wait=False)

    @property
    def label(self) -> Label | None:
        """What stands on the picture now."""
        return self._swapper.label

    @property
    def running(self) -> ModelChoice:
        """The model that everything begins with."""
        look = _for_faces(self.look)
        return ModelChoice(
            look.model, ModelOptions(**{name: getattr(look, name) for name in ModelOptions.model_fields})
        )

    def plan(self, change: Change, like: Frame | None, loading: bool) -> Callable[[], None]:
        """Check the look of ``change``, and prepare it for frames like ``like``; what comes back puts it into effect.

        It is a change of what was asked for last, and comes after it. ``loading`` says that a model is being got ready,
        which what is chosen about the model is meant for. Raises ``UsageError`` where it makes no sense.
        """
        swapper, model, named = self._swapper, self._coming, change.model_fields_set
        look = change.applied_to(self._asked)
        # The model's name in it changes when a model takes over.
        steps: list[_Step] = [lambda: setattr(self, "look", change.applied_to(self.look))]

        def step(owner: object, name: str, value: object) -> None:
            steps.append(lambda: setattr(owner, name, value))

        if "faces" in named:
            step(swapper, "faces", look.faces)
        if "blend" in named:
            step(swapper, "blend", open_blend(look.blend))
        if look.color is not None and "color" in named:
            step(swapper, "color", open_color(look.color))
        elif "color" in named:
            steps.append(self._choose_model)
        if "sharpen" in named:
            step(swapper, "sharpness", look.sharpen)
        if "occlusion" in named:
            step(swapper, "occlusion", open_occlusion(look.occlusion, look.device))
        if named & {"label", "label_place"}:
            label = Label(look.label or "", look.label_place)
            if like is not None:
                label.draw(like)  # the first time takes as long as two frames have
            step(swapper, "label", label)
        if "on_miss" in named:
            step(self._fail_closed, "on_miss", look.on_miss)
        if look.mirror != self._asked.mirror:
            steps.append(self.new_picture)
        if "puppet" in named:
            steps.append(self._plan_puppet(change.puppet, change))
        if self.look.map and named & {"model", "faces", "color", *ModelOptions.model_fields}:
            raise UsageError("this session has a map, which says which face gets which model; start another one")
        if not change.opens_model and not loading:
            check_choice(model, change)
            if change.identity is not None:
                step(model, "identity", change.identity)
            if change.morph is not None:
                step(model, "morph", change.morph)

        step(self, "_settled", look)

        def begin() -> None:
            self._asked = look
            for each in steps:
                self._steps.put(each)

        return begin

    def calibrate(self) -> None:
        """Take how the performer looks now as the puppet's rest. Raises ``UsageError`` where no puppet is shown."""
        puppet = self._puppet
        if puppet is None:
            raise UsageError("no photo moves here: there is nothing to calibrate; start with --puppet PHOTO")
        self._steps.put(puppet.calibrate)
        self._events.tell("puppet", "the performer's rest is taken anew")

    def prepare_model(self, choice: ModelChoice, like: Frame | None) -> Callable[[], None]:
        """Open a model and warm it up for frames like ``like``; what comes back lets it take over.

        Raises ``ModelError``, ``ConsentError`` or ``UsageError``.
        """
        model = self._open(*choice)
        mark = None if self._swapper.watermark is None else Watermark(payload_of(model.sha256))
        if mark is not None and like is not None:
            mark.prepare(like.kind)

        def take_over() -> None:
            self.look = self.look.model_copy(update={"model": choice.name})
            before, self._full = [self._full], model
            self._swapper.watermark = mark
            self._choose_model()
            # In a thread that gives way to nobody, as its starter does not: whoever waits for memory waits for it.
            guarded_thread(partial(_let_go, before), "clear up").start()
            self._events.tell("model", f"{model.name} swaps from now on")

        def hand_over() -> None:
            self._coming = model
            self._steps.put(take_over)

        return hand_over

    def model_status(self, loading: str | None) -> ModelStatus:
        """The model that swaps now, and the one that is being got ready, or swaps from the next frame on."""
        model = self._swapper.model
        if loading is None and self._coming is not self._full:
            loading = self._coming.name
        return ModelStatus(
            name=model.name,
            sha256=model.sha256,
            identities=[identity.name for identity in model.identities],
            identity=model.identity,
            morph=model.morph,
            loading=loading,
        )

    def puppet_status(self) -> PuppetStatus | None:
        """The photo that moves in place of the picture."""
        puppet = self._puppet
        if puppet is None:
            return None
        return PuppetStatus(
            photo=str(puppet.sitter.path),
            identity=puppet.sitter.identity.name,
            rested=puppet.follower.rest is not None,
            moving=puppet.follower.moving,
        )

    def look_status(self) -> LookStatus:
        """How the faces look now."""
        return _told(self.look, self._swapper.model)

    def asked_status(self) -> LookStatus | None:
        """How they will look from the next frame on; None where that is how they look."""
        asked = self._asked
        return None if self._settled is asked else _told(asked, self._coming)

    def governor_status(self) -> GovernorStatus:
        """What is saved now."""
        level = self._level
        return GovernorStatus(level=level, steps=[each.name for each in self._measures[:level]])

    def claim(self) -> Claim:
        """What a recording made now says of itself: all who were put in since the start may be in it."""
        claim = make_claim(None, self.look, self._swapper)
        if (puppet := self._puppet) is not None:
            claim = replace(
                claim,
                model=ONE_PICTURE,
                model_sha256=puppet.sitter.sha256,
                identities=(puppet.sitter.identity,),
                watermark=np.packbits(puppet.watermark.payload.encode()).tobytes().hex(),
                frames_swapped=self.swapped,
                puppet=True,
            )
        identities = tuple(dict.fromkeys((*claim.identities, *self._shown)))
        models = ", ".join(f"{name} {sha256}" for name, sha256 in self._used)
        return replace(claim, identities=identities, settings={**claim.settings, "models": models})

    @property
    def trouble(self) -> str | None:
        """Why faces cannot be swapped, where that happened lately."""
        return self._trouble if self._clock.now_ns() - self._trouble_ns < TROUBLED_NS else None

    @property
    def swapped(self) -> int:
        """Frames with a swapped face, or with a puppet in place of the picture."""
        return self._swapper.frames_swapped + self._puppeted

    @property
    def left(self) -> int:
        """Faces that were found and not swapped, and heads that may have one, over all frames."""
        return self._swapper.faces_left

    @property
    def missed(self) -> int:
        """Frames in which something was hidden."""
        return self._fail_closed.missed

    @property
    def shown(self) -> int:
        """Frames shown as they are, although a face was or may have been there that was not swapped."""
        return self._fail_closed.shown

    # within

    def _open_puppet(self, photo: Path, options: ModelOptions) -> LivePuppet:
        consent = options.consent or self.look.consent
        puppet = LivePuppet(photo, consent, self.look.device, self._stages, options.face)
        for warning in puppet.sitter.warnings:
            self._events.tell("puppet", warning, problem=True)
        return puppet

    def _plan_puppet(self, photo: Path | None, options: ModelOptions) -> _Step:
        """Open ``photo``, unless it was shown before, or take the puppet away; what comes back does so."""
        puppet = None
        if photo is not None:
            known = self._puppets.get(photo) if options.consent is None and options.face is None else None
            puppet = self._puppets[photo] = known or self._open_puppet(photo, options)

        def begin() -> None:
            # Nothing is known of the faces that came and went meanwhile.
            self._fail_closed.reset()
            if puppet is not None:
                puppet.reset()
            self._puppet = puppet
            self._events.tell("puppet", "faces are swapped again" if puppet is None else f"{photo} moves from now on")

        return begin

    def _remember(self) -> None:
        """Note which model swaps now, and whom it shows."""
        if self._puppet is not None:
            self._used[ONE_PICTURE, self._puppet.sitter.sha256] = None
            self._shown[self._puppet.sitter.identity] = None
            return
        for model in self._swapper.models:
            self._used[model.name, model.sha256] = None
            self._shown |= dict.fromkeys(model.shown)

    def _open(self, name: str, options: ModelOptions) -> SwapModel:
        model = open_model(name, self.look.device, options)
        check_finder(model, self._finder)
        _warm_up(model)
        return model

    def _choose_model(self) -> None:
        model = self._light if self._light is not None and self._saves_model else self._full
        self._swapper.model = model
        if isinstance(self._finder, BuiltinFinder):
            self._finder.mesh = isinstance(model, DrawnModel)
        self._remember()
        if self.look.color is None:
            self._swapper.color = open_color(model.manifest.color)

    def _list_measures(self, finder: BuiltinFinder | None) -> list[_Measure]:
        """What can be done to save cost, the least noticeable first."""

        def save_model(saves: bool) -> None:
            self._saves_model = saves
            self._choose_model()

        def look_every(finder: BuiltinFinder, frames: int) -> None:
            finder.interval = frames

        measures = []
        if finder is not None:
            finder.interval = DETECT_EVERY
            for before, frames in pairwise((DETECT_EVERY, *DETECT_RARELY)):
                name = f"looking for new faces every {frames} frames"
                take, undo = partial(look_every, finder, frames), partial(look_every, finder, before)
                # Done beside the swap it takes little of the frame's time.
                measures.append(_Measure(name, take, undo, easy=0.75))
        if self._light is not None:
            name = f"the lighter model {self._light.name}"
            measures.append(_Measure(name, partial(save_model, True), partial(save_model, False), easy=0.5))
        name = "every second frame only"  # which has twice the time
        measures.append(_Measure(name, lambda: setattr(self, "thin", 2), lambda: setattr(self, "thin", 1), easy=0.4))
        return measures

    def _rehearse(self) -> None:
        """Run all that is slow at first, on an empty picture."""
        for model in self._swapper.models:
            _warm_up(model)
        picture = av.VideoFrame(640, 480, "yuv420p")
        for plane in picture.planes:
            plane.update(bytes(plane.buffer_size))
        frame = Frame(picture, self._clock.now_ns())
        if isinstance(self._finder, BuiltinFinder):
            self._finder.rehearse(frame)
        else:
            self._swapper.finder.find(frame)

    def _begin_marks(self, frame: Frame) -> None:
        """Where frames are of another kind from this one on, make their marks beside the search for faces."""
        if frame.kind != self._kind:
            self._kind = frame.kind
            task = partial(prepare, frame, self._swapper.watermark, self._swapper.label)
            guarded_thread(task, "marks").start()

    def _complain(self, error: Exception) -> None:
        """Swapping a frame failed: say it, but not for every frame anew."""
        words, now_ns = str(error) or type(error).__name__, self._clock.now_ns()
        if words != self._trouble or now_ns - self._told_ns >= TROUBLED_NS:
            self._events.tell("privacy", f"a face could not be swapped, and is hidden: {words}", problem=True)
            self._told_ns = now_ns
        self._trouble, self._trouble_ns = words, now_ns


def _for_faces(look: LiveLook) -> LiveLook:
    """``look`` without the consent record of whom the puppet's photo shows: it is not the model's."""
    return look if look.puppet is None or look.photo else look.model_copy(update={"consent": None})


def _told(look: LiveLook, model: SwapModel) -> LookStatus:
    return LookStatus(
        faces=look.faces,
        map=look.map,
        blend=look.blend,
        color=look.color or model.manifest.color,
        sharpen=look.sharpen,
        occlusion=look.occlusion,
        label=look.label or "",
        label_place=look.label_place,
        on_miss=look.on_miss,
        mirror=look.mirror,
    )


def _let_go(models: list[SwapModel]) -> None:
    """Let go of ``models``, which would leave holes: hours of changes should take no more memory than one."""
    models.clear()
    clear_up()


def _warm_up(model: SwapModel) -> None:
    for _ in range(REHEARSALS):
        model.swap(np.zeros((1, model.size, model.size, 3), np.uint8))


def check_choice(model: SwapModel, options: ModelOptions) -> None:
    """Raise ``UsageError`` where ``options`` choose what ``model``, which is open already, does not have."""
    there = [each.id for each in model.identities]
    if options.identity is not None and options.identity not in there:
        raise UsageError(
            f"{model.name}: there is no {options.identity!r} in it; the faces in it are {', '.join(there)}"
        )
    if options.morph is not None and model.morph is None:
        raise UsageError(f"{model.name}: this model has no morph value")
