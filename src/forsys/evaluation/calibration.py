"""Whether the chances that are given with the lists are right: predicted against observed, in ten groups."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forsys.arrays import Bools, Floats, Ints
from forsys.calendar import Fold, in_days
from forsys.evaluation.text import table_text
from forsys.metrics.calibration import calibration_error, calibration_table
from forsys.ranking.calibration import Calibration, listed
from forsys.ranking.calibration_sample import Sample, sampled_pairs
from forsys.ranking.ranker import Ranker
from forsys.ranking.tuning import Tuned
from forsys.run import Run


@dataclass(frozen=True, eq=False)
class Chances:
    """Articles of some lists: the chance of each, whether it was bought, how many it stands for, and whose it is.

    All are (rows,).
    """

    chance: Floats
    hit: Bools
    weight: Floats
    customer: Ints

    @classmethod
    def of(
        cls,
        run: Run,
        tuned: Tuned,
        fold: Fold,
        ranker: Ranker,
        calibration: Calibration,
        sample: Sample = sampled_pairs,
    ) -> "Chances":
        """The first k of a sample of all customers, buyers or not, at a fold that neither has learned from.

        Nothing where no chance was learned. `sample`: as of `listed`.
        """
        found = listed(run, tuned, fold, ranker, sample=sample)
        chance = calibration.chance(found.inputs)
        known = np.isfinite(chance)
        return cls(chance[known], found.hit[known], found.weight[known], found.customer[known])


def holdout_calibration(run: Run, tuned: Tuned) -> pd.DataFrame:
    """Of the lists at the holdout's cut-off; see `calibration_table`. Empty where no chance was learned."""
    fold = run.calendar.holdout
    folder = run.workspace.ranker(fold)
    return pooled([Chances.of(run, tuned, fold, Ranker.load(folder), Calibration.load(folder))])


def pooled(parts: Sequence[Chances]) -> pd.DataFrame:
    """`calibration_table` of several folds together."""
    names = ("chance", "hit", "weight", "customer")
    return calibration_table(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def calibration_text(table: pd.DataFrame, period: int) -> str:
    """The table as it is printed; period: of the chances, in days."""
    if table.empty:
        return "The chance of a purchase is not known: too few were made before to learn it."
    shares = {name: table[name].map("{:.3%}".format) for name in ("predicted", "observed", "low", "high")}
    shown = table.assign(rows=table["rows"].round().astype(int), **shares)
    return (
        f"Chance of a purchase within {in_days(period)}, predicted against observed, for a sample of all customers "
        f"in ten groups (the mean difference is {calibration_error(table):.2%}):\n\n{table_text(shown)}"
    )
