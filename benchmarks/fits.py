"""Time to fit a population's contrast responses, relative to scipy, unit by unit.

    python benchmarks/fits.py [--json] [--units 5000]

5,000 noisy curves of 12 contrasts, Naka-Rushton: (a) `scipy.optimize.least_squares` from the same
starts and within the same bounds, with the same derivatives, on 100 of the curves; (b)
`insilico.fit_curve`, with R2, covariance and flags. Prints the seconds of (b), a/b per curve, and
the largest excess of the cost of (b) over that of (a), as a share of the curve's sum of squares.
The targets: at most 2 s on two cores, and an excess of at most 1e-6.
"""

import argparse
import json
import time

import numpy as np
import xarray as xr
from scipy.optimize import least_squares

import insilico
from insilico.tuning.fits import FAMILIES
from insilico.tuning.fits.least_squares import starts

FAMILY = FAMILIES["naka_rushton"]
CONTRASTS = np.geomspace(0.01, 1, 12)
BY_SCIPY = 100
NOISE = 0.05


def curves(n):
    rng = np.random.default_rng(0)
    low, high = [5, 0.05, 1], [50, 0.7, 6]
    clean = FAMILY.curve((CONTRASTS,), rng.uniform(low, high, (n, 3)))
    return clean + NOISE * clean.max(1, keepdims=True) * rng.standard_normal(clean.shape)


def by_scipy(value):
    """Least cost from the starts of one curve."""
    costs = []
    for start in starts(FAMILY, (CONTRASTS,), value[None])[:, 0]:
        found = least_squares(
            lambda p: FAMILY.curve((CONTRASTS,), p) - value,
            np.clip(start, FAMILY.lower + 1e-10, FAMILY.upper - 1e-10),
            jac=lambda p: FAMILY.jacobian((CONTRASTS,), p).T,
            bounds=(FAMILY.lower, FAMILY.upper),
            x_scale="jac",
        )
        costs.append(2 * found.cost)
    return min(costs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--units", type=int, default=5000)
    arguments = parser.parse_args()

    values = curves(arguments.units)
    curve = xr.DataArray(values, dims=("unit", "contrast"), coords={"contrast": CONTRASTS})
    insilico.fit_curve(curve[:10], "naka_rushton")
    started = time.perf_counter()
    fit = insilico.fit_curve(curve, "naka_rushton")
    ours = time.perf_counter() - started

    some = values[:BY_SCIPY]
    started = time.perf_counter()
    reference = np.array([by_scipy(value) for value in some])
    theirs = time.perf_counter() - started
    excess = (fit["cost"].to_numpy()[: len(some)] - reference) / (some**2).sum(1)
    result = {
        "units": arguments.units,
        "seconds": round(ours, 2),
        "times as fast as scipy": round(theirs / len(some) / (ours / len(values))),
        "largest excess of the cost": float(f"{excess.max():.1g}"),
    }
    if arguments.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:28} {value}")


if __name__ == "__main__":
    main()
