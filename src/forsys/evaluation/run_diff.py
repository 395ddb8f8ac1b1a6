"""Two kept runs side by side: the paired difference of their scores, by segment and by customer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from forsys.arrays import Bools, Floats, Ints
from forsys.errors import DataError
from forsys.evaluation.kept_runs import CUSTOMERS, KeptRun
from forsys.evaluation.list_names import FUSION
from forsys.evaluation.per_customer import SCORE
from forsys.evaluation.segments import value_order
from forsys.metrics.bootstrap import Bootstrap

ALL = "all customers"
CHANGED = 10  # customers shown, those whose score changed most
NEXT_ITEM_AT = 12
KEYS = ("customer_id", "fold")  # of a row: runs have one period, backtests many
DEFAULT = "default"


@dataclass(frozen=True, eq=False)
class RunDiff:
    """The `later` run against the `earlier` one; differences are later minus earlier.

    settings: key, and its value in both; "default" where it is the default. made_anew: stages that were run again
    for the later one, in the order in which they have finished. scores: a row for all customers and one per value
    of each segmentation, with the paired difference and its 95 % interval by customer. changed: the CHANGED
    customers whose score changed most. notes: what is to be known beside the numbers.
    """

    earlier: KeptRun
    later: KeptRun
    settings: pd.DataFrame
    made_anew: list[str]
    scores: pd.DataFrame
    changed: pd.DataFrame
    notes: list[str]


def diff(earlier: KeptRun, later: KeptRun, bootstrap: Bootstrap) -> RunDiff:
    """Compare two kept runs, or two backtests, customer by customer.

    Raises DataError where they cannot be compared: other kinds, another holdout, another k.
    """
    _refuse_incomparable(earlier, later)
    both, alone = _joined(earlier, later, CUSTOMERS[earlier.kind])
    rows = list(_scores(both, bootstrap))
    rows += _next_item(earlier, later, bootstrap) if earlier.kind == "run" else []
    settings = pd.DataFrame(_settings(earlier, later), columns=["setting", *_names(earlier, later)])
    stages = sorted(later.stages.items(), key=lambda stage: stage[1].finished)
    anew = [name for name, record in stages if record != earlier.stages.get(name)]
    table = pd.DataFrame(rows).rename(columns=dict(zip(("earlier", "later"), _names(earlier, later), strict=True)))
    return RunDiff(
        earlier, later, settings, anew, table, _changed(both, earlier, later), alone + _notes(both, earlier, later)
    )


def _names(earlier: KeptRun, later: KeptRun) -> tuple[str, str]:
    """The columns' names."""
    return f"run {earlier.number}", f"run {later.number}"


def _refuse_incomparable(earlier: KeptRun, later: KeptRun) -> None:
    if earlier.number == later.number:
        raise DataError(f"{later.title} was named twice. Name two runs, the earlier one first.")
    for each in (earlier, later):
        if each.kind not in CUSTOMERS:
            raise DataError(
                f"{each.title} has no score of each customer. `runs diff` compares {' or '.join(CUSTOMERS)} "
                "numbers; `forsys runs` says which kind each is."
            )
    for what, ours, theirs in (
        ("kind", earlier.kind, later.kind),
        ("holdout", " to ".join(earlier.holdout), " to ".join(later.holdout)),
        ("metric", _metric(earlier), _metric(later)),
    ):
        if ours != theirs:
            raise DataError(
                f"{earlier.title} and {later.title} differ in their {what}: {ours} and {theirs}. Only runs "
                "over the same period and metric can be compared customer by customer."
            )


def _metric(kept: KeptRun) -> str:
    return kept.score.metric if kept.score else "none"


def _joined(earlier: KeptRun, later: KeptRun, file: str) -> tuple[pl.DataFrame, list[str]]:
    """The rows of both with the scores `earlier` and `later`, sorted by KEYS. Segments are the later run's.

    And a note where one has rows that the other lacks, such as weeks of a backtest.
    """
    ours, theirs = (_table(each, file) for each in (later, earlier))
    keys = [key for key in KEYS if key in ours.columns]
    theirs = theirs.select(*keys, pl.col(SCORE).alias("earlier"))
    both = ours.rename({SCORE: "later"}).join(theirs, on=keys, how="inner").sort(keys)
    if both.is_empty():
        raise DataError(f"{earlier.title} and {later.title} have no customer in common.")
    alone = [(each, len(table) - len(both)) for each, table in ((earlier, theirs), (later, ours))]
    rows = "customer-weeks" if "fold" in keys else "customers"
    left_out = " and ".join(f"{count:,} {rows} of run {each.number}" for each, count in alone if count)
    return both, [f"Only what both have is compared: without {left_out}."] if left_out else []


