"""What predictivity needs beyond the package itself."""

from importlib.util import find_spec

from insilico.errors import UserError

__all__ = ["check_scikit_learn"]


def check_scikit_learn() -> None:
    """Find out whether scikit-learn is installed, which draws the splits of the images.

    Raises
    ------
    UserError
        If it is not.
    """
    if find_spec("sklearn") is None:
        raise UserError(
            "predicting neurons needs scikit-learn: pip install 'insilico-ephys[predict]'."
        )
