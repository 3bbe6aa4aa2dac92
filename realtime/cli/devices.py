"""``mummer devices``: cameras, virtual cameras, microphones, and what models may run on."""

from typing import TYPE_CHECKING, Annotated

import typer

from realtime.cli.console import say

if TYPE_CHECKING:
    from realtime.devices import Thing

__all__ = ["devices"]


def devices(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List cameras, virtual cameras, microphones, and what models can run on; say what is missing."""
    from realtime.devices import list_hardware

    found = list_hardware()
    if as_json:
        say(found.model_dump_json())
        return
    _list("cameras (--camera)", found.cameras)
    _list("virtual cameras (--to)", found.virtual_cameras)
    _list("microphones (--audio)", found.microphones)
    say("models run on (--device)")
    for computer in found.computers:
        say(f"  {computer.name:24} {computer.missing or 'ready'}")
    for sentence in found.advice:
        say(sentence)


def _list(title: str, things: "tuple[Thing, ...]") -> None:
    say(title)
    for thing in things:
        say(f"  {thing.address:24} {thing.name}{f': {thing.note}' if thing.note else ''}")
    if not things:
        say("  none")
