"""Frames, pixel formats, colour spaces, and video files in and out."""
