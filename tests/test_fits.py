"""Fitted curves: known parameters, the solver of scipy, and what is said of fits that fail."""

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import least_squares

import insilico
from insilico.tuning.fits import FAMILIES, evaluate, fit_curve, is_better
from insilico.tuning.fits.fitting import _best
from insilico.tuning.fits.least_squares import starts

CONTRASTS = np.geomspace(0.01, 1, 12)
PLAID = np.array([0, 0.06, 0.12, 0.25, 0.5])
SURROUND = np.array([0, 0.03, 0.06, 0.12, 0.25, 0.5])
MAP = np.linspace(-1, 1, 21)

# The conditions of each family, and between what its true parameters are drawn.
AXES = {
    "von_mises": (np.arange(0, 180, 15.0),),
    "double_von_mises": (np.arange(0, 360, 30.0),),
    "log_gaussian": (np.geomspace(0.3, 10, 12),),
    "naka_rushton": (CONTRASTS,),
    "peirce": (CONTRASTS,),
    "difference_of_gaussians": (np.geomspace(0.2, 8, 12),),
    "ratio_of_gaussians": (np.geomspace(0.2, 8, 12),),
    "gabor": (MAP, MAP),
    "plaid": (PLAID, PLAID),
    "surround_contrast": (SURROUND, SURROUND),
}
DRAWN = {
    "von_mises": [(0, 5), (5, 50), (0, 180), (0.5, 20)],
    "double_von_mises": [(0, 5), (30, 50), (0, 25), (0, 360), (0.8, 7)],
    "log_gaussian": [(5, 50), (0.4, 7), (0.3, 1.5)],
    "naka_rushton": [(5, 50), (0.05, 0.7), (1, 6)],
    "peirce": [(5, 50), (0.05, 0.4), (1.5, 5), (1.05, 1.6)],
    "difference_of_gaussians": [(50, 60), (0, 40), (0.4, 2), (1.5, 5)],
    "ratio_of_gaussians": [(5, 50), (0.4, 2), (1.5, 5), (0.3, 5)],
    "gabor": [(5, 50), (-0.2, 0.2), (-0.2, 0.2), (0, 180), (0.8, 2), (0, 360), (0.18, 0.35),
              (0.2, 0.4)],
    "plaid": [(5, 50), (0.05, 0.4), (1, 5), (0.2, 2)],
    "surround_contrast": [(5, 50), (0.05, 0.4), (1, 5), (-2, 0), (0, 2)],
}  # fmt: skip


