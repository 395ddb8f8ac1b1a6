"""How close a generated shop comes to H&M's: figures known of the full data set beside those of a folder of tables.

They are shares and means, so that a part of the shop can be compared too. What depends on popularity is comparable
at full size only: in a part, with fewer articles, best sellers weigh more, and more articles never sold before.
"""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from forsys.arrays import Ints
from forsys.calendar import Calendar, Fold
from forsys.metrics.lists import average_precision, recall_at
from forsys.progress import progress
from forsys.retrieval.als import ALS
from forsys.retrieval.baselines import RecentBestSellers, RepurchaseThenBestSellers
from forsys.retrieval.item_knn import ItemKNN
from forsys.retrieval.repurchase import Repurchase
from forsys.retrieval.same_product import SameProduct
from forsys.retrieval.source import Source
from forsys.sample import reference_figures as figures
from forsys.tables.build import build_tables
from forsys.tables.dataset import locate
from forsys.tables.history import History, Profiles

BUYERS = 20_000  # of the last week, sampled with a fixed seed, whose lists are scored
MAP_AT, RECALL_AT = 12, 300  # the k at which H&M's figures are known
TOLERANCE = 0.2  # a quantity agrees when generated / real is within 1 plus or minus this
RECENCY = {"up to 7 days": (1, 7), "8 to 30 days": (8, 30), "31 to 90 days": (31, 90), "longer ago": (91, 10_000)}

REAL: dict[str, float] = {
    "product codes per article": figures.PRODUCT_CODES / figures.ARTICLES,
    "articles without a description": figures.NOT_DESCRIBED / figures.ARTICLES,
    "customers without FN": 1 - figures.FOLLOW_NEWS / figures.CUSTOMERS,
    "customers without Active": 1 - figures.ARE_ACTIVE / figures.CUSTOMERS,
    "customers without an age": figures.NO_AGE / figures.CUSTOMERS,
    "customers who bought": figures.BUYERS / figures.CUSTOMERS,
    "rows per buyer, mean": figures.ROWS / figures.BUYERS,
    "rows per buyer, median": 9,
    "rows per buyer, 90th percentile": 61,
    "rows that occur more than once": 0.174,
    "week: rows per customer": figures.LAST_WEEK_ROWS / figures.CUSTOMERS,
    "week: customers who bought": figures.LAST_WEEK_BUYERS / figures.CUSTOMERS,
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
    "recall@300: item kNN": 0.066,
    "recall@300: same product code": 0.064,
    "recall@300: bought before": 0.038,
}
BY_MAP: dict[str, Source] = {
    "best sellers of a week": RecentBestSellers(days=7),
    "bought in 90 days, then best sellers": RepurchaseThenBestSellers(bought_days=90, days=7),
    # alpha = 1 is implicit's default; with 10 ALS repeats more of what was bought and scores .014
    "ALS, 128 factors": ALS(factors=128, regularization=0.05, alpha=1.0, iterations=15, days=28),
}
BY_RECALL: dict[str, Source] = {
    "best sellers of a week": RecentBestSellers(days=7),
    "item kNN": ItemKNN(shrinkage_candidate=3.0, num_neighbours=20),
    "same product code": SameProduct(),
    "bought before": Repurchase(),
}


@dataclass(frozen=True)
class Week:
    """The week that is measured: its distinct purchases, and what its buyers had bought before."""

    fold: Fold
    labels: pl.DataFrame  # customer, article; sorted by both
    profiles: Profiles  # its buyers, ascending, at its start


def check(folder: Path) -> str:
    """Compare the shop in `folder`, Kaggle's tables in any form that is read, with H&M's: the table as text."""
    dataset = locate(folder, {}, folder)
    assert dataset is not None  # locate finds a named folder or raises a DataError
    with TemporaryDirectory(prefix="forsys-check-") as scratch:
        counts = build_tables(dataset, Path(scratch))
        history = History.read(Path(scratch))
    days = (int(history.day.min()), int(history.day.max()))
    first, last = pl.Series(days).cast(pl.Date)
    measured = measure(history, Calendar(first, last).holdout)
    sizes = ", ".join(f"{counts[name]:,} {name}" for name in ("rows", "customers", "articles"))
    return "\n".join([f"{folder}: {sizes}, {first} to {last}", as_text(compared(measured))])


def measure(history: History, fold: Fold) -> dict[str, float]:
    """Every quantity of REAL, for a log and its last week `fold`."""
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
    """The table of `compared` for a terminal."""
    head = f"{'quantity':<48}{'real':>9}{'generated':>11}{'ratio':>7}  within {TOLERANCE:.0%}"
    lines = [
        f"{name:<48}{real:>9.4g}{generated:>11.4g}{ratio:>7.2f}  {'yes' if within else 'NO'}"
        for name, real, generated, ratio, within in table.iter_rows()
    ]
    return "\n".join([head, *lines, f"{table['within'].sum()} of {len(table)} within {TOLERANCE:.0%}"])


