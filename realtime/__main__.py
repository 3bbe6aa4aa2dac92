"""``python -m realtime`` is ``mummer``."""

from realtime.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
