"""The bronze statue: pairs of a real face and the same pose and expression cast in bronze, as nobody."""
