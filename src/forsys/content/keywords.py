"""Keywords of the descriptions, by YAKE (Campos and others 2020).

Each distinct description is read once, whoever shares it, in worker processes, and kept by its text: a
description that changes costs just itself.
"""

import re
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

import polars as pl
import yake

from forsys.content.workers import available_cores, workers
from forsys.progress import progress
from forsys.store import code_fingerprint, fingerprint, is_current, set_current, write_parquet

ENGLISH = "en"
LANGUAGES = (ENGLISH, "da", "de", "es", "fi", "fr", "it", "nl", "no", "pl", "pt", "sv")
UNKNOWN = "??"  # for which YAKE has stop words of no one language
LEAD = 2  # stop words by which a text must be nearer to another language: one alone is a brand name's "van"
BATCH = 4_000  # descriptions between two writes of the cache
CHUNK = 100  # descriptions handed to a worker at a time
WORTH_A_WORKER = 500  # descriptions; a worker starts in the time that it takes to read so many

KEYWORDS: dict[str, pl.DataType] = {
    "article": pl.Int32(),
    "keyword": pl.String(),
    "score": pl.Float32(),
    "rank": pl.UInt8(),
}
CACHE: dict[str, pl.DataType] = {
    "description": pl.String(),
    "language": pl.String(),
    "keyword": pl.List(pl.String()),
    "score": pl.List(pl.Float32()),
}
Reading = tuple[str, str, list[str], list[float]]  # a row of CACHE


def extract_keywords(articles: pl.DataFrame, folder: Path, most: int, processes: int | None = None) -> pl.DataFrame:
    """Keywords of every article's description: KEYWORDS, sorted by article, rank; at most `most` each.

    `articles`: article, detail_desc. Rank 1 is the best and has the least score, as YAKE counts. Articles
    without a description, or with one that holds no word, have no rows. Readings are kept in `folder`.
    """
    read = read_descriptions(articles["detail_desc"].drop_nulls().unique().sort(), folder, most, processes)
    return (
        articles.select("article", description="detail_desc")
        .join(read, on="description", how="inner")
        .explode("keyword", "score")
        .drop_nulls("keyword")
        .sort("article", maintain_order=True)
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.UInt8).over("article"))
        .select(pl.col(name).cast(kind) for name, kind in KEYWORDS.items())
    )


def read_descriptions(texts: pl.Series, folder: Path, most: int, processes: int | None = None) -> pl.DataFrame:
    """CACHE of these distinct descriptions, sorted by description: read now, or kept from an earlier call."""
    path = folder / "descriptions.parquet"
    mark = fingerprint(most, version("yake"), code_fingerprint("content/keywords.py"))
    kept = pl.read_parquet(path) if is_current(path, mark) else pl.DataFrame(schema=CACHE)
    known = kept.filter(pl.col("description").is_in(texts.implode()))
    unread = texts.filter(~texts.is_in(kept["description"].implode())).to_list()
    if not unread and len(known) == len(kept) and path.exists():
        return kept
    with workers(min(processes or available_cores(), len(unread) // WORTH_A_WORKER), CHUNK) as read:
        for start in progress(range(0, max(len(unread), 1), BATCH), "keywords", unit="batch"):
            batch = unread[start : start + BATCH]
            rows = pl.DataFrame(list(read(partial(read_description, most=most), batch)), schema=CACHE, orient="row")
            known = pl.concat([known, rows]).sort("description")
            write_parquet(known, path)
            set_current(path, mark)
    return known


def read_description(text: str, most: int) -> Reading:
    """Language, keywords and scores of one text, the best first; the case of a keyword is the text's."""
    language = language_of(text)
    found = extractor(language, most).extract_keywords(text)
    return text, language, [keyword for keyword, _ in found], [float(score) for _, score in found]


@cache
def extractor(language: str, most: int) -> yake.KeywordExtractor:
    """YAKE on single words, as the seed shows them: "Jersey top with…" gives Jersey, not "Jersey top".

    (With two or three words it also prefers "Opaque matt tights" to the seed's denier.) Near-equal keywords are
    dropped by Jaro's similarity: that of YAKE's default depends on what the same process read before.
    """
    return yake.KeywordExtractor(lan=language, n=1, dedup_func="jaro", dedup_lim=0.95, top=most)


def language_of(text: str) -> str:
    """The language whose stop words a text holds most of; English unless another has LEAD more."""
    letters = [character for character in text if character.isalpha()]
    if sum(character < "\u0250" for character in letters) < len(letters) / 2:  # mostly not Latin
        return UNKNOWN
    words = re.findall(r"\w+", text.lower())
    held = {language: sum(word in extractor(language, 1).stopword_set for word in words) for language in LANGUAGES}
    best = max(LANGUAGES, key=held.__getitem__)
    return best if held[best] >= held[ENGLISH] + LEAD else ENGLISH
