"""Keywords of the descriptions, by YAKE (Campos and others 2020).

Each distinct description is analysed once, in worker processes, and cached by its text: where a description
changes, only that one is analysed again.
"""

import re
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from forsys.content.workers import available_cores, workers
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.optional_parts import missing_modules
from forsys.progress import progress
from forsys.store import is_current, write_parquet, write_stamp

if TYPE_CHECKING:
    from yake import KeywordExtractor

ENGLISH = "en"
LANGUAGES = (ENGLISH, "da", "de", "es", "fi", "fr", "it", "nl", "no", "pl", "pt", "sv")
UNKNOWN = "??"  # a text in another script: YAKE then uses stop words of no particular language
MIN_LEAD = 2  # stop words more than of English that another language needs: one may be the "van" of a brand name
BATCH = 4_000  # descriptions between two writes of the cache
CHUNK = 100  # descriptions handed to a worker at a time
WORTH_A_WORKER = 500  # descriptions; a worker starts in the time that it takes to analyse so many

KEYWORDS: dict[str, pl.DataType] = {
    "article": pl.Int32(),
    "keyword": pl.String(),
    "score": pl.Float32(),
    "rank": pl.UInt16(),
}
CACHE: dict[str, pl.DataType] = {
    "description": pl.String(),
    "language": pl.String(),
    "keyword": pl.List(pl.String()),
    "score": pl.List(pl.Float32()),
}
Analysis = tuple[str, str, list[str], list[float]]  # a row of CACHE


def extract_keywords(articles: pl.DataFrame, analyses: pl.DataFrame) -> pl.DataFrame:
    """Keywords of every article's description: KEYWORDS, sorted by article, rank.

    `articles`: article, detail_desc. `analyses`: of `analyse_descriptions`. Rank 1 is the best and has the lowest
    score, by YAKE's definition. Articles without a description, or without a word in it, have no rows.
    """
    return (
        articles.select("article", description="detail_desc")
        .join(analyses, on="description", how="inner")
        .explode("keyword", "score")
        .drop_nulls("keyword")
        .sort("article", maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.UInt16).over("article"))
        .select(pl.col(name).cast(kind) for name, kind in KEYWORDS.items())
    )


def analyse_descriptions(descriptions: pl.Series, folder: Path, max_keywords: int) -> pl.DataFrame:
    """CACHE of the distinct descriptions, sorted by description, with at most `max_keywords` each.

    They are analysed now, or cached in `folder` by an earlier call. No rows where YAKE is not installed.
    """
    if missing_modules("content"):
        return pl.DataFrame(schema=CACHE)
    texts = descriptions.drop_nulls().unique().sort()
    path = folder / "descriptions.parquet"
    inputs = fingerprint(max_keywords, version("yake"), code_fingerprint(__name__))
    cached = pl.read_parquet(path, glob=False) if is_current(path, inputs) else pl.DataFrame(schema=CACHE)
    known = cached.filter(pl.col("description").is_in(texts.implode()))
    new = texts.filter(~texts.is_in(cached["description"].implode())).to_list()
    if not new and len(known) == len(cached) and path.exists():
        return cached
    analyse = partial(analyse_description, max_keywords=max_keywords)
    processes = min(available_cores(), len(new) // WORTH_A_WORKER)
    with workers("keywords of the descriptions", processes, CHUNK) as map_texts:
        for start in progress(range(0, max(len(new), 1), BATCH), "keywords", unit="batch"):
            rows = pl.DataFrame(list(map_texts(analyse, new[start : start + BATCH])), schema=CACHE, orient="row")
            known = pl.concat([known, rows]).sort("description")
            write_parquet(known, path)
            write_stamp(path, inputs)
    return known


def analyse_description(text: str, max_keywords: int) -> Analysis:
    """Text, language, keywords and scores, the best first; a keyword keeps its upper and lower case."""
    language = language_of(text)
    found = extractor(language, max_keywords).extract_keywords(text)
    return text, language, [keyword for keyword, _ in found], [float(score) for _, score in found]


@cache
def extractor(language: str, max_keywords: int) -> "KeywordExtractor":
    """YAKE on single words: "Jersey top with…" gives Jersey and not "Jersey top".

    With two or three words it also prefers "Opaque matt tights" to denier. Near-equal keywords are dropped by
    Jaro's similarity: that of YAKE's default depends on what the same process has analysed before.
    """
    from yake import KeywordExtractor  # here, since an installation may lack it

    return KeywordExtractor(lan=language, n=1, dedup_func="jaro", dedup_lim=0.95, top=max_keywords)


def language_of(text: str) -> str:
    """The language with the most stop words in a text; English unless another has MIN_LEAD more."""
    letters = [character for character in text if character.isalpha()]
    if sum(character < "\u0250" for character in letters) < len(letters) / 2:  # mostly not Latin
        return UNKNOWN
    words = re.findall(r"\w+", text.lower())
    counts = {name: sum(word in extractor(name, 1).stopword_set for word in words) for name in LANGUAGES}
    best = max(LANGUAGES, key=counts.__getitem__)
    return best if counts[best] >= counts[ENGLISH] + MIN_LEAD else ENGLISH
