"""What a model answers: the probe, forward passes, windows, and the schema of a recording."""
