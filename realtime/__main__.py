"""``python -m realtime`` is ``mummer``."""

import sys
from typing import Final, NoReturn

from realtime.runtime import stop_signals

__all__ = ["main"]

#: Commands that run for hours.
_LASTING: Final = (["align"], ["live"], ["serve"], ["bench", "live"])


def main() -> NoReturn:
    """Run the command line; a signal ends it in good order before the rest is even imported."""
    stop_signals.listen(lasting=any(sys.argv[1 : 1 + len(command)] == command for command in _LASTING))
    from realtime.cli import main

    main()


if __name__ == "__main__":
    main()
