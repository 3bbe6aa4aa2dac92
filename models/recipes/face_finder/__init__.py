"""The face finder: a detector of heads in whole frames, and a net of 68 landmarks in one crop."""
