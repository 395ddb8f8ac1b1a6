"""A generated shop with everyone's candidates, for the benchmarks of the ranker."""

from pathlib import Path

from forsys.candidates import make_candidates, read_candidates
from forsys.opening import open_run
from forsys.ranking.pairs import Pairs
from forsys.ranking.training_pairs import candidates_to_rank
from forsys.run import Run
from forsys.sample.shop import generate
from forsys.stages import run_stage

ARTICLES = 1_000
QUICK = (
    "retrieval.sources.next_item=false",
    "retrieval.sources.als.iterations=2",  # how well a source is fitted does not change the times of the ranker
    "retrieval.sources.bpr.iterations=2",
    "retrieval.sources.lmf.iterations=2",
    "ranking.min_weeks=1",
    "ranking.min_buyers=1",
    "ranking.target_pairs=1",  # as many pairs per customer as where customers are many
)


def made_run(folder: Path, customers: int) -> Run:
    """A run on a shop generated in `folder`, with the stages `tables` and `content` run."""
    generate(folder / "shop", customers=customers, articles=ARTICLES, weeks=20)
    run = open_run(folder / "shop", overrides=QUICK, home=folder)
    for stage in ("tables", "content"):
        run_stage(run, stage)
    return run


def everyones_pairs(run: Run) -> Pairs:
    """The pairs of all customers, who must fit into one shard, at the submission."""
    sources, fold = run.settings.retrieval.sources, run.calendar.submission
    assert len(run.shards(fold)) == 1
    make_candidates(run, [fold], sources)
    found, profiles = read_candidates(run, fold, sources), run.history.profiles(run.shards(fold)[0], fold.as_of)
    return Pairs.of(found, sources, run.history, fold.as_of, candidates_to_rank(run), profiles)
