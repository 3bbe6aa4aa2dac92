"""Many files in one go: what is to be made, what was made already, and what became of each."""
