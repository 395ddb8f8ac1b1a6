"""The ranker's features, one file a group or two; `build` puts them together."""

from collections.abc import Iterable
from datetime import date

import numpy as np
import polars as pl

from forsys.errors import DataError
from forsys.ranking.features import article, content, customer, pair, source
from forsys.ranking.features.group import GROUPS, Columns, Group
from forsys.ranking.pairs import Pairs
from forsys.tables.history import Floats, History

__all__ = ["GROUPS", "article", "build", "categories_of", "chosen", "content", "customer", "pair", "source"]


def chosen(names: Iterable[str]) -> list[Group]:
    """The groups of these names, in the order in which they are registered. Raises DataError for others."""
    unknown = sorted(set(names) - set(GROUPS))
    if unknown:
        raise DataError(f"ranking.features: {', '.join(unknown)} is no feature group. Groups: {', '.join(GROUPS)}.")
    return [group for group in GROUPS.values() if group.name in set(names)]


def build(pairs: Pairs, history: History, as_of: date, names: Iterable[str]) -> pl.DataFrame:
    """One row a pair, one float32 column a feature of the groups `names`; NaN where it is unknown or infinite."""
    columns: Columns = {}
    for group in chosen(names):
        columns |= group.build(pairs, history, as_of)
    return pl.DataFrame({name: _known(value) for name, value in columns.items()})


def _known(value: Floats) -> Floats:
    """NaN for what is infinite; most features have none, and looking costs less than writing them anew."""
    infinite = np.isinf(value)
    return np.where(infinite, np.nan, value) if infinite.any() else value


def categories_of(names: Iterable[str]) -> list[str]:
    """The features of these groups that are codes and not amounts."""
    return [feature for group in chosen(names) for feature in group.categories]
