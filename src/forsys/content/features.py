"""One feature row an article, from all that is known of it but its purchases."""

from pathlib import Path
from typing import Any

import polars as pl
from scipy import sparse

from forsys.content.attributes import encode_attributes
from forsys.content.keywords import ENGLISH, extract_keywords, read_descriptions
from forsys.content.pictures import count_statuses, describe_pictures
from forsys.content.vocabulary import build_vocabulary, keyword_matrix, word_vectors
from forsys.settings import Content
from forsys.store import whole, write_json, write_parquet

# Columns that models may read. Whether an article has a picture is none of them: a shop keeps the pictures of
# what it sells, so that a picture's existence can give the future away.
FEATURES = ("attributes", "words", "colour", "shape", "encoding")


def build_features(
    articles: pl.DataFrame, images: Path, folder: Path, settings: Content, seed: int, processes: int | None = None
) -> dict[str, Any]:
    """Write keywords, vocabulary, words.npz, attributes, pictures and features into `folder`; return the facts.

    `articles`: schema.ARTICLES. features.parquet: article, picture (its status), and FEATURES as Arrays, sorted
    by article; null where an article has no description or no usable picture. `encoding` is there where the
    settings name an encoder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    keywords = extract_keywords(articles, folder, settings.keywords, processes)
    vocabulary = build_vocabulary(keywords)
    codes, names = encode_attributes(articles)
    pictures = describe_pictures(images, articles, folder, settings, processes)
    found = articles.select("article").with_columns(
        attributes=codes, words=word_vectors(articles["detail_desc"], seed)
    )
    found = found.join(pictures, on="article", how="left", maintain_order="left")
    columns = [name for name in FEATURES if name in found.columns]
    write_parquet(keywords, folder / "keywords.parquet")
    write_parquet(vocabulary, folder / "vocabulary.parquet")
    with whole(folder / "words.npz") as part, part.open("wb") as file:
        sparse.save_npz(file, keyword_matrix(keywords, vocabulary, len(articles)))
    write_json(names, folder / "attributes.json")
    write_parquet(found.select("article", "picture", *columns), folder / "features.parquet")
    read = read_descriptions(articles["detail_desc"].drop_nulls().unique().sort(), folder, settings.keywords)
    return {
        "articles": len(articles),
        "pictures": count_statuses(pictures),
        "keywords": len(vocabulary),
        "descriptions": len(read),
        "without_description": articles["detail_desc"].null_count(),
        "not_english": read.filter(pl.col("language") != ENGLISH).height,
    }


def in_words(facts: dict[str, Any]) -> list[str]:
    """The facts as a stage's line says them."""
    pictures = dict(facts["pictures"])
    usable = pictures.pop("ok", 0)
    faults = ", ".join(f"{count:,} {status}" for status, count in pictures.items())
    words = f"{facts['keywords']:,} keywords from {facts['descriptions']:,} descriptions"
    asides = f"{facts['without_description']:,} articles without one, {facts['not_english']:,} not English"
    return [f"{usable:,} pictures" + (f" ({faults})" if faults else ""), f"{words} ({asides})"]
