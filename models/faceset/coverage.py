"""What a set covers, in numbers and in words: what is missing is what must be filmed next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.faceset.record import Record
from models.faceset.similarity import crop_points, duplicates
from realtime.media.affine import scale_of

__all__ = [
    "BRIGHTNESS",
    "BROWS",
    "EYES",
    "FEW",
    "MOUTH",
    "PITCH",
    "SIDE",
    "YAW",
    "Coverage",
    "Scale",
    "lacking",
    "missing",
]

_Values: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scale:
    """Something measured, in steps: ``names`` for the ranges between ``edges``, which are rising."""

    names: tuple[str, ...]
    edges: tuple[float, ...]

    def steps(self, values: _Values) -> NDArray[np.int64]:
        """Which step each value is on, 0 up."""
        return np.digitize(values, self.edges).astype(np.int64)


YAW: Final = Scale(
    ("60° left", "45° left", "30° left", "15° left", "ahead", "15° right", "30° right", "45° right", "60° right"),
    (-52.5, -37.5, -22.5, -7.5, 7.5, 22.5, 37.5, 52.5),
)
PITCH: Final = Scale(("30° down", "15° down", "level", "15° up", "30° up"), (-22.5, -7.5, 7.5, 22.5))
MOUTH: Final = Scale(("closed", "parted", "open", "wide open"), (0.06, 0.11, 0.18))
EYES: Final = Scale(("shut", "narrow", "open"), (0.2, 0.33))
BROWS: Final = Scale(("lowered", "at rest", "raised"), (0.93, 1.07))
SIDE: Final = Scale(("from the left", "even", "from the right"), (-0.08, 0.08))
BRIGHTNESS: Final = Scale(("dark", "middling", "bright"), (0.33, 0.55))


class Coverage:
    """The steps that every face of a set is on; ``records`` are those faces, at least one."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        points = crop_points(records).astype(np.float64)
        # In shares of a frontal face's distance between the outer corners of the eyes.
        gap = np.linalg.norm(points[:, 62] - points[:, 66], axis=1) / EYE_DISTANCE
        brows = points[:, 36:48, 1].mean(axis=1) - points[:, 17:27, 1].mean(axis=1)
        eyes = self.values(lambda record: 1.0 if record.eyes is None else record.eyes)
        self.yaw = YAW.steps(self.values(lambda record: record.yaw))
        self.pitch = PITCH.steps(self.values(lambda record: record.pitch))
        self.mouth = MOUTH.steps(gap)
        self.eyes = EYES.steps(eyes)
        self.brows = BROWS.steps(brows / max(float(np.median(brows)), 1e-6))  # everybody's are at another height
        self.side = SIDE.steps(self.values(lambda record: record.light[0]))
        self.brightness = BRIGHTNESS.steps(self.values(lambda record: record.brightness))
        self.sharpness = self.values(lambda record: record.sharpness)

    @property
    def poses(self) -> NDArray[np.int64]:
        """Faces in every step of pitch and yaw, int64 (5, 9)."""
        table = np.zeros((len(PITCH.names), len(YAW.names)), np.int64)
        np.add.at(table, (self.pitch, self.yaw), 1)
        return table

    def values(self, of: Callable[[Record], float]) -> _Values:
        """One number of every face, float64 (N,)."""
        return np.array([of(record) for record in self.records], np.float64)


#: Of the whole-face template, in shares of the crop's side.
EYE_DISTANCE: Final = 0.345
#: So many faces of a kind are enough to learn from, and this share of the set.
FEW, FEW_SHARE = 10, 0.005
#: A set of fewer faces than this is small.
SMALL_SET: Final = 500
#: More than this share of near-duplicates is worth a word.
MANY_DUPLICATES: Final = 0.5
#: Faces enlarged more than this have no detail of their own.
ENLARGED: Final = 2.0


