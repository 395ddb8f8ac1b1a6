"""Returned units, taken off the purchases that they belong to."""

import polars as pl

PAIR = ("customer", "article")


def without_returned(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """`rows` (customer, article, t_dat, units, …) without what was returned; how many returns had no purchase.

    A return (units below 0) is taken off the newest earlier units of the same customer and article; of one day,
    purchases come first. Purchases that keep no unit are left out, the others keep their order.
    """
    numbered = rows.with_row_index("__row__")
    returned = numbered.filter(pl.col("units") < 0).select(PAIR).unique()
    if returned.is_empty():
        return rows, 0
    touched = numbered.join(returned, on=PAIR, how="semi").sort("t_dat", pl.col("units") < 0, "__row__")
    # The units at hand rise with each purchase and fall with each return, but never below 0. A unit that is the
    # n-th at hand when it is bought goes back as soon as fewer than n are left.
    total = pl.col("units").cast(pl.Int64).cum_sum().over(PAIR)
    lowest = pl.min_horizontal(pl.col("__total__").cum_min().over(PAIR), 0)
    touched = touched.with_columns(total.alias("__total__"))
    touched = touched.with_columns(lowest.alias("__lowest__"))
    at_hand = pl.col("__total__") - pl.col("__lowest__")
    touched = touched.with_columns(
        at_hand.alias("__after__"),
        pl.col("__lowest__").shift(1, fill_value=0).over(PAIR).alias("__lowest_before__"),
    )
    left = pl.min_horizontal(pl.col("__after__").cum_min(reverse=True).over(PAIR), pl.col("__after__"))
    before = pl.col("__after__") - pl.col("units")
    kept = pl.when(pl.col("units") > 0).then((left - before).clip(lower_bound=0)).otherwise(0).cast(pl.Int32)
    touched = touched.with_columns(kept.alias("__kept__"))
    orphans = touched.filter((pl.col("units") < 0) & (pl.col("__lowest__") < pl.col("__lowest_before__"))).height
    units = numbered.join(touched.select("__row__", "__kept__"), on="__row__", how="left", maintain_order="left")
    units = units.with_columns(pl.coalesce("__kept__", "units").alias("units"))
    return units.filter(pl.col("units") > 0).select(rows.columns), orphans
