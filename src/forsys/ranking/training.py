"""Training of the ranker: its size is chosen by MAP@k on validation folds, then it learns from all folds."""

from dataclasses import dataclass, field, replace
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl

from forsys.arrays import Floats
from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.progress import progress, step_callback
from forsys.ranking.features import GROUPS, categories_of
from forsys.ranking.linear import Linear
from forsys.ranking.ranker import Ranker, average_precision, blended, is_first
from forsys.ranking.training_pairs import LabelledFolds, TrainingPairs, training_folds
from forsys.ranking.tuning import Tuned
from forsys.retrieval.fusion import Fusion, clear_gain
from forsys.settings import RankingSettings, Settings

# No settings: this is how a choice is made; what depends on the data is chosen.
VALIDATION_PARTS = 3  # of the folds; each part is the validation set once
DEFAULT_TREES = 30  # where there are too few folds to choose
DEFAULT_BLEND = 1.0  # there too: the fusion counts as much as the model
BLEND_WEIGHTS = (0.0, 0.25, 0.5, 1.0, 2.0)  # of the fusion beside the model's order, to choose from
MIN_STANDARD_ERRORS = 0.5  # by which a larger blend must gain, as in the choice of the fusion


@dataclass(frozen=True)
class Choice:
    """Number of trees, weight of the fusion, and MAP@k of each weight that was tried.

    curve: MAP@k on the validation folds with the first tree, the first two…, without the fusion. unseen: rankers of
    that form, each with the folds that it has not learned from.
    """

    trees: int
    blend: float
    tried: dict[str, float]
    curve: tuple[float, ...] = ()
    unseen: tuple[tuple[Ranker, list[Fold]], ...] = field(default=(), compare=False, repr=False)


@dataclass(frozen=True, eq=False)
class Trial:
    """A ranker of `ranking.num_iterations` trees, and validation folds that it has not learned from.

    part: of the folds, every VALIDATION_PARTS-th from this one on is in `validation`. curve: AP@k summed over it,
    with the first tree, the first two… (trees,).
    """

    part: int
    ranker: Ranker
    validation: TrainingPairs
    curve: Floats

    def score(self, trees: int) -> Floats:
        """Score of each row of `validation` by the first `trees` trees."""
        return self.ranker.predict(self.validation.features, self.validation.group, trees)

    def average_precision(self, score: Floats, blend: float, k: int) -> Floats:
        """AP@k of each group of `validation`, with the fusion blended in."""
        value = blended(score, self.ranker.fusion, blend, self.validation.rank, self.validation.group)
        return average_precision(value, self.validation, k)


def choose_for(labelled: LabelledFolds, tuned: Tuned, fold: Fold) -> Choice:
    """The number of trees with the best MAP@k on the folds before `fold`, and the blend, if it gains clearly.

    Each fold is in the validation set once. With too few folds to choose on, the defaults are taken.
    """
    run, folds = labelled.run, training_folds(labelled.run, fold)
    sampled, complete = [], []
    for each in progress(folds, f"{fold.as_of}: pairs", unit="fold"):
        sampled.append(labelled.sampled(tuned.sources, each))
        complete.append(labelled.complete(tuned.sources, each))
    trials = _trials(run.settings, tuned.fusion, sampled, complete)
    if not trials:
        return Choice(DEFAULT_TREES, DEFAULT_BLEND, {})
    curve = np.sum([trial.curve for trial in trials], axis=0) / sum(trial.validation.buyers for trial in trials)
    trees = int(np.argmax(curve)) + 1
    blend, tried = _best_blend(trials, trees, run.settings.k)
    unseen = [(replace(trial.ranker, blend=blend), folds[trial.part :: VALIDATION_PARTS]) for trial in trials]
    return Choice(trees, blend, tried, tuple(curve.tolist()), tuple(unseen))


def fit_for(labelled: LabelledFolds, tuned: Tuned, fold: Fold, choice: Choice) -> Ranker:
    """Learn for `fold` from all labelled folds before it, with the size and blend that were chosen.

    Raises DataError where no earlier buyer bought a candidate.
    """
    settings, ranking = labelled.run.settings, labelled.run.settings.ranking
    folds = training_folds(labelled.run, fold)
    train = TrainingPairs.concat([labelled.sampled(tuned.sources, each) for each in folds]) if folds else None
    if train is None or not train.hit.any():
        raise DataError(
            f"In the {ranking.max_weeks} periods before {fold.as_of} nobody bought a candidate, so there is no "
            f"order to learn. Use a longer log, or a larger retrieval.candidates_per_source."
        )
    linear = _linear(ranking, train)
    dataset, models = _dataset(ranking, train, linear), []
    for i in progress(range(ranking.num_models), f"{fold.as_of}: fit", unit="model"):
        parameters = _parameters(settings, settings.seed + i)
        callbacks = [step_callback(choice.trees, "LightGBM", "tree")]
        models.append(lgb.train(parameters, dataset, choice.trees, callbacks=callbacks))
    metadata = {
        "learned_from": [str(each.as_of) for each in folds],
        "trees": choice.trees,
        "map_of_each_blend": choice.tried,
        "map_by_trees": list(choice.curve),
        "pairs": len(train.hit),
        "hits": int(train.hit.sum()),
        "purchases": train.purchases,
        "purchases_among_the_candidates": train.found,
        "buyers": train.buyers,
    }
    return Ranker(linear, models, list(ranking.features), tuned.fusion, choice.blend, ranking.reranked, metadata)


