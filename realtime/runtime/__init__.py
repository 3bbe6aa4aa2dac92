"""Threads, queues, clocks, memory, files, errors: knows nothing of pictures."""
