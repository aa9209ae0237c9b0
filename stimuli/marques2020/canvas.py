"""The canvas that the published pictures were drawn on, and the half pixel of its origin."""

__all__ = ["CANVAS_PX", "GREY", "HALF_PX", "ORIGIN_PX", "PX_PER_DEG"]

CANVAS_PX = 672
PX_PER_DEG = 56
ORIGIN_PX = 336
GREY = 128

# Coordinate 0 lies on pixel 336 of 672; the middle of the canvas lies half a pixel before it.
HALF_PX = 0.5 / PX_PER_DEG
