"""What the network is told of each article, beside its number: attributes, words, picture and how it sells."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from forsys.errors import DataError
from forsys.tables.history import Floats, History, Ints

CONTENT = ("colour", "shape", "words")  # columns of the article table that the content stage has made
GROUPS = ("attributes", *CONTENT, "selling")
CODES = ("product_code", "prod_name")  # attributes with thousands of values


@dataclass(frozen=True)
class ArticleInputs:
    """One row an article of the shop; both may have no columns."""

    codes: Ints  # (articles, attributes) int32, 0 where unknown
    values: Floats  # (articles, width) float32, standardised, 0 where unknown


def article_inputs(history: History, as_of: date, groups: tuple[str, ...]) -> ArticleInputs:
    """The inputs of the named groups, as they are known at `as_of`."""
    articles = history.articles
    missing = [name for name in groups if name in (*CONTENT, "attributes") and name not in articles.columns]
    if missing:
        raise DataError(f"The articles lack {', '.join(missing)}. Run the stage `content` first.")
    codes = [_codes(articles)] if "attributes" in groups else []
    values = [_standardised(articles[name]) for name in CONTENT if name in groups]
    values += [selling(history, as_of)] if "selling" in groups else []
    return ArticleInputs(
        np.concatenate([np.zeros((len(articles), 0), np.int32), *codes], axis=1),
        np.concatenate([np.zeros((len(articles), 0), np.float32), *values], axis=1),
    )


def selling(history: History, as_of: date) -> Floats:
    """Price level, share bought online and log of the last day's sales, (articles, 3); 0 where never sold."""
    log, count = history.before(as_of), len(history.articles)
    purchases = np.bincount(log.article, minlength=count)
    sold = np.maximum(purchases, 1)
    price = np.bincount(log.article, np.log(np.maximum(log.price, 1e-4)), count) / sold
    online = np.bincount(log.article, log.channel == 2, count) / sold
    today = history.since(as_of, 1).sales()
    known = purchases > 0
    columns = [_scaled(price, known), _scaled(online, known), _scaled(np.log1p(today), known)]
    return np.stack(columns, axis=1).astype(np.float32)


def _scaled(values: Floats, known: np.ndarray) -> Floats:
    """Mean 0 and standard deviation 1 over the known ones; 0 elsewhere."""
    mean, spread = (values[known].mean(), values[known].std()) if known.any() else (0.0, 1.0)
    return np.where(known, (values - mean) / max(float(spread), 1e-6), 0)


def _codes(articles: pl.DataFrame) -> Ints:
    """The content stage's codes, and one for the product and one for its name, (articles, attributes)."""
    many = [articles[name].rank("dense").fill_null(0).to_numpy() for name in CODES]
    return np.column_stack([articles["attributes"].to_numpy(), *many]).astype(np.int32)


def _standardised(column: pl.Series) -> Floats:
    """An Array column with mean 0 and a row of length about 1; 0 where it is null."""
    width = column.dtype.shape[0]  # type: ignore[attr-defined]
    values = np.zeros((len(column), width), np.float32)
    known = column.is_not_null().to_numpy()
    if known.any():
        rows = column.drop_nulls().to_numpy()
        values[known] = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-6) / np.sqrt(width)
    return values
