"""Training of the ranker: its size chosen by Kaggle's MAP@12 on weeks held out, then learnt from all of them."""

from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.progress import progress
from forsys.ranking.features import GROUPS, categories_of
from forsys.ranking.linear import Linear
from forsys.ranking.ranker import Ranker, average_precision, blended, reranked
from forsys.ranking.training_set import Labelled, LabelledWeeks, training_folds
from forsys.retrieval.fusion import Fusion, clear_gain
from forsys.retrieval.tuning import Tuned
from forsys.schema import LIST_LENGTH
from forsys.settings import Ranking, Settings
from forsys.tables.history import Floats

PARTS = 3  # of the weeks, each held out in turn
FEW = 30  # trees, where there are too few weeks to choose
BLENDS = (0.0, 0.25, 0.5, 1.0, 2.0)  # weights of the fusion beside the model's order that are tried
CAUTION = 0.5  # standard errors by which a blend must gain, as in the choice of the fusion


@dataclass(frozen=True)
class Choice:
    """Number of trees, weight of the fusion, and MAP@12 of each weight that was tried."""

    trees: int
    blend: float
    tried: dict[str, float]


@dataclass(frozen=True, eq=False)
class Trial:
    """A ranker of `ranking.trees` trees, and weeks that it has not seen.

    curve: AP@12 summed over `held`, with one tree, two… (trees,).
    """

    ranker: Ranker
    held: Labelled
    curve: Floats

    def score(self, trees: int) -> Floats:
        """Of each row of `held`, by so many trees."""
        self.ranker.models[0].best_iteration = trees
        return self.ranker.predict(self.held.features, self.held.group)

    def average_precision(self, score: Floats, blend: float) -> Floats:
        """AP@12 of each group of `held`, where the fusion is blended in."""
        value = blended(score, self.ranker.fusion, blend, self.held.rank, self.held.group)
        return average_precision(value, self.held)


def choose_for(weeks: LabelledWeeks, tuned: Tuned, fold: Fold) -> Choice:
    """Choose where MAP@12 is best on the weeks before `fold`, each held out once; then blend if that gains clearly.

    Where there are too few to choose, a few trees are taken, and the fusion counts as much as the model.
    """
    folds = training_folds(weeks.run, fold)
    sampled = [weeks.sampled(tuned.sources, each) for each in progress(folds, f"{fold.as_of}: pairs", unit="fold")]
    held = [weeks.held(tuned.sources, each) for each in folds]
    trials = _trials(weeks.run.settings, tuned.fusion, sampled, held)
    if not trials:
        return Choice(FEW, 1.0, {})
    trees = int(np.argmax(np.sum([trial.curve for trial in trials], axis=0))) + 1
    best, tried = _best_blend(trials, trees)
    return Choice(trees, best, tried)


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
        "trees": choice.trees,
        "map_at_12_of_each_blend": choice.tried,
        "pairs": len(learnt.hit),
        "hits": int(learnt.hit.sum()),
        "purchases": learnt.purchases,
        "purchases_among_the_candidates": learnt.found,
        "buyers": learnt.buyers,
    }
    return Ranker(linear, models, list(settings.features), tuned.fusion, choice.blend, facts)


def _trials(settings: Settings, fusion: Fusion, sampled: list[Labelled], held: list[Labelled]) -> list[Trial]:
    """One a part of the weeks: week by week in turn, so that each part holds newer and older ones."""
    parts = min(PARTS, len(held)) if len(held) > 1 else 0
    trials = []
    for part in progress(range(parts), "choose the size", unit="part"):
        learnt = Labelled.of([week for i, week in enumerate(sampled) if i % PARTS != part])
        unseen = Labelled.of(held[part::PARTS])
        if learnt.hit.any() and unseen.hit.any():
            trials.append(_trial(settings, fusion, learnt, unseen))
    return trials


def _trial(settings: Settings, fusion: Fusion, learnt: Labelled, held: Labelled) -> Trial:
    ranking, linear = settings.ranking, _linear(settings.ranking, learnt)
    seen = held.only(reranked(linear.score(held.features), held.group))
    train = _dataset(ranking, learnt, linear)
    curves: dict[str, dict[str, list[float]]] = {}
    model = lgb.train(
        _parameters(ranking, settings.seed),
        train,
        ranking.trees,
        valid_sets=[_dataset(ranking, seen, linear, train)],
        valid_names=["held"],
        feval=lambda score, _: ("AP@12", float(average_precision(score, seen).sum()), True),
        callbacks=[lgb.record_evaluation(curves)],
    )
    ranker = Ranker(linear, [model], list(ranking.features), fusion, 0.0, {})
    return Trial(ranker, held, np.array(curves["held"]["AP@12"]))


def _best_blend(trials: list[Trial], trees: int) -> tuple[float, dict[str, float]]:
    """The weight of the fusion, and MAP@12 of each weight that was tried."""
    scores = [trial.score(trees) for trial in trials]
    buyers, best, tried = sum(trial.held.buyers for trial in trials), 0.0, {}
    for blend in BLENDS:
        parts = [trial.average_precision(score, blend) for trial, score in zip(trials, scores, strict=True)]
        tried[blend] = np.concatenate(parts)
        if clear_gain(tried[blend] - tried[best], buyers, CAUTION):
            best = blend
    return best, {str(blend): float(values.sum() / buyers) for blend, values in tried.items()}


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