def known(name, n, noise=0.0, seed=0):
    """Curves (unit, *dims) of a family, and their parameters (unit, parameter)."""
    rng = np.random.default_rng(seed)
    family, axes = FAMILIES[name], AXES[name]
    lower, upper = np.array(DRAWN[name]).T
    parameters = rng.uniform(lower, upper, (n, len(lower)))
    points = tuple(axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
    with np.errstate(divide="ignore"):
        values = family.curve(points, parameters)
    values += noise * values.max(1, keepdims=True) * rng.standard_normal(values.shape)
    curve = xr.DataArray(
        values.reshape(n, *map(len, axes)),
        dims=("unit", *family.dims),
        coords=dict(zip(family.dims, axes, strict=True)),
    )
    return curve, parameters


@pytest.mark.parametrize("name", FAMILIES)
def test_known_parameters_are_found(name):
    curve, parameters = known(name, 200)
    fit = fit_curve(curve, name)
    assert (fit["flag"] != "not fitted").all()
    assert float(fit["r2"].min()) > 1 - 1e-9
    for i, parameter in enumerate(FAMILIES[name].parameters):
        error = fit[parameter.name].to_numpy() - parameters[:, i]
        if parameter.period is not None:
            error = (error + parameter.period / 2) % parameter.period - parameter.period / 2
        if parameter.name == "phase":  # an orientation just below 180 may come out just above 0
            turned = np.abs(fit["orientation"].to_numpy() - parameters[:, 3]) > 90
            error = np.where(turned, 0, error)
        scale = 1.0 if parameter.period is not None else np.abs(parameters[:, i]) + 1e-2
        # Surrounds that hardly suppress have no width to speak of.
        tolerance = 1e-2 if name == "difference_of_gaussians" else 1e-4
        assert np.median(np.abs(error) / scale) < 1e-5
        assert np.quantile(np.abs(error) / scale, 0.95) < tolerance, parameter.name


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("noise", [0.0, 0.08])
def test_cost_is_that_of_scipy_from_the_same_starts(name, noise):
    family = FAMILIES[name]
    curve, _ = known(name, 6, noise, seed=1)
    points = tuple(
        axis.ravel() for axis in np.meshgrid(*(curve[dim] for dim in family.dims), indexing="ij")
    )
    values = curve.to_numpy().reshape(6, -1)
    values /= np.abs(values).max(1, keepdims=True)
    reference = np.empty(6)
    for unit, value in enumerate(values):
        found = [
            least_squares(
                lambda p, value=value: family.curve(points, p) - value,
                # scipy wants starts within the bounds, not on them
                np.clip(start, family.lower + 1e-10, family.upper - 1e-10),
                jac=lambda p: family.jacobian(points, p).T,
                bounds=(family.lower, family.upper),
                x_scale="jac", ftol=1e-12, xtol=1e-12, gtol=1e-12,
            ).cost
            for start in starts(family, points, value[None])[:, 0]
        ]  # fmt: skip
        reference[unit] = 2 * min(found)
    cost = _best(family, points, values).cost
    np.testing.assert_array_less(cost, reference + 1e-6 * (values**2).sum(1))


@pytest.mark.parametrize("name", FAMILIES)
def test_units_do_not_depend_on_each_other(name):
    curve, _ = known(name, 5, noise=0.05)
    together = fit_curve(curve, name)
    alone = fit_curve(curve[[3]], name)
    for parameter in FAMILIES[name].parameters:
        np.testing.assert_allclose(
            alone[parameter.name][0], together[parameter.name][3], rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("name", FAMILIES)
def test_gain_scales_the_amplitudes_alone(name):
    curve, _ = known(name, 4, noise=0.05)
    fit, louder = fit_curve(curve, name), fit_curve(1000 * curve, name)
    n = len(FAMILIES[name].amplitudes)
    for i, parameter in enumerate(FAMILIES[name].parameters):
        factor = 1000 if i < n else 1
        np.testing.assert_allclose(
            louder[parameter.name], factor * fit[parameter.name], rtol=1e-4, atol=1e-6
        )
    np.testing.assert_allclose(louder["r2"], fit["r2"], rtol=1e-6)


def test_derivatives_are_those_of_the_curve():
    for name, family in FAMILIES.items():
        _, parameters = known(name, 3, seed=4)
        points = tuple(a.ravel() for a in np.meshgrid(*AXES[name], indexing="ij"))
        with np.errstate(divide="ignore"):
            jacobian = family.jacobian(points, parameters)
            for i in range(parameters.shape[1]):
                step = np.zeros(parameters.shape[1])
                step[i] = 1e-4
                ends = (family.curve(points, parameters + sign * step) for sign in (1, -1))
                slope = np.subtract(*ends) / 2e-4
                np.testing.assert_allclose(jacobian[:, i], slope, rtol=1e-4, atol=1e-3)


# What a fit says of itself


def naka_rushton(maximum=30.0, c50=0.2, exponent=2.0, baseline=0.0, contrasts=CONTRASTS):
    driven = contrasts**exponent
    values = baseline + maximum * driven / (driven + c50**exponent)
    return xr.DataArray([values], dims=("unit", "contrast"), coords={"contrast": contrasts})


def test_r2_and_cost_by_hand():
    rng = np.random.default_rng(0)
    curve = naka_rushton() + rng.standard_normal(12)
    fit = fit_curve(curve, "naka_rushton")
    residual = (evaluate(fit, contrast=CONTRASTS) - curve).to_numpy()
    assert fit["cost"].item() == pytest.approx((residual**2).sum())
    variance = ((curve - curve.mean()) ** 2).sum().item()
    assert fit["r2"].item() == pytest.approx(1 - fit["cost"].item() / variance)
    assert fit["maximum"].attrs["units"] == "1"


def test_the_response_at_contrast_0_is_the_baseline():
    shown = np.append(0, CONTRASTS)
    fit = fit_curve(naka_rushton(baseline=7.0, contrasts=shown), "naka_rushton")
    assert fit["baseline"].item() == 7
    assert fit["maximum"].item() == pytest.approx(30, rel=1e-6)
    assert fit["n_points"].item() == 12
    drawn = evaluate(fit, contrast=[0, 0.2])
    np.testing.assert_allclose(drawn[0], [7, 22])


def test_covariance_is_the_scatter_of_repeated_fits():
    """Of 2000 noisy copies of one curve; the covariance is that of each copy, on average."""
    rng = np.random.default_rng(1)
    clean = naka_rushton()[0].to_numpy()
    copies = xr.DataArray(
        clean + 0.3 * rng.standard_normal((2000, 12)),
        dims=("unit", "contrast"), coords={"contrast": CONTRASTS},
    )  # fmt: skip
    fit = fit_curve(copies, "naka_rushton")
    names = list(fit["parameter"].to_numpy())
    scatter = np.cov(np.stack([fit[name] for name in names]))
    np.testing.assert_allclose(fit["covariance"].mean("unit"), scatter, rtol=0.1, atol=1e-5)


def test_missing_points_are_left_out():
    curve = xr.concat([naka_rushton(), naka_rushton(c50=0.3)], "unit")
    curve[0, [2, 7]] = np.nan
    fit = fit_curve(curve, "naka_rushton")
    np.testing.assert_allclose(fit["c50"], [0.2, 0.3], rtol=1e-6)
    assert fit["n_points"].to_numpy().tolist() == [10, 12]


def test_flags():
    flat = naka_rushton() * 0 + 3
    few = naka_rushton().where(naka_rushton()["contrast"] > 0.5)
    rng = np.random.default_rng(0)
    noise = xr.zeros_like(naka_rushton()) + rng.standard_normal(12)
    linear = naka_rushton(c50=50.0, exponent=1.0)
    curves = xr.concat([naka_rushton(), flat, few, noise, linear], "unit")
    fit = fit_curve(curves, "naka_rushton")
    flags = fit["flag"].to_numpy().tolist()
    assert flags[0] == "good"
    assert flags[1:3] == ["not fitted", "not fitted"]
    assert flags[3] in ("poor", "on bound")
    assert flags[4] == "on bound"
    assert float(fit["c50"][4]) == 1
    assert fit["c50"].isnull().to_numpy().tolist() == [False, True, True, False, False]
    # A parameter on its bound has no covariance; the others have.
    held = fit["covariance"][4].sel(parameter="c50", other="c50")
    assert np.isnan(held)
    assert np.isfinite(fit["covariance"][4].sel(parameter="maximum", other="maximum"))


def test_no_effect_is_an_answer():
    """A mask without weight lies on a bound, and the fit is good."""
    family = FAMILIES["plaid"]
    points = tuple(axis.ravel() for axis in np.meshgrid(PLAID, PLAID, indexing="ij"))
    values = family.curve(points, np.array([[30.0, 0.2, 2.0, 0.0]])).reshape(1, 5, 5)
    curve = xr.DataArray(
        values, dims=("unit", *family.dims), coords=dict.fromkeys(family.dims, PLAID)
    )
    fit = fit_curve(curve, "plaid")
    assert fit["mask_weight"].item() == pytest.approx(0, abs=1e-3)
    assert fit["flag"].item() == "good"


def test_peirces_exponent_earns_its_place():
    falling, _ = known("peirce", 20)
    rising = naka_rushton()
    # One per cent of noise: two further parameters cannot gain much on it.
    noisy = rising + 0.3 * np.random.default_rng(0).standard_normal((200, 12))
    for curve, share in ((falling, 1), (rising, 0), (noisy, 0.05)):
        better = is_better(fit_curve(curve, "peirce"), fit_curve(curve, "naka_rushton"))
        assert float(better.mean()) == pytest.approx(share, abs=0.04)


def test_other_dims_remain_and_keep_their_coordinates():
    curve, _ = known("von_mises", 6)
    curve = curve.assign_coords(channel=("unit", np.arange(6)))
    twice = xr.concat(
        [curve, 2 * curve], xr.DataArray([0.5, 1.0], dims="contrast", name="contrast")
    )
    fit = fit_curve(twice, "von_mises")
    assert fit["preferred"].dims == ("contrast", "unit")
    assert fit["covariance"].dims == ("contrast", "unit", "parameter", "other")
    assert "channel" in fit["preferred"].coords
    np.testing.assert_allclose(fit["maximum"][1], 2 * fit["maximum"][0], rtol=1e-5)
    drawn = evaluate(fit, orientation=[0.0, 10.0])
    assert drawn.dims == ("contrast", "unit", "orientation")


@pytest.mark.parametrize("n", [0, 1])
def test_no_unit_and_one_unit(n):
    curve, _ = known("log_gaussian", 3)
    assert fit_curve(curve[:n], "log_gaussian")["preferred"].shape == (n,)


def test_dims_of_other_names():
    curve, _ = known("ratio_of_gaussians", 2)
    fit = fit_curve(curve.rename(diameter="length"), "ratio_of_gaussians", dims=("length",))
    assert evaluate(fit, length=[1.0]).dims == ("unit", "length")


FROM_0 = np.arange(12.0)


def over(**coords):
    """A curve over other values."""
    (dim,) = coords
    return xr.DataArray([np.linspace(1, 9, 12) ** 2], dims=("unit", dim), coords=coords)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"family": "sigmoid"}, "one of von_mises, .*; got 'sigmoid'"),
        ({"family": "von_mises"}, r"over orientation, .*the curve has the dims unit, contrast"),
        ({"curve": naka_rushton() / 0}, "1 of 1 hold infinite values"),
        ({"curve": naka_rushton() + 1j}, "must be real; got complex"),
        ({"curve": over(contrast=100 * CONTRASTS)}, "along contrast must be from 0 to 1 .*got 1.5"),
        ({"curve": over(contrast=CONTRASTS - 0.5)}, "from 0 to 1 .*got -0.4"),
        ({"curve": over(contrast=CONTRASTS * np.inf)}, "from 0 to 1 .*got inf"),
        ({"curve": over(length=-CONTRASTS), "dims": ("length",)}, "along length must be from 0"),
        ({"curve": over(spatial_frequency=FROM_0), "family": "log_gaussian"}, "above 0; got 0"),
        ({"curve": over(diameter=-FROM_0), "family": "ratio_of_gaussians"}, "not below 0; got -1"),
        ({"curve": over(orientation=np.deg2rad(15 * FROM_0)), "family": "von_mises"}, "radians"),
    ],
)
def test_mistakes_are_told(change, message):
    with pytest.raises(insilico.UserError, match=message):
        fit_curve(**({"curve": naka_rushton(), "family": "naka_rushton"} | change))


