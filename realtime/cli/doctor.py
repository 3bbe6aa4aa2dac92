"""``mummer doctor``: what runs where, and why not elsewhere."""

from typing import Annotated

import typer

from realtime.cli import options
from realtime.cli.console import say

__all__ = ["doctor"]


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    device: options.Device = "auto",
) -> None:
    """Run each model at hand, and show which provider really ran it, how fast, and why others did not."""
    from realtime.jobs.doctor import diagnose

    found = diagnose(device)
    if as_json:
        say(found.model_dump_json())
        return
    for package in found.packages:
        if package.instead is not None:
            say(
                f"package {package.name!r}: another one is imported in place of ours: {package.instead}; rename it,"
                " start from another folder, or uninstall the project that it belongs to"
            )
    say(f"OpenCV {found.opencv.version} ({'with' if found.opencv.display else 'without'} a display's libraries)")
    if problem := found.opencv.problem():
        say(f"  {problem}")
    say(f"ONNX Runtime {found.onnxruntime}")
    for each in found.devices:
        say(f"  {each.name:10} {'works' if each.works else f'not used: {each.why_not}'}")
    say("models")
    for model in found.models:
        if model.problem is not None:
            say(f"  {model.name:10} does not run: {model.problem}")
            continue
        ran = ", ".join(
            f"{provider} {nodes} nodes, {model.share[provider]:.0%} of the time"
            for provider, nodes in model.nodes.items()
        )
        say(f"  {model.name:10} {model.ms:8.2f} ms   {ran}")
    spin = found.spinning
    say("idle threads (two, a face every thirtieth of a second)")
    say(f"  asleep     {spin.asleep_ms:8.2f} ms CPU a face   as this program sets them")
    say(f"  spinning   {spin.spinning_ms:8.2f} ms CPU a face   ONNX Runtime's own default")
