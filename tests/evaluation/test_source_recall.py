"""What each source finds, on nine purchases that one can count by hand."""

import polars as pl
import pytest

from forsys.evaluation.source_recall import source_recall

LABELS = pl.DataFrame({"customer": [0] * 5 + [1] * 4, "article": [*range(5), *range(4)]})
# (customer, article): 0,0 and 0,1 are found by a alone, 0,2 by a and b, 1,0 by b and c, 1,1 by b alone
FOUND = {"a": [(0, 0), (0, 1), (0, 2)], "b": [(0, 2), (1, 0), (1, 1)], "c": [(1, 0)], "d": []}
HITS = pl.DataFrame(
    [(customer, article, source) for source, found in FOUND.items() for customer, article in found],
    schema=["customer", "article", "source"],
    orient="row",
)


def test_recall_and_what_each_source_alone_finds() -> None:
    table = source_recall(HITS, LABELS, list(FOUND)).set_index("source")
    assert table["recall"].to_dict() == pytest.approx({"a": 3 / 9, "b": 3 / 9, "c": 1 / 9, "d": 0})
    assert table["alone"].to_dict() == pytest.approx({"a": 2 / 9, "b": 1 / 9, "c": 0, "d": 0})


def test_what_they_add_sums_to_the_union() -> None:
    table = source_recall(HITS, LABELS, list(FOUND))
    assert table["source"].to_list() == ["a", "b", "c", "d"]
    assert table["adds"].to_list() == pytest.approx([3 / 9, 2 / 9, 0, 0])
    assert table["adds"].sum() == pytest.approx(HITS.select("customer", "article").n_unique() / 9)


def test_without_purchases_all_is_zero() -> None:
    table = source_recall(HITS.clear(), LABELS.clear(), ["a", "b"])
    assert table[["recall", "alone", "adds"]].to_numpy().sum() == 0
