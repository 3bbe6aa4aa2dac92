"""From a torch checkpoint to a checked model file."""
