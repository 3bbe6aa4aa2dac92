"""Sources, sinks and finders that fail by a script, and the live benchmark that uses them."""
