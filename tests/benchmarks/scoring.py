"""The ranker's scores: rows a second of `Ranker.predict` and `Ranker.order`, against plain Booster.predict.

All score the same rows, the pairs of all customers of a generated shop at its submission, with TREES trees a model.
predict asks all models, but only for the first of each customer by the linear score; the plain booster is one
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
from forsys.ranking.training_set import LabelledWeeks, training_folds
from forsys.retrieval.fusion import Fusion
from forsys.retrieval.tuning import Tuned
from forsys.run import Run

CUSTOMERS, TREES, RUNS = 2_000, 60, 3


def run(data: Path | None) -> pd.DataFrame:
    """One row for predict, and one for order."""
    del data
    with TemporaryDirectory() as folder:
        home = made_run(Path(folder), CUSTOMERS)
        history, fold = home.history, home.calendar.submission
        ranker, pairs = made_ranker(home, fold), everyones_pairs(home)
        features = build(pairs, history, fold.as_of, ranker.groups)
        booster = ranker.models[0]
        names = booster.feature_name()
        ways = {
            "predict": lambda: ranker.predict(features, pairs.row),
            "order": lambda: ranker.order(pairs, history, fold.as_of),
            "Booster.predict": lambda: booster.predict(features.select(names).to_numpy(), raw_score=True),
        }
        seconds = fewest_seconds(ways, RUNS)
    plain = {"Booster.predict": seconds.pop("Booster.predict")}
    rows = (compared(f"ranker, {name}", "rows", len(pairs), {name: own} | plain) for name, own in seconds.items())
    return pd.concat(rows)


def made_ranker(run: Run, fold: Fold) -> Ranker:
    """A ranker that learned from the week before `fold`, with equal weights of the sources."""
    lines = run.settings.retrieval.sources
    weeks, tuned = LabelledWeeks(run), Tuned(lines, Fusion(dict.fromkeys(lines, 1.0)), [], 0, 0.0, {})
    for week in training_folds(run, fold):
        run.labelled_candidates(week, lines)
    return fit_for(weeks, tuned, fold, Choice(TREES, 0.5, {}))
