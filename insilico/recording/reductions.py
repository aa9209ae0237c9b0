"""What is kept of a recording: every response, the best of some, or F0 and F1 over phase."""

from dataclasses import dataclass

__all__ = ["Harmonics", "Maximum", "Reduction"]


@dataclass(frozen=True)
class Maximum:
    """Keep the largest response over some factors.

    Parameters
    ----------
    over : tuple of str
        The factors; the others remain.
    """

    over: tuple[str, ...]


@dataclass(frozen=True)
class Harmonics:
    """Keep F0 and F1 of the rectified response in place of every phase.

    The factor ``phase`` gives way to ``harmonic``, 0 and 1.
    """

    over: tuple[str, ...] = ("phase",)


Reduction = Maximum | Harmonics
