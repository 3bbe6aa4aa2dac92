"""A frame's way to the puppet: find the performer, follow, draw the photo, mark it."""

from realtime.finder.plugins import FaceFinder
from realtime.finder.tracks import Clock
from realtime.marking.label import Label
from realtime.marking.mark import mark
from realtime.marking.watermark import Watermark
from realtime.media.frame import Frame
from realtime.puppet.canvas import Canvas
from realtime.puppet.follower import Follower
from realtime.puppet.puppet import Puppet
from realtime.puppet.sitter import Sitter
from realtime.runtime.stages import Stages

__all__ = ["Show"]


class Show:
    """A photo that moves as a performer does. ``canvas`` makes its frames, ``follower`` knows the performer."""

    def __init__(
        self,
        sitter: Sitter,
        finder: FaceFinder,
        stages: Stages,
        label: Label | None,
        watermark: Watermark | None,
        follower: Follower | None = None,
    ) -> None:
        self.sitter, self.finder, self.stages = sitter, finder, stages
        self.label, self.watermark = label, watermark
        self.follower = follower or Follower()
        self._puppet = Puppet(sitter.picture, sitter.mesh)
        self.canvas = Canvas(sitter.picture, self._puppet.part, self._puppet.alpha)
        self._clock = Clock()

    def process(self, frame: Frame) -> Frame:
        """What is shown in place of ``frame``."""
        with self.stages("find"):
            faces = self.finder.find(frame)
        with self.stages("follow"):
            motion, performer = self.follower.follow(frame, faces, max(self._clock.gap(frame), 0.0))
        with self.stages("draw"):
            moving = self._puppet.draw(motion, performer)
        with self.stages("paste"):
            shown = self.canvas.frame(moving, frame)
        mark(shown, self.watermark, self.label, self.stages)
        return shown
