"""The ranker: LightGBM over the pairs of all sources, stopped by Kaggle's MAP@12 over all purchases."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.progress import progress
from forsys.ranking.features import GROUPS, build, categories_of
from forsys.ranking.linear import Linear
from forsys.ranking.pairs import Pairs
from forsys.ranking.training_set import Labelled, LabelledWeeks, training_folds
from forsys.retrieval.fusion import Fusion, clear_gain
from forsys.retrieval.source import place_within, ranks_within
from forsys.retrieval.tuning import Tuned
from forsys.schema import LIST_LENGTH
from forsys.settings import Ranking, Settings
from forsys.store import read_json, whole, write_json
from forsys.tables.history import Floats, History, Ints

BLENDS = (0.0, 0.25, 0.5, 1.0, 2.0)  # weights of the fusion beside the model's order that are tried
CONSTANT = 10.0  # of both reciprocal ranks
ROWS = 200_000  # scored at a time, which bounds the memory
RERANKED = (
    50  # of a customer's pairs, the first by the linear score, that the trees see; MAP@12 is that of all pairs
)
CAUTION = 0.5  # standard errors by which a blend must gain, as in the choice of the fusion


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
        return score + added

    def _trees(self, rows: pl.DataFrame) -> Floats:
        matrix = rows.select(self.models[0].feature_name()).to_numpy()
        scores = [np.asarray(model.predict(matrix, raw_score=True), np.float64) for model in self.models]
        return np.mean(scores, axis=0)

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


@dataclass(frozen=True)
class Choice:
    """Number of trees, weight of the fusion, MAP@12 of each weight that was tried, and the weeks it was on."""

    trees: int
    blend: float
    tried: dict[str, float]
    folds: list[str]


def choose_for(weeks: LabelledWeeks, tuned: Tuned, fold: Fold) -> Choice:
    """Choose on the newest weeks before `fold`, after learning from those before them.

    Where there are too few to choose, a few trees are taken, and the fusion counts as much as the model.
    """
    settings = weeks.run.settings.ranking
    folds = training_folds(weeks.run, fold)
    sampled = [weeks.sampled(tuned.sources, each) for each in progress(folds, f"{fold.as_of}: pairs", unit="fold")]
    newest = _newest(sampled, settings.validation)
    if not newest:
        return Choice(settings.patience, 1.0, {}, [])
    held = Labelled.of([weeks.held(tuned.sources, each) for each in folds[:newest]])
    names = [str(each.as_of) for each in folds[:newest]]
    return _choose(weeks.run.settings, Labelled.of(sampled[newest:]), held, tuned.fusion, names)


def fit_for(weeks: LabelledWeeks, tuned: Tuned, fold: Fold, choice: Choice) -> Ranker:
    """Learn for `fold` from all labelled weeks before it, with the size and blend that were chosen.

    Raises DataError where no earlier buyer bought a candidate.
    """
    run, settings = weeks.run, weeks.run.settings.ranking
    folds = training_folds(run, fold)
    learnt = Labelled.of([weeks.sampled(tuned.sources, each) for each in folds]) if folds else None
    if learnt is None or not learnt.hit.any():
        raise DataError(
            f"In the {settings.most_weeks} periods before {fold.as_of} nobody bought a candidate, so there is no "
            f"order to learn. Use a longer log, or more of retrieval.candidates."
        )
    linear = _linear(settings, learnt)
    models = [
        lgb.train(_parameters(settings, run.settings.seed + i), _dataset(settings, learnt, linear), choice.trees)
        for i in range(settings.seeds)
    ]
    facts = {
        "learnt_from": [str(each.as_of) for each in folds],
        "chosen_on": choice.folds,
        "trees": choice.trees,
        "map_at_12_of_each_blend": choice.tried,
        "pairs": len(learnt.hit),
        "hits": int(learnt.hit.sum()),
        "purchases": learnt.purchases,
        "purchases_among_the_candidates": learnt.found,
        "buyers": learnt.buyers,
    }
    return Ranker(linear, models, list(settings.features), tuned.fusion, choice.blend, facts)


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


def _choose(all_settings: Settings, learnt: Labelled, held: Labelled, fusion: Fusion, folds: list[str]) -> Choice:
    """Stop where MAP@12 on `held` is best; then blend where that is a clear gain."""
    settings, seed = all_settings.ranking, all_settings.seed
    if not learnt.hit.any() or not held.hit.any():
        return Choice(settings.patience, 1.0, {}, folds)
    linear = _linear(settings, learnt)
    train = _dataset(settings, learnt, linear)
    model = lgb.train(
        _parameters(settings, seed),
        train,
        settings.trees,
        valid_sets=[_dataset(settings, held, linear, train)],
        feval=lambda score, _: ("MAP@12", float(average_precision(score, held).sum() / held.buyers), True),
        callbacks=[lgb.early_stopping(settings.patience, verbose=False)],
    )
    score = linear.score(held.features) + np.asarray(model.predict(_matrix(held), raw_score=True))
    tried = {b: average_precision(blended(score, fusion, b, held.rank, held.group), held) for b in BLENDS}
    best = 0.0
    for blend, values in tried.items():
        if clear_gain(values - tried[best], held.buyers, CAUTION):
            best = blend
    means = {str(blend): float(values.sum() / held.buyers) for blend, values in tried.items()}
    return Choice(max(model.best_iteration, 1), best, means, folds)


def _parameters(settings: Ranking, seed: int) -> dict[str, Any]:
    return {
        "objective": settings.objective,
        "metric": "None",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.least_rows,
        "lambda_l2": settings.l2,
        "feature_fraction": settings.feature_share,
        "bagging_fraction": settings.row_share,
        "bagging_freq": 1,
        "lambdarank_truncation_level": 2 * LIST_LENGTH,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def _linear(settings: Ranking, learnt: Labelled) -> Linear:
    """Without the categories, and without what is the same for all pairs of a customer."""
    without = {*categories_of(settings.features), *GROUPS["customer"].meanings}
    return Linear.fit(learnt.features.select(pl.exclude(without)), learnt.hit, learnt.group)


def _dataset(
    settings: Ranking, rows: Labelled, linear: Linear, reference: lgb.Dataset | None = None
) -> lgb.Dataset:
    categories = [name for name in categories_of(settings.features) if name in rows.features.columns]
    return lgb.Dataset(
        _matrix(rows),
        rows.hit.astype(np.float32),
        init_score=linear.score(rows.features),
        group=None if settings.objective == "binary" else rows.sizes,
        feature_name=rows.features.columns,
        categorical_feature=categories,
        reference=reference,
        free_raw_data=False,
    )


def _matrix(rows: Labelled) -> Floats:
    return rows.features.to_numpy().astype(np.float32)


def _starts(group: Ints) -> Ints:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.diff(group, prepend=-1))


def _newest(sampled: list[Labelled], buyers: int) -> int:
    """How many of the newest weeks hold so many buyers; at most half of the weeks."""
    held = np.cumsum([week.buyers for week in sampled])
    return min(int(np.searchsorted(held, buyers)) + 1, len(sampled) // 2)
