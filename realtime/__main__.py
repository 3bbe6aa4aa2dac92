"""``python -m realtime`` is ``mummer``."""

from typing import NoReturn

from realtime.runtime import stop_signals

__all__ = ["main"]


def main() -> NoReturn:
    """Run the command line; a signal ends it in good order before the rest is even imported."""
    stop_signals.listen()
    from realtime.cli import main

    main()


if __name__ == "__main__":
    main()
