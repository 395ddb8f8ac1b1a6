"""The chance that a customer buys an article of the list within the period: the ranker's score with a meaning.

A logistic regression on the ranker's score, the rank, and how lately and how often the customer bought. It learns
from all customers, buyers or not, of the labelled folds before the holdout, each ranked by a ranker that has not
learned from it (the trials of `training.choose_for`). Customers who never bought have no chance that is known.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from forsys.arrays import Bools, Floats, Ints
from forsys.calendar import Fold
from forsys.progress import progress
from forsys.ranking.calibration_sample import Sample, sampled_pairs
from forsys.ranking.features.customer import customer_table
from forsys.ranking.pairs import Pairs
from forsys.ranking.ranker import Ranker
from forsys.ranking.training import Choice
from forsys.ranking.tuning import Tuned
from forsys.run import Run
from forsys.store import read_json, write_json

# The newest folds are taken until they have MIN_BUYERS together, at most MAX_FOLDS.
MIN_BUYERS, MAX_FOLDS = 1_000, 12
MIN_HITS = 20  # fewer teach no chance; nor do lists of nothing else
FILE = "calibration.json"


@dataclass(frozen=True, eq=False)
class Listed:
    """The first k ranks of some customers at a labelled fold.

    inputs: as of `inputs`, (rows, inputs). hit, weight: as in Sampled, (rows,). customer: of each row, (rows,).
    """

    inputs: Floats
    hit: Bools
    weight: Floats
    customer: Ints

    @classmethod
    def concat(cls, parts: "list[Listed]") -> "Listed":
        """Several folds together, or several blocks of one; of none nothing."""
        parts = [cls(np.zeros((0, 6)), np.zeros(0, bool), np.zeros(0), np.zeros(0, np.int32)), *parts]
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


@dataclass(frozen=True, eq=False)
class Calibration:
    """log odds = intercept + sum of weight * (input - mean) / std; see `inputs` for these.

    Without `weight` nothing was learned, and every chance is unknown. metadata: what it learned from.
    """

    mean: list[float]
    std: list[float]
    weight: list[float]
    intercept: float
    metadata: dict[str, Any]

    @classmethod
    def fit(cls, listed: Listed, folds: list[Fold]) -> Self:
        """Learn from the lists of labelled folds."""
        hits = int(listed.hit.sum())
        metadata = {"learned_from": [str(fold.as_of) for fold in folds], "rows": len(listed.hit), "hits": hits}
        if hits < MIN_HITS or hits == len(listed.hit):
            return cls([], [], [], 0.0, metadata)
        mean, std = listed.inputs.mean(axis=0), listed.inputs.std(axis=0) + 1e-6
        model = LogisticRegression(C=1.0, max_iter=1_000)
        with threadpool_limits(1, "blas"):  # the order of the sums must not depend on the number of cores
            model.fit((listed.inputs - mean) / std, listed.hit, sample_weight=listed.weight)
        return cls(mean.tolist(), std.tolist(), model.coef_[0].tolist(), float(model.intercept_[0]), metadata)

    def chance(self, found: Floats) -> Floats:
        """The chance of each row of `inputs`, float64 (rows,); NaN where it is unknown."""
        if not self.weight:
            return np.full(len(found), np.nan)
        score = self.intercept + ((found - self.mean) / self.std * np.array(self.weight)).sum(axis=1)
        return np.asarray(1 / (1 + np.exp(-score)))

    def save(self, folder: Path) -> None:
        """Write calibration.json."""
        write_json(vars(self), folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote."""
        return cls(**read_json(folder / FILE))


def inputs(pairs: Pairs, score: Floats, rank: Ints) -> Floats:
    """What the chance follows from, (pairs, 6) float64; NaN for customers who never bought.

    The ranker's score and the log of the rank; days since the last purchase, purchases and visits so far, and days
    since the first purchase, all as logs of 1 + them.
    """
    customer = customer_table(pairs.profiles)
    logs = [
        np.log1p(customer["days_since_last_purchase"]),
        customer["purchases"],
        customer["visits"],
        np.log1p(customer["days_since_first_purchase"]),
    ]
    return np.column_stack([score, np.log(rank), *(values[pairs.row] for values in logs)]).astype(np.float64)


def calibrate(run: Run, tuned: Tuned, choice: Choice, sample: Sample = sampled_pairs) -> Calibration:
    """Learn from the newest of the folds on which the ranker's size was chosen. `sample`: as of `listed`."""
    unseen = newest(run, [(ranker, fold) for ranker, folds in choice.unseen for fold in folds])
    folds = progress(unseen, "calibrate", unit="fold")
    parts = [listed(run, tuned, fold, ranker, choice.trees, sample) for ranker, fold in folds]
    return Calibration.fit(Listed.concat(parts), [fold for _, fold in unseen])


def newest(run: Run, unseen: list[tuple[Ranker, Fold]]) -> list[tuple[Ranker, Fold]]:
    """The newest folds, each with its ranker, until they have MIN_BUYERS together; at most MAX_FOLDS."""
    newest_first = sorted(unseen, key=lambda each: each[1].as_of, reverse=True)[:MAX_FOLDS]
    buyers = np.cumsum([run.labels(fold)["customer"].n_unique() for _, fold in newest_first])
    return newest_first[: int(np.searchsorted(buyers, MIN_BUYERS)) + 1]


def listed(
    run: Run, tuned: Tuned, fold: Fold, ranker: Ranker, trees: int | None = None, sample: Sample = sampled_pairs
) -> Listed:
    """The first k of a sample of a fold's customers, in the order of a ranker that has not learned from it.

    sample: gives the pairs, also those that are kept of an earlier call (`KeptSamples`).
    """
    parts = []
    for block in sample(run, tuned, fold):
        score = ranker.predict(block.features, block.pairs.row, trees)
        rank, _ = ranker.ranks(block.pairs, score)
        first = rank <= run.settings.k
        found = inputs(block.pairs, score, rank)[first]
        parts.append(Listed(found, block.hit[first], block.weight[first], block.pairs.customer[first]))
    return Listed.concat(parts)
