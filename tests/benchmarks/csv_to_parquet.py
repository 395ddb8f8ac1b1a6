"""The stage `tables` in rows of the transactions a second, against polars and pandas, which check nothing.

polars is a bare scan_csv to sink_parquet of transactions_train.csv, the limit of any reader built on it; pandas is
read_csv and to_parquet of the same file. Ours also reads the other tables, checks every row and gives each id a
number. The shop is generated, but for its transactions: ROWS of them, drawn at random. The best of RUNS counts, the
three in turn.
"""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import polars as pl

from benchmarks._compared import compared, fewest_seconds
from forsys.tables.build import build_tables
from forsys.tables.sample import generate
from forsys.tables.source import DataSet

ROWS, CUSTOMERS, ARTICLES, DAYS, RUNS = 1_500_000, 100_000, 10_000, 100, 2


def run(data: Path | None) -> pd.DataFrame:
    """One row an alternative."""
    del data
    with TemporaryDirectory() as name:
        folder = Path(name)
        shop, parquet = DataSet("shop", folder / "shop", True, "made"), folder / "rows.parquet"
        file = made_transactions(shop.folder)
        ways = {
            "forsys": lambda: build_tables(shop, folder / "tables"),
            "polars scan_csv, sink_parquet": lambda: pl.scan_csv(file).sink_parquet(parquet),
            "pandas read_csv, to_parquet": lambda: pd.read_csv(file).to_parquet(parquet),
        }
        return compared("tables", "rows", ROWS, fewest_seconds(ways, RUNS))


def made_transactions(shop: Path) -> Path:
    """A generated shop whose transactions are ROWS drawn at random; returns their file."""
    generate(shop, customers=CUSTOMERS, articles=ARTICLES, weeks=1, images=0)
    rng = np.random.default_rng(1)
    days = pl.date_range(date(2024, 1, 1), date(2024, 12, 31), eager=True)[:DAYS]
    columns = {
        "t_dat": days.gather(np.sort(rng.integers(DAYS, size=ROWS))),
        "customer_id": drawn(rng, shop / "customers.csv", "customer_id"),
        "article_id": drawn(rng, shop / "articles.csv", "article_id"),
        "price": rng.integers(1, 500_000, ROWS) / 1e6,
        "sales_channel_id": rng.integers(1, 3, ROWS),
    }
    file = shop / "transactions_train.csv"
    pl.DataFrame(columns).write_csv(file)
    return file


def drawn(rng: np.random.Generator, file: Path, column: str) -> pl.Series:
    """ROWS ids of a table, with repeats."""
    ids = pl.read_csv(file, columns=[column], schema_overrides={column: pl.String})[column]
    return ids.gather(rng.integers(len(ids), size=ROWS))
