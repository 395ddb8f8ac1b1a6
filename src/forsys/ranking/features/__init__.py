"""The ranker's features: a file per group, each with a function `build(pairs)`; GROUPS lists them all."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from forsys.arrays import Floats
from forsys.errors import DataError, did_you_mean
from forsys.ranking.features import (
    affinity,
    article,
    attributes,
    content,
    customer,
    lists,
    promotions,
    purchase_history,
    scores,
)
from forsys.ranking.features.group import Columns, FeatureGroup
from forsys.ranking.pairs import Pairs
from forsys.tables.roles import Roles

# In the order of their columns, which LightGBM's sampling of features depends on. A new group is a line here.
GROUPS: dict[str, FeatureGroup] = {
    module.GROUP.name: module.GROUP
    for module in (
        article,
        content,
        customer,
        purchase_history,
        affinity,
        lists,
        scores,
        attributes,
        promotions,
    )
}


def chosen(names: Iterable[str]) -> list[FeatureGroup]:
    """The groups of these names, in the order of GROUPS. Raises DataError for unknown names."""
    wanted = set(names)
    if unknown := sorted(wanted - set(GROUPS)):
        hint = did_you_mean(unknown[0], GROUPS)
        raise DataError(
            f"ranking.features: {', '.join(unknown)} is no feature group.{hint} Groups: {', '.join(GROUPS)}."
        )
    return [group for group in GROUPS.values() if group.name in wanted]


def build(pairs: Pairs, names: Iterable[str]) -> pl.DataFrame:
    """One row per pair, one float32 column per feature of the groups `names`; NaN where unknown or infinite.

    Raises DataError where these groups have no feature of the shop.
    """
    columns: Columns = {}
    groups = chosen(names)
    for group in groups:
        columns |= group.build(pairs)
    if not columns:
        found = ", ".join(group.name for group in groups)
        raise DataError(
            f"ranking.features: {found} has no feature of this shop. Name more of the groups: {', '.join(GROUPS)}."
        )
    return pl.DataFrame({name: _finite_or_nan(value) for name, value in columns.items()})


def _finite_or_nan(value: Floats) -> Floats:
    """NaN for what is infinite. Most features have none, and looking for them is faster than a copy."""
    infinite = np.isinf(value)
    return np.where(infinite, np.nan, value) if infinite.any() else value


def categories_of(names: Iterable[str], roles: Roles) -> list[str]:
    """The features of these groups that are codes and not amounts."""
    return [feature for group in chosen(names) for feature in group.categories(roles)]


def meanings(roles: Roles) -> dict[str, str]:
    """Feature -> what it says, of all groups; `<source>` in a name stands for each source."""
    return {name: words for group in GROUPS.values() for name, words in group.meanings(roles).items()}