def of_the_tables(history: History) -> dict[str, float]:
    """Quantities of the tables of articles and customers."""
    articles, customers = history.articles, history.customers
    return {
        "product codes per article": articles["product_code"].n_unique() / len(articles),
        "articles without a description": _share_without(articles, "detail_desc"),
        "customers without FN": _share_without(customers, "fn"),
        "customers without Active": _share_without(customers, "active"),
        "customers without an age": _share_without(customers, "age"),
    }


def _share_without(table: pl.DataFrame, column: str) -> float:
    """Share of the rows without a value: all, where the table has no such column."""
    return table[column].null_count() / len(table) if column in table.columns else 1.0


def of_the_log(history: History) -> dict[str, float]:
    """How the rows are spread over customers, and how many occur more than once."""
    rows = np.bincount(history.customer, weights=history.units, minlength=len(history.customers))
    bought = rows[rows > 0]
    return {
        "customers who bought": len(bought) / len(rows),
        "rows per buyer, mean": float(bought.mean()),
        "rows per buyer, median": float(np.median(bought)),
        "rows per buyer, 90th percentile": float(np.quantile(bought, 0.9)),
        "rows that occur more than once": float(history.units[history.units > 1].sum() / rows.sum()),
    }


def of_the_week(history: History, week: Week) -> dict[str, float]:
    """Sales and buyers of the week, and how its purchases relate to earlier ones."""
    sales = history.since(week.fold.until, (week.fold.until - week.fold.as_of).days).sales()
    code = np.unique(history.articles["product_code"].to_numpy(), return_inverse=True)[1]
    bought = week.labels["article"].to_numpy()
    sold = history.sold_before(week.fold.as_of)
    return {
        "week: rows per customer": float(sales.sum() / len(history.customers)),
        "week: customers who bought": len(week.profiles) / len(history.customers),
        "week: the best seller's share of the rows": float(sales.max() / sales.sum()),
        "week: articles the customer bought before": repeated_share(week, np.arange(len(code))),
        "week: product codes the customer bought before": repeated_share(week, code),
        "week: articles never sold before": 1 - float(sold[bought].mean()),
        **recency(week.profiles),
    }


def repeated_share(week: Week, label: Ints) -> float:
    """Share of the week's purchases whose `label` (articles,) is that of something the customer bought before."""
    row, purchase = week.profiles.purchases()
    width = int(label.max()) + 1
    known = week.profiles.customers[row].astype(np.int64) * width + label[week.profiles.history.article[purchase]]
    bought = week.labels["customer"].to_numpy().astype(np.int64) * width + label[week.labels["article"].to_numpy()]
    return float(np.isin(bought, known).mean())


def recency(profiles: Profiles) -> dict[str, float]:
    """Shares of the buyers by days from their last purchase to the week; 1 is the day before it."""
    bought = profiles.stop > profiles.start
    days = profiles.as_of[bought] - profiles.history.day[profiles.stop[bought] - 1]
    shares = {name: np.sum((days >= low) & (days <= high)) / len(bought) for name, (low, high) in RECENCY.items()}
    shares["none"] = 1 - bought.mean()
    return {f"buyers' last purchase: {name}": float(share) for name, share in shares.items()}


def of_lists(history: History, week: Week) -> dict[str, float]:
    """MAP and recall of simple rules and sources, over up to BUYERS of the week's buyers."""
    sampled = np.random.default_rng(7).permutation(len(week.profiles))[:BUYERS]
    profiles = week.profiles[np.sort(sampled)]
    bought = week.labels.filter(pl.col("customer").is_in(profiles.customers.tolist()))
    scores = {}
    name_of_map, name_of_recall = f"MAP@{MAP_AT}", f"recall@{RECALL_AT}"
    for name, source in progress(BY_MAP.items(), name_of_map, "rule", len(BY_MAP)):
        lists = source.fit(history, week.fold.as_of).recommend(profiles, MAP_AT)
        values = average_precision(lists, bought, MAP_AT)["average_precision"].to_numpy()
        scores[f"{name_of_map}: {name}"] = float(values.mean())
    for name, source in progress(BY_RECALL.items(), name_of_recall, "rule", len(BY_RECALL)):
        lists = source.fit(history, week.fold.as_of).recommend(profiles, RECALL_AT)
        scores[f"{name_of_recall}: {name}"] = recall_at(lists, bought, RECALL_AT)
    return scores
