"""A page on which a person corrects saved faces."""
