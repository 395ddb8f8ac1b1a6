"""Keywords of all distinct descriptions in worker processes, against a loop of YAKE over the articles.

The loop has one extractor of the same settings and one process; it is timed on a sample of the articles and
scaled to all of them.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import polars as pl

from forsys.cli import PROJECT
from forsys.content.keywords import ENGLISH, extract_keywords, extractor
from forsys.pipeline import find_data, make_tables
from forsys.run import Run
from forsys.settings import load_settings

SAMPLE = 2_000  # articles


def run(data: Path | None) -> pd.DataFrame:
    """Seconds of both, and how many times as long the loop takes."""
    home = Run(find_data(data, PROJECT), load_settings(), PROJECT)
    make_tables(home)
    articles, most = pl.read_parquet(home.tables / "articles.parquet"), home.settings.content.keywords
    loop = seconds_of_loop(articles, most)
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        extract_keywords(articles, Path(folder), most)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        extract_keywords(articles, Path(folder), most)
        again = time.perf_counter() - start
    texts = articles["detail_desc"].drop_nulls()
    return pd.DataFrame(
        [
            {"way": "loop over articles", "texts": len(texts), "seconds": loop, "times as long": loop / ours},
            {"way": "distinct, in workers", "texts": texts.n_unique(), "seconds": ours, "times as long": 1.0},
            {"way": "again, unchanged", "texts": 0, "seconds": again, "times as long": again / ours},
        ]
    )


def seconds_of_loop(articles: pl.DataFrame, most: int) -> float:
    """Seconds of the loop over all articles, from a sample of them."""
    texts = articles["detail_desc"].drop_nulls()
    sample = texts.sample(min(SAMPLE, len(texts)), seed=7)
    yake = extractor(ENGLISH, most)
    start = time.perf_counter()
    for text in sample:
        yake.extract_keywords(text)
    return (time.perf_counter() - start) * len(texts) / len(sample)
