"""The stage `content`: one row of features per article, from all that is known of it except its purchases."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from scipy import sparse

from forsys.content.attributes import encode_attributes
from forsys.content.keywords import ENGLISH, analyse_descriptions, extract_keywords
from forsys.content.pictures import count_statuses, describe_pictures, name_notes
from forsys.content.vectors import narrowed
from forsys.content.vocabulary import build_vocabulary, keyword_matrix, word_vectors
from forsys.progress import say
from forsys.schema import CONTENT
from forsys.settings import ContentSettings
from forsys.store import atomic_write, write_arrow, write_json, write_parquet

# Characters of a description that are read; the longest of H&M's has 764. YAKE takes 0.1 seconds for as many.
MAX_DESCRIPTION = 10_000
ENCODING_WIDTH = 96  # as many numbers as of the words: encoders give a thousand and more a picture


def build_features(
    articles: pl.DataFrame,
    attributes: Sequence[str],
    images: Path,
    folder: Path,
    settings: ContentSettings,
    seed: int,
) -> dict[str, Any]:
    """Write keywords, vocabulary, words.npz, attributes, pictures and features into `folder`; return counts.

    `articles`: schema.ARTICLES. `attributes`: its columns that are categories. features.arrow: article, picture
    (its status), and CONTENT as Arrays, sorted by article; null where an article has no description or no usable
    picture. `encoding` only with an image encoder, at most ENCODING_WIDTH wide. Says what a person
    should know of the pictures and descriptions.
    """
    folder.mkdir(parents=True, exist_ok=True)
    articles, notes = _shortened(articles)
    notes += name_notes(images, articles)
    for note in notes:
        say(f"           {note}")
    analyses = analyse_descriptions(articles["detail_desc"], folder, settings.max_keywords)
    keywords = extract_keywords(articles, analyses)
    vocabulary = build_vocabulary(keywords)
    codes, names = encode_attributes(articles, attributes)
    pictures = describe_pictures(images, articles, folder, settings)
    if "encoding" in pictures.columns:
        pictures = pictures.with_columns(narrowed(pictures["encoding"], ENCODING_WIDTH, seed))
    words = word_vectors(articles["detail_desc"], seed)
    features = articles.select("article").with_columns(attributes=codes, words=words)
    features = features.join(pictures, on="article", how="left", maintain_order="left")
    # Models may read CONTENT, and not whether an article has a picture: a shop keeps the pictures of what it sells,
    # so the existence of a picture can leak the future.
    columns = [name for name in CONTENT if name in features.columns]
    write_parquet(keywords, folder / "keywords.parquet")
    write_parquet(vocabulary, folder / "vocabulary.parquet")
    with atomic_write(folder / "words.npz") as part, part.open("wb") as file:
        sparse.save_npz(file, keyword_matrix(keywords, vocabulary, len(articles)))
    write_json(names, folder / "attributes.json")
    write_arrow(features.select("article", "picture", *columns), folder / "features.arrow")
    return {
        "articles": len(articles),
        "pictures": count_statuses(pictures),
        "keywords": len(vocabulary),
        "descriptions": len(analyses),
        "without_description": articles["detail_desc"].null_count(),
        "not_english": analyses.filter(pl.col("language") != ENGLISH).height,
        "notes": notes,
    }


def _shortened(articles: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The articles with at most MAX_DESCRIPTION characters of each description, and a note of how many were cut."""
    long = articles.filter(pl.col("detail_desc").str.len_chars() > MAX_DESCRIPTION)
    if long.is_empty():
        return articles, []
    note = (
        f"{len(long):,} descriptions are longer than {MAX_DESCRIPTION:,} characters, such as that of the article "
        f"{long['article_id'][0]}: only so many of each are read"
    )
    return articles.with_columns(pl.col("detail_desc").str.head(MAX_DESCRIPTION)), [note]


def summary(counts: dict[str, Any]) -> list[str]:
    """What `build_features` returned, as the parts of the line that the stage prints."""
    pictures = dict(counts["pictures"])
    usable = pictures.pop("ok", 0)
    faults = ", ".join(f"{count:,} {status}" for status, count in pictures.items())
    words = f"{counts['keywords']:,} keywords from {counts['descriptions']:,} descriptions"
    exceptions = f"{counts['without_description']:,} articles without one, {counts['not_english']:,} not English"
    return [f"{usable:,} pictures" + (f" ({faults})" if faults else ""), f"{words} ({exceptions})"]
