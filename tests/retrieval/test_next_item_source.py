"""The source `next_item`: its memory by hand on the 13 rows of tests/conftest.py, and what is saved.

Articles a..f are 0..5; a and b are of one product code, c and d of another. Before the 9th of January 2020, by
customer:

    0    1st a, 3rd c and b, 7th a
    1    1st c, 5th a, 8th b
    2    4th a, 7th d
    3    5th e, 8th e

so that a has 3 buyers, b and c 2, d and e 1; a and b, a and c, b and c are together twice, a and d once.
"""

from datetime import date
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forsys.arrays import Floats
from forsys.retrieval.next_item import NextItem
from forsys.tables.history import History, Profiles

A, B, C, D, E = range(5)
EIGHTH, NINTH = date(2020, 1, 8), date(2020, 1, 9)
SMALL: dict[str, Any] = {
    "features": (),
    "embedding_dim": 4,
    "half_life": 60,
    "batch_size": 2,
    "window_size": 2,
    "epochs": 1,
    "warmup_steps": 1,
}
CO_PURCHASE, SAME_PRODUCT = 2.0, 3.0
NO_MEMORY: dict[str, Any] = {"co_purchase_weight": 0, "same_product_weight": 0}


@pytest.fixture(scope="module")
def source(tiny_history: History) -> NextItem:
    source = NextItem(**SMALL, co_purchase_weight=CO_PURCHASE, same_product_weight=SAME_PRODUCT)
    return source.fit(tiny_history, NINTH)


def added(source: NextItem, profiles: Profiles) -> Floats:
    """What the memory adds to the scores of a..e."""
    return source.scores(profiles) - source.network_scores(source.encode(profiles))


def cosine(together: int, bought: int, candidate: int) -> float:
    """Shrunk cosine, from the buyers of both articles, of the one bought and of the candidate."""
    return CO_PURCHASE * together / sqrt((bought + 10) * (candidate + 3))


def test_the_catalogue_is_the_articles_sold(source: NextItem) -> None:
    assert source.catalogue_.tolist() == [A, B, C, D, E]


