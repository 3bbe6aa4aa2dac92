"""How a setting looks on the command line, where its name and type do not say it."""

from dataclasses import dataclass

__all__ = ["Option"]


@dataclass(frozen=True, slots=True)
class Option:
    """Stands in the annotation of a field.

    ``metavar`` is what the help shows for the value. ``hidden`` keeps the field off the command line, which then has
    words of its own for it.
    """

    metavar: str | None = None
    hidden: bool = False
