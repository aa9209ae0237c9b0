"""Doing it, once or often: a run, its results, and several runs side by side."""
