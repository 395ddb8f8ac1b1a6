"""transactions_train.csv, simulated and written week by week: memory does not grow with the rows."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from forsys.sample import words
from forsys.sample.assortment import Catalogue
from forsys.sample.baskets import Memory, Shop, drift, fill
from forsys.sample.constants import ShopConstants
from forsys.sample.population import Customers
from forsys.sample.sampling import Ints
from forsys.sample.visits import Visits, sample_visits, traffic
from forsys.store import atomic_write


def write_purchases(path: Path, weeks: Iterable[pl.DataFrame], opens: date) -> int:
    """Write Kaggle's transactions_train.csv from the rows of each week, those before `opens` left out.

    Ordered by day and customer, if the weeks are; returns the number of rows.
    """
    rows = 0
    with atomic_write(path) as part, part.open("wb") as file:
        for number, week in enumerate(weeks):
            frame = week.filter(pl.col("t_dat") >= opens)
            frame.write_csv(file, include_header=number == 0, float_precision=6)
            rows += len(frame)
    return rows


def simulate(
    rng: np.random.Generator,
    catalogue: Catalogue,
    customers: Customers,
    first_day: date,
    weeks: int,
    weekly_buyers: float,
    constants: ShopConstants,
) -> Iterator[pl.DataFrame]:
    """Yield the rows of each week with the file's columns. Changes `customers` in place, as their tastes drift."""
    first_week = week_of_year(first_day)
    shop = Shop(rng, catalogue, first_week, constants)
    memory = Memory.blank(len(customers), constants.memory)
    for week in range(weeks):
        shop.open_week(rng, week)
        share = weekly_buyers * traffic(first_week + week, constants.rhythm)
        visits = sample_visits(rng, customers, memory.last, week, share, first_day.weekday(), constants)
        drift(rng, customers, np.unique(visits.customer), week)
        visit, article = fill(rng, shop, customers, memory, visits, week)
        visit, article = _without_repeats(visits, visit, article, len(catalogue))
        memory.store(visits.customer[visit], article, week)
        yield _rows(rng, shop, customers, visits, visit, article, first_day + timedelta(weeks=week))


def week_of_year(day: date) -> int:
    """0..52, by the day of the year."""
    return (day.timetuple().tm_yday - 1) // 7


def _without_repeats(visits: Visits, visit: Ints, article: Ints, articles: int) -> tuple[Ints, Ints]:
    """Lines sorted by customer and day, each article once per customer and day; units are added later."""
    key = (visits.customer[visit] * 7 + visits.day[visit]) * articles + article
    _, first = np.unique(key, return_index=True)
    return visit[first], article[first]


def _rows(
    rng: np.random.Generator,
    shop: Shop,
    customers: Customers,
    visits: Visits,
    visit: Ints,
    article: Ints,
    first_day: date,
) -> pl.DataFrame:
    """Rows of the file, one per unit, with the week's price; several units are equal rows."""
    multiple = np.array([k.units for k in words.KINDS])[shop.catalogue.kind[article]]
    mean = shop.constants.extra_units * multiple / 1.15 * customers.bulk[visits.customer[visit]]
    units = np.minimum(rng.geometric(1 / (1 + mean)), 12)
    line = np.repeat(np.arange(len(visit)), units)
    line = line[np.argsort(visits.day[visit[line]], kind="stable")]
    visit, article = visit[line], article[line]
    day = pl.Series(np.datetime64(first_day) + visits.day[visit])
    return pl.DataFrame(
        {
            "t_dat": day.cast(pl.Date),
            "customer_id": customers.frame["customer_id"].gather(visits.customer[visit]),
            "article_id": shop.catalogue.frame["article_id"].gather(article),
            "price": np.clip(np.round(shop.price[article] * visits.discount[visit], 6), 0.0005, 0.5),
            "sales_channel_id": 1 + visits.online[visit].astype(np.int64),
        }
    )
