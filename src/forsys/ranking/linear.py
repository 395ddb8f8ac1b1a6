"""The model that the trees start from: a strongly regularized logistic regression, which needs few purchases.

Trees that start from nothing must learn anew, from a few hundred purchases, that an article bought yesterday is
likelier than one bought in spring. On the 26 weeks before 2019-09-25 of the H&M cohort, MAP@12 was .0192 for 60
trees alone, .0204 for a regression alone and .0214 for 30 trees that start from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from forsys.arrays import Bools, Floats, Ints

# Chosen once and no settings: the trees correct what this model gets wrong.
INVERSE_REGULARIZATION = 0.003  # scikit-learn's C: the weight of the summed loss beside half the squared weights
# Of a feature that is 0 in nearly all rows the others lie hundreds of standard deviations away. No regularization
# would shrink the weight of those, and a single purchase would decide it.
MAX_DEVIATIONS = 8
MAX_ROWS = 300_000  # to learn from; its few weights are no better with more


@dataclass(frozen=True, eq=False)
class Linear:
    """score = intercept + sum over features of weight * (log - mean) / std, or weight_if_unknown where it is NaN.

    log is the feature's signed logarithm, see `_signed_log`, at most MAX_DEVIATIONS of `std` away from `mean`.
    names (features,); mean, std, weight, weight_if_unknown: float64 (features,).
    """

    names: list[str]
    mean: Floats
    std: Floats
    weight: Floats
    weight_if_unknown: Floats
    intercept: float

    @classmethod
    def fit(cls, features: pl.DataFrame, hit: Bools, group: Ints) -> Self:
        """Learn from all rows of some groups, about MAX_ROWS rows at most.

        Where all or none of them are hits, or there is no feature, there is no order to learn, and every row has
        the same score.
        """
        if not features.width:
            nothing = np.zeros(0)
            return cls([], nothing, nothing, nothing, nothing, 0.0)
        used = group % -(-len(group) // MAX_ROWS) == 0
        values = _signed_log(features.filter(pl.Series(used)).to_numpy()).astype(np.float64)
        missing = np.isnan(values)
        known = np.maximum((~missing).sum(axis=0), 1)
        values[missing] = 0
        mean = values.sum(axis=0) / known
        values -= mean
        values[missing] = 0
        std = np.sqrt((values**2).sum(axis=0) / known) + 1e-6
        if hit[used].all() or not hit[used].any():
            nothing = np.zeros(len(mean))
            return cls(features.columns, mean, std, nothing, nothing, 0.0)
        inputs = np.empty((len(values), 2 * len(mean)))  # row by row: of another layout scikit-learn makes a copy
        standardized = np.divide(values, std, out=inputs[:, : len(mean)])
        np.clip(standardized, -MAX_DEVIATIONS, MAX_DEVIATIONS, out=standardized)
        inputs[:, len(mean) :] = missing
        model = LogisticRegression(C=INVERSE_REGULARIZATION, max_iter=300)
        with threadpool_limits(1, "blas"):  # the order of the sums must not depend on the number of cores
            model.fit(inputs, hit[used])
        weight, weight_if_unknown = np.split(model.coef_[0], 2)
        return cls(features.columns, mean, std, weight, weight_if_unknown, float(model.intercept_[0]))

    def score(self, features: pl.DataFrame) -> Floats:
        """Log odds of each row, float64."""
        score = np.full(len(features), self.intercept)
        for part in self._parts(features):  # a feature at a time stays in the cache, in a fifth of the time
            score += part
        return score

    def parts(self, features: pl.DataFrame) -> Floats:
        """What each feature adds to the score, (rows, features), float32."""
        return np.column_stack([np.zeros((len(features), 0), np.float32), *self._parts(features)])

    def _parts(self, features: pl.DataFrame) -> Iterator[Floats]:
        for i, name in enumerate(self.names):
            values = _signed_log(features[name].to_numpy())
            values -= np.float32(self.mean[i])
            furthest = np.float32(MAX_DEVIATIONS * self.std[i])
            np.clip(values, -furthest, furthest, out=values)
            values *= np.float32(self.weight[i] / self.std[i])
            np.copyto(values, np.float32(self.weight_if_unknown[i]), where=np.isnan(values))
            yield values

    def to_json(self) -> dict[str, Any]:
        """For ranker.json. In lists, since their order is that of the sum in `score`, down to the last bit."""
        return {name: list(value) if name != "intercept" else value for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, written: dict[str, Any]) -> Self:
        """Restore what `to_json` gave."""
        arrays = {name: np.array(written[name]) for name in ("mean", "std", "weight", "weight_if_unknown")}
        return cls(names=written["names"], intercept=written["intercept"], **arrays)


def _signed_log(features: Floats) -> npt.NDArray[np.float32]:
    """log(1 + |x|) with the sign of x, float32, so that ranks, days and counts are compared by their ratios.

    log1p, or float64, takes 3 times as long, and the whole score with it.
    """
    logs: npt.NDArray[np.float32] = np.abs(features, dtype=np.float32)
    logs += np.float32(1)
    np.log(logs, out=logs)
    return np.copysign(logs, features, out=logs)
