"""The customers of the page: a few of every kind, with what they bought, what they were recommended, and why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from forsys.arrays import Bools, Ints
from forsys.calendar import Fold, as_date
from forsys.retrieval.baselines import BASELINES
from forsys.run import Run
from forsys.serving.explaining import main_effects
from forsys.serving.recommender import Recommender
from forsys.tables.history import Profiles

SHOWN = {"holdout": 140, "submission": 60}  # customers of each period
BEFORE, BOUGHT = 8, 12  # articles of a customer that are shown, the newest first
DORMANT = 90  # days without a purchase
HEAVY = 0.9  # quantile of the number of purchases


@dataclass(frozen=True)
class Recommended:
    """An article of a list, its sources (that with the best rank first) and two reasons in words."""

    article: int
    hit: bool
    sources: list[str]
    reasons: list[str]
    chance: float | None


@dataclass(frozen=True)
class Customer:
    """One customer; articles are dense ids. num_before and num_bought count all, shown or not.

    period: "holdout", or "submission", of which nobody knows yet what will be bought. tags: the kinds of customer
    that it belongs to. before: pairs of article and day, the newest first. baseline: pairs of article and whether
    it is a hit.
    """

    id: str
    age: int | None
    period: str
    tags: list[str]
    num_before: int
    before: list[tuple[int, str]]
    num_bought: int
    bought: list[int]
    predicted: list[Recommended]
    baseline: list[tuple[int, bool]]
    hits: int
    baseline_hits: int

    def articles(self) -> list[int]:
        """All that are shown, those that one looks at first in front."""
        before = [article for article, _ in self.before]
        baseline = [article for article, _ in self.baseline]
        return [*(each.article for each in self.predicted), *self.bought, *before, *baseline]

    def as_json(self) -> dict[str, Any]:
        """For report.json."""
        return asdict(self)


def find_customers(run: Run, baseline: str, shown: Mapping[str, int] = SHOWN) -> list[Customer]:
    """`shown` customers of each period, sampled by kind with the seed of the settings, beside `baseline`'s lists.

    Those of the holdout come first. Raises DataError where the stage `rank` has not finished.
    """
    folds = {"holdout": run.calendar.holdout, "submission": run.calendar.submission}
    return [
        each for period, fold in folds.items() for each in _of_period(run, period, fold, baseline, shown[period])
    ]


def kinds_of(profiles: Profiles) -> dict[str, Bools]:
    """Kind -> which of the profiles are of it: without purchases, long away, the tenth that bought most, others."""
    count = profiles.stop - profiles.start
    gap = profiles.as_of - profiles.history.day[np.maximum(profiles.stop - 1, 0)]
    new = count == 0
    most = np.quantile(count[~new], HEAVY) if not new.all() else 0
    dormant, heavy = ~new & (gap > DORMANT), ~new & (count > 1) & (count >= most)
    return {"new": new, "dormant": dormant, "heavy": heavy, "regular": ~(new | dormant | heavy)}


def sample(kinds: Mapping[str, Bools], total: int, seed: int) -> Ints:
    """`total` rows, sorted: an equal share of each kind, as far as it has that many; the rest from all rows."""
    random = np.random.default_rng([seed, 12])
    size = len(next(iter(kinds.values())))
    chosen = np.zeros(size, bool)
    for members in kinds.values():
        left = np.flatnonzero(members & ~chosen)
        chosen[random.permutation(left)[: total // len(kinds)]] = True
    left = random.permutation(np.flatnonzero(~chosen))
    chosen[left[: max(total - int(chosen.sum()), 0)]] = True
    return np.flatnonzero(chosen)


def _of_period(run: Run, period: str, fold: Fold, baseline: str, count: int) -> list[Customer]:
    bought = run.labels(fold) if period == "holdout" else None
    customers, tags = _sampled(run, fold, bought, count)
    if not len(customers):
        return []
    profiles, k = run.history.profiles(customers, fold.as_of), run.settings.k
    about, before = run.history.customers[customers].select("customer_id", "age").rows(), _before(profiles)
    predicted = _recommended(Recommender.of(run, fold), customers, k)
    simple = _lists(BASELINES[baseline].fit(run.history, fold.as_of).recommend(profiles, k))
    then = {} if bought is None else _lists(bought.filter(pl.col("customer").is_in(customers)))
    return [
        _customer(
            *about[i],
            period=period,
            tags=tags[i],
            before=before[i],
            bought=then.get(customer, []),
            predicted=predicted[i],
            baseline=simple.get(customer, []),
        )
        for i, customer in enumerate(customers.tolist())
    ]


def _sampled(run: Run, fold: Fold, bought: pl.DataFrame | None, count: int) -> tuple[Ints, list[list[str]]]:
    """`count` of those who get a list at a fold, sorted, and the kinds that each is of.

    bought: the fold's labels, None where nobody knows them; with them "hit" and "miss" are kinds too.
    """
    everyone = run.target_customers(fold)
    if not len(everyone):
        return everyone, []
    kinds = kinds_of(run.history.profiles(everyone, fold.as_of))
    if bought is not None:
        hit = np.isin(everyone, _with_hit(run, bought).to_numpy())
        kinds = {"hit": hit, "miss": ~hit, **kinds}
    rows = sample(kinds, count, run.settings.seed)
    return everyone[rows], [[name for name, members in kinds.items() if members[row]] for row in rows.tolist()]


def _with_hit(run: Run, bought: pl.DataFrame) -> pl.Series:
    """The customers of whose list something was bought."""
    predicted = pl.read_parquet(run.workspace.holdout / "predictions.parquet", glob=False)
    return bought.join(predicted, on=["customer", "article"], how="semi")["customer"].unique()


def _recommended(recommender: Recommender, customers: Ints, k: int) -> list[list[Recommended]]:
    """The list of each customer, without the hits."""
    answer = recommender.answer(recommender.live.profiles(customers))
    chosen = answer.first(k)
    table = recommender.table(answer, chosen)
    second = main_effects(recommender, answer, chosen)
    lists: list[list[Recommended]] = [[] for _ in customers]
    pairs = zip(answer.pairs.row[chosen].tolist(), answer.pairs.article[chosen].tolist(), strict=True)
    words = zip(table["sources"], table["reason"], second, table["chance"], strict=True)
    for (row, article), (sources, first, then, chance) in zip(pairs, words, strict=True):
        reasons = [f"{first[:1].upper()}{first[1:]}.", *([then] if then else [])]
        lists[row].append(Recommended(article, False, sources.split(", "), reasons, chance))
    return lists


def _lists(rows: pl.DataFrame) -> dict[int, list[int]]:
    """Customer -> articles, in the order of the rows, or of the ranks where they have one."""
    if "rank" in rows.columns:
        rows = rows.sort("customer", "rank")
    grouped = rows.group_by("customer", maintain_order=True).agg("article")
    return dict(grouped.iter_rows())


def _before(profiles: Profiles) -> list[list[tuple[int, str]]]:
    """The distinct articles of each profile with the day of the last purchase, the newest first."""
    log = profiles.history
    found = []
    for start, stop in zip(profiles.start.tolist(), profiles.stop.tolist(), strict=True):
        newest = zip(log.article[start:stop][::-1].tolist(), log.day[start:stop][::-1].tolist(), strict=True)
        last: dict[int, int] = {}
        for article, day in newest:
            last.setdefault(article, day)
        found.append([(article, as_date(day).isoformat()) for article, day in last.items()])
    return found


def _customer(
    customer_id: str,
    age: float | None,
    *,
    period: str,
    tags: list[str],
    before: list[tuple[int, str]],
    bought: Sequence[int],
    predicted: list[Recommended],
    baseline: list[int],
) -> Customer:
    then = set(bought)
    shown = [replace(each, hit=each.article in then) for each in predicted]
    rank = {each.article: i for i, each in enumerate(shown)}
    return Customer(
        id=customer_id,
        age=int(age) if age is not None and age == age else None,
        period=period,
        tags=tags,
        num_before=len(before),
        before=before[:BEFORE],
        num_bought=len(bought),
        bought=sorted(bought, key=lambda article: rank.get(article, len(rank)))[:BOUGHT],
        predicted=shown,
        baseline=[(article, article in then) for article in baseline],
        hits=sum(each.hit for each in shown),
        baseline_hits=len(then & set(baseline)),
    )
