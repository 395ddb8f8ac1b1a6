"""Weights of old purchases."""

import numpy as np
import pytest

from forsys.arrays import decay


@pytest.mark.parametrize("half_life", [0.5, 4.0, 7.0, 30.0, 1e6])
def test_older_weighs_less_and_even_squares_are_no_zeros(half_life: float) -> None:
    weight = decay(np.arange(5_000), half_life)
    assert weight.dtype == np.float32 and (weight**2 > np.finfo(np.float32).tiny).all()
    assert (np.diff(weight) <= 0).all()
    few = decay(np.arange(0, 5_000, 10), min(half_life, 30))
    assert (np.diff(few) < 0).all()


def test_a_half_life_halves() -> None:
    np.testing.assert_allclose(decay(np.array([0, 7, 14, 350]), 7), [1, 0.5, 0.25, 2.0**-50])
