"""The ranker: a linear model puts a customer's pairs in order, and LightGBM the first of them anew."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.errors import DataError
from forsys.ranking.features import build
from forsys.ranking.linear import Linear
from forsys.ranking.pairs import Pairs
from forsys.ranking.training_set import Labelled
from forsys.retrieval.fusion import Fusion
from forsys.retrieval.source import place_within, ranks_within
from forsys.schema import LIST_LENGTH
from forsys.store import read_json, whole, write_json
from forsys.tables.history import Floats, History, Ints

CONSTANT = 10.0  # of both reciprocal ranks
ROWS = 200_000  # scored at a time, which bounds the memory
# Of a customer's pairs the trees see so many, the first by the linear score. On the 4 weeks before the holdout of
# the sample, MAP@12 with 40 trees was .0799 for the first 48, for the first 100 and for all.
RERANKED = 50


@dataclass(frozen=True, eq=False)
class Ranker:
    """A linear start, boosted trees on it (one model a seed), and the weight of the fusion that is blended in.

    facts: what it was made of and how it did, for ranker.json.
    """

    linear: Linear
    models: list[lgb.Booster]
    groups: list[str]
    fusion: Fusion
    blend: float
    facts: dict[str, Any]

    def order(self, pairs: Pairs, history: History, as_of: date) -> pl.DataFrame:
        """All pairs in the ranker's order: customer, article, rank, score; sorted by customer, rank."""
        features = build(pairs, history, as_of, self.groups)
        score = blended(self.predict(features, pairs.row), self.fusion, self.blend, pairs.rank, pairs.row)
        rank, pair = ranks_within(score, pairs.row), np.arange(len(pairs))
        order = np.empty(len(pairs), np.int64)
        order[pair - place_within(pairs.row) + rank - 1] = pair
        columns = {
            "customer": pairs.customer,
            "article": pairs.article[order],
            "rank": rank[order],
            "score": score[order],
        }
        return pl.DataFrame(columns).cast({"rank": pl.UInt16, "score": pl.Float32})

    def predict(self, features: pl.DataFrame, group: Ints) -> Floats:
        """The linear score of each row, and for the `reranked` of each group the trees' mean on it: float64.

        group: numbers in increasing order. The others get the least that trees gave in their group, which leaves
        them behind those.
        """
        score = np.concatenate([self.linear.score(rows) for rows in features.iter_slices(ROWS)])
        first = reranked(score, group)
        trees = np.concatenate([self._trees(rows) for rows in features.filter(pl.Series(first)).iter_slices(ROWS)])
        least = np.minimum.reduceat(trees, _starts(group[first]))
        added = np.repeat(least, np.diff(np.append(_starts(group), len(group))))
        added[first] = trees
        return np.asarray(score + added)

    def _trees(self, rows: pl.DataFrame) -> Floats:
        matrix = rows.select(self.models[0].feature_name()).to_numpy()
        scores = [np.asarray(model.predict(matrix, raw_score=True), np.float64) for model in self.models]
        return np.asarray(np.mean(scores, axis=0))

    def in_words(self) -> str:
        """One line."""
        facts = self.facts
        return (
            f"{facts['trees']} trees on {facts['hits']:,} hits and {facts['pairs'] - facts['hits']:,} others of "
            f"{len(facts['learnt_from'])} earlier folds, fusion ×{self.blend:g}"
        )

    def save(self, folder: Path) -> None:
        """Write model-<i>.txt, and ranker.json last."""
        for i, model in enumerate(self.models):
            with whole(folder / f"model-{i}.txt") as part:
                part.write_text(model.model_to_string(), encoding="utf-8")
        written = {
            "models": len(self.models),
            "linear": self.linear.as_json(),
            "groups": self.groups,
            "weights": self.fusion.weights,
            "constant": self.fusion.constant,
            "blend": self.blend,
            "facts": self.facts,
        }
        write_json(written, folder / "ranker.json")

    @classmethod
    def load(cls, folder: Path) -> "Ranker":
        """Read what `save` wrote. Raises DataError where there is nothing."""
        found = read_json(folder / "ranker.json")
        if found is None:
            raise DataError(f"{folder} holds no ranker yet. Run the stage `rank` first.")
        texts = [(folder / f"model-{i}.txt").read_text(encoding="utf-8") for i in range(found["models"])]
        models = [lgb.Booster(model_str=text) for text in texts]
        fusion = Fusion(found["weights"], found["constant"])
        return cls(Linear.of(found["linear"]), models, found["groups"], fusion, found["blend"], found["facts"])


def reranked(linear: Floats, group: Ints) -> npt.NDArray[np.bool_]:
    """Whether each row is among the first RERANKED of its group by the linear score: (rows,)."""
    return ranks_within(linear, group) <= RERANKED


def blended(score: Floats, fusion: Fusion, blend: float, rank: Mapping[str, Floats], row: Ints) -> Floats:
    """Reciprocal rank by the model, and `blend` times that by the fusion, of pairs sorted by profile, article."""
    own = 1 / (CONSTANT + ranks_within(score, row))
    return own + blend / (CONSTANT + ranks_within(fusion.score(rank), row)) if blend else own


def average_precision(score: Floats, held: Labelled) -> Floats:
    """AP@12 of each group, (groups,), over all that it bought; equal scores in the order of the rows."""
    order = np.lexsort((-score, held.group))
    group, hit = held.group[order], held.hit[order]
    place = place_within(group)
    first = hit & (place < LIST_LENGTH)
    nth = place_within(group[first]) + 1
    gained = np.bincount(group[first], nth / (place[first] + 1), len(held.bought))
    return np.asarray(gained / np.minimum(held.bought, LIST_LENGTH))


def _starts(group: Ints) -> Ints:
    """Where each run of equal values begins."""
    return np.flatnonzero(place_within(group) == 0)
