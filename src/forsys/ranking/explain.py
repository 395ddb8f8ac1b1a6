"""What moves the ranker: what each feature adds to a pair's score, what it means, and how important it is."""

import numpy as np
import pandas as pd
import polars as pl

from forsys.arrays import Floats, Ints
from forsys.ranking.features import meanings
from forsys.ranking.ranker import Ranker, average_precision, blended, is_first
from forsys.ranking.training_pairs import TrainingPairs
from forsys.tables.roles import Roles

SHUFFLED = 10  # features, the first by gain, that are shuffled one by one


def contributions(ranker: Ranker, features: pl.DataFrame, group: Ints) -> Floats:
    """What each feature adds to each row's score, (rows, features): by the linear model plus the trees' SHAP value.

    By the linear model alone for the rows that the trees do not score (see `Ranker.predict`).
    """
    names, linear = features.columns, ranker.linear
    first = is_first(ranker.reranked, linear.score(features), group)
    matrix = features.filter(pl.Series(first)).to_numpy()
    total = np.zeros((len(features), len(names)))
    shap = [np.asarray(model.predict(matrix, pred_contrib=True))[:, :-1] for model in ranker.models]
    total[first] = np.mean(shap, axis=0)
    total[:, [names.index(name) for name in linear.names]] += linear.parts(features)
    return total


def meaning(feature: str, roles: Roles) -> str:
    """A feature in words; those of a source begin with its name."""
    known = meanings(roles)
    if feature in known:
        return known[feature]
    for name, words in known.items():
        suffix = name.removeprefix("<source>")
        if suffix != name and feature.endswith(suffix):
            return f"{feature.removesuffix(suffix)}: {words}"
    return feature


def importance(ranker: Ranker, validation: TrainingPairs, k: int, seed: int) -> pd.DataFrame:
    """One row per feature, by falling gain: feature, gain, MAP@k lost, meaning.

    gain: its share of the trees' gain. MAP@k lost: by how much the MAP@k of the final list on `validation` falls
    where the feature's values are shuffled over all pairs; NaN for all but the first SHUFFLED features. The final
    list has the fusion blended in, as customers get it, and no feature changes the fusion.
    """
    gain = np.mean([model.feature_importance("gain") for model in ranker.models], axis=0)
    order = np.argsort(-gain, kind="stable")
    features = validation.features
    names = [features.columns[i] for i in order]
    rng = np.random.default_rng(seed)
    whole = _score(ranker, validation, features, k)
    lost = []
    for name in names[:SHUFFLED]:
        shuffled = pl.Series(name, rng.permutation(features[name].to_numpy()))
        lost.append(whole - _score(ranker, validation, features.with_columns(shuffled), k))
    return pd.DataFrame(
        {
            "feature": names,
            "gain": gain[order] / max(gain.sum(), 1e-12),
            f"MAP@{k} lost": pd.Series(lost).reindex(range(len(names))),
            "meaning": [meaning(name, validation.roles) for name in names],
        }
    )


def _score(ranker: Ranker, pairs: TrainingPairs, features: pl.DataFrame, k: int) -> float:
    """MAP@k of the final list that these features make of the pairs."""
    score = blended(ranker.predict(features, pairs.group), ranker.fusion, ranker.blend, pairs.rank, pairs.group)
    return float(average_precision(score, pairs, k).sum() / pairs.buyers)
