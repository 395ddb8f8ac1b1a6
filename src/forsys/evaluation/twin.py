"""How near a shop comes to H&M's: figures known of the full data set beside those of a folder of tables.

Shares and means, so that a part of the shop can be compared too. What hangs on popularity is comparable at full
size only: a part has fewer articles, so that its best sellers weigh more, and more of them unsold before.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from forsys.calendar import Calendar, Fold
from forsys.evaluation.baselines import RecentBestSellers, RepurchaseThenBestSellers
from forsys.evaluation.metrics import average_precision, recall_at
from forsys.progress import progress
from forsys.retrieval.co_purchase import CoPurchase
from forsys.retrieval.factorization import ALS
from forsys.retrieval.repurchase import Repurchase
from forsys.retrieval.source import Source
from forsys.retrieval.variants import Variants
from forsys.schema import LIST_LENGTH
from forsys.tables.build import build_tables
from forsys.tables.history import History, Ints, Profiles
from forsys.tables.sample import h_and_m
from forsys.tables.source import locate

BUYERS = 20_000  # of the last week, drawn once, whose lists are scored
FOUND_AT = 300
TOLERANCE = 0.2
RECENCY = {"up to 7 days": (1, 7), "8 to 30 days": (8, 30), "31 to 90 days": (31, 90), "longer ago": (91, 10_000)}

REAL: dict[str, float] = {
    "product codes an article": h_and_m.PRODUCT_CODES / h_and_m.ARTICLES,
    "articles without a description": h_and_m.NOT_DESCRIBED / h_and_m.ARTICLES,
    "customers without FN": 1 - h_and_m.FOLLOW_NEWS / h_and_m.CUSTOMERS,
    "customers without Active": 1 - h_and_m.ARE_ACTIVE / h_and_m.CUSTOMERS,
    "customers without an age": h_and_m.NO_AGE / h_and_m.CUSTOMERS,
    "customers who bought": h_and_m.BUYERS / h_and_m.CUSTOMERS,
    "rows a buyer, mean": h_and_m.ROWS / h_and_m.BUYERS,
    "rows a buyer, median": 9,
    "rows a buyer, 90th percentile": 61,
    "rows that occur more than once": 0.174,
    "week: rows a customer": h_and_m.LAST_WEEK_ROWS / h_and_m.CUSTOMERS,
    "week: customers who bought": h_and_m.LAST_WEEK_BUYERS / h_and_m.CUSTOMERS,
    "week: the best seller's share of the rows": 0.0035,
    "week: articles the customer bought before": 0.03,
    "week: product codes the customer bought before": 0.08,
    "week: articles never sold before": 0.043,
    "buyers' last purchase: none": 0.08,
    "buyers' last purchase: up to 7 days": 0.18,
    "buyers' last purchase: 8 to 30 days": 0.28,
    "buyers' last purchase: 31 to 90 days": 0.27,
    "buyers' last purchase: longer ago": 0.19,
    "MAP@12: best sellers of a week": 0.0088,
    "MAP@12: bought in 90 days, then best sellers": 0.0256,
    "MAP@12: ALS, 128 factors": 0.0094,
    "recall@300: best sellers of a week": 0.23,
    "recall@300: co-purchase": 0.066,
    "recall@300: same product code": 0.064,
    "recall@300: bought before": 0.038,
}
BY_MAP: dict[str, Source] = {
    "best sellers of a week": RecentBestSellers(days=7),
    "bought in 90 days, then best sellers": RepurchaseThenBestSellers(bought_days=90, days=7),
    # implicit's own weight of a purchase; with alpha = 10 it repeats more of what was bought and scores .014
    "ALS, 128 factors": ALS(factors=128, days=28, alpha=1.0),
}
BY_RECALL: dict[str, Source] = {
    "best sellers of a week": RecentBestSellers(days=7),
    "co-purchase": CoPurchase(neighbours=20),
    "same product code": Variants(),
    "bought before": Repurchase(),
}


@dataclass(frozen=True)
class Week:
    """The week that is looked at: its distinct purchases, and what its buyers had bought before."""

    fold: Fold
    labels: pl.DataFrame  # customer, article; sorted by both
    profiles: Profiles  # its buyers, ascending, at its start


def check(folder: Path) -> str:
    """Compare the shop in `folder` (Kaggle's tables in any form that is read) with H&M's; return the table."""
    dataset = locate(folder, {}, folder)
    assert dataset is not None  # a named folder is found, or refused with a DataError
    with TemporaryDirectory(prefix="forsys-check-") as scratch:
        facts = build_tables(dataset, Path(scratch))
        history = History.read(Path(scratch))
    days = (int(history.day.min()), int(history.day.max()))
    first, last = pl.Series(days).cast(pl.Date)
    measured = measure(history, Calendar(first, last).holdout)
    sizes = ", ".join(f"{facts[name]:,} {name}" for name in ("rows", "customers", "articles"))
    return "\n".join([f"{folder}: {sizes}, {first} to {last}", as_text(compared(measured))])


def measure(history: History, fold: Fold) -> dict[str, float]:
    """Every quantity of REAL for a log and its last week."""
    labels = history.labels(fold)
    buyers = labels["customer"].unique().sort().to_numpy()
    week = Week(fold, labels, history.profiles(buyers, fold.as_of))
    parts = (of_the_tables(history), of_the_log(history), of_the_week(history, week), of_lists(history, week))
    return {name: value for part in parts for name, value in part.items()}


def compared(measured: dict[str, float]) -> pl.DataFrame:
    """Quantity, real, generated, ratio (generated / real), within (TOLERANCE of 1), in the order of REAL."""
    ratio = {name: measured[name] / real for name, real in REAL.items()}
    return pl.DataFrame(
        {
            "quantity": list(REAL),
            "real": [float(real) for real in REAL.values()],
            "generated": [measured[name] for name in REAL],
            "ratio": list(ratio.values()),
            "within": [abs(value - 1) <= TOLERANCE for value in ratio.values()],
        }
    )


def as_text(table: pl.DataFrame) -> str:
    """The table of `compared` for a person to read."""
    head = f"{'quantity':<48}{'real':>9}{'generated':>11}{'ratio':>7}  within {TOLERANCE:.0%}"
    lines = [
        f"{name:<48}{real:>9.4g}{generated:>11.4g}{ratio:>7.2f}  {'yes' if within else 'NO'}"
        for name, real, generated, ratio, within in table.iter_rows()
    ]
    return "\n".join([head, *lines, f"{table['within'].sum()} of {len(table)} within {TOLERANCE:.0%}"])


def of_the_tables(history: History) -> dict[str, float]:
    """What the tables of articles and customers say."""
    articles, customers = history.articles, history.customers
    return {
        "product codes an article": articles["product_code"].n_unique() / len(articles),
        "articles without a description": articles["detail_desc"].null_count() / len(articles),
        "customers without FN": customers["fn"].null_count() / len(customers),
        "customers without Active": customers["active"].null_count() / len(customers),
        "customers without an age": customers["age"].null_count() / len(customers),
    }


def of_the_log(history: History) -> dict[str, float]:
    """How the rows spread over customers, and how many have an equal."""
    rows = np.bincount(history.customer, weights=history.units, minlength=len(history.customers))
    bought = rows[rows > 0]
    return {
        "customers who bought": len(bought) / len(rows),
        "rows a buyer, mean": float(bought.mean()),
        "rows a buyer, median": float(np.median(bought)),
        "rows a buyer, 90th percentile": float(np.quantile(bought, 0.9)),
        "rows that occur more than once": float(history.units[history.units > 1].sum() / rows.sum()),
    }


def of_the_week(history: History, week: Week) -> dict[str, float]:
    """Sales and buyers of the week, and what its purchases have to do with those before it."""
    sales = history.since(week.fold.until, (week.fold.until - week.fold.as_of).days).sales()
    code = np.unique(history.articles["product_code"].to_numpy(), return_inverse=True)[1]
    bought = week.labels["article"].to_numpy()
    sold = history.before(week.fold.as_of).sales() > 0
    return {
        "week: rows a customer": float(sales.sum() / len(history.customers)),
        "week: customers who bought": len(week.profiles) / len(history.customers),
        "week: the best seller's share of the rows": float(sales.max() / sales.sum()),
        "week: articles the customer bought before": known_share(week, np.arange(len(code))),
        "week: product codes the customer bought before": known_share(week, code),
        "week: articles never sold before": 1 - float(sold[bought].mean()),
        **recency(week.profiles),
    }


def known_share(week: Week, label: Ints) -> float:
    """Share of the week's purchases whose `label` (articles,) is that of something the customer had bought."""
    row, purchase = week.profiles.purchases()
    width = int(label.max()) + 1
    known = week.profiles.customers[row].astype(np.int64) * width + label[week.profiles.history.article[purchase]]
    bought = week.labels["customer"].to_numpy().astype(np.int64) * width + label[week.labels["article"].to_numpy()]
    return float(np.isin(bought, known).mean())


def recency(profiles: Profiles) -> dict[str, float]:
    """Shares of the buyers by days from their last purchase to the week; 1 = the day before it."""
    held = profiles.stop > profiles.start
    days = profiles.as_of[held] - profiles.history.day[profiles.stop[held] - 1]
    shares = {name: np.sum((days >= low) & (days <= high)) / len(held) for name, (low, high) in RECENCY.items()}
    shares["none"] = 1 - held.mean()
    return {f"buyers' last purchase: {name}": float(share) for name, share in shares.items()}


def of_lists(history: History, week: Week) -> dict[str, float]:
    """MAP@12 and recall@300 of simple rules and sources, over up to BUYERS of the week's buyers."""
    drawn = np.random.default_rng(7).permutation(len(week.profiles))[:BUYERS]
    profiles = week.profiles[np.sort(drawn)]
    bought = week.labels.filter(pl.col("customer").is_in(profiles.customers.tolist()))
    scores = {}
    for name, source in progress(BY_MAP.items(), "MAP@12", "rule", len(BY_MAP)):
        found = source.fit(history, week.fold.as_of).recommend(profiles, LIST_LENGTH)
        values = average_precision(found, bought, LIST_LENGTH)["average_precision"].to_numpy()
        scores[f"MAP@12: {name}"] = float(values.mean())
    for name, source in progress(BY_RECALL.items(), "recall@300", "rule", len(BY_RECALL)):
        found = source.fit(history, week.fold.as_of).recommend(profiles, FOUND_AT)
        scores[f"recall@300: {name}"] = recall_at(found, bought, FOUND_AT)
    return scores
