"""Input against output, property by property: what a reader of the report wants to know first."""

from collections.abc import Iterator

from pydantic import BaseModel

from realtime.media.color_tags import ColorTags, matrix_name, primaries_name, range_name, transfer_name
from realtime.media.file_source import FileSource
from realtime.media.orientation import Turn
from realtime.media.tags import encoded_tags, file_tags, stream_tags

__all__ = ["Compared", "compare", "properties"]


class Compared(BaseModel):
    """One property of the input and of the output, in words; empty where there is nothing of the kind."""

    what: str
    input: str
    output: str

    @property
    def kept(self) -> bool:
        """Whether the two are the same."""
        return self.input == self.output


def compare(before: dict[str, str], after: dict[str, str]) -> list[Compared]:
    """A row for each property that one of the two files has, in the order of ``before``."""
    names = [*before, *(name for name in after if name not in before)]
    return [Compared(what=name, input=before.get(name, ""), output=after.get(name, "")) for name in names]


def properties(source: FileSource) -> dict[str, str]:
    """What the open file ``source`` is, property by property, in words."""
    return {name: words for name, words in _properties(source) if words}


def _properties(source: FileSource) -> Iterator[tuple[str, str]]:
    context, picture, facts = source.video.codec_context, source.first.picture, source.facts
    container, around = source.container, source.container_facts
    tags = ColorTags.of(picture)
    yield "container", container.format.name
    yield "codec", context.codec.canonical_name
    yield "profile", context.profile or ""
    yield "tag", context.codec_tag if context.codec_tag.isprintable() else ""
    yield "size", f"{picture.width}x{picture.height}"
    yield "pixel format", picture.format.name
    yield "matrix", matrix_name(tags.matrix)
    yield "primaries", primaries_name(tags.primaries)
    yield "transfer", transfer_name(tags.transfer)
    yield "range", range_name(tags.range)
    yield "chroma location", facts.chroma or ""
    yield "fields", facts.fields or "whole pictures"
    yield "pixel aspect", str(source.video.sample_aspect_ratio or "unknown")
    yield "turn", "as stored" if source.first.kind.turn == Turn() else "turned"
    yield "frame rate", str(source.rate)
    yield "clock", f"{source.time_base} s"
    yield "starts at", f"{float((source.first.pts or 0) * source.time_base):.3f} s"
    yield from facts.side_data.items()
    for number, stream in enumerate(source.others):
        codec = "" if stream.codec_context is None else f" {stream.codec_context.codec.canonical_name}"
        words = sorted(f"{name.lower()}={value}" for name, value in stream_tags(stream.metadata).items())
        yield f"stream {number + 1}", f"{stream.type}{codec}"
        yield f"stream {number + 1} tags", " ".join(words)
    yield "chapters", str(len(source.chapters) or "")
    yield "index", "in front" if around.index_first else "in fragments" if around.fragmented else ""
    yield "services", ", ".join(program.get("service_name", "") for program in around.programs)
    for name, value in encoded_tags(source.video.metadata, transparent=True).items():
        yield f"video {name.lower()}", value
    for name, value in file_tags(container.metadata).items():
        yield name.lower(), value
