"""The stage `tables` in rows of the transactions per second, against polars and pandas without any checks.

Each reads every CSV file of the shop and writes it as Parquet: polars by scan_csv and sink_parquet, the limit of
any reader built on it; pandas by read_csv and to_parquet. Ours also checks every row and makes ids dense. The shop
is generated, of SCALE times H&M's size; at a tenth, where other tables and the start weigh more, ours had .91
to .95 of the speed of pandas. Each way takes its turn RUNS times, and its best time counts.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import polars as pl

from benchmarks._compared import compared, fewest_seconds
from forsys.sample.full_size import generate_full_size
from forsys.tables.build import build_tables
from forsys.tables.dataset import DataSet

SCALE, RUNS = 0.25, 3


def run(data: Path | None) -> pd.DataFrame:
    """One row per alternative."""
    del data
    with TemporaryDirectory() as name:
        folder = Path(name)
        shop, parquet = DataSet("shop", folder / "shop", True, "made"), folder / "rows.parquet"
        generate_full_size(shop.folder, SCALE)
        files = sorted(shop.folder.glob("*.csv"))
        ways = {
            "forsys": lambda: build_tables(shop, folder / "tables"),
            "polars scan_csv, sink_parquet": lambda: [pl.scan_csv(file).sink_parquet(parquet) for file in files],
            "pandas read_csv, to_parquet": lambda: [pd.read_csv(file).to_parquet(parquet) for file in files],
        }
        rows = pl.scan_csv(shop.folder / "transactions_train.csv").select(pl.len()).collect().item()
        return compared("tables", "rows", rows, fewest_seconds(ways, RUNS))
