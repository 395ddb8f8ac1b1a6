"""Whether the lists hold best sellers only: what is recommended, and what was bought, by earlier sales."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import polars as pl

from forsys.evaluation.segments import decile_name, popularity_decile
from forsys.run import Run

NEVER = -1  # the "tenth" of articles never sold before


def popularity(run: Run, lists: Mapping[str, pl.DataFrame], labels: pl.DataFrame) -> pd.DataFrame:
    """One row per tenth of the articles by sales before the holdout: value, and a share for each list.

    lists: name -> customer, article, rank, of which the first `settings.k` count. labels: customer, article; they
    are the last column, `bought`. The shares of each column sum to 1.
    """
    decile = popularity_decile(run.history.sales_before(run.calendar.holdout.as_of))
    shown = {name: found.filter(pl.col("rank") <= run.settings.k) for name, found in lists.items()}
    counts = {
        name: np.bincount(decile[found["article"].to_numpy()] - NEVER, minlength=11)
        for name, found in {**shown, "bought": labels}.items()
    }
    shares = {name: count / max(count.sum(), 1) for name, count in counts.items()}
    table = pd.DataFrame({"value": [decile_name(tenth) for tenth in range(NEVER, 10)], **shares})
    return table.iloc[[*range(1, 11), 0]].reset_index(drop=True)  # the articles never sold come last
