"""Architectures by name. To add one: a module with a ``Config``, and its name here."""

import dataclasses
from collections.abc import Mapping
from typing import Final

from models.architectures.base import Config, Network
from models.architectures.deepfacelab import DfConfig, LiaeConfig
from models.architectures.lite import LiteConfig
from models.architectures.original import OriginalConfig
from realtime.runtime.errors import UsageError

__all__ = [
    "ARCHITECTURES",
    "Config",
    "DfConfig",
    "LiaeConfig",
    "LiteConfig",
    "Network",
    "OriginalConfig",
    "configure",
]

ARCHITECTURES: Final[Mapping[str, type[Config]]] = {
    config.name: config for config in (OriginalConfig, LiteConfig, DfConfig, LiaeConfig)
}


def configure(name: str, **fields: object) -> Config:
    """The config of the architecture ``name`` with the given fields; lists (from JSON) are taken as tuples.

    Raises ``UsageError`` for an unknown architecture or field, and for numbers that do not fit.
    """
    config = ARCHITECTURES.get(name)
    if config is None:
        raise UsageError(f"no architecture {name!r}; there are {', '.join(sorted(ARCHITECTURES))}")
    unknown = fields.keys() - {field.name for field in dataclasses.fields(config)}
    if unknown:
        raise UsageError(f"architecture {name!r} has no {', '.join(sorted(unknown))}")
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return config(**frozen)  # type: ignore[arg-type]  # the config checks them
