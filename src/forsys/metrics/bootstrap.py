"""Confidence intervals: how far a mean could be off by chance, had other customers been in the holdout."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVEL = 0.95  # of every interval
FEW_BUYERS = 100  # with fewer customers, one customer's luck moves every score
MIN_DIFFERING = 6  # of fewer all have the same sign in over 5 of 100 cases by chance: 2 * .5 ** 5
WEIGHTS_PER_BLOCK = 1 << 22  # sampled at a time: 32 MiB of int64


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and the ends of its confidence interval; as text, `.0191 [.0171, .0212]`.

    differing: rows (or groups of them) that are not 0.
    """

    mean: float
    low: float
    high: float
    differing: int = field(default=MIN_DIFFERING, compare=False)

    @property
    def is_clear(self) -> bool:
        """Whether a difference is beyond chance.

        A bootstrap takes nothing but what it saw: where four customers gained and none lost, no sample is below 0,
        though that happens by chance. So fewer than MIN_DIFFERING customers never make a clear difference.
        """
        return self.differing >= MIN_DIFFERING and not self.low <= 0 <= self.high

    def __str__(self) -> str:
        return f"{_short(self.mean)} [{_short(self.low)}, {_short(self.high)}]"


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made: from how many bootstrap samples, and from which seed.

    The same values give the same interval. Raises ValueError for fewer samples than one.
    """

    samples: int
    seed: int

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise ValueError(f"samples must be at least 1, not {self.samples}")

    def interval(self, values: npt.NDArray[Any], groups: npt.NDArray[Any] | None = None) -> Interval:
        """Percentile bootstrap of the mean of `values` (n,), numbers or booleans.

        groups: (n,) labels, such as customers. Rows of one group are not independent, so whole groups are sampled,
        and the mean of a sample is a ratio of sums: its values over its number of rows. Without groups each row is
        its own.

        Equal rows are interchangeable: how many of each distinct value a sample takes is multinomial, so only
        distinct values are weighted. This is the exact bootstrap (Efron 1979) and does not depend on the order of
        the rows (up to rounding). It costs distinct values x samples: a second or less for hits and AP@12, which
        take few values.

        Raises ValueError for no values, for values that are not finite, and for groups of another length.
        """
        values = np.asarray(values, dtype=np.float64)
        if values.ndim != 1 or not values.size or not np.isfinite(values).all():
            raise ValueError(f"values must be (n,), at least one and all finite; they are {values.shape}")
        sums, rows = _group_sums(values, groups)  # (groups,), (groups,)
        distinct, counts = np.unique(np.stack([sums, rows], axis=1), axis=0, return_counts=True)  # (distinct, 2)
        means = _sample_means(distinct, counts, self.samples, np.random.default_rng(self.seed))
        low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
        mean, differing = float(sums.sum() / rows.sum()), int(np.count_nonzero(sums))
        return Interval(mean, float(low), float(high), differing)

    def paired(self, a: npt.NDArray[Any], b: npt.NDArray[Any], groups: npt.NDArray[Any] | None = None) -> Interval:
        """Interval of mean(a) - mean(b), where a[i] and b[i] (n,) are two systems' scores of the same row.

        Each sample takes the same rows of both, so what makes a customer hard for both systems cancels out.
        Everything else is as in `interval`.
        """
        if np.shape(a) != np.shape(b):
            raise ValueError(f"a and b must have the same rows, not {np.shape(a)} and {np.shape(b)}")
        return self.interval(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64), groups)

    def best_by_chance(self, differences: npt.NDArray[Any], groups: npt.NDArray[Any]) -> float:
        """How far ahead the best of several systems is by chance alone, in LEVEL of all cases at most.

        differences: (n, systems), each system's score of a row less the baseline's. Were none of them better than
        the baseline, the best mean would still be above 0: this is the quantile of it over bootstrap samples of
        whole groups (n,) with every mean moved to 0 (White 2000, "A Reality Check for Data Snooping"). Systems that
        hardly differ from each other add little, unlike in a correction that counts them. The weights of the groups
        are Poisson, which stands for sampling with replacement.
        """
        values = np.asarray(differences, dtype=np.float64)
        sums, rows = _group_sums(values - values.mean(axis=0), groups)  # (groups, systems), (groups,)
        rng, step = np.random.default_rng(self.seed), max(1, WEIGHTS_PER_BLOCK // len(rows))
        best = []
        for start in range(0, self.samples, step):
            weights = rng.poisson(1.0, (min(step, self.samples - start), len(rows)))  # (samples, groups)
            best.append(((weights @ sums) / np.maximum(weights @ rows, 1)[:, None]).max(axis=1))
        return float(np.quantile(np.concatenate(best), LEVEL))


def _group_sums(values: Floats, groups: npt.NDArray[Any] | None) -> tuple[Floats, Floats]:
    """Sum of the values (n,) or (n, systems) of each group, and its number of rows. By default each row is one."""
    if groups is None:
        return values, np.ones(len(values))
    if groups.shape != values.shape[:1]:
        raise ValueError(f"groups must have one label per value, {values.shape[:1]}, not {groups.shape}")
    _, group = np.unique(groups, return_inverse=True)
    rows: Floats = np.bincount(group).astype(np.float64)
    sums = np.zeros((len(rows), *values.shape[1:]))
    np.add.at(sums, group, values)
    return sums, rows


def _sample_means(
    distinct: Floats, counts: npt.NDArray[np.integer], samples: int, rng: np.random.Generator
) -> Floats:
    """Mean of each sample (samples,), where counts[i] groups have the sum and the number of rows in distinct[i]."""
    total = int(counts.sum())
    step = max(1, WEIGHTS_PER_BLOCK // len(counts))
    means = np.empty(samples)
    for start in range(0, samples, step):
        size = min(step, samples - start)
        weights = rng.multinomial(total, counts / total, size=size)  # (size, distinct)
        sums, rows = (weights @ distinct).T
        means[start : start + size] = sums / rows
    return means


def _short(value: float) -> str:
    """Four decimals without the leading zero: .0191, -.0012, 1.0000."""
    text = f"{value:z.4f}"  # z: no minus before a rounded zero
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text
