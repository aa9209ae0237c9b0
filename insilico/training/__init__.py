"""Training, evaluation and the factorial experiment."""
