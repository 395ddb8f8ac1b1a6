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
from forsys.content.encoder import Encoder, encoder_mark
from forsys.content.look import Look, Task, look_at
from forsys.content.picture_cache import KEY, PictureCache, forget_all_but
from forsys.content.shape import SHAPE_WIDTH
from forsys.content.workers import available_cores, workers
from forsys.progress import progress
from forsys.settings import Content
from forsys.store import code_fingerprint, fingerprint, is_current, set_current, write_parquet

PART = 2_000  # pictures looked at between two writes: what a killed run loses at most
ENCODED = 512  # the same for the image encoder
CHUNK = 32  # pictures handed to a worker at a time
WORTH_A_WORKER = 200  # pictures; a worker starts in the time that it takes to look at so many

SEEN = code_fingerprint("content/decoding.py", "content/silhouette.py", "content/look.py")
STATUS = pl.Enum(STATUSES)

# pictures.parquet, sorted by article, one row for every article. All past `picture` is null unless it is "ok"; a
# column `encoding`, pl.Array(Float32, width), follows where the settings name an image encoder.
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
    images: Path, articles: pl.DataFrame, folder: Path, settings: Content, processes: int | None = None
) -> pl.DataFrame:
    """Look at every article's picture; returns PICTURES and leaves it as `folder`/pictures.parquet.

    Pictures are `images`/0NN/0NNNNNNNNN.jpg; `articles` has the columns article and article_id. What was computed
    before of unchanged files with the same settings and code is kept in `folder`/pictures. `processes` are worker
    processes, by default as many as there are cores. Raises DataError where the image encoder can't be used.
    """
    listing = find_pictures(images, articles)
    caches = _caches(folder / "pictures", settings)
    mark = fingerprint([cache.folder.name for cache in caches.values()], listing.write_csv())
    target = folder / "pictures.parquet"
    if is_current(target, mark):
        return pl.read_parquet(target)
    files = listing.drop_nulls()
    _look_at_new(files, images, caches, settings, processes or available_cores())
    if settings.image_encoder:
        _encode_new(files, images, caches["encoding"], settings.image_encoder)
    described = _joined(listing, files, caches)
    write_parquet(described, target)
    set_current(target, mark)
    forget_all_but(caches.values(), folder / "pictures")
    return described


def count_statuses(described: pl.DataFrame) -> dict[str, int]:
    """How many articles have a picture of each status, in the order of STATUSES, without those that none has."""
    counts = dict(described["picture"].value_counts().iter_rows())
    return {status: counts[status] for status in STATUSES if status in counts}


def find_pictures(images: Path, articles: pl.DataFrame) -> pl.DataFrame:
    """Every article's picture file: article, article_id, bytes, mtime_ns; sorted by article, null without one."""
    wanted = set(articles["article_id"])
    found = [
        (entry.name[:-4], entry.stat().st_size, entry.stat().st_mtime_ns)
        for folder in sorted({article_id[:3] for article_id in wanted})
        if (images / folder).is_dir()
        for entry in os.scandir(images / folder)
        if entry.name.endswith(".jpg") and entry.name[:-4] in wanted and entry.is_file()
    ]
    files = pl.DataFrame(found, schema=dict(zip(KEY, (pl.String, pl.Int64, pl.Int64), strict=True)), orient="row")
    return (
        articles.select("article", "article_id")
        .sort("article")
        .join(files, on="article_id", how="left", maintain_order="left")
    )


def picture_path(images: Path, article_id: str) -> Path:
    """Where an article's picture lies."""
    return images / article_id[:3] / f"{article_id}.jpg"


def _caches(folder: Path, settings: Content) -> dict[str, PictureCache]:
    """Where the features of each kind are kept, by what they depend on."""
    marks = {
        "colour": fingerprint(SEEN, code_fingerprint("content/colour.py"), settings.tolerance, settings.limit),
        "shape": fingerprint(SEEN, code_fingerprint("content/shape.py")),
    }
    if settings.image_encoder:
        marks["encoding"] = encoder_mark(settings.image_encoder)
    return {kind: PictureCache(folder / f"{kind}-{mark}") for kind, mark in marks.items()}


