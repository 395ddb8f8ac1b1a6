"""What a feature group is, and the list of all of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np

from forsys.ranking.pairs import Pairs
from forsys.tables.history import Floats, History, Ints

Columns = dict[str, Floats]
Numbers = Floats | Ints
Build = Callable[[Pairs, History, date], Columns]


@dataclass(frozen=True)
class Group:
    """Features that are worked out together.

    meanings: feature -> what it says; `<source>` in a name stands for each source. categories: the features
    that are codes and not amounts. build: (pairs, history, as_of) -> feature -> float32 (pairs,), NaN where it
    is not known; it reads only purchases before as_of.
    """

    name: str
    meanings: Mapping[str, str]
    categories: tuple[str, ...]
    build: Build


GROUPS: dict[str, Group] = {}


def feature_group(
    name: str, meanings: Mapping[str, str], categories: tuple[str, ...] = ()
) -> Callable[[Build], Build]:
    """Register a function as the feature group `name`."""

    def register(build: Build) -> Build:
        GROUPS[name] = Group(name, meanings, categories, build)
        return build

    return register


def ratio(part: Numbers, whole: Numbers, prior: Floats | float = 0.0, weight: float = 0.0) -> Floats:
    """part / whole, drawn towards `prior` as if `weight` more had been seen; NaN where there is nothing."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((part + prior * weight) / (whole + weight), np.float64)
