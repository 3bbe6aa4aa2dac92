"""Swap models: crops of faces in, crops with the other face and its mask out. One file a kind of model."""

from realtime.swap.kinds import describe, open_model
from realtime.swap.model import SwapModel

__all__ = ["SwapModel", "describe", "open_model"]
