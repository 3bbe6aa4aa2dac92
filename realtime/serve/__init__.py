"""The daemon: the live engine under an HTTP API, with a web panel. Needs the extra ``serve``."""
