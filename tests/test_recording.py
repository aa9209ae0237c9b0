import numpy as np
import pandas as pd
import pytest
import xarray as xr

from insilico.recording.schema import Labelled, label, load, save, side_by_side


def recording(order=slice(None), **attrs):
    conditions = pd.DataFrame(
        {
            "orientation": [0.0, 0.0, 90.0, 90.0],
            "phase": [0.0, 180.0, 0.0, 180.0],
            "diameter": [1.0, 1.0, 2.0, 2.0],
            "contrast": 1.0,
            "x": 0.5,
        }
    )
    units = pd.DataFrame(
        {"layer": ["a", "b"], "channel": [0, 3], "row": 1, "column": 2, "x": 0.1, "y": -0.1}
    )
    responses = np.arange(8, dtype=np.float32).reshape(2, 4)
    order = np.arange(4)[order]
    return label(
        responses[:, order],
        conditions=conditions.iloc[order],
        dims=("orientation", "phase"),
        units=units,
        blank=np.zeros(2, dtype=np.float32),
        attrs=attrs,
    )


def test_responses_are_labelled_by_condition_not_by_order():
    expected = recording()
    assert expected.sel(orientation=90, phase=0).values.tolist() == [2, 6]
    xr.testing.assert_identical(recording(order=[2, 0, 3, 1]), expected)


def test_other_columns_become_coordinates_along_the_factors_they_follow():
    response = recording()
    assert response["diameter"].dims == ("orientation",)
    assert response["contrast"].dims == ()
    assert float(response["stimulus_x"]) == 0.5
    assert response["x"].dims == ("unit",)


def test_what_was_not_shown_is_nan():
    assert np.isnan(recording(order=[0, 1, 2]).sel(orientation=90, phase=180)).all()


def test_a_recording_survives_the_disk_and_opens_in_plain_xarray(tmp_path):
    response = recording(display={"px": 3}, seed=0, nothing=None, flag=True)
    save(response, tmp_path / "r.nc")
    xr.testing.assert_identical(load(tmp_path / "r.nc"), response)
    with xr.open_dataarray(tmp_path / "r.nc") as plain:
        assert plain.attrs["display"] == '{"px": 3}'
        assert plain["orientation"].attrs["units"] == "deg"
    assert [path.name for path in tmp_path.iterdir()] == ["r.nc"]


def test_a_write_that_fails_leaves_no_recording(tmp_path):
    response = recording().assign_coords(bad=("unit", np.array([object(), object()])))
    with pytest.raises((TypeError, ValueError)):
        save(response, tmp_path / "r.nc")
    assert not (tmp_path / "r.nc").exists()


def moved(x):
    """Recording of one unit, shown bars at two places whose x is given."""
    table = pd.DataFrame({"place": [0.0, 1.0], "polarity": [1.0, 1.0], "x": x})
    return label(
        np.array([[1.0, 2.0]]),
        conditions=table,
        dims=("polarity", "place"),
        units=pd.DataFrame(
            {"layer": ["v1"], "channel": [0], "row": [0], "column": [0], "x": [0], "y": [0]}
        ),
        blank=np.zeros(1),
        attrs={},
    )


def test_what_stays_in_one_group_may_vary_in_another():
    """A horizontal bar that moves across itself stays where it is along x."""
    across, still = moved([-1.0, 1.0]), moved([0.5, 0.5])
    assert across["stimulus_x"].ndim > still["stimulus_x"].ndim
    for parts in ((across, still), (still, across)):
        joined = side_by_side([Labelled.of(part) for part in parts])
        of_each = joined["stimulus_x"].transpose("unit", "place").to_numpy().tolist()
        assert sorted(of_each) == [[-1.0, 1.0], [0.5, 0.5]]
