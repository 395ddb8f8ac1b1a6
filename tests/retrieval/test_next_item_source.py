"""The source `next_item`: its memory by hand on the 13 rows of tests/conftest.py, and what it keeps.

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

from forsys.retrieval.next_item import NextItem
from forsys.tables.history import Floats, History, Profiles

A, B, C, D, E = range(5)
EIGHTH, NINTH = date(2020, 1, 8), date(2020, 1, 9)
SMALL: dict[str, Any] = {"groups": (), "dimension": 4, "rows": 2, "length": 2, "epochs": 1, "warm_up": 1}
TOGETHER, VARIANT = 2.0, 3.0


@pytest.fixture(scope="module")
def source(tiny_history: History) -> NextItem:
    return NextItem(**SMALL, together=TOGETHER, variant=VARIANT).fit(tiny_history, NINTH)


@pytest.fixture(scope="module")
def network(tiny_history: History) -> NextItem:
    """The same without a memory."""
    return NextItem(**SMALL, together=0, variant=0).fit(tiny_history, NINTH)


def added(source: NextItem, network: NextItem, profiles: Profiles) -> Floats:
    """What the memory says of a..e."""
    return source.scores(profiles) - network.scores(profiles)


def cosine(together: int, bought: int, candidate: int) -> float:
    """From the buyers of what was bought and of the candidate."""
    return TOGETHER * together / sqrt((bought + 10) * (candidate + 3))


def test_the_catalogue_is_what_was_sold(source: NextItem) -> None:
    assert source.catalogue_.tolist() == [A, B, C, D, E]


def test_the_last_day_counts_in_full_and_earlier_ones_less(
    source: NextItem, network: NextItem, tiny_history: History
) -> None:
    """Customer 2 bought d on the 7th, his last day, and a three days before that."""
    found = added(source, network, tiny_history.profiles(np.array([2]), NINTH))[0]
    of_a, of_d = 0.5 * 2 ** (-3 / 30), 1
    expected = [
        of_a * VARIANT + of_d * cosine(1, 1, 3),
        of_a * (VARIANT + cosine(2, 3, 2)),
        of_a * cosine(2, 3, 2) + of_d * VARIANT,
        of_a * cosine(1, 3, 1) + of_d * VARIANT,
        0,
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_is_in_the_basket_of_the_day_is_left_out(
    source: NextItem, network: NextItem, tiny_history: History
) -> None:
    """Customer 0 on the 3rd, when c is in the basket and b is not yet; a was bought on the 1st."""
    found = added(source, network, tiny_history.event_profiles(np.array([2])))[0]
    assert np.isneginf(found[C])
    of_a = 0.5 * 2 ** (-2 / 30)
    assert found[B] == pytest.approx(of_a * (VARIANT + cosine(2, 3, 2)) + cosine(2, 2, 2), rel=1e-4)
    assert found[A] == pytest.approx(of_a * VARIANT + cosine(2, 2, 3), rel=1e-4)


def test_what_was_bought_on_an_earlier_day_may_be_bought_again(source: NextItem, tiny_history: History) -> None:
    assert np.isfinite(source.scores(tiny_history.profiles(np.arange(5), NINTH))).all()


def test_who_never_bought_is_remembered_nothing(source: NextItem, network: NextItem, tiny_history: History) -> None:
    assert not added(source, network, tiny_history.profiles(np.array([4]), NINTH)).any()


def test_the_memory_ends_at_the_cut_off(tiny_history: History) -> None:
    """A day earlier, customer 1 hasn't bought b yet: it has one buyer, and is with a and with c once."""
    earlier = NextItem(**SMALL, together=TOGETHER, variant=0).fit(tiny_history, EIGHTH)
    assert earlier.catalogue_.tolist() == [A, B, C, D, E]
    assert earlier.memory_[[A], [B]] == pytest.approx(cosine(1, 3, 1), rel=1e-5)
    assert earlier.memory_[[A], [C]] == pytest.approx(cosine(2, 3, 2), rel=1e-5)


def test_networks_are_averaged(tiny_history: History) -> None:
    profiles = tiny_history.profiles(np.arange(5), NINTH)
    plain = SMALL | {"together": 0, "variant": 0}
    one, two = (NextItem(**plain, seed=seed).fit(tiny_history, NINTH).scores(profiles) for seed in (3, 4))
    both = NextItem(**plain, seed=3, networks=2).fit(tiny_history, NINTH).scores(profiles)
    assert np.abs(one - two).max() > 1e-3
    np.testing.assert_allclose(both, (one + two) / 2, atol=1e-5)


def test_a_loaded_source_scores_the_same_to_the_last_bit(
    source: NextItem, tiny_history: History, tmp_path: Path
) -> None:
    """Also one that was asked before it was loaded."""
    profiles = tiny_history.profiles(np.arange(5), NINTH)
    expected = source.scores(profiles)
    source.save(tmp_path / "model.npz")
    other = NextItem(**SMALL, seed=99).fit(tiny_history, EIGHTH)
    assert other.scores(profiles).tobytes() != expected.tobytes()
    for loaded in (NextItem(**SMALL), other):
        assert loaded.load(tmp_path / "model.npz").scores(profiles).tobytes() == expected.tobytes()


def test_a_fit_on_nothing_is_kept_too(tiny_history: History, tmp_path: Path) -> None:
    first_day = date(2020, 1, 1)
    NextItem(**SMALL).fit(tiny_history, first_day).save(tmp_path / "model.npz")
    loaded = NextItem(**SMALL).load(tmp_path / "model.npz")
    assert loaded.scores(tiny_history.profiles(np.arange(5), first_day)).shape == (5, 0)
