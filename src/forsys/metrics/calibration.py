"""Predicted chances against what happened."""

import numpy as np
import pandas as pd
from scipy.special import gammaincinv

from forsys.arrays import Bools, Floats, Ints

GROUPS = 10


def calibration_table(
    chance: Floats, hit: Bools, weight: Floats, customer: Ints, *, groups: int = GROUPS
) -> pd.DataFrame:
    """One row per group of equal weight, by rising chance: group, rows, predicted, observed, low, high.

    chance, hit, weight, customer (rows,): what was predicted, whether it happened, how many rows each stands for,
    and whose it is. rows: how many a group stands for. predicted and observed are weighted means; low and high are
    the ends of the 95 % interval of `observed`, see `interval_of_sum`. Groups without a row are left out.
    """
    order = np.argsort(chance, kind="stable")
    chance, hit, weight, customer = chance[order], hit[order], weight[order], customer[order]
    middle, total = np.cumsum(weight) - weight / 2, max(weight.sum(), 1)
    group = np.minimum((middle / total * groups).astype(int), groups - 1)
    values = (weight, weight * chance, weight * hit)
    rows, predicted, hits = (np.bincount(group, each, groups).astype(np.float64) for each in values)
    squares = _squares(group[hit], customer[hit], weight[hit], groups)
    largest = weight[hit] if hit.any() else weight
    low, high = interval_of_sum(hits, squares, float(largest.max(initial=1)))
    sums = {"predicted": predicted, "observed": hits, "low": low, "high": high}
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = {name: values / rows for name, values in sums.items()}
    table = pd.DataFrame({"group": np.arange(1, groups + 1), "rows": rows, **shares})
    return table[rows > 0].reset_index(drop=True)


def _squares(group: Ints, customer: Ints, weight: Floats, groups: int) -> Floats:
    """Of the hits: the squared weight of each customer's, summed by group. (groups,).

    A customer's purchases are not independent, so the interval takes them as one event.
    """
    cell, number = np.unique(np.stack([group, customer]), axis=1, return_inverse=True)
    return np.bincount(cell[0], np.bincount(number, weight, cell.shape[1]) ** 2, groups).astype(np.float64)


def interval_of_sum(total: Floats, squares: Floats, largest: float) -> tuple[Floats, Floats]:
    """The ends of the 95 % interval of a sum of rare events' weights (Fay and Feuer 1997).

    total, squares: the sum of the weights of those that happened, and of their squares, of events that are not
    independent the square of their sum. largest: the weight of one more.
    """
    safe = np.maximum(total, 1e-300)
    low = np.where(total > 0, squares / safe * gammaincinv(safe**2 / np.maximum(squares, 1e-300), 0.025), 0)
    more, more_squares = total + largest, squares + largest**2
    return low, more_squares / more * gammaincinv(more**2 / more_squares, 0.975)


def calibration_error(table: pd.DataFrame) -> float:
    """Mean difference of predicted and observed chance over the groups of `calibration_table`, by their rows."""
    return float(np.average((table["predicted"] - table["observed"]).abs(), weights=table["rows"]))
