"""Returned units, found among the purchases that they belong to."""

import polars as pl

PAIR = ("customer", "article")


def with_days_of_return(rows: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """`rows` (customer, article, t_dat, units, …) without the returns; how many of these had no purchase.

    A return (units below 0) is taken off the newest earlier units of the same customer and article; of one day,
    purchases come first. `returned_on`, Date, tells when the units of a row came back, null where they did not: a
    purchase becomes a row for the units that stayed and one for each day on which others came back. Units that came
    back on the day of the purchase are left out. Purchases keep their order.
    """
    numbered = rows.with_row_index("row")
    if rows.filter(pl.col("units") < 0).is_empty():
        return rows.with_columns(returned_on=pl.lit(None, pl.Date)), 0
    touched = numbered.join(numbered.filter(pl.col("units") < 0).select(PAIR).unique(), on=PAIR, how="semi")
    touched = _with_units_at_hand(touched.sort("t_dat", pl.col("units") < 0, "row"))
    orphans = touched.filter(pl.col("units") < pl.col("after") - pl.col("before")).height
    returned = _returned(touched).filter(pl.col("units") > 0)
    later = returned.filter(pl.col("returned_on") > pl.col("t_dat")).select("row", "units", "returned_on")
    gone = returned.group_by("row").agg(gone=pl.col("units").sum())
    stayed = numbered.join(gone, on="row", how="left").with_columns(pl.col("units") - pl.col("gone").fill_null(0))
    parts = stayed.select("row", "units", returned_on=pl.lit(None, pl.Date)).filter(pl.col("units") > 0)
    both = pl.concat([parts, later]).sort("row", "returned_on", nulls_last=False)
    bought = both.join(numbered.drop("units"), on="row", maintain_order="left")
    return bought.select(*rows.columns, "returned_on"), orphans


def _with_units_at_hand(touched: pl.DataFrame) -> pl.DataFrame:
    """With the units that the customer has `before` and `after` each row: never below 0. In order of time."""
    touched = touched.with_columns(total=pl.col("units").cast(pl.Int64).cum_sum().over(PAIR))
    missing = pl.min_horizontal(pl.col("total").cum_min().over(PAIR), 0)
    touched = touched.with_columns(after=pl.col("total") - missing)
    return touched.with_columns(before=pl.col("after").shift(1, fill_value=0).over(PAIR))


def _returned(touched: pl.DataFrame) -> pl.DataFrame:
    """The units that came back: row of the purchase, t_dat, returned_on, units.

    A unit that is the n-th at hand when it is bought goes back as soon as fewer than n are left: with the next row
    of its pair that passes n. Of a purchase only as many units are looked at as came back of its pair, the newest.
    """
    most = (pl.col("before") - pl.col("after")).clip(lower_bound=0).sum().over(PAIR)
    low, high = pl.min_horizontal("before", "after"), pl.max_horizontal("before", "after")
    place = pl.int_ranges(pl.max_horizontal(low, high - most), high)
    units = touched.with_columns(place=place).explode("place").drop_nulls("place")
    units = units.with_columns(returned_on=pl.col("t_dat").shift(-1).over(*PAIR, "place"))
    bought = units.filter(pl.col("units") > 0).drop_nulls("returned_on")
    return bought.group_by("row", "t_dat", "returned_on").agg(units=pl.len().cast(pl.Int32))