def _table(kept: KeptRun, file: str) -> pl.DataFrame:
    """One of a kept run's tables. Raises DataError where it is missing or damaged."""
    path = kept.folder / file
    try:
        return pl.read_parquet(path, glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(f"{path} is missing or damaged, so {kept.title} can be listed but not compared.") from error


@dataclass(frozen=True, eq=False)
class _Pairs:
    """A score of the same rows in both runs, with the customer of each: (rows,)."""

    earlier: Floats
    later: Floats
    groups: Ints
    bootstrap: Bootstrap

    def row(self, segment: str, value: str, rows: Bools | slice = slice(None)) -> dict[str, Any]:
        """Of the table: the means of some rows, and their paired difference with its interval."""
        earlier, later = self.earlier[rows], self.later[rows]
        change = self.bootstrap.paired(later, earlier, self.groups[rows])
        means = {"earlier": float(earlier.mean()), "later": float(later.mean())}
        ends = {"difference": change.mean, "low": change.low, "high": change.high}
        clear = "yes" if change.is_clear else ""
        return {"segment": segment, "value": value, "n": len(later), **means, **ends, "clear": clear}


def _scores(both: pl.DataFrame, bootstrap: Bootstrap) -> Iterator[dict[str, Any]]:
    """A row for all customers, and one per value of each segmentation."""
    pairs = _Pairs(both["earlier"].to_numpy(), both["later"].to_numpy(), _groups(both), bootstrap)
    yield pairs.row(ALL, "")
    for name in both.columns:
        if name not in ("customer_id", "earlier", "later"):
            values = both[name].to_numpy()
            for value in sorted(np.unique(values), key=value_order(name)):
                yield pairs.row(name, value, values == value)


def _next_item(earlier: KeptRun, later: KeptRun, bootstrap: Bootstrap) -> list[dict[str, Any]]:
    """The fusion's next-item accuracy on the events of both; none where there are no events."""
    keys = ["customer_id", "article_id", "t_dat"]
    ours, theirs = (_table(each, "next_item_ranks.parquet") for each in (later, earlier))
    if FUSION not in ours.columns or FUSION not in theirs.columns:
        return []
    both = ours.select(*keys, later=FUSION).join(theirs.select(*keys, earlier=FUSION), on=keys).sort(keys)
    hits = [(both[name].to_numpy() <= NEXT_ITEM_AT).astype(float) for name in ("earlier", "later")]
    pairs = _Pairs(hits[0], hits[1], _groups(both), bootstrap)
    return [pairs.row(f"next item @{NEXT_ITEM_AT}", FUSION)] if len(both) else []


def _groups(both: pl.DataFrame) -> Ints:
    """The customer of each row as a number: with texts, the groups of 69,000 take 2 s in every interval."""
    return np.unique(both["customer_id"].to_numpy(), return_inverse=True)[1]


def _settings(earlier: KeptRun, later: KeptRun) -> list[tuple[str, str, str]]:
    """The settings that are not the same in both."""
    keys = sorted({*earlier.settings, *later.settings})
    values = [(key, *(str(each.settings.get(key, DEFAULT)) for each in (earlier, later))) for key in keys]
    return [(key, ours, theirs) for key, ours, theirs in values if ours != theirs]


def _changed(both: pl.DataFrame, earlier: KeptRun, later: KeptRun) -> pd.DataFrame:
    """The customers (in a week) whose score changed most, largest change first."""
    keys, names = [key for key in KEYS if key in both.columns], _names(earlier, later)
    change = both.select(*keys, "earlier", "later", difference=pl.col("later") - pl.col("earlier"))
    most = change.filter(pl.col("difference") != 0).sort(
        pl.col("difference").abs(), descending=True, maintain_order=True
    )
    rows = most.head(CHANGED).rename({"earlier": names[0], "later": names[1]})
    return pd.DataFrame(rows.to_dict(as_series=False))


def _notes(both: pl.DataFrame, earlier: KeptRun, later: KeptRun) -> list[str]:
    notes = []
    if earlier.data != later.data:
        notes.append("The data of the two are not the same, so part of the difference may be theirs.")
    if earlier.code != later.code:
        notes.append("The code of the two is not the same.")
    better, worse = (int((both["later"] > both["earlier"]).sum()), int((both["later"] < both["earlier"]).sum()))
    notes.append(f"Better for {better:,}, worse for {worse:,} and the same for {len(both) - better - worse:,}.")
    return notes
