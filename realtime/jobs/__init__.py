"""File jobs: a file in, a file and a report out, to the end."""
