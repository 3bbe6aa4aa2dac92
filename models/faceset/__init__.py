"""Facesets: aligned faces collected from footage, looked at, curated, and read for training."""
