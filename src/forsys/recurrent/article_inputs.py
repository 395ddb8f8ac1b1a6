"""What the network knows of each article besides its embedding: attributes, words, picture and sales."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from forsys.arrays import Bools, Floats, Ints, add_at
from forsys.content.vectors import PICTURE_FEATURES, unfair_pictures
from forsys.errors import DataError
from forsys.tables.history import History

REAL_VALUED = ("colour", "shape", "words", "encoding")  # content features that are no codes
ENCODING = "encoding"  # only where the settings name an image encoder
ARTICLE_FEATURES = ("attributes", *REAL_VALUED, "sales")
PRODUCT_COLUMNS = ("product_code", "prod_name")  # attributes with thousands of values
MIN_PRICE = 1e-4  # a lower price counts as this one, so that its logarithm stays near the others


@dataclass(frozen=True, eq=False)
class ArticleValues:
    """Standardised values of `count` articles, 0 where unknown. A block has some columns of some articles.

    So the pictures take no memory of the many articles that may have none.
    """

    count: int
    blocks: list[tuple[Ints, Floats]]  # articles, sorted; their values (articles, width of the block) float32

    @property
    def width(self) -> int:
        """Columns of all blocks."""
        return sum(values.shape[1] for _, values in self.blocks)

    def __getitem__(self, articles: Ints | slice) -> Floats:
        """The values of some articles: (articles, width), float32."""
        wanted = np.arange(self.count)[articles]
        found, start = np.zeros((len(wanted), self.width), np.float32), 0
        for known, values in self.blocks:
            stop, position = start + values.shape[1], np.searchsorted(known, wanted)
            there = np.append(known, -1)[position] == wanted
            found[there, start:stop] = values[position[there]]
            start = stop
        return found


def article_inputs(history: History, as_of: date, features: tuple[str, ...]) -> tuple[Ints, ArticleValues]:
    """The inputs of the named feature groups at `as_of`. Raises DataError where the articles lack content.

    Codes (articles, attributes) int32, 0 where unknown, and the values of content and sales. ENCODING is read
    where it is there.
    """
    articles = history.articles
    named = [name for name in features if name != ENCODING or ENCODING in articles.columns]
    missing = [name for name in named if name in (*REAL_VALUED, "attributes") and name not in articles.columns]
    if missing:
        raise DataError(f"The articles lack {', '.join(missing)}. Run the stage `content` first.")
    unfair = unfair_pictures(articles, history.never_sold(as_of))
    fair = np.flatnonzero(~unfair)
    blocks = [
        _content(history, name, fair if name in PICTURE_FEATURES else None) for name in REAL_VALUED if name in named
    ]
    if "sales" in features:
        blocks.append((np.arange(len(articles)), sales_features(history, as_of)))
    codes: Ints = np.zeros((len(articles), 0), np.int32)
    if "attributes" in features:
        codes = history.of_articles("codes of a network", lambda: _codes(articles))
    return codes, ArticleValues(len(articles), blocks)


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
    share = [_z_scores(online, known)] if history.roles.online else []
    columns = [_z_scores(price, ~np.isnan(price)), *share, _z_scores(np.log1p(last_day), known)]
    return np.stack(columns, axis=1).astype(np.float32)


def mean_log_price(history: History, as_of: date) -> Floats:
    """Mean log price of each article's purchases before `as_of`, (articles,); NaN where none had a price."""
    total, priced = np.zeros((2, len(history.articles)))
    for log in history.blocks_before(as_of):
        price = log_price(log.price)
        known = ~np.isnan(price)
        add_at(total, log.article[known], price[known])
        priced += np.bincount(log.article[known], minlength=len(priced))
    return np.where(priced > 0, total / np.maximum(priced, 1), np.nan)


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


def _content(history: History, name: str, fair: Ints | None) -> tuple[Ints, Floats]:
    """The articles that have a feature, sorted, and its standardised values: (known,), (known, width).

    fair: the articles whose feature may be used; None for all, for which the values are made once for all cut-offs.
    """
    column = history.articles[name]
    known = history.of_articles(f"known {name}", lambda: np.flatnonzero(column.is_not_null().to_numpy()))
    if fair is None:
        return known, history.of_articles(f"standardised {name}", lambda: _standardised(column.gather(known)))
    known = np.intersect1d(known, fair, assume_unique=True)
    return known, _standardised(column.gather(known))


def _standardised(column: pl.Series) -> Floats:
    """An Array column without nulls: mean 0, and rows of norm about 1, (rows, width) float32."""
    width = column.dtype.shape[0]  # type: ignore[attr-defined]
    rows = column.to_numpy().reshape(-1, width)
    if not len(rows):
        return np.zeros((0, width), np.float32)
    standardised = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-6) / np.sqrt(width)
    return np.asarray(standardised, np.float32)
