"""The report on a faceset: one HTML page that needs nothing beside it."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.faceset.colors import color_notes
from models.faceset.coverage import (
    BRIGHTNESS,
    BROWS,
    EYES,
    FEW,
    MOUTH,
    PITCH,
    SIDE,
    YAW,
    Coverage,
    Scale,
    lacking,
    missing,
)
from models.faceset.flaws import FLAWS
from models.faceset.folder import Faceset
from models.faceset.record import Record
from realtime.media.picture import read_picture
from realtime.runtime.errors import InputError
from realtime.runtime.files import write_whole

__all__ = ["write_report"]

#: Side of the small pictures.
SIDE_PX: Final = 88
#: Pictures of a row of examples.
EXAMPLES: Final = 8
_Indices = NDArray[np.int64]


def write_report(faceset: Faceset, page: Path, against: Faceset | None = None) -> list[str]:
    """Write the report to ``page``; returns what it says is missing, one sentence each.

    ``against`` is the other side's set, whose poses and expressions this one should have too. Raises ``InputError``
    where a set has no faces, ``OutputError`` where the page cannot be written.
    """
    coverage = Coverage(faceset.faces())
    words = [*missing(coverage), *color_notes(faceset.sources.read())]
    other = None
    if against is not None:
        other = Coverage(against.faces())
        words = [*lacking(coverage, other, against.folder.resolve().name), *words]
    write_whole(page, _Page(faceset, coverage, words, other).html().encode("utf-8", "replace"))
    return words


class _Page:
    def __init__(self, faceset: Faceset, coverage: Coverage, words: Sequence[str], other: Coverage | None) -> None:
        self._faceset, self._coverage, self._words, self._other = faceset, coverage, words, other
        self._pictures: dict[int, str] = {}

    def html(self) -> str:
        """The whole page."""
        name = escape(self._faceset.folder.resolve().name)
        body = "".join(
            (
                self._head(name),
                _section("What to film next", _list(self._words), ""),
                _section("Pose", self._poses(), "Left and right as seen in the picture; the sharpest face of each."),
                _section("Expression", self._expressions(), ""),
                _section("Light", self._light(), "Across: where it comes from. Down: how bright the face is."),
                _section("Sharpness", self._sharpness(), "From the softest face to the sharpest."),
                _section(
                    "To be looked at", self._flaws(), "mummer faceset prune sets them aside, restore brings them back."
                ),
                _section("Footage", self._sources(), ""),
            )
        )
        return _FRAME.format(title=name, style=_STYLE, body=body)

    def _head(self, name: str) -> str:
        records = self._coverage.records
        sources = len({record.source.sha256 for record in records})
        aside = sum(record.pruned is not None for record in self._faceset.records())
        identity = self._faceset.identity
        if identity is None:
            who = "nobody is named: a model of these faces cannot be exported"
        else:
            agreed = f"{identity.consent.by}, {identity.consent.date}" if identity.consent else "no consent recorded"
            who = f"{identity.name} ({identity.kind}; {agreed})"
        tiles = (
            (f"{len(records):,}", "faces"),
            (f"{aside:,}", "set aside"),
            (f"{sources:,}", "source" if sources == 1 else "sources"),
            (f"{records[0].size}", "pixels a side"),
        )
        shown = "".join(f"<div class=tile><b>{number}</b>{label}</div>" for number, label in tiles)
        return f"<header><h1>{name}</h1><p>{escape(who)}</p><div class=tiles>{shown}</div></header>"

    def _poses(self) -> str:
        asked = np.zeros_like(self._coverage.poses) if self._other is None else self._other.poses
        return self._grid(YAW, PITCH, self._coverage.yaw, self._coverage.pitch, np.where(asked < FEW, 0, asked))

    def _light(self) -> str:
        nothing = np.zeros((len(BRIGHTNESS.names), len(SIDE.names)), np.int64)
        return self._grid(SIDE, BRIGHTNESS, self._coverage.side, self._coverage.brightness, nothing)

    def _grid(self, across: Scale, upwards: Scale, column: _Indices, row: _Indices, asked: _Indices) -> str:
        """A table of cells, each with a face and how many there are like it, or how many the other set has."""
        head = "".join(f"<th>{name}</th>" for name in across.names)
        lines = []
        for y in reversed(range(len(upwards.names))):
            cells = "".join(
                f"<td>{self._cell(np.flatnonzero((column == x) & (row == y)), asked[y, x])}</td>"
                for x in range(len(across.names))
            )
            lines.append(f"<tr><th>{upwards.names[y]}</th>{cells}</tr>")
        return f"<div class=wide><table class=grid><tr><th></th>{head}</tr>{''.join(lines)}</table></div>"

    def _expressions(self) -> str:
        rows = (
            ("Mouth", MOUTH, self._coverage.mouth),
            ("Eyes", EYES, self._coverage.eyes),
            ("Brows", BROWS, self._coverage.brows),
        )
        return "".join(self._row(name, scale, steps) for name, scale, steps in rows)

    def _row(self, name: str, scale: Scale, steps: _Indices) -> str:
        cells = "".join(
            f"<figure>{self._cell(np.flatnonzero(steps == step))}<figcaption>{label}</figcaption></figure>"
            for step, label in enumerate(scale.names)
        )
        return f"<div class=row><h3>{name}</h3><div class=strip>{cells}</div></div>"

    def _cell(self, members: _Indices, asked: int = 0) -> str:
        """The sharpest of some faces, their number, and a bar for their share of the set."""
        if not len(members) and asked:
            return f"<div class='cell none asked'>{asked:,} there, none here</div>"
        if not len(members):
            return "<div class='cell none'>none</div>"
        sharpest = int(members[self._coverage.sharpness[members].argmax()])
        share = len(members) / len(self._coverage.records)
        few = " few" if len(members) < FEW else ""
        return (
            f"<div class='cell{few}'>{self._picture(sharpest)}<span>{len(members):,}</span>"
            f"<i style='width:{max(share * 100, 2):.0f}%'></i></div>"
        )

    def _sharpness(self) -> str:
        values = self._coverage.sharpness
        order = np.argsort(values)
        chosen = order[np.linspace(0, len(order) - 1, min(EXAMPLES, len(order))).round().astype(int)]
        pictures = "".join(
            f"<figure><div class=cell>{self._picture(int(index))}</div>"
            f"<figcaption>{values[index]:.3f}</figcaption></figure>"
            for index in chosen
        )
        return f"<div class=strip>{pictures}</div>{_histogram(values)}"

    def _flaws(self) -> str:
        records = self._coverage.records
        rows = []
        for name, flaw in FLAWS.items():
            members = np.flatnonzero(flaw.find(records))
            if not len(members):
                continue
            shown = members[np.linspace(0, len(members) - 1, min(EXAMPLES, len(members))).round().astype(int)]
            pictures = "".join(f"<div class=cell>{self._picture(int(index))}</div>" for index in shown)
            rows.append(
                f"<div class=row><h3>{name}</h3><div><p>{len(members):,} {escape(flaw.words)}</p>"
                f"<div class=strip>{pictures}</div></div></div>"
            )
        return "".join(rows) or "<p>Nothing: no face is misaligned, blurred, dark, blown out or there twice.</p>"

    def _sources(self) -> str:
        faces = Counter(record.source for record in self._coverage.records)
        known = {source.source: source for source in self._faceset.sources.read()}
        lines = []
        for origin, count in faces.most_common(SOURCES):
            source = known.get(origin)
            size, color = "not gone through to its end", ""
            if source is not None:
                size = f"{source.size[0]} × {source.size[1]}, {source.frames:,} frames"
            if source is not None and source.colors is not None:
                color = " / ".join(
                    dict.fromkeys((source.colors.matrix, source.colors.primaries, source.colors.transfer))
                )
            lines.append(
                f"<tr><td>{escape(origin.name)}</td><td>{count:,}</td><td>{size}</td><td>{escape(color)}</td></tr>"
            )
        rest = f"<p>and {len(faces) - SOURCES:,} more</p>" if len(faces) > SOURCES else ""
        head = "<tr><th>file</th><th>faces</th><th>picture</th><th>colour</th></tr>"
        return f"<div class=wide><table class=list>{head}{''.join(lines)}</table></div>{rest}"

    def _picture(self, index: int) -> str:
        """A face as an element; each is put into the page once for every place where it is shown."""
        if index not in self._pictures:
            record = self._coverage.records[index]
            self._pictures[index] = _inline(self._faceset.picture(record), record)
        return self._pictures[index]


#: Sources that are listed by name.
SOURCES: Final = 40


def _inline(path: Path, record: Record) -> str:
    try:
        picture = read_picture(path)
    except InputError:
        return "<span class=broken>cannot be read</span>"
    small = cv2.cvtColor(cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, 85))
    data = base64.b64encode(encoded.tobytes()).decode()
    told = f"{record.file}: yaw {record.yaw:.0f}°, pitch {record.pitch:.0f}°"
    return f"<img src='data:image/jpeg;base64,{data}' alt='' title='{escape(told, quote=True)}'>"


def _section(title: str, content: str, hint: str) -> str:
    told = f"<p class=hint>{escape(hint)}</p>" if hint else ""
    return f"<section><h2>{title}</h2>{told}{content}</section>"


def _list(words: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line[0].upper() + line[1:])}.</li>" for line in words)
    return (
        f"<ul class=next>{items}</ul>"
        if items
        else "<p>Nothing is missing: every pose, expression and light is there.</p>"
    )


def _histogram(values: NDArray[np.float64]) -> str:
    """Bars over the values' logarithm, as a drawing."""
    logs = np.log10(np.maximum(values, 1e-4))
    counts, _ = np.histogram(logs, bins=BARS)
    tallest = max(int(counts.max()), 1)
    bars = "".join(_bars(counts / tallest))
    box = f"viewBox='0 0 {BARS * 10} 50' preserveAspectRatio=none"
    return f"<svg {box} role=img aria-label='faces by sharpness'>{bars}</svg>"


