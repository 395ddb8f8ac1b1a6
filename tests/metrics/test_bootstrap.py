"""The intervals against the normal approximation, and against resampling row by row."""

import numpy as np
import pytest

from forsys.metrics import bootstrap
from forsys.metrics.bootstrap import Bootstrap, Interval

BOOTSTRAP = Bootstrap(2000, seed=0)
RNG = np.random.default_rng(3)
SCORES = RNG.exponential(0.02, 3000) * (RNG.random(3000) < 0.2)  # like AP@12: mostly 0, skewed


def test_agrees_with_the_normal_approximation() -> None:
    found = BOOTSTRAP.interval(SCORES)
    error = SCORES.std() / np.sqrt(len(SCORES))
    assert found.mean == pytest.approx(SCORES.mean())
    assert found.low == pytest.approx(SCORES.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(SCORES.mean() + 1.96 * error, abs=0.15 * error)


def test_agrees_with_resampling_row_by_row() -> None:
    # The textbook's way, which this module shortens; on few, skewed values, where the normal approximation is off.
    values = np.array([0, 0, 0, 0, 0, 0, 1, 5], dtype=np.float64)
    means = values[np.random.default_rng(1).integers(0, 8, (200_000, 8))].mean(axis=1)
    found = Bootstrap(200_000, seed=0).interval(values)
    assert [found.low, found.high] == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.01)


def test_covers_the_true_mean_about_as_often_as_its_level_says() -> None:
    rng = np.random.default_rng(5)
    found = [Bootstrap(400, seed=i).interval(rng.random(200) < 0.3) for i in range(300)]
    covered = np.mean([one.low <= 0.3 <= one.high for one in found])
    assert 0.91 < covered < 0.99  # LEVEL +- 3 standard errors of 300 tries


def test_whole_groups_are_sampled() -> None:
    # Ten equal rows per customer: 300 independent values and not 3000.
    values = np.repeat(RNG.normal(size=300), 10)
    customers = np.repeat(np.arange(300), 10)
    by_customer = BOOTSTRAP.interval(values, groups=customers)
    alone = BOOTSTRAP.interval(values[::10])
    assert by_customer.mean == pytest.approx(alone.mean)
    assert [by_customer.low, by_customer.high] == pytest.approx([alone.low, alone.high])
    by_row = BOOTSTRAP.interval(values)
    assert by_customer.high - by_customer.low > 2.5 * (by_row.high - by_row.low)  # sqrt(10) = 3.2


def test_groups_of_different_size_give_a_ratio_of_sums() -> None:
    # Customer "a" has three misses, "b" one hit: the mean is 1/4, and a sample is all "a", all "b" or both.
    found = BOOTSTRAP.interval(np.array([0, 1, 0, 0]), groups=np.array(["a", "b", "a", "a"]))
    assert found == Interval(0.25, 0.0, 1.0)


def test_one_group_per_row_is_the_same_as_no_groups() -> None:
    assert BOOTSTRAP.interval(SCORES, groups=np.arange(len(SCORES))) == BOOTSTRAP.interval(SCORES)


def test_paired_is_the_interval_of_the_difference() -> None:
    # Both systems share what makes a customer hard; the second is better by 0.01 with little noise.
    hard = RNG.normal(size=500)
    a, b = hard + 0.01 + RNG.normal(0, 0.01, 500), hard
    found = BOOTSTRAP.paired(a, b)
    assert found == BOOTSTRAP.interval(a - b)
    assert 0 < found.low < 0.01 < found.high
    assert BOOTSTRAP.interval(a).low < 0 < BOOTSTRAP.interval(a).high  # which alone could not have shown it


def test_paired_takes_booleans() -> None:
    # Booleans cannot be subtracted in numpy: 1 - 0 and 0 - 1.
    assert BOOTSTRAP.paired(np.array([True, False]), np.array([False, True])).mean == 0


def test_same_seed_same_interval_and_row_order_does_not_matter() -> None:
    found, backwards = BOOTSTRAP.interval(SCORES), BOOTSTRAP.interval(SCORES[::-1])
    assert found == BOOTSTRAP.interval(SCORES.copy())
    assert found != Bootstrap(2000, seed=1).interval(SCORES)
    assert [backwards.low, backwards.high] == pytest.approx([found.low, found.high])


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = Bootstrap(50, seed=0).interval(SCORES)
    monkeypatch.setattr(bootstrap, "WEIGHTS_PER_BLOCK", 7 * len(np.unique(SCORES)))
    found = Bootstrap(50, seed=0).interval(SCORES)
    assert [found.low, found.high] == pytest.approx([expected.low, expected.high])


