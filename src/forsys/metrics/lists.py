"""Offline scores of lists, by Kaggle's rule where it has one: no library agrees with it in every case.

Lists are tables (customer, article, rank), purchases tables (customer, article).
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.metrics.average_precision import average_precision_at

Floats = npt.NDArray[np.float64]

MAX_ARTICLES = 1 << 32  # with it a pair is one number, which a join finds in 2/3 of the time of two
SCORES_PER_BLOCK = 1 << 24  # compared at a time by mean_rank: the mask of a block stays at 16 MiB


def average_precision(predictions: pl.DataFrame, purchases: pl.DataFrame, k: int) -> pl.DataFrame:
    """Average precision at k of each customer who bought; its mean is MAP@k.

    AP@k = sum of the precision at each hit's position, divided by min(k, distinct articles bought). Only the
    first position of an article in a list can be a hit; its repeats still take up positions, as on Kaggle
    ("Mean Average Precision @ 12", H&M Personalized Fashion Recommendations).

    predictions: customer, article, rank (1 is the best), in any order; customers without a row score 0.
    purchases: customer, article, in any order; repeats count once.
    Returns customer, average_precision (float64), one row per customer of `purchases`, sorted by customer.
    Raises ValueError for k below 1, as all that takes k.
    """
    bought = _bought(purchases).sort("customer")
    hits = _hits(predictions, purchases, k).sort("customer", "rank")
    customer = hits["customer"].to_numpy()
    row = np.searchsorted(bought["customer"].to_numpy(), customer)
    values = average_precision_at(k, row, hits["rank"].to_numpy(), bought["bought"].to_numpy())
    return bought.select("customer", average_precision=values)


def recall(predictions: pl.DataFrame, purchases: pl.DataFrame, k: int) -> pl.DataFrame:
    """How many of the distinct articles that a customer bought are among the first k predicted.

    Takes what `average_precision` takes. `predictions` may hold the lists of several sources at once: an
    article counts once, at its best rank. Returns customer, hits (int64), bought (int64), one row per customer
    of `purchases`, sorted by customer.
    """
    hits = _hits(predictions, purchases, k).group_by("customer").agg(hits=pl.len().cast(pl.Int64))
    return (
        _bought(purchases)
        .join(hits, on="customer", how="left")
        .select("customer", pl.col("hits").fill_null(0), "bought")
        .sort("customer")
    )


def found_at(predictions: pl.DataFrame, purchases: pl.DataFrame, k: int) -> npt.NDArray[np.bool_]:
    """Whether each row of `purchases` is among the first k of any list of its customer: (purchases,)."""
    hits = _hits(predictions, purchases, k).select("customer", "article", found=pl.lit(True))
    return (
        purchases.join(hits, on=["customer", "article"], how="left", maintain_order="left")["found"]
        .fill_null(False)
        .to_numpy()
    )


def recall_at(predictions: pl.DataFrame, purchases: pl.DataFrame, k: int) -> float:
    """Share of all distinct (customer, article) purchases that are among the customer's first k; NaN if none.

    Pooled, so a customer who bought ten articles weighs ten times one who bought one.
    """
    counts = recall(predictions, purchases, k)
    bought = int(counts["bought"].sum())
    return int(counts["hits"].sum()) / bought if bought else float("nan")


def mean_rank(scores: npt.NDArray[np.float32], targets: npt.NDArray[np.integer]) -> Floats:
    """Rank of each row's target among all articles, 1 being the best, ties sharing their mean rank.

    Rank = 1 + articles with a greater score + half the other articles with an equal one: a model that gives
    every article the same score lands in the middle, and not at the top as it may with `argsort`.

    scores: (n, articles), higher is better; NaN counts as smaller than all. targets: (n,) columns of scores.
    Returns (n,) float64; inf where the target's own score is NaN or -inf: it cannot be scored, so it is never
    a hit. Raises ValueError for shapes that do not fit and for targets outside the columns (a negative
    target would otherwise silently mean one of the last articles).
    """
    if scores.ndim != 2 or targets.shape != scores.shape[:1]:
        raise ValueError(f"scores must be (n, articles) and targets (n,), not {scores.shape}, {targets.shape}")
    if targets.size and not (targets.min() >= 0 and targets.max() < scores.shape[1]):
        raise ValueError(
            f"targets must be 0 to {scores.shape[1] - 1}, not {targets.min()} to {targets.max()}; "
            "leave out the rows whose article has no column and count them as misses"
        )
    ranks = np.empty(len(scores))
    step = max(1, SCORES_PER_BLOCK // max(1, scores.shape[1]))
    for start in range(0, len(scores), step):
        block = scores[start : start + step]  # (rows, articles)
        own = np.take_along_axis(block, targets[start : start + step, None], axis=1)  # (rows, 1)
        greater = np.count_nonzero(block > own, axis=1)
        equal = np.count_nonzero(block == own, axis=1)  # the target included
        ranks[start : start + step] = np.where(own[:, 0] > -np.inf, greater + (equal + 1) / 2, np.inf)
    return ranks


def top_k_accuracy(ranks: npt.NDArray[np.floating], ks: Iterable[int]) -> dict[int, float]:
    """Share of `ranks` (n,) that are at most k, for each k in the order given; NaN where there are no ranks.

    Ranks that are inf are misses and stay in the denominator.
    """
    return {k: float(np.mean(ranks <= k)) if ranks.size else float("nan") for k in ks}


def coverage(predictions: pl.DataFrame, articles: int, k: int) -> float:
    """Share of a catalogue of `articles` articles that is among the first k of at least one customer's list."""
    if articles < 1:
        raise ValueError(f"a catalogue has at least one article, not {articles}")
    shown = predictions.lazy().filter(pl.col("rank") <= k).select(pl.col("article").n_unique()).collect()
    return int(shown.item()) / articles


def _hits(predictions: pl.DataFrame, purchases: pl.DataFrame, k: int) -> pl.DataFrame:
    """The first position of each bought article within the first k: customer, article, rank, unordered."""
    if k < 1:
        raise ValueError(f"k must be at least 1, not {k}")
    pair = pl.col("customer").cast(pl.Int64) * MAX_ARTICLES + pl.col("article")
    return (
        predictions.lazy()
        .filter(pl.Series(_is_buyer(predictions, purchases)), pl.col("rank") <= k)
        .select("rank", pair=pair)
        .join(purchases.lazy().select(pair=pair), on="pair", how="semi")
        .group_by("pair")
        .agg(pl.col("rank").min())
        .select(
            (pl.col("pair") // MAX_ARTICLES).cast(predictions.schema["customer"]).alias("customer"),
            (pl.col("pair") % MAX_ARTICLES).cast(predictions.schema["article"]).alias("article"),
            "rank",
        )
        .collect()
    )


def _is_buyer(predictions: pl.DataFrame, purchases: pl.DataFrame) -> npt.NDArray[np.bool_]:
    """Whether the customer of each prediction bought: by a table of all customers, in a third of a join's time."""
    listed, buyers = predictions["customer"].to_numpy(), purchases["customer"].to_numpy()
    bought = np.zeros(max(listed.max(initial=-1), buyers.max(initial=-1)) + 1, bool)
    bought[buyers] = True
    return np.asarray(bought[listed])


def _bought(purchases: pl.DataFrame) -> pl.DataFrame:
    """How many distinct articles each customer bought: customer, bought (int64), unordered."""
    distinct = pl.col("article").n_unique().cast(pl.Int64)
    return purchases.lazy().group_by("customer").agg(bought=distinct).collect()
