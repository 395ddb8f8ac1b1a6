"""The shop's own ids, found quickly: whole, or by how they begin."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from forsys.arrays import Ints
from forsys.errors import DataError

SHOWN = 3  # ids in a message where several begin alike


@dataclass(frozen=True, eq=False)
class Ids:
    """The ids of a table, at the place of their dense id. what: what they are ids of, for messages."""

    what: str
    ids: pl.Series
    order: Ints
    sorted: pl.Series

    @classmethod
    def of(cls, what: str, ids: pl.Series) -> "Ids":
        """Sorted once, so that an id is found in a few microseconds."""
        order = ids.arg_sort().to_numpy()
        return cls(what, ids, order, ids.gather(order))

    def find(self, wanted: str) -> int:
        """The dense id of an id. Raises DataError for an unknown one."""
        place = self._place(wanted)
        if place == len(self.sorted) or self.sorted[place] != wanted:
            raise DataError(f"No {self.what} {wanted!r} in the tables. Write it as in the shop's own file.")
        return int(self.order[place])

    def find_all(self, wanted: Iterable[str]) -> Ints:
        """The dense ids of several."""
        return np.array([self.find(one) for one in wanted], np.int64)

    def find_prefix(self, wanted: str) -> int:
        """The dense id of an id, or of the only one that begins so. Raises DataError for none or several."""
        place = self._place(wanted)
        begins = self.sorted[place : place + SHOWN + 1]
        begins = begins.filter(begins.str.starts_with(wanted))
        if not wanted or begins.is_empty():
            raise DataError(
                f"No {self.what} {wanted!r} in the tables, and none begins so. Write its id or its start."
            )
        if begins[0] != wanted and len(begins) > 1:
            raise DataError(
                f"Several {self.what}s begin with {wanted!r}: {', '.join(begins[:SHOWN])}. Write more of it."
            )
        return int(self.order[place])

    def _place(self, wanted: str) -> int:
        if not isinstance(wanted, str):
            raise DataError(f"The {self.what} {wanted!r} is no text. Ids are texts, as in the shop's own file.")
        return int(self.sorted.search_sorted(wanted))
