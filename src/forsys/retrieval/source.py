"""The contract of a candidate source.

A source learns from purchases before a cut-off (`fit`), and then scores every article for each profile
(`scores`). Everything else follows from these two: its best articles (`recommend`), which is all that the
pipeline needs, and its score of single pairs (`score`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import polars as pl
from pydantic import ConfigDict

from forsys.arrays import Floats, Ints, Scores, pick, top_k
from forsys.progress import progress
from forsys.store import read_arrays, write_arrays
from forsys.tables.history import History, Profiles

T = TypeVar("T")

# Of the dataclass of a source's parameters: unknown keys are errors, and each field's docstring is its meaning.
PARAMETERS = ConfigDict(extra="forbid", validate_default=True, allow_inf_nan=False, use_attribute_docstrings=True)
CELLS_PER_BLOCK = 1 << 22  # 16 MiB of float32 scores; with 128 MiB the kernel clears new pages: half as fast


class Source(ABC):
    """Base of all sources. Subclasses are dataclasses of their parameters; fitted state ends in `_`.

    `catalogue_` (int32, sorted) are the articles that a fitted source can score: the columns of its scores.
    """

    catalogue_: Ints
    uses_content: ClassVar[bool] = False  # whether it reads content features of `history.articles`
    fits_slowly: ClassVar[bool] = False  # in many passes: left out where the fusion is better without it
    needs_part: ClassVar[str | None] = None  # the one of optional_parts.PARTS that it cannot do without

    @abstractmethod
    def fit(self, history: History, as_of: date) -> Self:
        """Learn from the purchases of `history` with t_dat < as_of, and from nothing else."""

    def check(self, history: History) -> None:  # noqa: B027 - most name nothing of the shop
        """Raises DataError where the shop's tables lack what the parameters name."""

    @abstractmethod
    def scores(self, profiles: Profiles) -> Scores:
        """Score the catalogue for every profile: (profiles, len(catalogue_)), higher is better.

        Dense float32 with -inf, or sparse with nothing stored, where the source has no score.
        """

    def parts(self, profiles: Profiles) -> dict[str, Scores]:
        """The scores, named "", and those that they are made of, by name: what a mixture learns from."""
        return {"": self.scores(profiles)}

    def top(self, profiles: Profiles, k: int) -> tuple[Ints, Floats]:
        """The k best articles of each profile, best first, ties by article: int32 and float32 (profiles, k).

        Positions beyond what the source can recommend hold article -1 and score -inf.
        """
        article = np.full((len(profiles), k), -1, np.int32)
        score = np.full((len(profiles), k), -np.inf, np.float32)
        for rows, scores in self.in_blocks(profiles):
            column, score[rows] = top_k(scores, k)
            article[rows] = self.articles(column)
        return article, score

    def recommend(self, profiles: Profiles, k: int) -> pl.DataFrame:
        """Candidates: customer, article, rank, score (see schema.CANDIDATES), sorted by profile, rank."""
        article, score = self.top(profiles, k)
        return candidate_table(profiles.customers, article, score)

    def score(self, profiles: Profiles, row: Ints, article: Ints) -> Floats:
        """Score pairs (row of profiles, article): float32, in their order; -inf where there is no score."""
        result = np.full(len(row), -np.inf, np.float32)
        column = self.columns(article)
        for rows, scores in self.in_blocks(profiles):
            inside = np.flatnonzero((row >= rows.start) & (row < rows.stop) & (column >= 0))
            result[inside] = pick(scores, row[inside] - rows.start, column[inside])
        return result

    def columns(self, article: Ints) -> Ints:
        """The columns of articles in the scores; -1 for those that the source does not know."""
        column = np.searchsorted(self.catalogue_, article)
        column = np.minimum(column, max(len(self.catalogue_) - 1, 0))
        known = self.catalogue_[column] == article if len(self.catalogue_) else np.zeros(len(article), bool)
        return np.where(known, column, -1)

    def articles(self, column: Ints) -> Ints:
        """The articles of columns, int32; -1 for column -1. The inverse of `columns`."""
        return np.append(self.catalogue_, -1)[column].astype(np.int32)

    def in_blocks(self, profiles: Profiles) -> Iterator[tuple[slice, Scores]]:
        """`scores`, one block of profiles after the other."""
        for rows in self.blocks(profiles):
            yield rows, self.scores(profiles[rows])

    def blocks(self, profiles: Profiles) -> Iterator[slice]:
        """Rows of profiles in slices whose dense scores stay within CELLS_PER_BLOCK."""
        size = max(CELLS_PER_BLOCK // max(len(self.catalogue_), 1), 1)
        for start in progress(range(0, len(profiles), size), "score", unit="block"):
            yield slice(start, min(start + size, len(profiles)))

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        state = self.state().values()
        arrays = [part for value in state for part in (value if isinstance(value, list) else [value])]
        return int(sum(array.size for array in arrays if np.issubdtype(array.dtype, np.floating)))

    def save(self, path: Path) -> None:
        """Write the fitted state as .npz, without pickle."""
        write_arrays(self.state(), path)

    def load(self, path: Path) -> Self:
        """Restore the state that `save` wrote."""
        return self.restore(read_arrays(path))

    def restore(self, state: Mapping[str, Any]) -> Self:
        """Take over fitted state, as `state` gives it."""
        for name, value in state.items():
            setattr(self, name, value)
        return self

    def kept(self, name: str, of: object, make: Callable[[], T]) -> T:
        """What `make` returned before, until `of`, an array of the fitted state, is replaced.

        For work that all profiles share: for a single profile it would be most of the time.
        """
        found: tuple[object, T] | None = vars(self).get(f"_{name}")
        if found is None or found[0] is not of:
            found = vars(self)[f"_{name}"] = (of, make())
        return found[1]

    def state(self) -> dict[str, Any]:
        """The fitted state, by name: arrays, sparse matrices and lists of arrays."""
        return {name: value for name, value in vars(self).items() if name.endswith("_")}


def candidate_table(customers: Ints, article: Ints, score: Floats) -> pl.DataFrame:
    """What `Source.top` returns as rows: one per filled position, with the profile's entry of `customers`."""
    found = article >= 0
    rank = np.broadcast_to(np.arange(1, article.shape[1] + 1, dtype=np.uint16), article.shape)
    return pl.DataFrame(
        {
            "customer": np.repeat(customers.astype(np.int32), found.sum(axis=1)),
            "article": article[found],
            "rank": rank[found],
            "score": score[found],
        }
    )