def test_the_last_day_counts_in_full_and_earlier_days_less(source: NextItem, tiny_history: History) -> None:
    """Customer 2 bought d on the 7th, his last day, and a three days before that."""
    found = added(source, tiny_history.profiles(np.array([2]), NINTH))[0]
    of_a, of_d = 0.5 * 2 ** (-3 / 30), 1
    expected = [
        of_a * SAME_PRODUCT + of_d * cosine(1, 1, 3),
        of_a * (SAME_PRODUCT + cosine(2, 3, 2)),
        of_a * cosine(2, 3, 2) + of_d * SAME_PRODUCT,
        of_a * cosine(1, 3, 1) + of_d * SAME_PRODUCT,
        0,
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_basket_of_the_day_is_left_out(source: NextItem, tiny_history: History) -> None:
    """Customer 0 on the 3rd, when c is in the basket and b is not yet; a was bought on the 1st."""
    found = added(source, tiny_history.event_profiles(np.array([2])))[0]
    assert np.isneginf(found[C])
    of_a = 0.5 * 2 ** (-2 / 30)
    assert found[B] == pytest.approx(of_a * (SAME_PRODUCT + cosine(2, 3, 2)) + cosine(2, 2, 2), rel=1e-4)
    assert found[A] == pytest.approx(of_a * SAME_PRODUCT + cosine(2, 2, 3), rel=1e-4)


@pytest.mark.parametrize("co_purchase_weight", [0, CO_PURCHASE])
@pytest.mark.parametrize("same_product_weight", [0, SAME_PRODUCT])
def test_the_basket_is_left_out_with_every_memory(
    co_purchase_weight: float, same_product_weight: float, tiny_history: History
) -> None:
    """Customer 0 on the 3rd, with c in the basket, and on the 7th, with nothing in it; also without a memory."""
    source = NextItem(**SMALL, co_purchase_weight=co_purchase_weight, same_product_weight=same_product_weight)
    source.fit(tiny_history, NINTH)
    profiles = tiny_history.event_profiles(np.array([2, 3]))
    expected = np.asarray(source.parts(profiles)[""])
    assert np.argwhere(np.isneginf(expected)).tolist() == [[0, C]]
    np.testing.assert_array_equal(source.scores(profiles), expected)
    np.testing.assert_array_equal(np.concatenate([part for _, part in source.in_blocks(profiles)]), expected)
    article, _ = source.top(profiles, 5)
    assert sorted(article[0].tolist()) == [-1, A, B, D, E]


def test_purchases_of_earlier_days_stay_in(source: NextItem, tiny_history: History) -> None:
    assert np.isfinite(source.scores(tiny_history.profiles(np.arange(5), NINTH))).all()


def test_the_memory_adds_nothing_without_purchases(source: NextItem, tiny_history: History) -> None:
    assert not added(source, tiny_history.profiles(np.array([4]), NINTH)).any()


def test_the_memory_ends_at_the_cut_off(tiny_history: History) -> None:
    """A day earlier, customer 1 hasn't bought b yet: it has one buyer, who bought a and c too."""
    earlier = NextItem(**SMALL, co_purchase_weight=CO_PURCHASE, same_product_weight=0).fit(tiny_history, EIGHTH)
    assert earlier.catalogue_.tolist() == [A, B, C, D, E]
    assert earlier.memory_[[A], [B]] == pytest.approx(cosine(1, 3, 1), rel=1e-5)
    assert earlier.memory_[[A], [C]] == pytest.approx(cosine(2, 3, 2), rel=1e-5)


def test_networks_are_averaged(tiny_history: History) -> None:
    profiles = tiny_history.profiles(np.arange(5), NINTH)
    plain = SMALL | NO_MEMORY
    one, two = (NextItem(**plain, seed=seed).fit(tiny_history, NINTH).scores(profiles) for seed in (3, 4))
    both = NextItem(**plain, seed=3, num_networks=2).fit(tiny_history, NINTH).scores(profiles)
    assert np.abs(one - two).max() > 1e-3
    np.testing.assert_allclose(both, (one + two) / 2, atol=1e-5)


def test_the_loss_of_each_network_and_epoch_is_kept(tiny_history: History, tmp_path: Path) -> None:
    config = SMALL | NO_MEMORY | {"epochs": 3, "num_networks": 2}
    source = NextItem(**config).fit(tiny_history, NINTH)
    assert source.loss_.shape == (2, 3) and (source.loss_ > 0).all()
    source.save(tmp_path / "model.npz")
    assert NextItem(**config).load(tmp_path / "model.npz").loss_.tobytes() == source.loss_.tobytes()


def test_a_loaded_source_scores_the_same_to_the_last_bit(
    source: NextItem, tiny_history: History, tmp_path: Path
) -> None:
    """Also where it had scored before loading."""
    profiles = tiny_history.profiles(np.arange(5), NINTH)
    expected = source.scores(profiles)
    source.save(tmp_path / "model.npz")
    other = NextItem(**SMALL, seed=99).fit(tiny_history, EIGHTH)
    assert other.scores(profiles).tobytes() != expected.tobytes()
    for loaded in (NextItem(**SMALL), other):
        assert loaded.load(tmp_path / "model.npz").scores(profiles).tobytes() == expected.tobytes()


def test_a_fit_without_purchases_is_saved_too(tiny_history: History, tmp_path: Path) -> None:
    first_day = date(2020, 1, 1)
    NextItem(**SMALL).fit(tiny_history, first_day).save(tmp_path / "model.npz")
    loaded = NextItem(**SMALL).load(tmp_path / "model.npz")
    assert loaded.scores(tiny_history.profiles(np.arange(5), first_day)).shape == (5, 0)
