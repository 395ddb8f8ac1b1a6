"""The contract of a retrieval source.

A source learns from purchases before a cut-off (`fit`), and then says of each profile how well each article
fits (`scores`). What the pipeline asks of it follows from these two: its best articles (`recommend`), and its
opinion of any pair (`score`).
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
BLOCK_CELLS = 1 << 25  # 128 MiB of float32 scores at a time
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
        for rows in self.blocks(profiles):
            column, score[rows] = top_of(self.scores(profiles[rows]), k)
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
        for rows in self.blocks(profiles):
            inside = np.flatnonzero((row >= rows.start) & (row < rows.stop) & (column >= 0))
            result[inside] = pick(self.scores(profiles[rows]), row[inside] - rows.start, column[inside])
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
    if isinstance(scores, np.ndarray):
        return scores[row, column]
    scores.sort_indices()  # a sparse product's are not; then one key a stored cell is sorted as a whole
    stored_row = np.repeat(np.arange(scores.shape[0]), np.diff(scores.indptr))
    stored = stored_row * scores.shape[1] + scores.indices
    wanted = row.astype(np.int64) * scores.shape[1] + column
    place = np.minimum(np.searchsorted(stored, wanted), max(len(stored) - 1, 0))
    if not len(stored):
        return np.full(len(row), -np.inf, np.float32)
    return np.where(stored[place] == wanted, scores.data[place], -np.inf).astype(np.float32)


def top_of(scores: Scores, k: int) -> tuple[Ints, Floats]:
    """The k best columns of each row of scores, as `Source.top` returns them."""
    return top_dense(scores, k) if isinstance(scores, np.ndarray) else _top_sparse(scores, k)


def top_dense(scores: npt.NDArray[np.float32], k: int) -> tuple[Ints, Floats]:
    """The k best columns of each row, best first, equals by column; -1 and -inf where there are fewer."""
    rows, columns = scores.shape
    if columns <= k:
        best = np.broadcast_to(np.arange(columns), scores.shape)
    else:
        best = np.argpartition(scores, columns - k, axis=1)[:, columns - k :]
        # Where equals stand on both sides of the cut, argpartition keeps any of them: keep the first columns.
        least = np.take_along_axis(scores, best, axis=1).min(axis=1)
        torn = np.isfinite(least) & (np.count_nonzero(scores >= least[:, None], axis=1) > k)
        # A loop, since a mask over all cells of these rows took 9 times as long (1,000 rows of 30,000, all torn).
        for i in np.flatnonzero(torn):
            above = np.flatnonzero(scores[i] > least[i])
            best[i] = np.concatenate([above, np.flatnonzero(scores[i] == least[i])[: k - len(above)]])
        best = np.sort(best, axis=1)
    value = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-value, axis=1, kind="stable")
    article = np.full((rows, k), -1, np.int32)
    score = np.full((rows, k), -np.inf, np.float32)
    width = min(columns, k)
    score[:, :width] = np.take_along_axis(value, order, axis=1)
    article[:, :width] = np.take_along_axis(best, order, axis=1)
    article[np.isneginf(score)] = -1
    return article, score


def _top_sparse(scores: sparse.csr_array, k: int) -> tuple[Ints, Floats]:
    length = np.diff(scores.indptr)
    row = np.repeat(np.arange(scores.shape[0]), length)
    order = np.lexsort((scores.indices, -scores.data, row))
    rank = np.arange(len(row)) - np.repeat(scores.indptr[:-1], length)
    kept = rank < k
    article = np.full((scores.shape[0], k), -1, np.int32)
    score = np.full((scores.shape[0], k), -np.inf, np.float32)
    article[row[kept], rank[kept]] = scores.indices[order][kept]
    score[row[kept], rank[kept]] = scores.data[order][kept]
    return article, score


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
