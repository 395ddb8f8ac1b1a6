"""The shares of the tenths by earlier sales, where one can count them."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import polars as pl
import pytest

from forsys.evaluation.popularity import popularity
from forsys.run import Run

SALES = np.array([0, *range(20, 0, -1)])  # article 0 never sold; 1 and 2 are the best-selling tenth


def run_with(sales: np.ndarray) -> Run:
    history = SimpleNamespace(sales_before=lambda _: sales)
    calendar = SimpleNamespace(holdout=SimpleNamespace(as_of=None))
    return cast(Run, SimpleNamespace(history=history, calendar=calendar, settings=SimpleNamespace(k=2)))


def test_shares_by_tenth() -> None:
    ranked = pl.DataFrame({"customer": [0, 0, 1, 1], "article": [1, 2, 1, 0], "rank": [1, 2, 1, 2]})
    bought = pl.DataFrame({"customer": [0, 1], "article": [1, 20]})
    table = popularity(run_with(SALES), {"final": ranked}, bought).set_index("value")
    assert table.index[0] == "best-selling tenth" and table.index[-1] == "never sold before"
    assert table["final"][["best-selling tenth", "never sold before"]].to_list() == [0.75, 0.25]
    assert table["bought"][["best-selling tenth", "least-selling tenth"]].to_list() == [0.5, 0.5]
    assert table[["final", "bought"]].sum().to_list() == pytest.approx([1, 1])


def test_ranks_past_k_do_not_count() -> None:
    late = pl.DataFrame({"customer": [0], "article": [1], "rank": [3]})
    assert popularity(run_with(SALES), {"late": late}, late.clear())["late"].sum() == 0
