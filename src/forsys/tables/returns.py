"""Returned units, found among the purchases that they belong to."""

import polars as pl

from forsys.schema import RETURNS

PAIR = ("customer", "article")


def split_returns(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """The purchases among `rows` (customer, article, t_dat, units, …), their returns, and how many had no purchase.

    A return (units below 0) is taken off the newest earlier units of the same customer and article; of one day,
    purchases come first. Units that came back on the day of the purchase are left out of it. Purchases keep their
    order. The returns are as schema.RETURNS, sorted.
    """
    numbered = rows.with_row_index("row")
    is_return = pl.col("units") < 0
    touched = numbered.join(numbered.filter(is_return).select(PAIR).unique(), on=PAIR, how="semi")
    touched = _with_units_at_hand(touched.sort("t_dat", is_return, "row"))
    orphans = touched.filter(pl.col("units") < pl.col("after") - pl.col("before")).height
    returned = _returned(touched)
    same_day = returned.filter(pl.col("returned_on") == pl.col("t_dat")).select("row", corrected="units")
    bought = numbered.filter(~is_return).join(same_day, on="row", how="left", maintain_order="left")
    bought = bought.with_columns(pl.col("units") - pl.col("corrected").fill_null(0)).filter(pl.col("units") > 0)
    later = returned.filter(pl.col("returned_on") > pl.col("t_dat"))
    keys = [name for name in RETURNS if name != "units"]
    returns = later.group_by(keys).agg(pl.col("units").sum()).sort(keys)
    return bought.select(rows.columns), returns.select(list(RETURNS)), orphans


def _with_units_at_hand(touched: pl.DataFrame) -> pl.DataFrame:
    """With the units that the customer has `before` and `after` each row: never below 0. In order of time."""
    touched = touched.with_columns(total=pl.col("units").cast(pl.Int64).cum_sum().over(PAIR))
    missing = pl.min_horizontal(pl.col("total").cum_min().over(PAIR), 0)
    touched = touched.with_columns(after=pl.col("total") - missing)
    return touched.with_columns(before=pl.col("after").shift(1, fill_value=0).over(PAIR))


def _returned(touched: pl.DataFrame) -> pl.DataFrame:
    """The units that came back: row of the purchase, customer, article, t_dat, returned_on, units.

    A unit that is the n-th at hand when it is bought goes back as soon as fewer than n are left: with the next row
    of its pair that passes n. Units between two levels at which any row of the pair stops go together.
    """
    stops = (
        pl.concat(touched.select(*PAIR, level=side) for side in ("before", "after")).unique().sort(*PAIR, "level")
    )
    steps = stops.with_columns(
        step=pl.int_range(pl.len()).over(PAIR), size=pl.col("level").shift(-1).over(PAIR) - pl.col("level")
    )
    for side in ("before", "after"):
        level = steps.select(*PAIR, pl.col("level").alias(side), pl.col("step").alias(f"step_{side}"))
        touched = touched.join(level, on=[*PAIR, side], how="left", maintain_order="left")
    ends = ("step_before", "step_after")
    passed = touched.with_columns(step=pl.int_ranges(pl.min_horizontal(ends), pl.max_horizontal(ends)))
    passed = passed.explode("step").drop_nulls("step")
    passed = passed.with_columns(returned_on=pl.col("t_dat").shift(-1).over(*PAIR, "step"))
    bought = passed.filter(pl.col("units") > 0).drop_nulls("returned_on").drop("units")
    sized = bought.join(steps.select(*PAIR, "step", units="size"), on=[*PAIR, "step"])
    return sized.group_by("row", *PAIR, "t_dat", "returned_on").agg(pl.col("units").sum().cast(pl.Int32))
