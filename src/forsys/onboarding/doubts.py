"""What a person should look at in orders that can be read."""

from collections.abc import Iterator
from datetime import date, timedelta

import numpy as np
import polars as pl

from forsys.metrics.bootstrap import FEW_BUYERS
from forsys.tables.reading import shown
from forsys.tables.transactions import Purchases

OLD, FEW_WEEKS = 60, 8  # days since the last purchase, weeks of orders
MUCH_OF_ONE = {"customer": 0.05, "article": 0.2}  # share of the rows
FAR_PRICE = 1_000  # times the median
MIXED = 0.1  # share of ids of the rarer form, below which they are odd ones out
GAP = 7  # days without a purchase
ONE_DAY = 0.98  # share of the customers who bought on a single day: of order numbers, all do


def doubts_of_orders(purchases: Purchases, holdout_days: int, today: date) -> Iterator[str]:
    """Sentences about days, buyers, customers, articles and prices."""
    frame = purchases.frame
    yield from _of_days(frame, holdout_days, today)
    yield from _of_one(frame, "customer", purchases.customer_ids)
    yield from _of_one(frame, "article", purchases.article_ids)
    yield from _of_prices(frame)


def _of_days(frame: pl.DataFrame, holdout_days: int, today: date) -> Iterator[str]:
    days = frame["t_dat"].unique().sort()
    first, last = _date(days[0]), _date(days[-1])
    if (today - last).days > OLD:
        yield f"the last purchase is {(today - last).days:,} days old ({last}): is this the newest export?"
    if last > today:
        yield f"the last purchase is in the future ({last})"
    length = (last - first).days + 1
    if length < 7 * FEW_WEEKS:
        yield f"the orders cover {length} days, from {first}: with fewer than {FEW_WEEKS} weeks little is learned"
    gaps = pl.DataFrame({"day": days}).with_columns(gap=pl.col("day").diff().dt.total_days())
    for day, gap in gaps.filter(pl.col("gap") > GAP).head(3).iter_rows():
        yield f"no purchases for {gap - 1} days before {day}: was the shop closed, or is a file missing?"
    since = last - timedelta(days=holdout_days - 1)
    buyers = frame.filter(pl.col("t_dat") >= since)["customer"].n_unique()
    if buyers < FEW_BUYERS:
        yield (
            f"{buyers} customers bought in the last {holdout_days} days, on which the lists are scored: with fewer "
            f"than {FEW_BUYERS} the scores say little. A longer --holdout-days has more"
        )


def _of_one(frame: pl.DataFrame, column: str, ids: pl.Series) -> Iterator[str]:
    counts = frame[column].value_counts().sort("count", column, descending=[True, False])
    share = counts["count"][0] / len(frame)
    if share >= MUCH_OF_ONE[column] and len(counts) > 1 / MUCH_OF_ONE[column]:
        name = shown(ids[counts[column][0]])
        yield f"one {column}, {name}, has {share:.0%} of the rows: is it one, or does it stand for all unknown?"


def _of_prices(frame: pl.DataFrame) -> Iterator[str]:
    paid = frame.filter(pl.col("price") > 0)["price"].to_numpy()
    median = float(np.median(paid)) if len(paid) else 0.0
    if far := int((paid > FAR_PRICE * median).sum()):
        yield f"{far:,} prices are over {FAR_PRICE:,} times the median ({median:.4g}): are they in one unit?"


def doubts_of_ids(ids: pl.Series, column: str) -> Iterator[str]:
    """A sentence where most ids are numbers and some are not, or the other way round."""
    is_number = ids.str.contains(r"^\d+$")
    share = float(is_number.mean() or 0.0) if len(ids) else 0.0  # type: ignore[arg-type]
    rarer = min(share, 1 - share)
    if 0 < rarer < MIXED:
        odd = ids.filter(~is_number if share > 0.5 else is_number)[0]
        yield (
            f"{column}: {share:.1%} of its different ids are whole numbers and {1 - share:.1%} are not, such as "
            f"{shown(odd)}: are these real ones?"
        )


def doubts_of_visits(frame: pl.DataFrame, column: str) -> Iterator[str]:
    """A sentence where nearly no customer came again, though the orders cover weeks."""
    days = frame.group_by("customer").agg(first=pl.col("t_dat").min(), last=pl.col("t_dat").max())
    share = float((days["first"] == days["last"]).mean() or 0.0)  # type: ignore[arg-type]
    if share >= ONE_DAY and (_date(days["last"].max()) - _date(days["first"].min())).days > 2 * GAP:
        yield (
            f"{column}: {share:.0%} of the customers bought on a single day: are these the numbers of orders, and "
            "another column names the customer?"
        )


def _date(value: object) -> date:
    assert isinstance(value, date)
    return value
