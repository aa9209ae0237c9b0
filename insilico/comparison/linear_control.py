"""What linear filters show of the thirty phenomena: what they show too says nothing of more.

Shares of 24 cells of `textbook:control`, rectified filters and quadrature pairs;
``docs/scorecards/control.csv`` holds them with their intervals.
"""

__all__ = ["LINEAR_CONTROL"]

LINEAR_CONTROL: dict[int, float] = {
    1: 0.0, 2: 0.0, 3: 1.0, 4: 0.9167, 5: 1.0, 6: 0.5, 7: 0.0, 8: 0.0, 9: 0.2083, 10: 0.0,
    11: 0.0, 12: 0.0, 13: 1.0, 14: 1.0, 15: 1.0, 16: 1.0, 17: 0.7917, 18: 0.0, 19: 0.2083,
    20: 0.0, 21: 0.0, 22: 0.0, 23: 0.0, 24: 0.0, 25: 0.0, 26: 0.0, 27: 0.0, 28: 0.4167, 29: 0.5,
    30: 0.9167,
}  # fmt: skip
