"""Whether Enter was pressed, for commands that run on beside their terminal."""

import sys

__all__ = ["enter_pressed"]


def enter_pressed() -> bool:
    """Whether somebody pressed Enter since the last call; false where nobody sits at a terminal. Never waits."""
    if not sys.stdin.isatty():
        return False
    if sys.platform == "win32":
        import msvcrt

        pressed = False
        while msvcrt.kbhit():
            pressed |= msvcrt.getwch() in "\r\n"
        return pressed
    import select

    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(ready) and bool(sys.stdin.readline())
