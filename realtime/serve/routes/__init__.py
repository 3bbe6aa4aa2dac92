"""The routes of the HTTP API, a file a subject. Their docstrings are the OpenAPI document."""
