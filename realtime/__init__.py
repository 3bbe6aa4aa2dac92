"""Sources, face finder, swap, sinks: everything that runs a trained model. Never imports torch."""
