"""The candidates of a mixture: the best articles of any member for each profile, scored by all of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forsys.arrays import Bools, Floats, Ints, Scores, pick, ranks_within, top_k
from forsys.retrieval.source import Source
from forsys.tables.history import Profiles


@dataclass(frozen=True, eq=False)
class Candidates:
    """The distinct pairs (profile, article) that some member proposes, sorted by profile, article.

    profiles: whose rows `row` counts. row, article: (pairs,). names: of the scores, a member's or "member.part".
    scores: (pairs, names) float32, -inf where there is none. proposed: (pairs, names), if among its best.
    """

    profiles: Profiles
    row: Ints
    article: Ints
    names: list[str]
    scores: Floats
    proposed: Bools

    def __len__(self) -> int:
        return len(self.row)

    def ranks(self) -> Floats:
        """Rank of each pair in its profile by each score: (pairs, names) float32, NaN without a score."""
        ranks = [ranks_within(score, self.row) for score in self.scores.T]
        return np.where(np.isneginf(self.scores), np.nan, np.stack(ranks, axis=1)).astype(np.float32)


def union(members: Mapping[str, Source], profiles: Profiles, depth: int) -> Candidates:
    """The `depth` best articles of each score of each member for each profile, without what it bought that day.

    What was bought on the profile's own day is no candidate: units of one article on a day are one purchase.
    """
    articles = len(profiles.history.articles)
    scored = {
        (f"{name}.{part}" if part else name): (member, scores)
        for name, member in members.items()
        for part, scores in member.parts(profiles).items()
    }
    best = [_best(member, scores, depth) for member, scores in scored.values()]
    pairs = [row.astype(np.int64) * articles + article for row, article in best]
    bought, purchase = profiles.purchases()
    today = profiles.ages(bought, purchase) == 0
    basket = bought[today].astype(np.int64) * articles + profiles.history.article[purchase[today]]
    pair = np.setdiff1d(np.concatenate(pairs), basket)
    row, article = np.divmod(pair, articles)
    scores = np.stack([_pick(member, found, row, article) for member, found in scored.values()], axis=1)
    proposed = np.zeros(scores.shape, bool)
    for i, each in enumerate(pairs):
        at = np.minimum(np.searchsorted(pair, each), max(len(pair) - 1, 0))
        proposed[at[pair[at] == each] if len(pair) else at[:0], i] = True
    return Candidates(profiles, row, article, list(scored), scores, proposed)


def _best(member: Source, scores: Scores, depth: int) -> tuple[Ints, Ints]:
    """Row and article of the best of each row of a member's scores."""
    column, _ = top_k(scores, depth)
    row, position = np.nonzero(column >= 0)
    return row, member.articles(column[row, position])


def _pick(member: Source, scores: Scores, row: Ints, article: Ints) -> Floats:
    """The score of each pair, -inf where the member has none."""
    column = member.columns(article)
    found = np.full(len(row), -np.inf, np.float32)
    known = column >= 0
    found[known] = pick(scores, row[known], column[known])
    return found
