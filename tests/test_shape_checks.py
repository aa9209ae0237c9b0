"""Shapes in signatures are checked while the tests run: or annotations could say anything."""

import jaxtyping
import pytest
import torch

from insilico.models.components.center_surround import CenterSurround


def test_a_wrong_shape_is_refused():
    antagonism = CenterSurround(2)
    assert antagonism(torch.zeros(1, 2, 9, 9)).shape == (1, 2, 9, 9)
    with pytest.raises(jaxtyping.TypeCheckError):
        antagonism(torch.zeros(2, 9, 9))
