"""A generated shop with everyone's candidates, for the benchmarks of the ranker."""

from pathlib import Path

from forsys.pipeline import make_content, make_tables
from forsys.ranking.pairs import Pairs
from forsys.ranking.training_set import pairs_of
from forsys.run import Run
from forsys.settings import load_settings
from forsys.tables.sample import generate
from forsys.tables.source import DataSet

ARTICLES = 1_000
QUICK = (
    "retrieval.sources.next_item=false",
    "retrieval.sources.als.iterations=2",  # how well a source is fitted changes no time of the ranker
    "retrieval.sources.bpr.iterations=2",
    "retrieval.sources.lmf.iterations=2",
    "ranking.weeks=1",
    "ranking.customers=1",
    "ranking.pairs=1",  # as many pairs a customer as where customers are many
)


def made_run(folder: Path, customers: int) -> Run:
    """A run on a shop generated in `folder`, its tables and content made."""
    shop = folder / "shop"
    generate(shop, customers=customers, articles=ARTICLES, weeks=20)
    run = Run(DataSet("shop", shop, True, "made for a benchmark"), load_settings(overrides=QUICK), folder)
    make_tables(run)
    make_content(run)
    return run


def everyones_pairs(run: Run) -> Pairs:
    """The pairs of all customers, who must fit into one shard, at the submission."""
    lines, fold = run.settings.retrieval.sources, run.calendar.submission
    (everyone,) = run.shards(fold)
    for name, line in lines.items():
        run.shelf(fold, name, line).make_part(0, everyone)
    return pairs_of(run, lines, fold, 0)
