"""The ranker: a linear model orders a customer's pairs, and LightGBM reorders the first of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from forsys.arrays import Bools, Floats, Ints, position_within, ranks_within
from forsys.errors import DataError
from forsys.metrics.average_precision import average_precision_by_score
from forsys.ranking.features import build
from forsys.ranking.linear import Linear
from forsys.ranking.pairs import Pairs
from forsys.ranking.training_pairs import TrainingPairs
from forsys.retrieval.fusion import Fusion
from forsys.store import read_json, write_json, write_text

# Of both reciprocal ranks that are blended. No setting: the weight of the blend is chosen for it.
RECIPROCAL_RANK_CONSTANT = 10.0
ROWS_PER_BLOCK = 200_000  # scored at a time, which bounds the memory


@dataclass(frozen=True, eq=False)
class Ranker:
    """A linear model, boosted trees that start from it (several models, averaged), and a fusion that is blended in.

    groups: the feature groups that it reads. blend: the weight of the fusion. reranked: pairs per customer that the
    trees score, the first by the linear model. metadata: what it learned from and how it was chosen.
    """

    linear: Linear
    models: list[lgb.Booster]
    groups: list[str]
    fusion: Fusion
    blend: float
    reranked: int
    metadata: dict[str, Any]

    def order(self, pairs: Pairs) -> pl.DataFrame:
        """All pairs in the ranker's order: customer, article, rank, score; sorted by customer, rank."""
        return in_order(pairs, *self.ranks(pairs, self.predict(build(pairs, self.groups), pairs.row)))

    def ranks(self, pairs: Pairs, score: Floats) -> tuple[Ints, Floats]:
        """The rank of each pair by the score that `predict` gives it, and that score with the fusion blended in."""
        whole = blended(score, self.fusion, self.blend, pairs.rank, pairs.row)
        return ranks_within(whole, pairs.row), whole

    def predict(self, features: pl.DataFrame, group: Ints, trees: int | None = None) -> Floats:
        """The linear score of each row plus the score of the trees (all, or the first `trees`): (rows,), float64.

        group: in increasing order. The trees score the first `reranked` rows of each group by the linear model. The
        others get the lowest tree score of their group, so that they stay behind those.
        """
        if not len(group):
            return np.zeros(0)
        score = np.concatenate([self.linear.score(rows) for rows in features.iter_slices(ROWS_PER_BLOCK)])
        first = is_first(self.reranked, score, group)
        blocks = features.filter(pl.Series(first)).iter_slices(ROWS_PER_BLOCK)
        boost = np.concatenate([self._boost(rows, trees) for rows in blocks])
        lowest = np.minimum.reduceat(boost, _starts(group[first]))
        added = np.repeat(lowest, np.diff(np.append(_starts(group), len(group))))
        added[first] = boost
        return np.asarray(score + added)

    def _boost(self, rows: pl.DataFrame, trees: int | None) -> Floats:
        """The mean score of the models' trees, (rows,)."""
        matrix = rows.select(self.models[0].feature_name()).to_numpy()
        scores = [
            np.asarray(model.predict(matrix, num_iteration=trees, raw_score=True), np.float64)
            for model in self.models
        ]
        return np.asarray(np.mean(scores, axis=0))

    def summary(self) -> str:
        """One line."""
        known, periods = self.metadata, len(self.metadata["learned_from"])
        return (
            f"{known['trees']} trees on {known['hits']:,} hits and {known['pairs'] - known['hits']:,} negatives of "
            f"{periods} earlier {'period' if periods == 1 else 'periods'}"
            + (f", with the fusion at weight {self.blend:g}" if self.blend else "")
        )

    def save(self, folder: Path) -> None:
        """Write model-<i>.txt, and ranker.json last."""
        for i, model in enumerate(self.models):
            write_text(model.model_to_string(), folder / f"model-{i}.txt")
        written = {
            "models": len(self.models),
            "linear": self.linear.to_json(),
            "groups": self.groups,
            "weights": self.fusion.weights,
            "constant": self.fusion.constant,
            "blend": self.blend,
            "reranked": self.reranked,
            "metadata": self.metadata,
        }
        write_json(written, folder / "ranker.json")

    @classmethod
    def load(cls, folder: Path) -> "Ranker":
        """Read what `save` wrote. Raises DataError where there is nothing."""
        found = read_json(folder / "ranker.json")
        if found is None:
            raise DataError(f"{folder} holds no ranker yet. Run the stage `rank` first.")
        texts = [(folder / f"model-{i}.txt").read_text(encoding="utf-8") for i in range(found.pop("models"))]
        linear = Linear.from_json(found.pop("linear"))
        fusion = Fusion(found.pop("weights"), found.pop("constant"))
        return cls(linear, [lgb.Booster(model_str=text) for text in texts], fusion=fusion, **found)


def in_order(pairs: Pairs, rank: Ints, score: Floats, **more: Floats) -> pl.DataFrame:
    """Pairs as rows: customer, article, rank, score, and what `more` is known of them; sorted by customer, rank."""
    pair, order = np.arange(len(pairs)), np.empty(len(pairs), np.int64)
    order[pair - position_within(pairs.row) + rank - 1] = pair
    columns = {"article": pairs.article, "rank": rank, "score": score} | more
    rows = {"customer": pairs.customer} | {name: values[order] for name, values in columns.items()}
    return pl.DataFrame(rows).cast({"rank": pl.UInt16, **dict.fromkeys(["score", *more], pl.Float32)})


def is_first(count: int, score: Floats, group: Ints) -> Bools:
    """Whether each row is among the first `count` of its group by score: (rows,)."""
    return ranks_within(score, group) <= count


def blended(score: Floats, fusion: Fusion, blend: float, rank: Mapping[str, Floats], row: Ints) -> Floats:
    """Reciprocal rank by score, plus `blend` times that by the fusion, of pairs sorted by profile, article."""
    own = 1 / (RECIPROCAL_RANK_CONSTANT + ranks_within(score, row))
    if not blend:
        return own
    return own + blend / (RECIPROCAL_RANK_CONSTANT + ranks_within(fusion.score(rank), row))


def average_precision(score: Floats, pairs: TrainingPairs, k: int) -> Floats:
    """AP@k of each group, (groups,), by all that it bought; equal scores in the order of the rows."""
    return average_precision_by_score(k, score, np.flatnonzero(pairs.hit), pairs.group, pairs.bought)


def _starts(group: Ints) -> Ints:
    """Where each run of equal values begins."""
    return np.flatnonzero(position_within(group) == 0)