def test_a_missing_response_at_contrast_0_is_no_baseline():
    contrast = np.append([0.0, 0.0], CONTRASTS)
    values = 5 + 30 * contrast**2 / (contrast**2 + 0.2**2)
    curve = xr.DataArray(
        [values, values, values], dims=("unit", "contrast"), coords={"contrast": contrast}
    )
    curve[1, 0] = np.nan
    curve[2, :2] = np.nan
    fit = fit_curve(curve, "naka_rushton")
    np.testing.assert_allclose(fit["c50"][:2], 0.2, rtol=1e-5)
    np.testing.assert_allclose(fit["baseline"], [5, 5, np.nan])
    assert fit["flag"].values.tolist() == ["good", "good", "not fitted"]
    assert fit["baseline"].attrs["long_name"] == "Response at contrast 0 (subtracted)"
    without = fit_curve(curve[:, 2:], "naka_rushton")
    assert "not shown, and taken as 0" in without["baseline"].attrs["long_name"]


def test_evaluate_asks_for_the_dims_of_the_fit():
    fit = fit_curve(naka_rushton(), "naka_rushton")
    with pytest.raises(insilico.UserError, match="along contrast must be from 0 to 1"):
        evaluate(fit, contrast=[50.0])
    with pytest.raises(insilico.UserError, match="this fit is over contrast; got diameter"):
        evaluate(fit, diameter=[1.0])


