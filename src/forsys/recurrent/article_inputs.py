"""What the network knows of each article besides its embedding: attributes, words, picture and sales."""

from datetime import date

import numpy as np
import polars as pl

from forsys.arrays import Bools, Floats, Ints, add_at
from forsys.content.vectors import with_fair_pictures
from forsys.errors import DataError
from forsys.tables.history import History

CONTENT = ("colour", "shape", "words")  # columns that the content stage adds to the articles
ARTICLE_FEATURES = ("attributes", *CONTENT, "sales")
PRODUCT_COLUMNS = ("product_code", "prod_name")  # attributes with thousands of values
MIN_PRICE = 1e-4  # a lower price counts as this one, so that its logarithm stays near the others


def article_inputs(history: History, as_of: date, features: tuple[str, ...]) -> tuple[Ints, Floats]:
    """The inputs of the named feature groups at `as_of`. Raises DataError where the articles lack content.

    Codes (articles, attributes) int32, and standardised values (articles, width) float32; both 0 where unknown.
    """
    articles = with_fair_pictures(history.articles, history.never_sold(as_of))
    missing = [name for name in features if name in (*CONTENT, "attributes") and name not in articles.columns]
    if missing:
        raise DataError(f"The articles lack {', '.join(missing)}. Run the stage `content` first.")
    codes = [_codes(articles)] if "attributes" in features else []
    values = [_standardised(articles[name]) for name in CONTENT if name in features]
    values += [sales_features(history, as_of)] if "sales" in features else []
    no_codes, no_values = (np.zeros((len(articles), 0), dtype) for dtype in (np.int32, np.float32))
    return np.concatenate([no_codes, *codes], axis=1), np.concatenate([no_values, *values], axis=1)


def sales_features(history: History, as_of: date) -> Floats:
    """Mean log price, share bought online, log of the last day's sales: (articles, 3); 0 where unknown.

    Without the second, (articles, 2), where the shop's online channels are not known.
    """
    purchases, online = np.zeros((2, len(history.articles)))
    for log in history.blocks_before(as_of):
        purchases += np.bincount(log.article, minlength=len(purchases))
        online += np.bincount(log.article, log.roles.is_online(log.channel), len(online))
    online /= np.maximum(purchases, 1)
    price = mean_log_price(history, as_of)
    last_day = history.since(as_of, 1).sales()
    known = purchases > 0
    priced = known & ~np.isnan(price)
    share = [_z_scores(online, known)] if history.roles.online else []
    columns = [_z_scores(price, priced), *share, _z_scores(np.log1p(last_day), known)]
    return np.stack(columns, axis=1).astype(np.float32)


def mean_log_price(history: History, as_of: date) -> Floats:
    """Mean log price of each article's purchases before `as_of`, (articles,).

    0 where there were none, NaN where all were free.
    """
    total, priced = np.zeros((2, len(history.articles)))
    for log in history.blocks_before(as_of):
        price = log_price(log.price)
        known = ~np.isnan(price)
        add_at(total, log.article[known], price[known])
        priced += np.bincount(log.article[known], minlength=len(priced))
    always_free = (priced == 0) & history.sold_before(as_of)
    return np.where(always_free, np.nan, total / np.maximum(priced, 1))


def log_price(price: Floats) -> Floats:
    """Logarithm of prices; NaN for a price of 0, which is unknown and no bargain."""
    return np.where(price > 0, np.log(np.maximum(price, MIN_PRICE)), np.float32(np.nan))


def _z_scores(values: Floats, known: Bools) -> Floats:
    """Mean 0 and standard deviation 1 over the known values; 0 for the others."""
    mean, std = (values[known].mean(), values[known].std()) if known.any() else (0.0, 1.0)
    return np.where(known, (values - mean) / max(float(std), 1e-6), 0)


def _codes(articles: pl.DataFrame) -> Ints:
    """The content stage's attribute codes, then one code per PRODUCT_COLUMNS: (articles, attributes)."""
    product = [articles[name].rank("dense").fill_null(0).to_numpy() for name in PRODUCT_COLUMNS if name in articles]
    return np.column_stack([articles["attributes"].to_numpy(), *product]).astype(np.int32)


def _standardised(column: pl.Series) -> Floats:
    """An Array column with mean 0 and rows of norm about 1; 0 where it is null."""
    width = column.dtype.shape[0]  # type: ignore[attr-defined]
    values = np.zeros((len(column), width), np.float32)
    known = column.is_not_null().to_numpy()
    if known.any():
        rows = column.drop_nulls().to_numpy()
        values[known] = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-6) / np.sqrt(width)
    return values
