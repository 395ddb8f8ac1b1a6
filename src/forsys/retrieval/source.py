"""The contract of a retrieval source.

A source learns from purchases before a cut-off (`fit`), and then says of each profile how well each article
fits (`scores`). What is asked of it follows from these two: its best articles (`recommend`), which is all that the
pipeline needs, and its opinion of any pair (`score`).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import ConfigDict
from scipy import sparse

from forsys.store import whole
from forsys.tables.history import Floats, History, Ints, Profiles

STRICT = ConfigDict(extra="forbid", validate_default=True)
Scores = npt.NDArray[np.float32] | sparse.csr_array
BLOCK_CELLS = (
    1 << 22
)  # 16 MiB of float32 scores at a time; of 128 MiB the kernel clears each page anew: half as fast
GROUPS = 8  # a place of the list, see _lower_bound; then about 1.1 cells a place are sorted
FEW = 50  # one stored cell in so many, or fewer, are sorted as they are
PAIRS = 4096  # gathered at a time: they stay in the cache, which made it 2 to 4 times as fast as all at once


class Source(ABC):
    """Base of all sources. Subclasses are dataclasses of their parameters; fitted state ends in `_`.

    `catalogue_` (int32, sorted) are the articles that a fitted source can score: the columns of its scores.
    """

    catalogue_: Ints
    builds_on: ClassVar[tuple[str, ...]] = ()  # code outside its file that decides what it says
    uses_content: ClassVar[bool] = False  # whether it reads content features of `history.articles`

    @abstractmethod
    def fit(self, history: History, as_of: date) -> Self:
        """Learn from the purchases of `history` with t_dat < as_of, and from nothing else."""

    @abstractmethod
    def scores(self, profiles: Profiles) -> Scores:
        """Score the catalogue for every profile: (profiles, len(catalogue_)), higher is better.

        Dense float32 with -inf, or sparse with nothing stored, where the source has no opinion.
        """

    def top(self, profiles: Profiles, k: int) -> tuple[Ints, Floats]:
        """The k best articles of each profile, best first, equals by article: int32 and float32 (profiles, k).

        Places past what the source can recommend hold article -1 and score -inf.
        """
        article = np.full((len(profiles), k), -1, np.int32)
        score = np.full((len(profiles), k), -np.inf, np.float32)
        for rows, scores in self.in_blocks(profiles):
            column, score[rows] = top_of(scores, k)
            article[rows] = self.articles(column)
        return article, score

    def recommend(self, profiles: Profiles, k: int) -> pl.DataFrame:
        """Candidates: customer, article, rank, score (see schema.CANDIDATES), sorted by row of profiles, rank."""
        article, score = self.top(profiles, k)
        return candidate_table(profiles.customers, article, score)

    def score(self, profiles: Profiles, row: Ints, article: Ints) -> Floats:
        """Score pairs (row of profiles, article): float32, in their order; -inf where there is no opinion."""
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
        """`scores`, block after block."""
        for rows in self.blocks(profiles):
            yield rows, self.scores(profiles[rows])

    def blocks(self, profiles: Profiles) -> Iterator[slice]:
        """Rows of profiles in slices whose dense scores stay within BLOCK_CELLS."""
        size = max(BLOCK_CELLS // max(len(self.catalogue_), 1), 1)
        for start in range(0, len(profiles), size):
            yield slice(start, min(start + size, len(profiles)))

    @property
    def parameters(self) -> int:
        """How many numbers were learned."""
        arrays = _flat(self._state()).values()
        return int(sum(array.size for array in arrays if np.issubdtype(array.dtype, np.floating)))

    def save(self, path: Path) -> None:
        """Write the fitted state as .npz without pickle."""
        with whole(path) as part, part.open("wb") as file:
            np.savez(file, **_flat(self._state()))

    def load(self, path: Path) -> Self:
        """Take back the state that `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            for name in {key.partition("|")[0] for key in arrays.files}:
                setattr(self, name, _unflat(name, arrays))
        return self

    def _state(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name.endswith("_")}


def decay(ages: Ints, half_life: float) -> Floats:
    """1 for today, halved every `half_life` days."""
    return np.exp2(-ages / np.float32(half_life)).astype(np.float32)


def decayed_purchases(profiles: Profiles, half_life: float) -> sparse.csr_array:
    """What each profile bought, each purchase halved every `half_life` days: (profiles, articles), float32."""
    row, purchase = profiles.purchases()
    weights = decay(profiles.ages(row, purchase), half_life)
    return profiles.matrix(row, profiles.history.article[purchase], weights, len(profiles.history.articles))


def inner_products(left: Floats, row: Ints, right: Floats, place: Ints) -> Floats:
    """Of left[row] and right[place], pair by pair: float32, (pairs,)."""
    result = np.empty(len(row), np.float32)
    for start in range(0, len(row), PAIRS):
        part = slice(start, start + PAIRS)
        np.einsum("ij,ij->i", left[row[part]], right[place[part]], out=result[part])
    return result


def candidate_table(key: Ints, article: Ints, score: Floats) -> pl.DataFrame:
    """The long form of `top`: one row a place that is filled, with `key` (profiles,) in the column customer."""
    found = article >= 0
    rank = np.broadcast_to(np.arange(1, article.shape[1] + 1, dtype=np.uint16), article.shape)
    return pl.DataFrame(
        {
            "customer": np.repeat(key.astype(np.int32), found.sum(axis=1)),
            "article": article[found],
            "rank": rank[found],
            "score": score[found],
        }
    )


def pick(scores: Scores, row: Ints, column: Ints) -> Floats:
    """The cells (row, column) of scores, float32; -inf where nothing is stored."""
    return dense(scores)[row, column]


def dense(scores: Scores) -> npt.NDArray[np.float32]:
    """Sparse scores with -inf where nothing is stored; dense ones as they are."""
    if isinstance(scores, np.ndarray):
        return scores
    cells = np.full(scores.shape, -np.inf, np.float32)
    row = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
    cells[row, scores.indices] = scores.data
    return cells


def top_of(scores: Scores, k: int) -> tuple[Ints, Floats]:
    """The k best columns of each row, best first, equals by column: int32 and float32 (rows, k).

    Places past what has a score hold -1 and -inf.
    """
    row, column, value = _contenders(scores, k)
    place = place_within(row)
    shape = (scores.shape[0], max(int(place.max(initial=0)) + 1, k))
    best, found = np.full(shape, -1, np.int32), np.full(shape, -np.inf, np.float32)
    best[row, place], found[row, place] = column, value
    order = np.argsort(-found, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(best, order, axis=1), np.take_along_axis(found, order, axis=1)


def _contenders(scores: Scores, k: int) -> tuple[Ints, Ints, Floats]:
    """Row, column and score of the k best cells of each row, and of some more; sorted by row, column.

    Of a dense row only the cells that reach `_lower_bound`: `top_of` then takes an eighth of the time that it took
    by argpartition (30,000 columns), and less than a tenth of sorting a sparse row of 3,600 cells.
    """
    rows, columns = scores.shape
    if sparse.issparse(scores) and scores.nnz * FEW < rows * columns:
        scores.sort_indices()
        return np.repeat(np.arange(rows), np.diff(scores.indptr)), scores.indices, scores.data
    cells = dense(scores)
    least = _lower_bound(cells, k)
    row, column = np.divmod(np.flatnonzero(cells >= least), max(columns, 1))
    equal = cells[row, column] == least[row, 0]
    first, nth = np.searchsorted(row, row), np.cumsum(equal)
    kept = ~equal | (nth - (nth - equal)[first] <= k)  # of the equals at the bound, the first
    row, column = row[kept], column[kept]
    return row, column, cells[row, column]


def place_within(group: Ints) -> Ints:
    """0, 1, 2… within each run of equal values of a sorted array."""
    first = np.flatnonzero(np.diff(group, prepend=-1))
    return np.arange(len(group)) - np.repeat(first, np.diff(np.append(first, len(group))))


def ranks_within(score: Floats, group: Ints) -> Ints:
    """1 for the best of each group, numbered from 0, of a sorted array; equals in their order.

    A row a group, since to sort many short rows takes 2/5 of the time of one long sort.
    """
    place = place_within(group)
    shape = (int(group.max(initial=-1)) + 1, int(place.max(initial=-1)) + 1)
    padded = np.full(shape, np.inf)
    padded[group, place] = -score
    ranks = np.empty(shape, np.int64)
    np.put_along_axis(ranks, np.argsort(padded, axis=1, kind="stable"), np.arange(1, shape[1] + 1)[None], axis=1)
    return np.asarray(ranks[group, place])


def _lower_bound(cells: npt.NDArray[np.float32], k: int) -> npt.NDArray[np.float32]:
    """A finite score of each row that at least k of its cells reach, if so many are finite: (rows, 1).

    The columns are dealt into GROUPS * k groups, and the k-th largest of the groups' maxima is taken.
    """
    rows, columns = cells.shape
    width, lowest = columns // (GROUPS * k), np.full((rows, 1), np.finfo(np.float32).min)
    if not width:
        return lowest
    best = cells[:, : width * GROUPS * k].reshape(rows, width, GROUPS * k).max(axis=1)
    return np.maximum(np.partition(best, -k, axis=1)[:, [-k]], lowest)


def _flat(state: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in state.items():
        if isinstance(value, sparse.csr_array):
            flat |= {f"{name}|data": value.data, f"{name}|indices": value.indices}
            flat |= {f"{name}|indptr": value.indptr, f"{name}|shape": np.array(value.shape)}
        elif isinstance(value, list):
            flat |= {f"{name}|{i}": part for i, part in enumerate(value)}
        else:
            flat[name] = value
    return flat


def _unflat(name: str, arrays: Any) -> Any:
    if name in arrays:
        return arrays[name]
    if f"{name}|shape" not in arrays:
        return [arrays[f"{name}|{i}"] for i in range(sum(key.startswith(f"{name}|") for key in arrays))]
    parts = [arrays[f"{name}|{part}"] for part in ("data", "indices", "indptr")]
    return sparse.csr_array(tuple(parts), shape=tuple(arrays[f"{name}|shape"]))
