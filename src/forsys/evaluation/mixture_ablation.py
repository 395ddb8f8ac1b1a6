"""What each source and each feature group adds to the mixture: it learns anew without each, before the holdout."""

from collections.abc import Iterator

import pandas as pd

from forsys.arrays import Floats
from forsys.evaluation.comparison import MIXTURE, ablation_table, events_of, systems
from forsys.evaluation.mixture_accuracy import mixture_ranks
from forsys.progress import progress, say_below
from forsys.retrieval.mixture import Fitted, Mixture
from forsys.retrieval.mixture_features import GROUPS
from forsys.run import Run
from forsys.settings import SourceConfig

ALL = "everything"
MAX_EVENTS = 6_000  # predicted by each of some 15 mixtures


def mixture_ablation(run: Run) -> pd.DataFrame:
    """One row per mixture without a source or a group: accuracy, and its paired difference (95 % interval).

    Measured on the period before the holdout, so that what is learned from it may be used. Each source is fitted
    once; without it, its candidates are gone too. Raises DataError where that period has no events.
    """
    fold = run.calendar.holdout.earlier(1)
    events = events_of(run, fold, MAX_EVENTS)
    fitted = Fitted()
    ranks: dict[str, Floats] = {}
    for name, config in progress(dict(ablations(systems(run)[MIXTURE])).items(), "ablation", unit="mixture"):
        parameters = {key: value for key, value in config.items() if key != "class"}
        source = Mixture(**parameters).fit(run.history, fold.as_of, fitted)
        ranks[name], _ = mixture_ranks(source, run.history, events)
        say_below(f"ablation: mixture, {name}")
    return ablation_table(run, events, "mixture", ranks)


def ablations(mixture: SourceConfig) -> Iterator[tuple[str, SourceConfig]]:
    """Name and config: everything, all but each source, all but each feature group except the scores."""
    yield ALL, mixture
    members, groups = mixture["members"], mixture.get("features", list(GROUPS))
    for name in members if len(members) > 1 else ():
        yield f"without {name}", mixture | {"members": {key: of for key, of in members.items() if key != name}}
    for group in groups:
        if group != "scores":
            yield f"without {group}", mixture | {"features": [other for other in groups if other != group]}
