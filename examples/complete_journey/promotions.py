"""The grocer's promotions as a shop file takes them: `python promotions.py promotions.parquet made.parquet`.

The package lists 20.9 million rows of a product, store and week. Here a product counts as promoted where a fifth of
the stores promote it, from Monday to Sunday.
"""

import sys
from datetime import date
from pathlib import Path

import polars as pl

SECOND_WEEK = date(2017, 1, 2)  # its Monday; the first week is 1 January alone
MIN_SHARE = 0.2  # of the stores
INSIDE = ["A", "C", "J", "P", "X"]  # pages of the leaflet; the others are its front, its back and its wrapper
NONE = "0"


def promotions(rows: pl.LazyFrame) -> pl.DataFrame:
    """product_id, start, end, kind; sorted. rows: product_id, store_id, week, display_location, mailer_location."""
    mailer, display = pl.col("mailer_location"), pl.col("display_location")
    kinds = {
        "display": display != NONE,
        "leaflet, inside": mailer.is_in(INSIDE),
        "leaflet, outside": (mailer != NONE) & ~mailer.is_in(INSIDE),
    }
    stores = rows.select(pl.col("store_id").n_unique()).collect().item()
    promoted = pl.col("store_id").n_unique() >= MIN_SHARE * stores
    start = pl.lit(SECOND_WEEK) + pl.duration(days=7 * (pl.col("week") - 2))
    parts = [
        rows.filter(is_kind).group_by("product_id", "week").agg(promoted.alias("promoted")).filter("promoted")
        .select("product_id", start=start, end=start + pl.duration(days=6), kind=pl.lit(kind))
        for kind, is_kind in kinds.items()
    ]  # fmt: skip
    return pl.concat(parts).sort("product_id", "start", "kind").collect()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = map(Path, sys.argv[1:])
    promotions(pl.scan_parquet(source)).write_parquet(target)
