"""Why articles stand where they do in a customer's list: in whole sentences, or as data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from forsys.arrays import Floats, Ints
from forsys.calendar import in_days
from forsys.errors import DataError
from forsys.ranking.explain import contributions
from forsys.ranking.features import GROUPS
from forsys.ranking.features.group import attribute_feature
from forsys.serving.recommender import Answer, Recommender, found_by
from forsys.serving.sentences import one_line, sentence
from forsys.tables.roles import Roles

MAX_REASONS = 6  # for and against each


def explanations(
    recommender: Recommender, customer_id: str, article_ids: Sequence[str] | None, k: int
) -> list[dict[str, Any]]:
    """One per article, or, without articles, per article of the list's first k, in the order of the ranks.

    customer, article, name, as_of, rank, candidates (how many were ordered), chance, reason; found_by: source ->
    rank in its list; for_it and against_it: feature, effect (what it adds to the score, compared with the mean of
    the customer's candidates), sentence; the largest effects first. The ids may be given by their beginnings.
    Raises DataError for unknown ids, for an article that no source recommends to the customer, and where none
    recommends anything.
    """
    customer = recommender.customers.find_prefix(customer_id)
    answer = recommender.answer(recommender.live.profiles(np.array([customer])))
    if not len(answer.pairs):
        raise nothing_for(recommender.customers.ids[customer])
    chosen = _chosen(recommender, answer, article_ids, k)
    features = recommender.live.features(answer.pairs)
    parts = contributions(recommender.live.ranker, features, answer.pairs.row)
    effects = parts - parts.mean(axis=0)
    table = recommender.table(answer, chosen).with_columns(rank=pl.Series(answer.rank[chosen]))
    about = {"as_of": str(recommender.live.fold.as_of), "candidates": len(answer.pairs)}
    return [
        {
            **{key: value for key, value in row.items() if key != "sources"},
            **about,
            "found_by": found_by(answer.pairs, pair),
            "for_it": _effects(recommender, answer, features, effects, pair, 1),
            "against_it": _effects(recommender, answer, features, effects, pair, -1),
        }
        for pair, row in zip(chosen.tolist(), table.iter_rows(named=True), strict=True)
    ]


def main_effects(recommender: Recommender, answer: Answer, chosen: Ints) -> list[str]:
    """What moves each of some pairs up most, compared with the mean of its customer's candidates: a sentence each.

    Apart from what is unknown, and from ranks and scores in the sources' lists, which tell a person little. chosen:
    rows of `answer.pairs`.
    """
    if not len(chosen):
        return []
    features = recommender.live.features(answer.pairs)
    parts = contributions(recommender.live.ranker, features, answer.pairs.row)
    _, start, group = np.unique(answer.pairs.row, return_index=True, return_inverse=True)
    mean = np.add.reduceat(parts, start) / np.bincount(group)[:, None]
    told = np.array([not _of_lists(name, recommender.run.roles) for name in features.columns])
    told = told & np.isfinite(features[chosen].to_numpy())
    best = np.argmax(np.where(told, parts[chosen] - mean[group[chosen]], -np.inf), axis=1)
    names = [features.columns[feature] for feature in best.tolist()]
    return [
        sentence(name, features[pair, name], _texts(recommender, answer, pair), recommender.run.roles)
        for pair, name in zip(chosen.tolist(), names, strict=True)
    ]


def _of_lists(feature: str, roles: Roles) -> bool:
    """Whether a feature says where the sources rank an article."""
    names = [name for group in ("lists", "scores") for name in GROUPS[group].meanings(roles)]
    return any(feature.endswith(name.removeprefix("<source>")) for name in names)


def nothing_for(customer: str | None) -> DataError:
    """Where no source recommends anything to a customer, or to the basket of a new one (None)."""
    who = "the basket" if customer is None else f"the customer {customer}"
    return DataError(f"No source recommends anything to {who}. best_sellers does to everyone: switch it on.")


def explanation_text(explained: dict[str, Any], period: int) -> str:
    """One of `explanations` as it is printed. period: of the chance, in days."""
    name = f" ({one_line(explained['name'])})" if explained["name"] else ""
    chance = explained["chance"]
    known = "" if chance is None else f" Chance of a purchase within {in_days(period)}: {chance:.2%}."
    found = ", ".join(f"{source} at rank {rank}" for source, rank in explained["found_by"].items())
    return (
        f"Customer {explained['customer']}, article {explained['article']}{name}, {explained['as_of']}: "
        f"rank {explained['rank']} of {explained['candidates']}.\n"
        f"Reason: {one_line(explained['reason'], 300)}.{known}\nFound by {found}.\n\n"
        f"For it, by what each adds to its score compared with the mean of this customer's candidates:\n"
        f"{_lines(explained['for_it'])}\n\nAgainst it:\n{_lines(explained['against_it'])}\n"
    )


def _lines(effects: list[dict[str, Any]]) -> str:
    return (
        "\n".join(f"  {each['effect']:+.2f}  {one_line(each['sentence'], 300)}" for each in effects) or "  nothing"
    )


def _chosen(recommender: Recommender, answer: Answer, article_ids: Sequence[str] | None, k: int) -> Ints:
    """The pairs to explain, of the only profile."""
    if article_ids is None:
        return answer.first(k)
    articles = [recommender.articles.find_prefix(each) for each in article_ids]
    missing = sorted(set(articles) - set(answer.pairs.article.tolist()))
    if missing:
        article, as_of = recommender.articles.ids[missing[0]], recommender.live.fold.as_of
        raise DataError(
            f"The article {article} is not among the {len(answer.pairs)} candidates of the customer at {as_of}, so "
            "the ranker did not order it: no source recommends it."
        )
    return np.searchsorted(answer.pairs.article, articles)


def _effects(
    recommender: Recommender, answer: Answer, features: pl.DataFrame, effects: Floats, pair: int, sign: int
) -> list[dict[str, Any]]:
    """The features that move a pair's score most in the direction of `sign`."""
    values, own = features.row(pair, named=True), effects[pair]
    texts = _texts(recommender, answer, pair)
    order = [i for i in np.argsort(-sign * own, kind="stable")[:MAX_REASONS] if sign * own[i] > 0]
    names = [features.columns[i] for i in order]
    return [
        {
            "feature": name,
            "effect": float(own[i]),
            "sentence": sentence(name, values[name], texts, recommender.run.roles),
        }
        for i, name in zip(order, names, strict=True)
    ]


def _texts(recommender: Recommender, answer: Answer, pair: int) -> dict[str, str]:
    """The texts behind the features that are codes: of the pair's article, and of its customer."""
    history, roles = recommender.live.history, recommender.run.roles
    article, customer = int(answer.pairs.article[pair]), int(answer.pairs.customer[pair])
    return {
        attribute_feature(of, name): str(table[row, name] or "unknown")
        for of, table, row, names in (
            ("article", history.articles, article, roles.ranker),
            ("customer", history.customers, customer, roles.customer_categories),
        )
        for name in names
    }
