"""A generated shop in the shape of Kaggle's H&M files, for trying and testing without the real data.

Its world is small and invented, but its signals are real: customers have tastes that drift, articles have
seasons and lives, baskets hang together. `generate` is all that the rest of the program needs.
"""

import shutil
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from forsys.errors import DataError
from forsys.progress import progress
from forsys.store import whole, write_json
from forsys.tables.sample.articles import Catalogue, make_catalogue
from forsys.tables.sample.calibration import SMALL, Calibration
from forsys.tables.sample.customers import Customers, make_customers
from forsys.tables.sample.pictures import draw_pictures
from forsys.tables.sample.purchases import simulate, week_of_year, write_purchases

MARK = "GENERATED.json"
UNFINISHED = ".generating"  # stands in the folder while it is being written
LAST_DAY = date(2024, 6, 30)
MINIMUM = {"customers": 20, "articles": 24, "weeks": 1}
PREDICTIONS = 12


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
    calibration: Calibration = SMALL,
) -> None:
    """Write a generated shop into `folder`: equal parameters give equal bytes.

    articles.csv, customers.csv, transactions_train.csv, sample_submission.csv, images/0NN/0NNNNNNNNN.jpg
    and, when all that is complete, GENERATED.json. `images`: how many pictures, None for one an article
    save about 0.4 %. `opens_late`: days at the start of the first week without purchases. `weekly_buyers`:
    share of the customers that buys in a week (H&M: .05).
    An earlier generated shop in the folder is replaced; DataError if the folder holds anything else.
    """
    settings = {"customers": customers, "articles": articles, "weeks": weeks}
    _check(settings, images, weekly_buyers)
    _clear(folder)
    first_day = last_day - timedelta(days=7 * weeks - 1)
    first_week = week_of_year(first_day)
    catalogue = make_catalogue(np.random.default_rng([seed, 1]), articles, weeks, first_week, calibration)
    people = make_customers(np.random.default_rng([seed, 2]), customers, weeks, calibration)
    _write_csv(catalogue.frame, folder / "articles.csv")
    _write_csv(people.frame, folder / "customers.csv")
    _write_csv(_sample_submission(catalogue, people), folder / "sample_submission.csv")
    rng = np.random.default_rng([seed, 3])
    path = folder / "transactions_train.csv"
    frames = simulate(rng, catalogue, people, first_day, weeks, weekly_buyers, calibration)
    opens = first_day + timedelta(days=opens_late)
    rows = write_purchases(path, progress(frames, "weeks", "week", weeks), opens)
    pictures = draw_pictures(folder / "images", catalogue, seed, images)
    parameters = {**settings, "seed": seed, "images": images, "weekly_buyers": weekly_buyers}
    fitted = {"opens_late": opens_late, "calibration": asdict(calibration)}
    made = {"rows": rows, "pictures": pictures, "first_day": str(opens), "last_day": str(last_day)}
    write_json({"parameters": {**parameters, **fitted, "last_day": str(last_day)}, "made": made}, folder / MARK)
    (folder / UNFINISHED).unlink()


def _check(settings: dict[str, int], images: int | None, weekly_buyers: float) -> None:
    """DataError for parameters that make no shop."""
    for name, least in MINIMUM.items():
        if settings[name] < least:
            raise DataError(f"generated sample: {name} is {settings[name]}; at least {least} are needed")
    if images is not None and not 0 <= images <= settings["articles"]:
        raise DataError(f"generated sample: images is {images}; allowed are 0 to {settings['articles']}")
    if not 0 < weekly_buyers < 1:
        raise DataError(f"generated sample: weekly_buyers is {weekly_buyers}; allowed is a share in 0..1")


def _clear(folder: Path) -> None:
    """Make room: take away an earlier generated shop, but never anything that was not generated."""
    folder.mkdir(parents=True, exist_ok=True)
    ours = (folder / MARK).exists() or (folder / UNFINISHED).exists()
    if not ours and any(folder.iterdir()):
        raise DataError(
            f"{folder}: the folder is not empty and was not generated (no {MARK} in it), so nothing was "
            "written; name another folder or empty it"
        )
    (folder / UNFINISHED).touch()
    (folder / MARK).unlink(missing_ok=True)
    if (folder / "images").exists():
        shutil.rmtree(folder / "images")


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Write a table whole."""
    with whole(path) as part:
        frame.write_csv(part)


def _sample_submission(catalogue: Catalogue, people: Customers) -> pl.DataFrame:
    """The same twelve articles for everybody, as Kaggle's example."""
    twelve = " ".join(catalogue.frame["article_id"].head(PREDICTIONS))
    return people.frame.select("customer_id", pl.lit(twelve).alias("prediction"))
