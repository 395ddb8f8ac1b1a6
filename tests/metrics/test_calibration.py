"""Predicted chances against what happened."""

import numpy as np
import pytest
from scipy.stats import chi2

from forsys.metrics.calibration import calibration_error, calibration_table, interval_of_sum


def test_worked() -> None:
    """Two groups of two rows each: hits of the first row of the second."""
    chance, hit = np.array([0.4, 0.1, 0.2, 0.5]), np.array([True, False, False, False])
    found = calibration_table(chance, hit, np.ones(4), np.arange(4), groups=2)
    assert found["predicted"].to_list() == pytest.approx([0.15, 0.45])
    assert found["observed"].to_list() == [0, 0.5]
    assert found["rows"].to_list() == [2, 2]
    assert calibration_error(found) == pytest.approx((0.15 + 0.05) / 2)


def test_a_row_stands_for_as_many_as_its_weight() -> None:
    chance, hit = np.array([0.1, 0.2, 0.3, 0.4]), np.array([False, True, False, True])
    weight = np.array([3.0, 2.0, 1.0, 4.0])
    times = weight.astype(int)
    weighted = calibration_table(chance, hit, weight, np.arange(4), groups=1)
    repeated = calibration_table(chance.repeat(times), hit.repeat(times), np.ones(10), np.arange(10), groups=1)
    same = ["rows", "predicted", "observed"]
    assert weighted[same].to_numpy() == pytest.approx(repeated[same].to_numpy())


def test_interval_of_equal_weights_is_that_of_poisson() -> None:
    hits = np.array([0.0, 1.0, 10.0])
    low, high = interval_of_sum(hits, hits, 1.0)
    assert low == pytest.approx(np.append(0, chi2.ppf(0.025, 2 * hits[1:]) / 2))
    assert high == pytest.approx(chi2.ppf(0.975, 2 * (hits + 1)) / 2)


@pytest.mark.parametrize("customers", [20_000, 1_000, 100])
def test_true_chances_are_inside_nearly_always(customers: int) -> None:
    """Also where the purchases of a customer come together: half of them buy twice as much, and half nothing."""
    rng = np.random.default_rng(1)
    chance, customer = rng.beta(1, 30, 20_000), rng.integers(customers, size=20_000)
    inside = []
    for _ in range(20):
        buys = np.ones(customers) if customers == len(chance) else 2 * (rng.random(customers) < 0.5)
        hit = rng.random(20_000) < chance * buys[customer]
        table = calibration_table(chance, hit, np.ones(20_000), customer)
        inside.append(table["predicted"].between(table["low"], table["high"]).mean())
    assert np.mean(inside) > 0.9


def test_without_a_hit_one_of_the_largest_weight_may_be_missing() -> None:
    weight = np.repeat([10.0, 50.0], [100, 900])
    table = calibration_table(np.full(1_000, 0.1), np.zeros(1_000, bool), weight, np.arange(1_000), groups=1)
    assert table["high"].item() == pytest.approx(50 * chi2.ppf(0.975, 2) / 2 / weight.sum())


def test_nothing() -> None:
    assert calibration_table(np.zeros(0), np.zeros(0, bool), np.zeros(0), np.zeros(0, int)).empty
