"""File jobs over the API: asked for, queued, run in a process of their own, and what came of them."""