def missing(coverage: Coverage) -> list[str]:
    """What to film next, one sentence each; the most telling first."""
    records = coverage.records
    few = max(FEW, round(FEW_SHARE * len(records)))
    words: list[str] = []

    def lacks(count: int, kind: str, advice: str) -> bool:
        if count < few:
            words.append(f"{f'only {count}' if count else 'no'} face{'s' * (count > 1)} {kind}: {advice}")
        return count < few

    for side, own, sign in (("left", "right", -1), ("right", "left", 1)):
        yaw = sign * coverage.values(lambda record: record.yaw)
        for degrees in (15, 30, 45):
            if lacks(
                int(np.sum(yaw > degrees)),
                f"looking {side} (in the picture) beyond {degrees} degrees",
                f"turn the head slowly to its own {own}",
            ):
                break
    for where, advice, sign in (("up", "raise the chin", 1), ("down", "lower the chin", -1)):
        pitch = sign * coverage.values(lambda record: record.pitch)
        for degrees in (10, 20):
            if lacks(int(np.sum(pitch > degrees)), f"looking {where} beyond {degrees} degrees", advice):
                break
    lacks(int(np.sum(coverage.mouth >= 2)), "with an open mouth", "speak, laugh, yawn")
    lacks(int(np.sum(coverage.mouth == 0)), "with a closed mouth", "listen for a while")
    lacks(int(np.sum(coverage.eyes == 0)), "with shut eyes", "shut the eyes for a second in every pose")
    lacks(int(np.sum(coverage.brows == 2)), "with raised brows", "be surprised")
    sides = [int(np.sum(coverage.side == step)) for step in range(3)]
    if max(sides) > 0.95 * len(records):
        where = ("the picture's left", "everywhere alike", "the picture's right")[int(np.argmax(sides))]
        words.append(f"light comes from {where} in nearly all faces: turn with the light at the side, or move a lamp")
    low, high = np.percentile(coverage.values(lambda record: record.brightness), (5, 95)).tolist()
    if high - low < 0.12:
        words.append("all faces are about as bright: film a second take in brighter or darker light")
    if len(records) < SMALL_SET:
        words.append(f"the set is small, {len(records)} faces: a thousand different ones and more train well")
    enlarged = float(np.mean([scale_of(record.frame_to_crop) > ENLARGED for record in records]))
    if enlarged > 0.5:
        words.append(
            f"{enlarged:.0%} of the faces are enlarged more than twice, they are small in the frame: film from nearer,"
            " or collect with a smaller --size"
        )
    alike = len(duplicates(records)) / len(records)
    if alike > MANY_DUPLICATES:
        words.append(f"{alike:.0%} are like another: `mummer faceset prune --duplicates` sets them aside")
    return words


#: Poses that are named, of those that another set has and this one has not.
NAMED: Final = 6


def lacking(coverage: Coverage, other: Coverage, name: str) -> list[str]:
    """What the set called ``name`` shows and this one does not: a model of these faces will not show it either."""
    needed = max(FEW, round(FEW_SHARE * len(other.records)))
    there, here = other.poses, coverage.poses
    cells = [
        (int(there[y, x]), int(here[y, x]), f"the head {PITCH.names[y]} and {YAW.names[x]}")
        for y, x in np.ndindex(here.shape)
    ]
    for scale, ours, theirs, what in (
        (MOUTH, coverage.mouth, other.mouth, "mouth"),
        (EYES, coverage.eyes, other.eyes, "eyes"),
    ):
        for step, word in enumerate(scale.names):
            cells.append((int(np.sum(theirs == step)), int(np.sum(ours == step)), f"{what} {word}"))
    gaps = sorted((cell for cell in cells if cell[0] >= needed and cell[1] < FEW), reverse=True)
    words = [f"{count:,} faces of {name} with {what}, here {few or 'none'}" for count, few, what in gaps[:NAMED]]
    if len(gaps) > NAMED:
        words.append(f"and {len(gaps) - NAMED} more poses and expressions of {name}")
    return words
