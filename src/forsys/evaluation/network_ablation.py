"""What each feature group adds to the recurrent model: each left out, and each alone, before the holdout."""

import pandas as pd

from forsys.arrays import Floats
from forsys.evaluation.comparison import ablation_table, events_of, measure
from forsys.progress import progress, say_below
from forsys.recurrent.article_inputs import ENCODING
from forsys.recurrent.config import ALL_FEATURES
from forsys.retrieval.mixture import Fitted
from forsys.run import Run
from forsys.settings import SourceConfig

ALL, NONE = "all features", "no features"


def ablations(network: SourceConfig, is_encoded: bool) -> dict[str, SourceConfig]:
    """Name -> config: all groups, none, all but each, each alone. All with the same settings otherwise.

    is_encoded: whether the articles have the group ENCODING.
    """
    groups = [name for name in network.get("features", ALL_FEATURES) if name != ENCODING or is_encoded]
    config = network | {"cell": "gru", "new_article_bias": None, "num_networks": 1}
    chosen = {ALL: groups, NONE: []}
    chosen |= {f"without {group}": [other for other in groups if other != group] for group in groups}
    chosen |= {f"only {group}": [group] for group in groups}
    return {name: config | {"features": kept} for name, kept in chosen.items()}


def network_ablation(run: Run) -> pd.DataFrame:
    """One row per ablation, without memory: accuracy, and its paired difference to all features (95 % interval).

    Measured on the period before the holdout, so that what is learned from it may be used. Raises DataError where
    that period has no events.
    """
    fold, settings = run.calendar.holdout.earlier(1), run.settings
    events = events_of(run, fold)
    chosen = ablations(settings.compare.network, ENCODING in run.history.articles.columns)
    ranks: dict[str, Floats] = {}
    for name, config in progress(chosen.items(), "ablation", unit="network"):
        ranks[name] = measure(run, fold, events, name, config, Fitted())[0].ranks
        say_below(f"ablation: {name}")
    return ablation_table(run, events, "features", ranks)
