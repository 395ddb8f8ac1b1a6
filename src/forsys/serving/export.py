"""Everyone's lists as one file, with the shop's own ids."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from forsys.arrays import Ints
from forsys.errors import DataError
from forsys.machine import writing
from forsys.ranking.ordering import ranked_parts
from forsys.run import Run
from forsys.store import atomic_write
from forsys.tables.ids import shop_ids

SCHEMA: dict[str, pl.DataType] = {
    "customer": pl.String(),  # the shop's own id
    "rank": pl.UInt16(),  # 1 is the best
    "article": pl.String(),  # the shop's own id
    "chance": pl.Float32(),  # that the customer buys it within the period; null where it is unknown
}
ENDINGS = (".parquet", ".csv")


class Exported(NamedTuple):
    """How many rows were written, and how many customers have any and all k of them."""

    rows: int
    customers: int
    complete: int


def export(run: Run, path: Path) -> Exported:
    """Write the first k ranks of everyone's list, sorted as the tables' customers: SCHEMA.

    A shard is in memory at a time. Raises DataError for another ending than .parquet or .csv, where the lists are
    missing, and where the file cannot be written, or is one of the shop's.
    """
    if path.suffix not in ENDINGS:
        raise DataError(f"{path}: the name must end in {' or '.join(ENDINGS)}.")
    run.refuse_to_replace(path)
    parts, k, lengths = ranked_parts(run, run.calendar.submission), run.settings.k, list[Ints]()

    def shards(*_: object) -> Iterator[pl.DataFrame]:
        customers, articles = (shop_ids(run.workspace.tables, what) for what in ("customer", "article"))
        for part in parts:
            lists = pl.scan_parquet(part, glob=False).filter(pl.col("rank") <= k).collect()
            lengths.append(lists.group_by("customer").len()["len"].to_numpy())
            yield lists.select(
                customer=customers.gather(lists["customer"]),
                rank="rank",
                article=articles.gather(lists["article"]),
                chance=pl.col("chance").fill_nan(None),
            )

    lists = register_io_source(shards, schema=SCHEMA)
    with writing(path), atomic_write(path) as part:
        if path.suffix == ".csv":
            lists.sink_csv(part)
        else:
            lists.sink_parquet(part)
    length = np.concatenate(lengths)
    return Exported(int(length.sum()), len(length), int((length == k).sum()))
