"""Why the ranker puts an article where it does: for one pair in words, for all pairs by importance of features."""

import numpy as np
import pandas as pd
import polars as pl

from forsys.arrays import Floats, Ints
from forsys.errors import DataError
from forsys.ranking.features import build, meanings
from forsys.ranking.pairs import Pairs
from forsys.ranking.ranker import Ranker, average_precision, blended, is_first
from forsys.ranking.training_pairs import TrainingPairs, pairs_of
from forsys.ranking.tuning import Tuned
from forsys.run import Run
from forsys.tables.roles import Roles

MAX_REASONS = 6  # for and against each
SHUFFLED = 10  # features, the first by gain, that are shuffled one by one


def explain(run: Run, tuned: Tuned, customer_id: str, article_id: str) -> str:
    """The rank of a pair of the submission in words. Raises DataError where the ranker did not order it."""
    fold = run.calendar.submission
    customer = _row_of(run.history.customers, "customer_id", customer_id)
    article = _row_of(run.history.articles, "article_id", article_id)
    ranker = Ranker.load(run.workspace.ranker(fold))
    pairs = _pairs_of(run, tuned, customer)
    found = np.flatnonzero(pairs.article == article)
    if not len(found):
        raise DataError(
            f"The article {article_id} is not among the {len(pairs)} candidates of the customer {customer_id} at "
            f"{fold.as_of}, so the ranker did not order it: no source recommends it."
        )
    index = int(found[0])
    rank = ranker.order(pairs).filter(pl.col("article") == article)["rank"].item()
    features = build(pairs, ranker.groups)
    parts = contributions(ranker, features, pairs.row)
    excess, values = parts[index] - parts.mean(axis=0), features.row(index, named=True)
    name = run.history.articles[article, "prod_name"] or ""
    return (
        f"Customer {customer_id}, article {article_id} ({name}), {fold.as_of}: rank {rank} of {len(pairs)}.\n"
        f"Each number says how much a feature raises (+) or lowers (-) the score of this article compared with the "
        f"mean of this customer's candidates.\n\n"
        f"For it:\n{_reasons(values, excess, 1, run.roles)}\n\n"
        f"Against it:\n{_reasons(values, excess, -1, run.roles)}\n"
    )


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
    """One row per feature: its share of the trees' gain, and how much MAP@k on `validation` drops without it.

    Without it means that its values are shuffled. Only the first SHUFFLED by gain are, over all pairs, and without
    the blended fusion.
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
    """MAP@k of the pairs with these features."""
    score = blended(ranker.predict(features, pairs.group), ranker.fusion, ranker.blend, pairs.rank, pairs.group)
    return float(average_precision(score, pairs, k).sum() / pairs.buyers)


def _pairs_of(run: Run, tuned: Tuned, customer: int) -> Pairs:
    """The pairs of one customer of the submission."""
    fold, customers = run.calendar.submission, run.submission_customers
    index = int(np.searchsorted(customers, customer))
    if index == len(customers) or customers[index] != customer:
        raise DataError("The submission has no list for this customer.")
    return pairs_of(run, tuned.sources, fold, index // run.settings.shard_size, np.array([customer]))


def _row_of(table: pl.DataFrame, column: str, wanted: str) -> int:
    found = table.with_row_index().filter(pl.col(column) == wanted)["index"]
    if not len(found):
        raise DataError(f"No {column} {wanted!r} in the tables. Write it as in the shop's own file.")
    return int(found[0])


def _reasons(values: dict[str, float], excess: Floats, sign: int, roles: Roles) -> str:
    """A line for each of the features that move the score most in the direction of `sign`."""
    order = [i for i in np.argsort(-sign * excess, kind="stable")[:MAX_REASONS] if sign * excess[i] > 0]
    names = list(values)
    lines = []
    for i in order:
        value = values[names[i]]
        shown = "unknown" if np.isnan(value) else f"{value:.4g}"
        lines.append(f"  {excess[i]:+.2f}  {meaning(names[i], roles)}: {shown}")
    return "\n".join(lines) or "  nothing"
