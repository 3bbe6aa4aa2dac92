"""Settings of the whole process. They are the program's to make: commands call these, the library never does."""

import gc

import cv2

from realtime.runtime.malloc import give_back_freed_memory, keep_freed_memory

__all__ = ["clear_up", "settle", "tune"]


def tune() -> None:
    """Set the process up for frames: keep their memory, and one thread a call in OpenCV.

    The threads of the pipeline fill the cores already; more inside each small warp only wait for one another.
    """
    keep_freed_memory()
    cv2.setNumThreads(1)


def settle() -> None:
    """``gc.freeze()`` the loaded objects: the garbage collector passes over them from now on.

    For programs that run for hours, once everything is loaded. A full collection, which holds up every thread, takes
    next to no time after this; before, it takes as long as two frames may. May be called again after more was loaded.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def clear_up() -> None:
    """Collect what is rubbish, and give its memory back. For when something large has ended.

    The collector comes seldom by itself once what was loaded is frozen, and filter graphs, with their threads and
    pictures, go with it only: they and their nodes hold one another. It takes a few milliseconds then.
    """
    gc.collect()
    give_back_freed_memory()
