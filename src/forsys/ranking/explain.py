"""Why the ranker puts an article where it does: for one pair in words, and for all by importance."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import polars as pl

from forsys.errors import DataError
from forsys.ranking.features import GROUPS, build
from forsys.ranking.pairs import Pairs
from forsys.ranking.ranker import Ranker, average_precision, blended, reranked
from forsys.ranking.training_set import Labelled, pairs_of
from forsys.retrieval.tuning import Tuned
from forsys.tables.history import Floats, Ints

if TYPE_CHECKING:
    from forsys.run import Run

SHOWN = 6  # reasons on each side
PERMUTED = 10  # features, the first by gain, that are shuffled one by one


def explain(run: "Run", tuned: Tuned, customer_id: str, article_id: str) -> str:
    """A pair of the submission in words. Raises DataError where it is not a pair that was ranked."""
    fold = run.calendar.submission
    customer = _row_of(run.history.customers, "customer_id", customer_id)
    article = _row_of(run.history.articles, "article_id", article_id)
    ranker = Ranker.load(run.out / "rankers" / str(fold.as_of))
    pairs = _pairs_of(run, tuned, customer)
    place = np.flatnonzero(pairs.article == article)
    if not len(place):
        raise DataError(
            f"The article {article_id} is not among the {len(pairs)} candidates of the customer {customer_id} at "
            f"{fold.as_of}, so the ranker never saw it: no source put it forward."
        )
    ordered = ranker.order(pairs, run.history, fold.as_of)
    rank = ordered.filter(pl.col("article") == article)["rank"].item()
    features = build(pairs, run.history, fold.as_of, ranker.groups)
    parts = contributions(ranker, features, pairs.row)
    excess = parts[place[0]] - parts.mean(axis=0)
    name = run.history.articles[article, "prod_name"] if "prod_name" in run.history.articles.columns else ""
    return (
        f"Customer {customer_id}, article {article_id} ({name}), {fold.as_of}: place {rank} of {len(pairs)}.\n"
        f"The numbers say by how much each fact moves it against this customer's other candidates.\n\n"
        f"Speaks for it:\n{_reasons(features.row(int(place[0]), named=True), excess, 1)}\n\n"
        f"Speaks against it:\n{_reasons(features.row(int(place[0]), named=True), excess, -1)}\n"
    )


def contributions(ranker: Ranker, features: pl.DataFrame, group: Ints) -> Floats:
    """What each feature adds to each row's score, (rows, features): the linear start and the trees' SHAP values.

    Of the rows that the trees do not see (see `Ranker.predict`), the linear start alone.
    """
    names, linear = features.columns, ranker.linear
    seen = reranked(linear.score(features), group)
    matrix = features.filter(pl.Series(seen)).to_numpy()
    total = np.zeros((len(features), len(names)))
    total[seen] = np.mean([np.asarray(m.predict(matrix, pred_contrib=True))[:, :-1] for m in ranker.models], axis=0)
    total[:, [names.index(name) for name in linear.names]] += linear.parts(features)
    return total


def meaning(feature: str) -> str:
    """A feature in words."""
    for group in GROUPS.values():
        for name, words in group.meanings.items():
            suffix = name.removeprefix("<source>")
            if name == feature:
                return words
            if suffix != name and feature.endswith(suffix):
                return f"{feature.removesuffix(suffix)}: {words}"
    return feature


def importance(ranker: Ranker, held: Labelled, seed: int) -> pd.DataFrame:
    """One row a feature: its share of the trees' gain, and the loss of MAP@12 on `held` when it is shuffled.

    Only the PERMUTED first by gain are shuffled, over all pairs, without the blended fusion.
    """
    gain = np.mean([model.feature_importance("gain") for model in ranker.models], axis=0)
    order = np.argsort(-gain, kind="stable")
    names = [held.features.columns[i] for i in order]
    rng = np.random.default_rng(seed)
    whole = _score(ranker, held, held.features)
    loss = [
        whole - _score(ranker, held, held.features.with_columns(pl.Series(name, _shuffled(held, name, rng))))
        for name in names[:PERMUTED]
    ]
    return pd.DataFrame(
        {
            "feature": names,
            "gain": gain[order] / max(gain.sum(), 1e-12),
            "MAP@12 lost": pd.Series(loss).reindex(range(len(names))),
            "meaning": [meaning(name) for name in names],
        }
    )


def _score(ranker: Ranker, held: Labelled, features: pl.DataFrame) -> float:
    score = blended(ranker.predict(features, held.group), ranker.fusion, ranker.blend, held.rank, held.group)
    return float(average_precision(score, held).sum() / held.buyers)


def _shuffled(held: Labelled, name: str, rng: np.random.Generator) -> Floats:
    return rng.permutation(held.features[name].to_numpy())


def _pairs_of(run: "Run", tuned: Tuned, customer: int) -> Pairs:
    fold = run.calendar.submission
    place = int(np.searchsorted(run.everyone, customer))
    if place == len(run.everyone) or run.everyone[place] != customer:
        raise DataError("The submission has no list for this customer.")
    return pairs_of(run, tuned.sources, fold, place // run.settings.shard, np.array([customer]))


def _row_of(table: pl.DataFrame, column: str, wanted: str) -> int:
    found = table.with_row_index().filter(pl.col(column) == wanted)["index"]
    if not len(found):
        raise DataError(f"No {column} {wanted!r} in the tables. It is written as in the shop's own file.")
    return int(found[0])


def _reasons(values: dict[str, float], excess: Floats, sign: int) -> str:
    order = [i for i in np.argsort(-sign * excess, kind="stable")[:SHOWN] if sign * excess[i] > 0]
    names = list(values)
    lines = []
    for i in order:
        value = values[names[i]]
        shown = "unknown" if np.isnan(value) else f"{value:.4g}"
        lines.append(f"  {excess[i]:+.2f}  {meaning(names[i])}: {shown}")
    return "\n".join(lines) or "  nothing"
