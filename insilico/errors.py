"""The one exception that means: nothing is broken, but the input has to change."""

__all__ = ["UserError"]


class UserError(ValueError):
    """A mistake that the user can mend: the command line prints its message, and no traceback.

    The message says what is allowed, what came and what to do, on as few lines as it can. Every
    other exception is a defect of the program (or of the user's own model code) and keeps its
    traceback. ``stimuli``, which knows nothing of ``insilico``, raises plain `ValueError` in the
    same spirit; see `insilico.cli.app.main`.
    """
