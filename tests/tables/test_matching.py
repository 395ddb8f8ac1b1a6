"""Ids of one table that hardly occur in another: made to match where one spelling does it, refused otherwise."""

from pathlib import Path

import polars as pl
import pytest
from plain_shop import ARTICLES, CUSTOMERS, log, row, tables
from test_reading import Built, error_of

from forsys.tables.matching import SPELLINGS, applied

NUMBERS = [str(1000 + i) for i in range(40)]


def renamed(lines: list[str], ids: list[str]) -> list[str]:
    """The log with other ids of its customers."""
    cells = [line.split(",") for line in lines]
    return [",".join([day, ids[CUSTOMERS.index(customer)], *rest]) for day, customer, *rest in cells]


WAYS = {
    "spaces": (CUSTOMERS, [f"{c} " for c in CUSTOMERS]),
    "spaces before": (CUSTOMERS, [f"  {c}" for c in CUSTOMERS]),
    "upper case": (CUSTOMERS, [c.upper() for c in CUSTOMERS]),
    "as numbers": (NUMBERS, [f"{n}.0" for n in NUMBERS]),
    "as numbers with two zeros": (NUMBERS, [f"{n}.00" for n in NUMBERS]),
    "zeros": (NUMBERS, [n.zfill(8) for n in NUMBERS]),
    "zeros, spaces and numbers": (NUMBERS, [f" {n.zfill(8)}.0" for n in NUMBERS]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_reversed", [False, True])
def test_another_spelling_in_the_log_is_mended_and_said(tmp_path: Path, way: str, is_reversed: bool) -> None:
    one, other = WAYS[way][::-1] if is_reversed else WAYS[way]
    (tmp_path / "plain").mkdir()
    plain = Built(tmp_path / "plain", **tables())
    built = Built(tmp_path, **tables(renamed(log(), other), one))
    assert built.customers["customer_id"].to_list() == one
    assert built.transactions.equals(plain.transactions)
    assert built.summary["unknown_customers"] == 0
    assert any("compared in that way" in note and "transactions_train" in note for note in built.summary["notes"])


@pytest.mark.parametrize("way", WAYS)
def test_the_submission_gets_the_spelling_of_the_sample_submission(tmp_path: Path, way: str) -> None:
    one, other = WAYS[way]
    changed = tables(renamed(log(), one), one) | {"sample_submission": tables(customers=other)["sample_submission"]}
    built = Built(tmp_path, **changed)
    assert built.customers["customer_id"].to_list() == other
    assert built.submission_customers["customer"].to_list() == list(range(40))
    assert any("compared in that way" in note and "sample_submission" in note for note in built.summary["notes"])


def test_ids_that_only_the_log_has_keep_their_spelling(tmp_path: Path) -> None:
    other = [c.upper() for c in CUSTOMERS]
    built = Built(tmp_path, **tables([*renamed(log(), other), row("2024-02-29", customer="Stranger")]))
    assert built.customers["customer_id"].to_list() == [*CUSTOMERS, "Stranger"]
    assert built.transactions["customer"][-1] == 40


@pytest.mark.parametrize(
    "strangers",
    [[f"{i:064x}" for i in range(40)], [str(i) for i in range(40)], [f"customer {i}" for i in range(40)]],
    ids=["hashes", "integers", "names"],
)
@pytest.mark.parametrize("where", ["transactions_train", "sample_submission", "customers"])
def test_ids_of_another_shop_are_refused(tmp_path: Path, strangers: list[str], where: str) -> None:
    changed = tables() | {where: tables(renamed(log(), strangers), strangers)[where]}
    message = error_of(tmp_path, **changed)
    for words in ("0.0% of its 40 different ids", "fewer than 10%", "same shop"):
        assert words in message
    assert not any(customer in message for customer in CUSTOMERS)
    assert any(f"{customer[:8]}…" in message for customer in CUSTOMERS)


@pytest.mark.parametrize("change", [lambda i: f"02{i:05}001", lambda i: str(i + 1), lambda i: f"9{i:09}"])
def test_articles_of_another_shop_are_refused(tmp_path: Path, change) -> None:  # type: ignore[no-untyped-def]
    lines = [row(line[:10], i).replace(ARTICLES[i % 30], change(i % 30)) for i, line in enumerate(log())]
    message = error_of(tmp_path, **tables(lines))
    assert "0.0% of its 30 different ids of article_id are in the table articles" in message


@pytest.mark.parametrize("known", [6, 10, 30])
def test_a_table_may_lack_customers(tmp_path: Path, known: int) -> None:
    text = tables(customers=CUSTOMERS[:known])
    changed = tables() | {"customers": text["customers"], "sample_submission": text["sample_submission"]}
    built = Built(tmp_path, **changed)
    assert built.summary["unknown_customers"] == 40 - known
    assert any(f"{40 - known} customers occur only in the transactions" in note for note in built.summary["notes"])
    assert not any("compared" in note for note in built.summary["notes"])


def test_customers_that_a_spelling_would_merge_stay_apart(tmp_path: Path) -> None:
    """Both c1 and C1 are customers, and the log has neither; without regard to case they would be one."""
    ids = [f"{'c' if i % 2 else 'C'}{i // 2}" for i in range(40)]
    message = error_of(tmp_path, **tables(renamed(log(), [f"{i.lower()}.0" for i in ids]), ids))
    assert "fewer than 10%" in message


def test_lists_for_customers_without_purchases_are_said(tmp_path: Path) -> None:
    more = [f"new{i}" for i in range(1000)]
    built = Built(tmp_path, **tables(customers=[*CUSTOMERS, *more]))
    assert any("only 3.8% of the customers to predict for" in note for note in built.summary["notes"])


def test_spellings_leave_other_ids_alone() -> None:
    ids = pl.Series("id", ["0", "00", "1.5", "a.0", "10", "", "é"])
    found = {name: applied(key, ids).to_list() for name, key in SPELLINGS.items()}
    assert found["without a trailing .0"] == ids.to_list()
    assert found["without leading zeros"] == ["0", "0", "1.5", "a.0", "10", "", "é"]


@pytest.mark.parametrize("given", ["{}.0", " {}", "{} ", "{}.00"])
def test_article_ids_and_channels_as_numbers_with_a_fraction(tmp_path: Path, given: str) -> None:
    (tmp_path / "plain").mkdir()
    plain = Built(tmp_path / "plain", **tables())
    lines = [line.split(",") for line in log()]
    changed = [
        f"{day},{customer},{given.format(article.lstrip('0'))},{price},{given.format(channel.strip())}\n"
        for day, customer, article, price, channel in lines
    ]
    built = Built(tmp_path, **tables(changed))
    assert built.transactions.equals(plain.transactions)
    assert built.summary["rejected"] == {}
