"""``mummer inspect``: what a model file says about itself."""

from typing import Annotated

import typer

from realtime.cli.console import say

__all__ = ["inspect"]


def inspect(
    file: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A model's name, or a model file.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Print a model file's manifest, inputs and outputs."""
    import json

    from realtime.inference.modelfile import ModelFile
    from realtime.swap.kinds import PLAIN, is_drawing, kind_of, open_file
    from realtime.swap.library import find_model, record_of
    from realtime.swap.manifest import KEY
    from realtime.swap.model import OpenRequest

    path = find_model(file)
    with ModelFile(path) as read:
        facts: dict[str, object] = {"file": str(path), "bytes": read.size, "sha256": read.sha256()}
        drawn = is_drawing(read)
        kind = "drawn" if drawn else kind_of(read)
        inputs, outputs = ([], []) if drawn else (read.graph.inputs, read.graph.outputs)
        says: dict[str, object] = {"manifest": None, "record": None}
        if drawn or KEY in read.graph.metadata:
            model = open_file(OpenRequest(read, "cpu", 1, PLAIN))
            inputs, outputs = list(model.inputs), list(model.outputs)
            says = {"manifest": model.manifest.model_dump(mode="json")}
        elif record := record_of(path):
            record.check(read)
            says["record"] = record.model_dump(mode="json")
    facts["kind"] = kind
    facts["inputs"] = [port._asdict() for port in inputs]
    facts["outputs"] = [port._asdict() for port in outputs]
    facts |= says
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
