"""What a user would take otherwise, to be scored beside forsys: each gives lists at one cut-off."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import polars as pl

from forsys.arrays import Ints
from forsys.tables.history import History


@dataclass(frozen=True)
class Peer:
    """Another way to make lists, and the fingerprint of its code.

    lists: (purchases before the cut-off, customers, the cut-off, articles in a list) -> customer, article, rank.
    A customer of whom it knows nothing gets no list.
    """

    lists: Callable[[History, Ints, date, int], pl.DataFrame]
    code: str
