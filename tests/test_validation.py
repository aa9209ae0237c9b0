"""What docs/validation.md says, in the tables that stand there."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import validation

FOLDER = Path(__file__).parents[1] / "docs" / "validation"

pytestmark = pytest.mark.skipif(
    not FOLDER.exists(), reason="the documentation is not in the source distribution"
)


def table(name):
    return pd.read_csv(FOLDER / f"{name}.csv")


@pytest.mark.parametrize("name", validation.TABLES)
def test_the_page_shows_the_table(name):
    shown = (FOLDER / f"{name}.inc").read_text().splitlines()
    assert len(shown) == len(table(name)) + 2
    assert f"{{include}} validation/{name}.inc" in (FOLDER.parent / "validation.md").read_text()


def test_all_of_the_published_numbers_agree():
    # That they do today is tested in test_marques2020_conformance and test_components_conformance.
    made = table("parity")
    assert set(made["what"]) == {"properties of units", "pictures", "similarity", "components"}
    assert (made["compared"] == made["agree"]).all()


def test_the_trained_network_is_as_in_the_published_code():
    made = table("end_to_end")
    assert np.allclose(made["units"], made["theirs"], rtol=0.01)
    assert np.allclose(made["median"], made["their median"], rtol=0.01)
    theirs = made["their similarity"]
    assert (abs(made["similarity"] - theirs).dropna() <= 0.01).all()


def test_cells_of_known_normalization_are_recovered():
    made = table("normalization")
    assert (made["largest"] <= made["allowed"]).all()
    assert (made["cells"] > 20).all()


def test_windows_change_nothing_but_rounding():
    assert (table("crops")["largest difference / largest response"] < 1e-6).all()


def test_the_public_row_is_that_of_the_block():
    made = table("voneblock").set_index("property")
    gratings = made[~made.index.str.startswith("freemanZiemba2013.")]
    assert len(gratings) == 15
    assert (abs(gratings["seed 0"] - gratings["leaderboard"]) <= 0.01).all()
    wider = made["seed 0, frequencies up to 9 cpd"] - made["leaderboard"]
    assert wider["devalois1982b.peak_spatial_frequency"] > 0.05
    assert (made["lowest of the draws"] <= made["seed 0"]).all()