def test_one_value_has_no_width() -> None:
    assert BOOTSTRAP.interval(np.array([0.25])) == Interval(0.25, 0.25, 0.25)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (Interval(0.01912, 0.01707, 0.02124), ".0191 [.0171, .0212]"),
        (Interval(-0.0012, -0.5, 0.00001), "-.0012 [-.5000, .0000]"),
        (Interval(-0.00001, 1.0, 10.5), ".0000 [1.0000, 10.5000]"),
    ],
)
def test_text(shown: Interval, text: str) -> None:
    assert str(shown) == text


@pytest.mark.parametrize("values", [[], [[1.0]], [1.0, np.nan], [np.inf]])
def test_refuses_values_without_a_mean(values: list[float]) -> None:
    with pytest.raises(ValueError, match="values must be"):
        BOOTSTRAP.interval(np.array(values))


class TestBestByChance:
    """How far ahead the best of several systems is that are no better than the baseline."""

    groups = np.repeat(np.arange(1000), 2)
    rng = np.random.default_rng(11)

    def test_one_system_is_its_own_noise(self) -> None:
        values = self.rng.normal(0.3, 1, 2000)
        error = values.std() / np.sqrt(2000)
        assert BOOTSTRAP.best_by_chance(values[:, None], np.arange(2000)) == pytest.approx(1.645 * error, rel=0.1)

    def test_the_best_of_many_is_further_ahead(self) -> None:
        values = self.rng.normal(0, 1, (2000, 20))
        expected = pytest.approx(2.80 / np.sqrt(2000), rel=0.1)  # .95 ** (1 / 20)
        assert BOOTSTRAP.best_by_chance(values, np.arange(2000)) == expected

    def test_copies_of_a_system_add_nothing(self) -> None:
        one = self.rng.normal(0, 1, (2000, 1))
        expected = pytest.approx(BOOTSTRAP.best_by_chance(one, self.groups))
        assert BOOTSTRAP.best_by_chance(np.repeat(one, 20, axis=1), self.groups) == expected

    def test_what_a_system_gains_does_not_count(self) -> None:
        values = self.rng.normal(0, 1, (2000, 3))
        expected = pytest.approx(BOOTSTRAP.best_by_chance(values, self.groups))
        assert BOOTSTRAP.best_by_chance(values + 5, self.groups) == expected

    def test_rows_of_a_group_stay_together(self) -> None:
        values = np.repeat(self.rng.normal(0, 1, (1000, 1)), 2, axis=0)
        alone = BOOTSTRAP.best_by_chance(values, np.arange(2000))
        assert BOOTSTRAP.best_by_chance(values, self.groups) == pytest.approx(np.sqrt(2) * alone, rel=0.1)


def test_refuses_arguments_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="one label per value"):
        BOOTSTRAP.interval(SCORES, groups=np.arange(3))
    with pytest.raises(ValueError, match="one label per value"):
        BOOTSTRAP.best_by_chance(SCORES[:, None], np.arange(3))
    with pytest.raises(ValueError, match="same rows"):
        BOOTSTRAP.paired(SCORES, SCORES[1:])
    with pytest.raises(ValueError, match="samples"):
        Bootstrap(0, seed=0)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("customers", "is_clear"), [(0, False), (1, False), (5, False), (6, True), (60, True)])
def test_few_customers_make_no_clear_difference(customers: int, is_clear: bool, sign: int) -> None:
    """Here all who differ lie on one side, with two rows each."""
    value = np.repeat(np.arange(5_000) < customers, 2) * 0.5 * sign
    assert BOOTSTRAP.interval(value, np.arange(10_000) // 2).is_clear == is_clear


def test_chance_makes_few_clear_differences() -> None:
    """Differences with a random sign, of few customers: without a lower bound up to 125 of 1,000 are clear."""
    rng = np.random.default_rng(3)
    for customers in (3, 4, 5, 6, 12, 30):
        signs = rng.choice([-1.0, 1.0], (400, customers))
        clear = [Bootstrap(400, seed=0).interval(np.append(each, np.zeros(300))).is_clear for each in signs]
        assert np.mean(clear) < 0.12, customers
