"""What each group of features gives the recurrent model: each left out, and each alone, before the holdout."""

import numpy as np
import pandas as pd

from forsys.evaluation.bootstrap import paired
from forsys.evaluation.comparison import measure
from forsys.evaluation.next_item import next_item_events
from forsys.progress import progress
from forsys.recurrent.recipe import ALL_GROUPS
from forsys.run import Line, Run

ALL, NONE = "all features", "no features"
AT = (10, 100)


def ablations(network: Line) -> dict[str, Line]:
    """Name -> line: everything, nothing, all but each group, each group alone. All with the same settings."""
    groups = network.get("groups", list(ALL_GROUPS))
    line = network | {"cell": "gru", "arrivals": None, "networks": 1}
    chosen = {ALL: groups, NONE: []}
    chosen |= {f"without {group}": [other for other in groups if other != group] for group in groups}
    chosen |= {f"only {group}": [group] for group in groups}
    return {name: line | {"groups": kept} for name, kept in chosen.items()}


def feature_ablation(run: Run) -> pd.DataFrame:
    """One row an ablation, without memory: accuracy, and its paired difference to all features (95 % interval).

    Measured on the period before the holdout, so that what is learned from it may be used.
    """
    fold, settings = run.calendar.holdout.earlier(1), run.settings
    events = next_item_events(run.history, fold, settings.evaluation.events, settings.seed)
    groups = run.history.customer[events]
    ranks = {
        name: measure(run, fold, events, name, line)[0].ranks
        for name, line in progress(ablations(settings.compare.network).items(), "ablation", unit="network")
    }
    rows = []
    for name, found in ranks.items():
        row: dict[str, object] = {"features": name}
        for k in AT:
            hit, full = found <= k, ranks[ALL] <= k
            gain = paired(hit, full, groups=groups, draws=settings.evaluation.draws, seed=settings.seed)
            row |= {
                f"@{k}": float(np.mean(hit)),
                f"difference@{k}": f"{gain.mean:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}]",
            }
        rows.append(row)
    return pd.DataFrame(rows)
