"""What a feature group is, and what the files of several groups share."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from forsys.arrays import Floats, Ints
from forsys.ranking.pairs import Pairs
from forsys.tables.roles import Roles

# Tables of all articles that are kept in memory, each with its history: of the cut-offs at work, and of models that
# serve side by side.
KEPT_TABLES = 8
Columns = dict[str, Floats]
Numbers = Floats | Ints


@dataclass(frozen=True)
class FeatureGroup:
    """Features that are computed together by one file of this folder.

    fixed: feature -> what it says; `<source>` in a name stands for each source. build: pairs -> feature -> its
    values, float32 (pairs,), NaN where unknown; it reads what was known before `pairs.as_of` alone, and its
    docstring is the line of the group in docs/features.md. of_roles: those that follow from a shop's roles, and
    what they say. of_online: those that a shop has whose online shop is known. categories: the features that are
    codes and not amounts.
    """

    name: str
    fixed: Mapping[str, str]
    build: Callable[[Pairs], Columns]
    of_roles: Callable[[Roles], Mapping[str, str]] = lambda _: {}
    categories: Callable[[Roles], Sequence[str]] = lambda _: ()
    of_online: Mapping[str, str] = field(default_factory=dict)

    def meanings(self, roles: Roles) -> dict[str, str]:
        """Feature -> what it says, for a shop's roles."""
        return {**self.fixed, **(self.of_online if roles.online else {}), **self.of_roles(roles)}


def ratio(part: Numbers, whole: Numbers, prior: Floats | float = 0.0, weight: float = 0.0) -> Floats:
    """part / whole, shrunk towards `prior` as if `weight` more had been seen; NaN for 0 / 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((part + prior * weight) / (whole + weight), np.float64)


def attribute_feature(of: str, attribute: str) -> str:
    """The name of an attribute as a feature, such as article.colour."""
    return f"{of}.{feature_name(attribute)}"


def feature_name(attribute: str) -> str:
    """An attribute's name without white space and the characters of JSON, which LightGBM changes or refuses."""
    return re.sub(r'[][{}:,"\s]', "_", attribute)
