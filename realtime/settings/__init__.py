"""What a user may choose, in one model for the command line, files, the API and Python. Imports nothing heavy."""

from realtime.settings.look import LABEL, LONGEST_LABEL, MODEL, Look, ModelOptions, WhichFaces
from realtime.settings.option import Option
from realtime.settings.problem import first_problem

__all__ = ["LABEL", "LONGEST_LABEL", "MODEL", "Look", "ModelOptions", "Option", "WhichFaces", "first_problem"]
