"""The stage `tables` in rows of the transactions a second, against polars and pandas, which check nothing.

Each reads every CSV file of the shop and writes it as Parquet: polars by a bare scan_csv to sink_parquet, the limit
of any reader built on it; pandas by read_csv to to_parquet. Ours also checks every row and gives each id a number.
The shop is SCALE of H&M's size, generated; of a tenth, where other tables and the start weigh more, ours came to
.91 to .95 of pandas. The best of RUNS counts, the three in turn.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import polars as pl

from benchmarks._compared import compared, fewest_seconds
from forsys.tables.build import build_tables
from forsys.tables.sample.full_size import generate_full_size
from forsys.tables.source import DataSet

SCALE, RUNS = 0.25, 3


def run(data: Path | None) -> pd.DataFrame:
    """One row an alternative."""
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