def test_a_fit_can_be_saved(tmp_path):
    fit = fit_curve(naka_rushton(), "naka_rushton")
    fit.to_netcdf(tmp_path / "fit.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "fit.nc", engine="h5netcdf") as again:
        np.testing.assert_allclose(evaluate(again, contrast=[0.2])[0], 15)


def test_what_rounding_leaves_is_not_significant():
    """Costs that differ tenfold, but are rounding beside the curve, and ones that are not."""

    def fit(cost, r2, n):
        return xr.Dataset(
            {"cost": ("unit", [cost]), "r2": ("unit", [r2]), "n_points": ("unit", [12])},
            coords={"parameter": list("abcd")[:n]},
        )

    for share, better in ((1e-9, False), (1e-3, True)):
        fuller, simpler = fit(share, 1 - share, 4), fit(10 * share, 1 - 10 * share, 3)
        assert is_better(fuller, simpler).item() == better


@pytest.mark.parametrize("name", ["gabor", "double_von_mises"])
def test_the_reported_form_is_the_same_curve(name):
    family = FAMILIES[name]
    _, parameters = known(name, 20, seed=3)
    angle = [each.period is not None for each in family.parameters].index(True)
    parameters[:, angle] += np.linspace(-400, 400, 20)
    parameters[::2, 1:3] = parameters[::2, 2:0:-1]
    points = tuple(axis.ravel() for axis in np.meshgrid(*AXES[name], indexing="ij"))
    reported = family.canonical(parameters)
    for i, each in enumerate(family.parameters):
        if each.period is not None:
            reported[:, i] %= each.period
    np.testing.assert_allclose(
        family.curve(points, reported), family.curve(points, parameters), atol=1e-9
    )
