"""What a user may choose, in one model for the command line, files, the API and Python. Imports nothing heavy."""

from realtime.settings.conversion import LARGEST_PICTURE, Conversion, OnDamage
from realtime.settings.look import LABEL, LONGEST_LABEL, MODEL, Look, ModelOptions
from realtime.settings.option import Option
from realtime.settings.problem import first_problem

__all__ = [
    "LABEL", "LARGEST_PICTURE", "LONGEST_LABEL", "MODEL", "Conversion", "Look", "ModelOptions", "OnDamage", "Option",
    "first_problem",
]  # fmt: skip
