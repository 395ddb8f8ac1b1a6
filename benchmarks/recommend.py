"""Single customers: milliseconds with everything in memory, against a shard of one customer from the files.

The shop is generated, a tenth of Kaggle's in customers and purchases with over half as many articles, or the one in
--input; all ten sources are fitted (in fewer passes than usual) and the ranker has TREES trees. CUSTOMERS customers
are asked for one after the other, as a web service would, with names, chances, sources and reasons.
A basket is three articles of a new customer. The shard's way reads the fitted sources back for each customer.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from forsys.candidates import SourceArtifacts
from forsys.engine import run_tasks
from forsys.opening import open_run
from forsys.ranking.calibration import Calibration
from forsys.ranking.live import candidates_of_anyone
from forsys.ranking.ordering import ordered_pairs
from forsys.ranking.pairs import Pairs
from forsys.ranking.ranker import Ranker
from forsys.ranking.training import Choice, fit_for
from forsys.ranking.training_pairs import LabelledFolds, candidates_to_rank
from forsys.ranking.tuning import Tuned
from forsys.retrieval.fusion import Fusion
from forsys.run import Run
from forsys.sample.full_size import generate_full_size
from forsys.serving.recommender import Recommender
from forsys.stages import run_stage
from forsys.store import write_json

SCALE, CUSTOMERS, BY_SHARD, TREES = 0.1, 200, 5, 60
BASKET = 3  # articles
QUICK = (
    "retrieval.sources.als.iterations=3",  # how well a source is fitted does not change the times
    "retrieval.sources.bpr.iterations=5",
    "retrieval.sources.lmf.iterations=5",
    "retrieval.sources.next_item.epochs=1",
    "ranking.min_weeks=1",
    "ranking.min_buyers=1",
    "max_buyers_per_week=2000",
)


def run(data: Path | None) -> pd.DataFrame:
    """One row per way: median and 95th percentile in ms."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        if data is None:
            generate_full_size(home / "shop", SCALE)
        made = fitted(open_run(data or home / "shop", overrides=QUICK, home=home))
        return latencies(made, CUSTOMERS)


def fitted(run: Run) -> Run:
    """A run with what a recommender needs, and no more: fitted sources and a ranker."""
    for stage in ("tables", "content"):
        run_stage(run, stage)
    fold, sources = run.calendar.submission, run.settings.retrieval.sources
    tuned = Tuned(sources, Fusion(dict.fromkeys(sources, 1.0)), [], 0, 0.0, {})
    write_json(tuned.to_json(), run.workspace.tuned)
    run_tasks((SourceArtifacts.of(run, fold, *config).tasks()[0] for config in sources.items()), "fit")
    fit_for(LabelledFolds(run), tuned, fold, Choice(TREES, 0.5, {})).save(run.workspace.ranker(fold))
    Calibration([0.0] * 6, [1.0] * 6, [0.1] * 6, -5.0, {}).save(run.workspace.ranker(fold))
    return run


def latencies(run: Run, customers: int) -> pd.DataFrame:
    """The times of a fitted run."""
    recommender, k, rng = Recommender.of(run), run.settings.k, np.random.default_rng(1)
    everyone, log = run.submission_customers, run.history
    asked = rng.choice(everyone, min(customers, len(everyone)), replace=False)
    ids = [[str(recommender.customers.ids[int(customer)])] for customer in asked]
    sold = np.unique(log.article)
    baskets = [recommender.articles.ids.gather(rng.choice(sold, BASKET)).to_list() for _ in asked]
    return pd.DataFrame(
        [
            row("one customer, in memory", ids, lambda each: recommender.recommend(each, k)),
            row("a basket, in memory", baskets, lambda each: recommender.recommend_to_basket(each, k)),
            row("one customer, by the files", asked[:BY_SHARD].tolist(), lambda each: by_the_files(run, each)),
        ]
    )


def by_the_files(run: Run, customer: int) -> pl.DataFrame:
    """As the stages do it, for a shard of one customer."""
    fold, tuned = run.calendar.submission, Tuned.read(run.workspace.tuned)
    folder = run.workspace.ranker(fold)
    customers = np.array([customer])
    found = candidates_of_anyone(run, tuned, fold, customers).lazy()
    profiles = run.history.profiles(customers, fold.as_of)
    pairs = Pairs.of(found, tuned.sources, run.history, fold.as_of, candidates_to_rank(run), profiles)
    return ordered_pairs(Ranker.load(folder), Calibration.load(folder), pairs)


def row(way: str, requests: Sequence[Any], answer: Callable[[Any], object]) -> dict[str, object]:
    """The times of some requests, after a first one that does not count."""
    answer(requests[0])
    taken = []
    for request in requests:
        begin = perf_counter()
        answer(request)
        taken.append(1_000 * (perf_counter() - begin))
    median, late = np.percentile(taken, [50, 95])
    return {"way": way, "requests": len(requests), "median ms": median, "95th percentile ms": late}
