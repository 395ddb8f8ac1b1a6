"""The one pass over all articles' pictures: each is decoded once, for its colours and its shape."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from forsys.content.colour import COLOUR_WIDTH, Floats
from forsys.content.decoding import STATUSES, decode
from forsys.content.image_encoder import Encoder, encoder_fingerprint
from forsys.content.picture_cache import KEY, PictureCache, delete_all_but
from forsys.content.picture_features import PictureFeatures, PictureTask, describe_picture
from forsys.content.shape import SHAPE_WIDTH
from forsys.content.workers import available_cores, workers
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.progress import progress
from forsys.settings import ContentSettings
from forsys.store import is_current, write_parquet, write_stamp

PART = 2_000  # pictures between two writes of the cache: what a killed run loses at most
ENCODER_PART = 512  # the same for the image encoder
CHUNK = 32  # pictures handed to a worker at a time
WORTH_A_WORKER = 200  # pictures; a worker starts in the time that it takes to describe so many

STATUS = pl.Enum(STATUSES)

# pictures.parquet, sorted by article, one row for every article. All columns after `picture` are null unless it is
# "ok"; a column `encoding`, pl.Array(Float32, width), follows where the settings name an image encoder.
PICTURES: dict[str, pl.DataType] = {
    "article": pl.Int32(),
    "picture": STATUS,
    "hex": pl.List(pl.String()),  # the palette by falling share; this and the next three are equally long
    "lab": pl.List(pl.Array(pl.Float32(), 3)),
    "share": pl.List(pl.Float32()),  # of the garment
    "share_all": pl.List(pl.Float32()),  # of the whole picture
    "colour": pl.Array(pl.Float32(), COLOUR_WIDTH),
    "shape": pl.Array(pl.Float32(), SHAPE_WIDTH),
}
PALETTE = ("hex", "lab", "share", "share_all")


def describe_pictures(
    images: Path, articles: pl.DataFrame, folder: Path, settings: ContentSettings, processes: int | None = None
) -> pl.DataFrame:
    """Describe every article's picture; returns PICTURES and writes it to `folder`/pictures.parquet.

    Pictures are `images`/0NN/0NNNNNNNNN.jpg; `articles` has the columns article and article_id. `folder`/pictures
    caches the features of unchanged files with the same settings and code. `processes` is the number of worker
    processes, by default one per core. Raises DataError where the image encoder can't be used.
    """
    listing = find_pictures(images, articles)
    caches = _caches(folder / "pictures", settings)
    inputs = fingerprint([cache.folder.name for cache in caches.values()], listing.write_csv())
    target = folder / "pictures.parquet"
    if is_current(target, inputs):
        return pl.read_parquet(target)
    files = listing.drop_nulls()
    _describe_new(files, images, caches, settings, processes or available_cores())
    if settings.image_encoder:
        _encode_new(files, images, caches["encoding"], settings.image_encoder)
    described = _joined(listing, files, caches)
    write_parquet(described, target)
    write_stamp(target, inputs)
    delete_all_but(caches.values(), folder / "pictures")
    return described


def count_statuses(described: pl.DataFrame) -> dict[str, int]:
    """How many articles have a picture of each status, in the order of STATUSES; those that occur."""
    counts = dict(described["picture"].value_counts().iter_rows())
    return {status: counts[status] for status in STATUSES if status in counts}


def find_pictures(images: Path, articles: pl.DataFrame) -> pl.DataFrame:
    """Every article's picture file: article, article_id, bytes, mtime_ns; sorted by article, null where missing."""
    ids = set(articles["article_id"])
    found = [
        (entry.name[:-4], entry.stat().st_size, entry.stat().st_mtime_ns)
        for folder in sorted({article_id[:3] for article_id in ids})
        if (images / folder).is_dir()
        for entry in os.scandir(images / folder)
        if entry.name.endswith(".jpg") and entry.name[:-4] in ids and entry.is_file()
    ]
    files = pl.DataFrame(found, schema=dict(zip(KEY, (pl.String, pl.Int64, pl.Int64), strict=True)), orient="row")
    return (
        articles.select("article", "article_id")
        .sort("article")
        .join(files, on="article_id", how="left", maintain_order="left")
    )


def picture_path(images: Path, article_id: str) -> Path:
    """The file of an article's picture."""
    return images / article_id[:3] / f"{article_id}.jpg"


def _caches(folder: Path, settings: ContentSettings) -> dict[str, PictureCache]:
    """The cache of each feature, in a folder named by the fingerprint of what the feature depends on."""
    code = code_fingerprint("forsys.content.picture_features")
    inputs = {
        "colour": fingerprint(code, settings.colour_tolerance, settings.max_colours),
        "shape": fingerprint(code),
    }
    if settings.image_encoder:
        inputs["encoding"] = encoder_fingerprint(settings.image_encoder)
    return {name: PictureCache(folder / f"{name}-{inputs[name]}") for name in inputs}


