"""What many tests share: a log to work out by hand, one with structure to learn, and a tiny generated shop."""

import os
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from forsys import schema
from forsys.tables.history import History

os.environ.pop("COLUMNS", None)  # pytest-xdist sets it, and what is printed would be wrapped

# Articles 0 and 1 are colours of one product, 2 and 3 of another; 4 has no sister, and nobody buys 5.
TINY_CODES = [100, 100, 200, 200, 300, 300]
# Customer 2 has no age, and customer 4 never buys.
TINY_AGES = [22.0, 22.0, None, 55.0, 30.0]
# fmt: off
TINY_ROWS = [
    # (day of January 2020, customer, article, price, channel)
    (1, 0, 0, 0.10, 2),  # 1
    (1, 1, 2, 0.20, 1),  # 2
    (3, 0, 2, 0.20, 2),  # 3
    (3, 0, 1, 0.10, 2),  # 4   the same day as 3, after it, though its article is smaller
    (3, 0, 2, 0.40, 1),  # 5   a second unit of 3
    (4, 2, 0, 0.10, 1),  # 6
    (5, 1, 0, 0.10, 2),  # 7
    (5, 3, 4, 0.30, 1),  # 8
    (7, 0, 0, 0.10, 2),  # 9
    (7, 2, 3, 0.20, 2),  # 10
    (8, 1, 1, 0.10, 1),  # 11
    (8, 3, 4, 0.30, 1),  # 12
    (9, 0, 3, 0.20, 2),  # 13
]
# fmt: on


def articles_of(codes: list[int]) -> pl.DataFrame:
    numbers = range(len(codes))
    columns = {
        "article": numbers,
        "article_id": [f"{n:010d}" for n in numbers],
        "product_code": codes,
        "prod_name": [f"Product {code}" for code in codes],
    }
    return pl.DataFrame(columns, schema={name: schema.ARTICLES[name] for name in columns})


def customers_of(ages: list[float | None]) -> pl.DataFrame:
    numbers = range(len(ages))
    columns = {"customer": numbers, "customer_id": [f"{n:064x}" for n in numbers], "age": ages}
    return pl.DataFrame(columns, schema={name: schema.CUSTOMERS[name] for name in columns})


def content_of(count: int) -> list[pl.Series]:
    """Content features by the world's taste groups: its attributes, and noisy vectors, some of them missing."""
    group, rng = np.arange(count) // 20, np.random.default_rng(3)
    codes = np.column_stack([group + 1, group % 2 + 1, np.arange(count) % 5]).astype(np.int32)
    columns = [pl.Series("attributes", codes, pl.Array(pl.Int32, 3))]
    for every, name in enumerate(("words", "colour", "shape"), 5):
        vectors = np.eye(6, dtype=np.float32)[group % 6] + rng.normal(0, 0.3, (count, 6)).astype(np.float32)
        rows = [None if i % every == 0 else vector.tolist() for i, vector in enumerate(vectors)]
        columns.append(pl.Series(name, rows, pl.Array(pl.Float32, 6)))
    return columns


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--all`: also what is marked as long."""
    parser.addoption("--all", action="store_true", help="also the long tests: all faults, more fuzzing")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests, unless all are wanted."""
    left_out = [] if config.getoption("--all") else [item for item in items if item.get_closest_marker("long")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session")
def tiny_log() -> pl.DataFrame:
    """TINY_ROWS as schema.TRANSACTIONS."""
    rows = [(date(2020, 1, day), *rest) for day, *rest in TINY_ROWS]
    return pl.DataFrame(rows, schema=schema.TRANSACTIONS, orient="row")


@pytest.fixture(scope="session")
def tiny_history(tiny_log: pl.DataFrame) -> History:
    """TINY_ROWS by customer. Rows of the history, with the rows above that they come from:

    customer 0:  0 = #1,  1 = #3 and #5,  2 = #4,  3 = #9,  4 = #13
    customer 1:  5 = #2,  6 = #7,  7 = #11
    customer 2:  8 = #6,  9 = #10
    customer 3:  10 = #8,  11 = #12
    """
    return History.of(tiny_log.lazy(), articles_of(TINY_CODES), customers_of(TINY_AGES))


@pytest.fixture(scope="session")
def world_log() -> pl.DataFrame:
    """60 days from 2020-03-01, 300 customers, 120 articles in 6 taste groups (20 each: article // 20).

    A customer's taste is customer % 6, and 9 of 10 purchases follow it. Every tenth customer never buys. The
    last two articles of a group sell from 2020-04-15 on only, and every group has a few best sellers.
    """
    rng = np.random.default_rng(5)
    rows = []
    for customer in range(300):
        if customer % 10 == 9:
            continue
        for day in np.sort(rng.choice(60, rng.integers(4, 9), replace=False)).tolist():
            for _ in range(rng.integers(1, 4)):
                group = customer % 6 if rng.random() < 0.9 else int(rng.integers(6))
                within = int((20 if day >= 45 else 18) * rng.random() ** 1.3)
                price, channel = float(rng.integers(1, 9)) / 64, int(rng.integers(1, 3))
                rows.append((date(2020, 3, 1) + timedelta(day), customer, 20 * group + within, price, channel))
    return pl.DataFrame(rows, schema=schema.TRANSACTIONS, orient="row").sort("t_dat", maintain_order=True)


@pytest.fixture(scope="session")
def world(world_log: pl.DataFrame) -> History:
    """world_log by customer; two colours a product code; every seventh customer has no age."""
    ages = [None if customer % 7 == 6 else 16.0 + customer % 60 for customer in range(300)]
    articles = articles_of([article // 2 for article in range(120)])
    return History.of(world_log.lazy(), articles.with_columns(content_of(120)), customers_of(ages))


@pytest.fixture(scope="session")
def world_as_of() -> date:
    """The day from which 12 articles of the world are new; the last 15 days are after it."""
    return date(2020, 4, 15)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the tiny shop's CSV files, not to be changed."""
    from world import make_shop  # here, for it imports the whole pipeline

    folder = tmp_path_factory.getbasetemp() / "shop" / "tiny"
    if not folder.exists():
        make_shop(folder)
    return folder
