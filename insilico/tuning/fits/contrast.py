"""Curves over contrast: of one grating, of a plaid, and of a grating with a surround."""

import numpy as np

from insilico.tuning.fits.family import Array, Family, Parameter, crossed

__all__ = ["NAKA_RUSHTON", "PEIRCE", "PLAID", "SURROUND_CONTRAST"]

MAXIMUM = Parameter("maximum", 0, units="response")
C50 = Parameter("c50", 0.005, 1)
EXPONENT = Parameter("exponent", 0.3, 8)

# Where fits begin: shallow, middling and steep curves.
EXPONENTS, HALVES = (1.0, 2.5, 6.0), np.geomspace(0.01, 0.9, 10)


def _naka_rushton(contrast: Array, c50: Array, exponent: Array) -> tuple[Array, ...]:
    return (1 / (1 + (c50 / contrast) ** exponent),)


def _peirce(
    contrast: Array, c50: Array, exponent: Array, supersaturation: Array
) -> tuple[Array, ...]:
    falling = contrast ** (exponent * (supersaturation - 1))
    return (1 / (falling + (c50 / contrast) ** exponent),)


def _plaid(
    contrast: Array, mask_contrast: Array, c50: Array, exponent: Array, mask_weight: Array
) -> tuple[Array, ...]:
    energy = contrast**2 + (mask_weight * mask_contrast) ** 2
    return (contrast**exponent / (c50**exponent + energy ** (exponent / 2)),)


def _surround_contrast(
    contrast: Array,
    surround_contrast: Array,
    c50: Array,
    exponent: Array,
    response_gain: Array,
    contrast_gain: Array,
) -> tuple[Array, ...]:
    share = surround_contrast / SURROUND
    moved = c50 * 2 ** (contrast_gain * share)
    driven = contrast**exponent
    return (2 ** (response_gain * share) * driven / (driven + moved**exponent),)


# The surround contrast at which its gains are given, in octaves.
SURROUND = 0.5

NAKA_RUSHTON = Family(
    name="naka_rushton",
    formula="maximum contrast^exponent / (contrast^exponent + c50^exponent)",
    dims=("contrast",),
    amplitudes=(MAXIMUM,),
    shape=(C50, EXPONENT),
    basis=_naka_rushton,
    starts=lambda _: crossed(EXPONENTS, HALVES)[..., ::-1],
    subtracts_zero=True,
)

PEIRCE = Family(
    name="peirce",
    formula="maximum contrast^exponent / (contrast^(supersaturation exponent) + c50^exponent)",
    dims=("contrast",),
    amplitudes=(MAXIMUM,),
    shape=(C50, EXPONENT, Parameter("supersaturation", 1, 3, no_effect=1)),
    basis=_peirce,
    starts=lambda _: crossed(EXPONENTS, HALVES, (1.05, 1.3, 2.0))[..., [1, 0, 2]],
    subtracts_zero=True,
)

PLAID = Family(
    name="plaid",
    formula="maximum contrast^exponent / "
    "(c50^exponent + (contrast^2 + mask_weight^2 mask_contrast^2)^(exponent / 2))",
    dims=("contrast", "mask_contrast"),
    amplitudes=(MAXIMUM,),
    shape=(C50, EXPONENT, Parameter("mask_weight", 0, 20, no_effect=0)),
    basis=_plaid,
    starts=lambda *_: crossed(EXPONENTS, HALVES, (0.1, 0.4, 1.0, 2.5))[..., [1, 0, 2]],
)

SURROUND_CONTRAST = Family(
    name="surround_contrast",
    formula="maximum 2^(response_gain s) contrast^exponent / "
    "(contrast^exponent + c50^exponent 2^(exponent contrast_gain s)), "
    "with s = surround_contrast / 0.5",
    dims=("contrast", "surround_contrast"),
    amplitudes=(MAXIMUM,),
    shape=(
        C50,
        EXPONENT,
        Parameter("response_gain", -6, 6, units="octaves"),
        Parameter("contrast_gain", -6, 6, units="octaves"),
    ),
    basis=_surround_contrast,
    starts=lambda *_: crossed(EXPONENTS, HALVES[::2], (-2, -0.7, 0), (0, 0.5, 1.5))[
        ..., [1, 0, 2, 3]
    ],
)
