"""Settings of the whole process. They are the program's to make: commands call ``tune``, the library never does."""

import cv2

from realtime.heap import keep_freed_memory

__all__ = ["tune"]


def tune() -> None:
    """Set the process up for frames: keep their memory, and one thread a call in OpenCV.

    The threads of the pipeline fill the cores already; more inside each small warp only wait for one another.
    """
    keep_freed_memory()
    cv2.setNumThreads(1)