def _look_at_new(
    files: pl.DataFrame, images: Path, caches: dict[str, PictureCache], settings: Content, processes: int
) -> None:
    """Describe the pictures of which something is not kept yet, part by part."""
    files = files.with_columns(colour=caches["colour"].lacks(files), shape=caches["shape"].lacks(files))
    new = files.filter(pl.col("colour") | pl.col("shape"))
    tasks = [
        Task(picture_path(images, article_id), colour, shape)
        for article_id, colour, shape in new.select("article_id", "colour", "shape").iter_rows()
    ]
    with workers(min(processes, len(tasks) // WORTH_A_WORKER), CHUNK) as look:
        looks = look(partial(look_at, tolerance=settings.tolerance, limit=settings.limit), tasks)
        looks = iter(progress(looks, "pictures", "picture", len(tasks)))
        for rows in new.iter_slices(PART):
            seen = [next(looks) for _ in range(len(rows))]
            caches["colour"].add(_colour_frame(rows, seen).filter(rows["colour"]))
            caches["shape"].add(_shape_frame(rows, seen).filter(rows["shape"]))


def _encode_new(files: pl.DataFrame, images: Path, cache: PictureCache, model: Path) -> None:
    """Run the image encoder over the pictures that it has not seen yet, part by part."""
    new = files.filter(cache.lacks(files))
    if new.is_empty():
        return
    encoder = Encoder(model)
    with ThreadPoolExecutor(available_cores()) as pool:
        for rows in progress(list(new.iter_slices(ENCODED)), "encoder", f"x {ENCODED} pictures"):
            paths = [picture_path(images, article_id) for article_id in rows["article_id"]]
            pixels = [pixels for pixels, _ in pool.map(decode, paths)]
            usable = [i for i, found in enumerate(pixels) if found is not None]
            encoded = encoder.encode([found for found in pixels if found is not None])
            cache.add(rows.select(KEY).with_columns(_array_column("encoding", encoded, usable, len(rows))))


def _colour_frame(rows: pl.DataFrame, seen: Sequence[Look]) -> pl.DataFrame:
    """KEY, picture, the palette's columns and colour."""
    palettes = [look.palette for look in seen]
    palette = {name: [palette and _listed(getattr(palette, name)) for palette in palettes] for name in PALETTE}
    usable = [i for i, look in enumerate(seen) if look.colour is not None]
    vectors = np.array([seen[i].colour for i in usable], dtype=np.float32).reshape(-1, COLOUR_WIDTH)
    return rows.select(KEY).with_columns(
        pl.Series("picture", [look.status for look in seen], STATUS),
        *(pl.Series(name, values, PICTURES[name]) for name, values in palette.items()),
        _array_column("colour", vectors, usable, len(rows)),
    )


def _shape_frame(rows: pl.DataFrame, seen: Sequence[Look]) -> pl.DataFrame:
    """KEY and shape."""
    usable = [i for i, look in enumerate(seen) if look.shape is not None]
    vectors = np.array([seen[i].shape for i in usable], dtype=np.float32).reshape(-1, SHAPE_WIDTH)
    return rows.select(KEY).with_columns(_array_column("shape", vectors, usable, len(rows)))


def _listed(values: Floats | list[str]) -> list[str] | list[float]:
    return values if isinstance(values, list) else values.tolist()


def _array_column(name: str, vectors: Floats, places: list[int], length: int) -> pl.Series:
    """A column of pl.Array with `vectors` at `places` and null elsewhere."""
    column = pl.Series("place", places, pl.Int64).to_frame().with_columns(pl.Series(name, vectors))
    every = pl.DataFrame({"place": pl.int_range(length, eager=True)})
    return every.join(column, on="place", how="left", maintain_order="left")[name]


def _joined(listing: pl.DataFrame, files: pl.DataFrame, caches: dict[str, PictureCache]) -> pl.DataFrame:
    """Every article's row: PICTURES, and encoding where there is an encoder."""
    described = listing
    for cache in caches.values():
        kept = cache.compact(files)
        if kept is not None:
            described = described.join(kept, on=KEY, how="left", maintain_order="left")
    every = pl.concat([pl.DataFrame(schema=PICTURES), described], how="diagonal")  # where no article has a picture
    return every.drop(KEY).with_columns(pl.col("picture").fill_null("missing"))
