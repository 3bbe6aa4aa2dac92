"""Face detectors that need torch; they plug into ``realtime`` by name."""

__all__: list[str] = []
