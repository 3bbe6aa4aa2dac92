"""The demo's own sample clip: a public-domain portrait that talks, made from one photograph and a few curves."""

__all__: list[str] = []
