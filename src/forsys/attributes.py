"""Attributes of the articles as numbers."""

from functools import lru_cache

import numpy as np

from forsys.tables.history import History, Ints


@lru_cache(maxsize=64)
def codes(history: History, attribute: str) -> Ints:
    """Dense codes of an attribute, (articles,), in the order of its values; -1 where it is unknown.

    The attribute "article" is the article itself. One that the articles lack is unknown everywhere.
    """
    if attribute == "article":
        return np.arange(len(history.articles))
    if attribute not in history.articles.columns:
        return np.full(len(history.articles), -1)
    rank = history.articles[attribute].rank("dense").cast(int).fill_null(0)
    return rank.to_numpy().astype(np.int64) - 1
