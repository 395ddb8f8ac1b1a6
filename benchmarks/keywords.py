"""Keywords of all distinct descriptions in worker processes, against a loop of YAKE over the articles.

The loop has one extractor of the same settings and one process; it is timed on a sample of the articles and
scaled to all of them.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import polars as pl

from forsys.content.keywords import ENGLISH, analyse_descriptions, extract_keywords, extractor
from forsys.opening import open_run
from forsys.stages import run_stage

SAMPLE = 2_000  # articles


def run(data: Path | None) -> pd.DataFrame:
    """Seconds of both and of a second, cached call, and how many times as long each takes as ours."""
    opened = open_run(data)
    run_stage(opened, "tables")
    articles = pl.read_parquet(opened.workspace.tables / "articles.parquet")
    max_keywords = opened.settings.content.max_keywords
    loop = seconds_of_loop(articles, max_keywords)
    with TemporaryDirectory() as folder:
        ours, again = (seconds_of_ours(articles, Path(folder), max_keywords) for _ in range(2))
    texts = articles["detail_desc"].drop_nulls()
    return pd.DataFrame(
        [
            {"way": "loop over articles", "texts": len(texts), "seconds": loop, "times as long": loop / ours},
            {"way": "distinct, in workers", "texts": texts.n_unique(), "seconds": ours, "times as long": 1.0},
            {"way": "again, unchanged", "texts": 0, "seconds": again, "times as long": again / ours},
        ]
    )


def seconds_of_ours(articles: pl.DataFrame, folder: Path, max_keywords: int) -> float:
    """Seconds until all articles have their keywords."""
    start = time.perf_counter()
    extract_keywords(articles, analyse_descriptions(articles["detail_desc"], folder, max_keywords))
    return time.perf_counter() - start


def seconds_of_loop(articles: pl.DataFrame, max_keywords: int) -> float:
    """Seconds of the loop over all articles, from a sample of them."""
    texts = articles["detail_desc"].drop_nulls()
    sample = texts.sample(min(SAMPLE, len(texts)), seed=7)
    yake = extractor(ENGLISH, max_keywords)
    start = time.perf_counter()
    for text in sample:
        yake.extract_keywords(text)
    return (time.perf_counter() - start) * len(texts) / len(sample)
