"""A generated shop in the shape of Kaggle's H&M files, for trying and testing without the real data.

It is small and invented, but a model can learn from it: customers have tastes that drift, articles have seasons
and a limited time on sale, baskets are coherent. `generate` is all that the rest of the program needs.
"""

import shutil
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from forsys.errors import DataError
from forsys.progress import progress
from forsys.sample.assortment import Catalogue, make_catalogue
from forsys.sample.constants import SMALL, ShopConstants
from forsys.sample.drawings import draw_pictures
from forsys.sample.population import Customers, make_customers
from forsys.sample.purchase_log import simulate, week_of_year, write_purchases
from forsys.store import atomic_write, write_json

MARKER = "GENERATED.json"  # says that a folder was generated, and how
UNFINISHED = ".generating"  # in the folder while it is being written
PURCHASES = "transactions_train.csv"
LAST_DAY = date(2024, 6, 30)
BOUNDS = {"customers": (20, 100_000_000), "articles": (24, 10_000_000), "weeks": (1, 1_000)}
PREDICTIONS = 12  # articles per customer in Kaggle's sample_submission.csv


def generate(
    folder: Path,
    *,
    customers: int = 6_000,
    articles: int = 3_000,
    weeks: int = 40,
    seed: int = 7,
    images: int | None = None,
    last_day: date = LAST_DAY,
    opens_late: int = 0,
    weekly_buyers: float = 0.115,
    constants: ShopConstants = SMALL,
) -> None:
    """Write a generated shop into `folder`: equal parameters give equal bytes.

    The files are articles.csv, customers.csv, transactions_train.csv, sample_submission.csv,
    images/0NN/0NNNNNNNNN.jpg and, once these are complete, GENERATED.json. `images`: how many pictures; None for
    one per article, except for about 0.4 % of them. `opens_late`: days without purchases at the start of the first
    week. `weekly_buyers`: share of the customers who buy in a week (H&M: .05).
    An earlier generated shop in the folder is replaced. Raises DataError where the folder contains anything else.
    """
    settings = {"customers": customers, "articles": articles, "weeks": weeks}
    _check(settings, images, weekly_buyers)
    _clear(folder)
    first_day = last_day - timedelta(days=7 * weeks - 1)
    first_week = week_of_year(first_day)
    catalogue = make_catalogue(np.random.default_rng([seed, 1]), articles, weeks, first_week, constants)
    population = make_customers(np.random.default_rng([seed, 2]), customers, weeks, constants)
    _write_csv(catalogue.frame, folder / "articles.csv")
    _write_csv(population.frame, folder / "customers.csv")
    _write_csv(_sample_submission(catalogue, population), folder / "sample_submission.csv")
    pictures = draw_pictures(folder / "images", catalogue, seed, images)
    rng = np.random.default_rng([seed, 3])
    frames = simulate(rng, catalogue, population, first_day, weeks, weekly_buyers, constants)
    opens = first_day + timedelta(days=opens_late)
    # Last: without purchases a shop that was left half-written is none, and cannot pass for a real one.
    rows = write_purchases(folder / PURCHASES, progress(frames, "weeks", "week", weeks), opens)
    parameters = {**settings, "seed": seed, "images": images, "weekly_buyers": weekly_buyers}
    fitted = {"opens_late": opens_late, "constants": asdict(constants)}
    made = {"rows": rows, "pictures": pictures, "first_day": str(opens), "last_day": str(last_day)}
    write_json({"parameters": {**parameters, **fitted, "last_day": str(last_day)}, "made": made}, folder / MARKER)
    (folder / UNFINISHED).unlink()


def _check(settings: dict[str, int], images: int | None, weekly_buyers: float) -> None:
    """Raise DataError for parameters with which no shop can be generated."""
    for name, (low, high) in BOUNDS.items():
        if not low <= settings[name] <= high:
            raise DataError(
                f"generated sample: {name} is {settings[name]:,}; at least {low:,} are needed, and at "
                f"most {high:,} are possible"
            )
    if images is not None and not 0 <= images <= settings["articles"]:
        raise DataError(f"generated sample: images is {images}; allowed are 0 to {settings['articles']}")
    if not 0 < weekly_buyers < 1:
        raise DataError(f"generated sample: weekly_buyers is {weekly_buyers}; allowed is a share in 0..1")


def _clear(folder: Path) -> None:
    """Prepare the folder: delete an earlier generated shop, but never anything that was not generated."""
    folder.mkdir(parents=True, exist_ok=True)
    generated = (folder / MARKER).exists() or (folder / UNFINISHED).exists()
    if not generated and any(folder.iterdir()):
        raise DataError(
            f"{folder}: the folder is not empty and was not generated (no {MARKER} in it), so nothing was "
            "written; name another folder or empty it"
        )
    (folder / UNFINISHED).touch()
    for name in (PURCHASES, MARKER):
        (folder / name).unlink(missing_ok=True)
    if (folder / "images").exists():
        shutil.rmtree(folder / "images")


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a table atomically."""
    with atomic_write(path) as part:
        frame.write_csv(part)


def _sample_submission(catalogue: Catalogue, population: Customers) -> pl.DataFrame:
    """The same twelve articles for everybody, like Kaggle's example."""
    twelve = " ".join(catalogue.frame["article_id"].head(PREDICTIONS))
    return population.frame.select("customer_id", pl.lit(twelve).alias("prediction"))
