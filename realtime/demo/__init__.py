"""The demo's own sample clip: a public-domain photograph that talks."""

__all__: list[str] = []
