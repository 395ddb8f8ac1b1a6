"""What a feature group is, and what the files of several groups share."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forsys.arrays import Floats, Ints
from forsys.ranking.pairs import Pairs
from forsys.tables.roles import Roles

Columns = dict[str, Floats]
Numbers = Floats | Ints


@dataclass(frozen=True)
class FeatureGroup:
    """Features that are computed together by one file of this folder.

    meanings: feature -> what it says, for a shop's roles; `<source>` in a name stands for each source. build: pairs
    -> feature -> its values, float32 (pairs,), NaN where unknown; it reads only purchases before `pairs.as_of`, and
    its docstring is the group's line in docs/features.md. categories: the features that are codes and not amounts.
    """

    name: str
    meanings: Callable[[Roles], Mapping[str, str]]
    build: Callable[[Pairs], Columns]
    categories: Callable[[Roles], Sequence[str]] = lambda _: ()


def ratio(part: Numbers, whole: Numbers, prior: Floats | float = 0.0, weight: float = 0.0) -> Floats:
    """part / whole, shrunk towards `prior` as if `weight` more had been seen; NaN for 0 / 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((part + prior * weight) / (whole + weight), np.float64)


def attribute_feature(of: str, attribute: str) -> str:
    """The name of an attribute as a feature, such as article.colour; LightGBM refuses the characters of JSON."""
    return of + "." + re.sub(r'[][{}:,"]', "_", attribute)
