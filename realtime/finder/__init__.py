"""Where the faces are: detection now and then, tracking by landmarks in between, smoothing."""

from realtime.finder.builtin import BuiltinFinder
from realtime.finder.plugins import FaceFinder, PluginFinder, detector_names, open_finder

__all__ = ["BuiltinFinder", "FaceFinder", "PluginFinder", "detector_names", "open_finder"]
