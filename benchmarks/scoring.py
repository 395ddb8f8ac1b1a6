"""The ranker's scores: rows per second of `Ranker.predict` and `Ranker.order`, against plain Booster.predict.

All score the same rows, the pairs of all customers of a generated shop at its submission. A model has TREES trees.
predict asks all models, but only for the first pairs of each customer by the linear model; the plain booster is one
of these models, asked for every pair. order builds the features first, and blends and sorts at the end. The best of
RUNS counts, the three in turn.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from benchmarks._compared import compared, fewest_seconds
from benchmarks._made import everyones_pairs, made_run
from forsys.calendar import Fold
from forsys.ranking.features import build
from forsys.ranking.ranker import Ranker
from forsys.ranking.training import Choice, fit_for
from forsys.ranking.training_pairs import LabelledFolds
from forsys.ranking.tuning import Tuned
from forsys.retrieval.fusion import Fusion
from forsys.run import Run

CUSTOMERS, TREES, RUNS = 2_000, 60, 3


def run(data: Path | None) -> pd.DataFrame:
    """One row for predict, and one for order."""
    del data
    with TemporaryDirectory() as folder:
        home = made_run(Path(folder), CUSTOMERS)
        ranker, pairs = made_ranker(home, home.calendar.submission), everyones_pairs(home)
        features = build(pairs, ranker.groups)
        booster = ranker.models[0]
        names = booster.feature_name()
        ways = {
            "predict": lambda: ranker.predict(features, pairs.row),
            "order": lambda: ranker.order(pairs),
            "Booster.predict": lambda: booster.predict(features.select(names).to_numpy(), raw_score=True),
        }
        seconds = fewest_seconds(ways, RUNS)
    plain = {"Booster.predict": seconds.pop("Booster.predict")}
    rows = (compared(f"ranker, {name}", "rows", len(pairs), {name: own} | plain) for name, own in seconds.items())
    return pd.concat(rows)


def made_ranker(run: Run, fold: Fold) -> Ranker:
    """A ranker that learned from the week before `fold`, with equal weights of the sources."""
    sources = run.settings.retrieval.sources
    tuned = Tuned(sources, Fusion(dict.fromkeys(sources, 1.0)), [], 0, 0.0, {})
    return fit_for(LabelledFolds(run), tuned, fold, Choice(TREES, 0.5, {}))
