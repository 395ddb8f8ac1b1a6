"""Predicted chances against what happened."""

import numpy as np
import pandas as pd

from forsys.arrays import Bools, Floats

GROUPS = 10


def calibration_table(chance: Floats, hit: Bools, weight: Floats, groups: int = GROUPS) -> pd.DataFrame:
    """One row per group of equal weight, by rising chance: group, rows, predicted, observed, low, high.

    chance, hit, weight (rows,): what was predicted, whether it happened, and how many rows each stands for. rows:
    how many a group stands for. predicted and observed are weighted means; low and high are the ends of the 95 %
    interval of `observed`, by the number of hits. Groups without a row are left out.
    """
    order = np.argsort(chance, kind="stable")
    chance, hit, weight = chance[order], hit[order], weight[order]
    middle = np.cumsum(weight) - weight / 2
    group = np.minimum((middle / weight.sum() * groups).astype(int), groups - 1)
    rows = np.bincount(group, weight, groups)
    with np.errstate(invalid="ignore", divide="ignore"):
        predicted, observed = (np.bincount(group, weight * each, groups) / rows for each in (chance, hit))
        half = 1.96 * np.sqrt(np.bincount(group, weight**2 * hit, groups)) / rows
    ends = {"low": np.maximum(observed - half, 0), "high": observed + half}
    columns = {"group": np.arange(1, groups + 1), "rows": rows, "predicted": predicted, "observed": observed} | ends
    return pd.DataFrame(columns)[rows > 0].reset_index(drop=True)


def calibration_error(table: pd.DataFrame) -> float:
    """Mean difference of predicted and observed chance over the groups of `calibration_table`, by their rows."""
    return float(np.average((table["predicted"] - table["observed"]).abs(), weights=table["rows"]))
