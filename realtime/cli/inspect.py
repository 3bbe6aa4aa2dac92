"""``mummer inspect``: what a model file says about itself."""

from typing import Annotated

import typer

from realtime.cli.say import say

__all__ = ["inspect"]


def inspect(
    file: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A built-in model, or a model file.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Print a model file's manifest, inputs and outputs."""
    import json

    from realtime.library import find_model
    from realtime.swap import SwapModel

    model = SwapModel.load(find_model(file), "cpu")
    facts: dict[str, object] = {
        "file": str(model.path),
        "bytes": model.path.stat().st_size,
        "sha256": model.sha256,
        "inputs": [port._asdict() for port in model.inputs],
        "outputs": [port._asdict() for port in model.outputs],
        "manifest": model.manifest.model_dump(mode="json"),
    }
    if as_json:
        say(json.dumps(facts))
        return
    for line in _lines(facts, 0):
        say(line)


def _lines(facts: dict[str, object], depth: int) -> list[str]:
    """Nested facts as indented lines, ``name: value``."""
    lines = []
    for name, value in facts.items():
        if isinstance(value, dict):
            lines += [f"{'  ' * depth}{name}:", *_lines(value, depth + 1)]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{'  ' * depth}{name}:")
            for item in value:
                first, *rest = _lines(item, 0)
                pad = "  " * (depth + 1)
                lines += [f"{pad}- {first}", *(f"{pad}  {line}" for line in rest)]
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
            lines.append(f"{'  ' * depth}{name}: {'none' if shown is None else shown}")
    return lines
