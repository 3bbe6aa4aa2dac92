"""Long jobs: a video in segments on a fixed grid, each a pure function of source and settings, joined at the end."""