BARS: Final = 48


def _bars(heights: Iterable[float]) -> Iterator[str]:
    for index, height in enumerate(heights):
        if height > 0:
            tall = max(48 * height, 1)
            yield f"<rect x={index * 10 + 1} y={50 - tall:.1f} width=8 height={tall:.1f} rx=1 />"


_FRAME: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: faceset</title><style>{style}</style></head><body><main>{body}</main></body></html>
"""
_STYLE: Final = """
:root { color-scheme: light dark; --back: #f6f5f2; --card: #fff; --ink: #23211e; --dim: #77716a; --line: #e3dfd8;
  --mark: #b4632a; --warn: #a8482f; --bare: #efece6; }
@media (prefers-color-scheme: dark) { :root { --back: #161513; --card: #201e1b; --ink: #ebe6df; --dim: #9a938a;
  --line: #35322d; --mark: #e09a5c; --warn: #e5886b; --bare: #191816; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 30px; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 18px; margin: 0 0 4px; }
h3 { font-size: 14px; margin: 0; font-weight: 600; }
header p { margin: 2px 0 18px; color: var(--dim); }
p { margin: 4px 0 10px; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
.tile { padding: 10px 18px; color: var(--dim); }
.tile b { display: block; font-size: 24px; line-height: 1.2; color: var(--ink); font-variant-numeric: tabular-nums; }
section { padding: 20px 22px; margin-top: 18px; }
.hint { color: var(--dim); font-size: 13px; margin-bottom: 14px; }
.next { margin: 8px 0 0; padding-left: 20px; }
.next li { margin: 5px 0; }
.next li::marker { color: var(--mark); content: "→  "; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th { font-weight: 500; font-size: 12px; color: var(--dim); padding: 3px 6px; text-align: center; white-space: nowrap; }
.grid td { padding: 3px; }
.grid tr th:first-child { text-align: right; padding-right: 10px; }
.cell { position: relative; width: 88px; height: 88px; border-radius: 8px; overflow: hidden; background: var(--bare); }
.cell img { display: block; width: 100%; height: 100%; }
.cell span { position: absolute; right: 5px; bottom: 7px; font-size: 11px; line-height: 1; padding: 3px 5px;
  color: #fff; border-radius: 5px; background: rgb(0 0 0 / 0.55); font-variant-numeric: tabular-nums; }
.cell .broken { right: 10px; left: 10px; bottom: 30px; text-align: center; }
.cell i { position: absolute; left: 0; bottom: 0; height: 4px; background: var(--mark); }
.few span { background: var(--warn); }
.none { border: 1px dashed var(--line); display: grid; place-items: center; font-size: 12px; color: var(--dim); }
.asked { border-color: var(--warn); color: var(--warn); text-align: center; }
.row { display: grid; grid-template-columns: 90px 1fr; gap: 12px; align-items: start; padding: 8px 0; }
.row + .row { border-top: 1px solid var(--line); }
.strip { display: flex; flex-wrap: wrap; gap: 8px; }
figure { margin: 0; }
figcaption { font-size: 12px; color: var(--dim); text-align: center; padding-top: 3px; }
svg { width: 100%; height: 64px; margin-top: 14px; fill: var(--mark); display: block; }
.list { width: 100%; font-size: 14px; }
.list th, .list td { text-align: left; padding: 6px 14px 6px 0; border-bottom: 1px solid var(--line); }
.list td:nth-child(2) { font-variant-numeric: tabular-nums; }
@media (max-width: 640px) { .row { grid-template-columns: 1fr; } .cell { width: 64px; height: 64px; } }
"""
