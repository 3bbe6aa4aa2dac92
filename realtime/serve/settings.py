"""How the daemon runs: defaults, then a TOML file, then the environment, then the command line."""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import ClassVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from realtime.runtime.errors import UsageError, reason
from realtime.runtime.files import read_regular
from realtime.runtime.folders import state_folder
from realtime.runtime.logs import Level
from realtime.serve.token import token_file
from realtime.settings import first_problem

__all__ = ["ServeSettings", "read_settings"]


class ServeSettings(BaseSettings):
    """What the daemon runs with; the environment's names are these with ``MUMMER_SERVE_`` before them.

    ``roots`` are the folders whose files may be played, recorded into, converted and loaded as models over the API;
    without any, none may. ``hosts`` are further names under which the daemon is reached, ``max_body`` is in bytes, and
    ``max_connections`` are open at a time. ``uploads`` is the folder of files that are sent, of at most ``max_upload``
    bytes each (0: none are taken); ``max_jobs`` wait or run at most. ``start`` is the body of a request to start a
    session, which is started with the daemon. ``log_level`` is what is logged on stderr at least, requests from
    ``info`` on, and ``log_json`` makes each line of it a JSON object.
    """

    model_config = SettingsConfigDict(
        env_prefix="MUMMER_SERVE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )
    file: ClassVar[Path | None] = None

    host: str = "127.0.0.1"
    port: int = Field(7860, ge=1, le=65535)
    roots: tuple[Path, ...] = ()
    hosts: tuple[str, ...] = ()
    token_file: Path = Field(default_factory=token_file)
    max_body: int = Field(65536, ge=1024, le=1 << 24)
    max_connections: int = Field(768, ge=16, le=65536)
    uploads: Path = Field(default_factory=lambda: state_folder() / "uploads")
    max_upload: int = Field(4 << 30, ge=0, le=1 << 50)
    max_jobs: int = Field(16, ge=1, le=1024)
    start: dict[str, object] | None = Field(default=None, repr=False)
    log_level: Level = "warning"
    log_json: bool = False

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The first of them wins."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.file)


def read_settings(file: Path | None, **said: object) -> ServeSettings:
    """The settings from ``file`` and the environment; ``said`` on the command line wins unless it is None.

    Raises ``UsageError`` for a file that cannot be read, an unknown key or variable, and a value that does not fit.
    """
    _check_variables()
    # The library takes the file's name from the class, so each reading has a class of its own.
    kind = type("ServeSettings", (ServeSettings,), {"file": file, "__module__": __name__})
    try:
        if file is not None:
            read_regular(file)  # the library passes over a file that is missing
        settings: ServeSettings = kind(**{name: value for name, value in said.items() if value is not None})
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {reason(error)}") from error
    except ValidationError as error:
        raise UsageError(f"{file or 'the settings'}: {first_problem(error, ServeSettings.model_fields)}") from error
    except ValueError as error:  # not TOML, or not JSON in the environment
        raise UsageError(f"{file or 'the settings'}: {' '.join(str(error).split())}") from error
    return settings


def _check_variables() -> None:
    """Raise ``UsageError`` for a variable of the environment that looks like one of the settings and is none.

    The library passes over them, and a misspelt one would be a setting that silently is not there.
    """
    prefix = str(ServeSettings.model_config.get("env_prefix", ""))
    for variable in sorted(os.environ):
        name = variable.upper().removeprefix(prefix).lower()
        if variable.upper().startswith(prefix) and name.partition("__")[0] not in ServeSettings.model_fields:
            near = get_close_matches(name, ServeSettings.model_fields, 1)
            hint = f"; do you mean {prefix}{near[0].upper()}?" if near else ""
            raise UsageError(f"the environment: there is no setting {variable}{hint}")
