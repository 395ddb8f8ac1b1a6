"""The result in a sentence."""

import polars as pl
import pytest

from forsys.evaluation.list_names import FINAL
from forsys.evaluation.verdict import verdict
from forsys.metrics.bootstrap import Bootstrap
from forsys.retrieval.baselines import BASELINES

CUSTOMERS = 60
FIRST_BASELINE = next(iter(BASELINES))


def lists_of(hits: int) -> pl.DataFrame:
    """Of each customer one article, which the first `hits` customers buy."""
    bought = [0 if customer < hits else 1 for customer in range(CUSTOMERS)]
    return pl.DataFrame({"customer": range(CUSTOMERS), "article": bought, "rank": [1] * CUSTOMERS})


LABELS = pl.DataFrame({"customer": range(CUSTOMERS), "article": [0] * CUSTOMERS})


def judged(final: int, baseline: int) -> str:
    lists = {name: lists_of(0) for name in BASELINES} | {FINAL: lists_of(final), FIRST_BASELINE: lists_of(baseline)}
    return str(verdict(lists, LABELS, 12, Bootstrap(500, seed=0)))


def test_a_clear_gain() -> None:
    said = judged(final=40, baseline=10)
    assert said.startswith(
        f"The final list beats the best simple baseline, {FIRST_BASELINE}: MAP@12 0.6667 against 0.1667"
    )
    assert "difference +0.5000" in said


@pytest.mark.parametrize(("final", "baseline"), [(20, 20), (21, 20), (25, 20), (5, 0)])
def test_what_may_be_chance_is_said_first(final: int, baseline: int) -> None:
    said = judged(final, baseline)
    assert said.startswith(
        f"NOT CLEARLY BETTER THAN A ONE-LINE RULE: the simple baseline {FIRST_BASELINE} cannot be told apart from"
    )


def test_six_customers_may_be_clear() -> None:
    """Five, all on one side, are by chance in one of 16 cases."""
    assert judged(final=26, baseline=20).startswith("The final list beats")


def test_a_baseline_that_is_better() -> None:
    said = judged(final=5, baseline=40)
    assert said.startswith("NOT BETTER THAN") and f"{FIRST_BASELINE} is better than the final list" in said


def test_the_best_of_the_baselines_counts() -> None:
    lists = {name: lists_of(3 * number) for number, name in enumerate(BASELINES)} | {FINAL: lists_of(50)}
    assert verdict(lists, LABELS, 12, Bootstrap(100, seed=0)).baseline == list(BASELINES)[-1]
