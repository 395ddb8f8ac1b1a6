"""The linear model: what a feature that is nearly always 0 may add."""

import numpy as np
import polars as pl
import pytest

from forsys.ranking.linear import Linear

ROWS = 200_000


@pytest.fixture(scope="module")
def shop() -> tuple[np.ndarray, np.ndarray]:
    """A feature that tells hits, and the hits: 3 of 100 rows."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=ROWS)
    return values, rng.random(ROWS) < 1 / (1 + np.exp(4 - values))


def added(shop: tuple[np.ndarray, np.ndarray], hits: int, others: int, value: float) -> float:
    """What a second feature, 1 in so many rows and 0 in the rest, adds to the log odds where it has this value."""
    values, hit = shop
    rare = np.zeros(ROWS, np.float32)
    rare[[*np.flatnonzero(hit)[:hits], *np.flatnonzero(~hit)[:others]]] = 1
    features = pl.DataFrame({"common": values.astype(np.float32), "rare": rare})
    linear = Linear.fit(features, hit, np.arange(ROWS) // 20)
    two = pl.DataFrame(
        {"common": [0.0, 0.0], "rare": [0.0, value]}, schema=dict.fromkeys(["common", "rare"], pl.Float32)
    )
    without, with_it = linear.score(two)
    return float(with_it - without)


@pytest.mark.parametrize("value", [1.0, 5.0, 1e6])
@pytest.mark.parametrize(("hits", "others"), [(1, 0), (1, 1), (1, 5)])
def test_one_purchase_decides_little(
    hits: int, others: int, value: float, shop: tuple[np.ndarray, np.ndarray]
) -> None:
    """Unshrunk it would be 2 to 8, and more where the feature is larger than in any row that was learned from."""
    assert 0 < added(shop, hits, others, value) < 0.3


def test_many_purchases_decide(shop: tuple[np.ndarray, np.ndarray]) -> None:
    assert added(shop, 300, 3_000, 1.0) == pytest.approx(np.log(300 / 3_000) + 3.5, abs=0.4)