def _trials(
    settings: Settings, fusion: Fusion, sampled: list[TrainingPairs], complete: list[TrainingPairs]
) -> list[Trial]:
    """One per part of the folds, which are dealt out in turn, so that each part has newer and older ones."""
    parts = min(VALIDATION_PARTS, len(complete)) if len(complete) > 1 else 0
    trials = []
    for part in progress(range(parts), "choose the size", unit="part"):
        train = TrainingPairs.concat([fold for i, fold in enumerate(sampled) if i % VALIDATION_PARTS != part])
        validation = TrainingPairs.concat(complete[part::VALIDATION_PARTS])
        if train.hit.any() and validation.hit.any():
            trials.append(_trial(settings, fusion, train, validation, part))
    return trials


def _trial(settings: Settings, fusion: Fusion, train: TrainingPairs, validation: TrainingPairs, part: int) -> Trial:
    ranking, linear = settings.ranking, _linear(settings.ranking, train)
    reranked = validation[is_first(ranking.reranked, linear.score(validation.features), validation.group)]
    dataset = _dataset(ranking, train, linear)
    curves: dict[str, dict[str, list[float]]] = {}
    model = lgb.train(
        _parameters(settings, settings.seed),
        dataset,
        ranking.num_iterations,
        valid_sets=[_dataset(ranking, reranked, linear, dataset)],
        valid_names=["validation"],
        feval=lambda score, _: ("AP@k", float(average_precision(score, reranked, settings.k).sum()), True),
        callbacks=[lgb.record_evaluation(curves), step_callback(ranking.num_iterations, "LightGBM", "tree")],
    )
    ranker = Ranker(linear, [model], list(ranking.features), fusion, 0.0, ranking.reranked, {})
    return Trial(part, ranker, validation, np.array(curves["validation"]["AP@k"]))


def _best_blend(trials: list[Trial], trees: int, k: int) -> tuple[float, dict[str, float]]:
    """The weight of the fusion, and MAP@k of each weight that was tried."""
    scores = [trial.score(trees) for trial in trials]
    buyers, best, tried = sum(trial.validation.buyers for trial in trials), 0.0, {}
    for blend in BLEND_WEIGHTS:
        parts = [trial.average_precision(score, blend, k) for trial, score in zip(trials, scores, strict=True)]
        tried[blend] = np.concatenate(parts)
        if clear_gain(tried[blend] - tried[best], buyers, MIN_STANDARD_ERRORS):
            best = blend
    return best, {str(blend): float(values.sum() / buyers) for blend, values in tried.items()}


def _parameters(settings: Settings, seed: int) -> dict[str, Any]:
    """LightGBM's."""
    names = {"objective", "learning_rate", "num_leaves", "min_data_in_leaf", "lambda_l2"}
    return {
        **settings.ranking.model_dump(include=names | {"feature_fraction", "bagging_fraction"}),
        "metric": "None",
        "bagging_freq": 1,
        "lambdarank_truncation_level": 2 * settings.k,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def _linear(settings: RankingSettings, train: TrainingPairs) -> Linear:
    """Fitted without categories, and without what is the same for all pairs of a customer."""
    without = {*categories_of(settings.features, train.roles), *GROUPS["customer"].meanings(train.roles)}
    return Linear.fit(train.features.select(pl.exclude(without)), train.hit, train.group)


def _dataset(
    settings: RankingSettings, rows: TrainingPairs, linear: Linear, reference: lgb.Dataset | None = None
) -> lgb.Dataset:
    categories = [name for name in categories_of(settings.features, rows.roles) if name in rows.features.columns]
    return lgb.Dataset(
        rows.features.to_numpy().astype(np.float32, copy=False),
        rows.hit.astype(np.float32),
        init_score=linear.score(rows.features),
        group=None if settings.objective == "binary" else rows.sizes,
        feature_name=rows.features.columns,
        categorical_feature=categories,
        reference=reference,
    )
