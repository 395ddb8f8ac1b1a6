"""Predicted chances against what happened."""

import numpy as np
import pytest
from scipy.stats import chi2

from forsys.metrics.calibration import calibration_error, calibration_table, interval_of_sum


def test_worked() -> None:
    """Two groups of two rows each: hits of the first row of the second."""
    found = calibration_table(np.array([0.4, 0.1, 0.2, 0.5]), np.array([True, False, False, False]), np.ones(4), 2)
    assert found["predicted"].to_list() == pytest.approx([0.15, 0.45])
    assert found["observed"].to_list() == [0, 0.5]
    assert found["rows"].to_list() == [2, 2]
    assert calibration_error(found) == pytest.approx((0.15 + 0.05) / 2)


def test_a_row_stands_for_as_many_as_its_weight() -> None:
    chance, hit = np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, True, False, True])
    weight = np.array([3.0, 2.0, 1.0, 4.0])
    times = weight.astype(int)
    weighted = calibration_table(chance, hit, weight, 1)
    repeated = calibration_table(chance.repeat(times), hit.repeat(times), np.ones(10), 1)
    same = ["rows", "predicted", "observed"]
    assert weighted[same].to_numpy() == pytest.approx(repeated[same].to_numpy())


def test_interval_of_equal_weights_is_that_of_poisson() -> None:
    hits = np.array([0.0, 1.0, 10.0])
    low, high = interval_of_sum(hits, hits, 1.0)
    assert low == pytest.approx(np.append(0, chi2.ppf(0.025, 2 * hits[1:]) / 2))
    assert high == pytest.approx(chi2.ppf(0.975, 2 * (hits + 1)) / 2)


def test_true_chances_are_inside_nearly_always() -> None:
    rng = np.random.default_rng(1)
    chance = rng.beta(1, 30, 20_000)
    inside = []
    for _ in range(20):
        table = calibration_table(chance, rng.random(20_000) < chance, np.ones(20_000))
        inside.append(table["predicted"].between(table["low"], table["high"]).mean())
    assert np.mean(inside) > 0.9


def test_nothing() -> None:
    assert calibration_table(np.zeros(0), np.zeros(0, bool), np.zeros(0)).empty