def _describe_new(
    files: pl.DataFrame, images: Path, caches: dict[str, PictureCache], settings: ContentSettings, processes: int
) -> None:
    """Describe the pictures of which a feature is not cached yet, part by part."""
    files = files.with_columns(colour=caches["colour"].lacks(files), shape=caches["shape"].lacks(files))
    new = files.filter(pl.col("colour") | pl.col("shape"))
    tasks = [
        PictureTask(picture_path(images, article_id), colour, shape)
        for article_id, colour, shape in new.select("article_id", "colour", "shape").iter_rows()
    ]
    work = partial(describe_picture, colour_tolerance=settings.colour_tolerance, max_colours=settings.max_colours)
    with workers(min(processes, len(tasks) // WORTH_A_WORKER), CHUNK) as map_tasks:
        results = iter(progress(map_tasks(work, tasks), "pictures", "picture", len(tasks)))
        for rows in new.iter_slices(PART):
            features = [next(results) for _ in range(len(rows))]
            caches["colour"].add(_colour_frame(rows, features).filter(rows["colour"]))
            caches["shape"].add(_shape_frame(rows, features).filter(rows["shape"]))


def _encode_new(files: pl.DataFrame, images: Path, cache: PictureCache, model: Path) -> None:
    """Run the image encoder over the pictures that are not cached yet, part by part."""
    new = files.filter(cache.lacks(files))
    if new.is_empty():
        return
    encoder = Encoder(model)
    with ThreadPoolExecutor(available_cores()) as pool:
        for rows in progress(list(new.iter_slices(ENCODER_PART)), "encoder", f"x {ENCODER_PART} pictures"):
            paths = [picture_path(images, article_id) for article_id in rows["article_id"]]
            decoded = [pixels for pixels, _ in pool.map(decode, paths)]
            usable = [i for i, pixels in enumerate(decoded) if pixels is not None]
            encoded = encoder.encode([pixels for pixels in decoded if pixels is not None])
            cache.add(rows.select(KEY).with_columns(_array_column("encoding", encoded, usable, len(rows))))


def _colour_frame(rows: pl.DataFrame, features: Sequence[PictureFeatures]) -> pl.DataFrame:
    """KEY, picture, the palette's columns and colour."""
    palettes = [one.palette for one in features]
    palette = {name: [palette and _as_list(getattr(palette, name)) for palette in palettes] for name in PALETTE}
    usable = [i for i, one in enumerate(features) if one.colour is not None]
    vectors = np.array([features[i].colour for i in usable], dtype=np.float32).reshape(-1, COLOUR_WIDTH)
    return rows.select(KEY).with_columns(
        pl.Series("picture", [one.status for one in features], STATUS),
        *(pl.Series(name, values, PICTURES[name]) for name, values in palette.items()),
        _array_column("colour", vectors, usable, len(rows)),
    )


def _shape_frame(rows: pl.DataFrame, features: Sequence[PictureFeatures]) -> pl.DataFrame:
    """KEY and shape."""
    usable = [i for i, one in enumerate(features) if one.shape is not None]
    vectors = np.array([features[i].shape for i in usable], dtype=np.float32).reshape(-1, SHAPE_WIDTH)
    return rows.select(KEY).with_columns(_array_column("shape", vectors, usable, len(rows)))


def _as_list(values: Floats | list[str]) -> list[str] | list[float]:
    return values if isinstance(values, list) else values.tolist()


def _array_column(name: str, vectors: Floats, rows: list[int], length: int) -> pl.Series:
    """A column of pl.Array with `vectors` at `rows` and null elsewhere."""
    column = pl.Series("row", rows, pl.Int64).to_frame().with_columns(pl.Series(name, vectors))
    every = pl.DataFrame({"row": pl.int_range(length, eager=True)})
    return every.join(column, on="row", how="left", maintain_order="left")[name]


def _joined(listing: pl.DataFrame, files: pl.DataFrame, caches: dict[str, PictureCache]) -> pl.DataFrame:
    """Every article's row: PICTURES, and encoding where there is an encoder."""
    described = listing
    for cache in caches.values():
        kept = cache.compact(files)
        if kept is not None:
            described = described.join(kept, on=KEY, how="left", maintain_order="left")
    every = pl.concat([pl.DataFrame(schema=PICTURES), described], how="diagonal")  # where no article has a picture
    return every.drop(KEY).with_columns(pl.col("picture").fill_null("missing"))
