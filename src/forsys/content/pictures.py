"""The one pass over all articles' pictures: each is decoded once, for its colours and its shape."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
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
from forsys.optional_parts import missing_modules
from forsys.progress import progress
from forsys.settings import ContentSettings
from forsys.store import is_current, write_parquet, write_stamp

PART = 2_000  # pictures between two writes of the cache: what a killed run loses at most
ENCODER_PART = 512  # the same for the image encoder
CHUNK = 32  # pictures handed to a worker at a time
WORTH_A_WORKER = 200  # pictures; a worker starts in the time that it takes to describe so many
ENDINGS = ("jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif")  # of a picture's name, in any case

STATUS = pl.Enum([*STATUSES, "not described"])
Match = tuple[str, str, os.DirEntry[str]]  # article_id, path below the pictures' folder, and entry of a file

# pictures.parquet, sorted by article, one row for every article. All columns after `picture` are null unless it is
# "ok"; a column `encoding`, pl.Array(Float32, width), follows where the settings name an image encoder.
PICTURES: dict[str, pl.DataType] = {
    "article": pl.Int32(),
    "picture": STATUS,
    "hex": pl.List(pl.String()),  # the palette by falling share; this and the next are equally long
    "share": pl.List(pl.Float32()),  # of the garment
    "colour": pl.Array(pl.Float32(), COLOUR_WIDTH),
    "shape": pl.Array(pl.Float32(), SHAPE_WIDTH),
}
PALETTE = ("hex", "share")


def describe_pictures(
    images: Path, articles: pl.DataFrame, folder: Path, settings: ContentSettings
) -> pl.DataFrame:
    """Describe every article's picture; returns PICTURES and writes it to `folder`/pictures.parquet.

    `images`: see `find_pictures`; `articles` has the columns article and article_id. `folder`/pictures
    caches the features of unchanged files with the same settings and code. Raises DataError where the image encoder
    can't be used. Without the libraries for it no picture is described.
    """
    if missing_modules("content"):
        return _undescribed(images, articles, folder)
    listing = find_pictures(images, articles)
    caches = _caches(folder / "pictures", settings)
    inputs = fingerprint([cache.folder.name for cache in caches.values()], listing.write_csv())
    target = folder / "pictures.parquet"
    if is_current(target, inputs):
        return pl.read_parquet(target, glob=False)
    files = listing.drop_nulls()
    _describe_new(files, images, caches, settings)
    if settings.image_encoder:
        _encode_new(files, images, caches["encoding"], settings.image_encoder)
    described = _joined(listing, files, caches)
    write_parquet(described, target)
    write_stamp(target, inputs)
    delete_all_but(caches.values(), folder / "pictures")
    return described


def _undescribed(images: Path, articles: pl.DataFrame, folder: Path) -> pl.DataFrame:
    """PICTURES where nothing can describe them."""
    status = pl.when(pl.col("file").is_null()).then(pl.lit("missing")).otherwise(pl.lit("not described"))
    listing = find_pictures(images, articles).select("article", picture=status.cast(STATUS))
    described = pl.concat([pl.DataFrame(schema=PICTURES), listing], how="diagonal")
    write_parquet(described, folder / "pictures.parquet")
    return described


def count_statuses(described: pl.DataFrame) -> dict[str, int]:
    """How many articles have a picture of each status, in the order of STATUS; those that occur."""
    counts = dict(described["picture"].value_counts().iter_rows())
    return {status: counts[status] for status in STATUS.categories if status in counts}


def find_pictures(images: Path, articles: pl.DataFrame) -> pl.DataFrame:
    """Every article's picture file: article, article_id, bytes, mtime_ns, file (its path below `images`).

    Sorted by article, null where missing. The file is that which the shop's table names, where there is one, then
    `standard_name`, or else the first by name of those that can only be meant for the article: with another of
    ENDINGS, without leading zeros, or in any folder of `images`.
    """
    return _listing(_matching_files(images, articles), articles)


def picture_state(images: Path, articles: pl.DataFrame) -> str:
    """All that the stage `content` uses and says of the files of the pictures, as text: `images` is read once."""
    matches = list(_matching_files(images, articles))
    return "\n".join([_listing(matches, articles).write_csv(), *_notes(matches, images, articles)])


def _listing(matches: Iterable[Match], articles: pl.DataFrame) -> pl.DataFrame:
    found: dict[str, tuple[bool, str, os.DirEntry[str]]] = {}
    for article_id, file, entry in matches:
        candidate = (file != standard_name(article_id), file, entry)
        found[article_id] = min(candidate, found.get(article_id, candidate), key=lambda each: each[:2])
    rows = [
        (article_id, entry.stat().st_size, entry.stat().st_mtime_ns, file)
        for article_id, (_, file, entry) in found.items()
    ]
    schema = dict(zip((*KEY, "file"), (pl.String, pl.Int64, pl.Int64, pl.String), strict=True))
    return (
        articles.select("article", "article_id")
        .sort("article")
        .join(pl.DataFrame(rows, schema, orient="row"), on="article_id", how="left", maintain_order="left")
    )


def standard_name(article_id: str) -> str:
    """The path below the pictures' folder at which Kaggle's data have an article's picture: 0NN/0NNNNNNNNN.jpg."""
    return f"{article_id[:3]}/{article_id}.jpg"


def picture_files(images: Path, articles: pl.DataFrame) -> dict[str, Path]:
    """article_id -> file of the articles that have one, see `find_pictures`."""
    found = find_pictures(images, articles).drop_nulls()
    return {article_id: images / file for article_id, file in found.select("article_id", "file").iter_rows()}


def name_notes(images: Path, articles: pl.DataFrame) -> list[str]:
    """What a person should know of the names of the pictures, in sentences; none where all are standard."""
    return _notes(list(_matching_files(images, articles)), images, articles)


def _notes(matches: Sequence[Match], images: Path, articles: pl.DataFrame) -> list[str]:
    named = _named_paths(articles)
    found = [(article_id, file) for article_id, file, _ in matches]
    expected = {each for each, file in found if file in (named.get(each), standard_name(each))}
    other = sorted((article_id, file) for article_id, file in found if article_id not in expected)
    used, notes = {article_id for article_id, _ in found}, []
    if other:
        article_id, file = other[0]
        notes.append(
            f"{len(used - expected):,} pictures were found under another name than "
            f"{named.get(article_id, standard_name(article_id))}, such as {file} for the article {article_id}"
        )
    if len(found) > len(used):
        notes.append(f"{len(found) - len(used):,} pictures are of an article that has another one: not used")
    example = None if found else _any_file(images)
    if example is not None and len(articles):
        article_id = articles["article_id"][0]
        notes.append(
            f"NO PICTURE BELONGS TO AN ARTICLE, though {images} holds files, such as {example}. "
            f"That of the article {article_id} is expected at {named.get(article_id, standard_name(article_id))}"
        )
    return notes


def _matching_files(images: Path, articles: pl.DataFrame) -> Iterator[Match]:
    """The file that the shop's table names, or else the article's pictures in `images` and its folders."""
    named = list(_named_files(images, articles))
    yield from named
    article_ids = set(articles["article_id"]) - {article_id for article_id, _, _ in named}
    digits = _digits(articles["article_id"])
    for first in _entries(images):
        is_folder = _is(first, os.DirEntry.is_dir)
        for entry in _entries(images / first.name) if is_folder else [first]:
            stem, _, ending = entry.name.rpartition(".")
            article_id = stem if stem in article_ids else stem.zfill(digits)
            if ending.lower() in ENDINGS and article_id in article_ids and _is(entry, os.DirEntry.is_file):
                yield article_id, f"{first.name}/{entry.name}" if is_folder else entry.name, entry


def _named_files(images: Path, articles: pl.DataFrame) -> Iterator[Match]:
    """The files that the column `picture` names and that are there."""
    named = _named_paths(articles)
    parents = {Path(path).parent for path in named.values()}
    folders = {parent: {entry.name: entry for entry in _entries(images / parent)} for parent in parents}
    for article_id, path in named.items():
        entry = folders[Path(path).parent].get(Path(path).name)
        if entry is not None and _is(entry, os.DirEntry.is_file):
            yield article_id, path, entry


def _named_paths(articles: pl.DataFrame) -> dict[str, str]:
    """article_id -> path below the pictures' folder, of the articles for which the shop's table has one."""
    if "picture" not in articles.columns:
        return {}
    return dict(articles.select("article_id", "picture").drop_nulls().iter_rows())


def _digits(article_ids: pl.Series) -> int:
    """How many digits all ids have, 0 where they differ: a file's name may have lost its leading zeros."""
    lengths = article_ids.str.len_chars().unique()
    return int(lengths[0]) if len(lengths) == 1 and article_ids.str.contains(r"^\d+$").all() else 0


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder; nothing where there is none."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return list(entries)


def _is(entry: os.DirEntry[str], kind: Callable[[os.DirEntry[str]], bool]) -> bool:
    """Whether an entry, or what it links to, is of this kind; False for a link to itself."""
    try:
        return kind(entry)
    except OSError:
        return False


def _any_file(images: Path) -> str | None:
    """The path below `images` of the first file there."""
    for folder, folders, files in os.walk(images):
        folders.sort()
        if files:
            return str(Path(folder, min(files)).relative_to(images))
    return None


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
    files: pl.DataFrame, images: Path, caches: dict[str, PictureCache], settings: ContentSettings
) -> None:
    """Describe the pictures of which a feature is not cached yet, part by part."""
    files = files.with_columns(colour=caches["colour"].lacks(files), shape=caches["shape"].lacks(files))
    new = files.filter(pl.col("colour") | pl.col("shape"))
    tasks = [
        PictureTask(images / file, colour, shape)
        for file, colour, shape in new.select("file", "colour", "shape").iter_rows()
    ]
    work = partial(describe_picture, colour_tolerance=settings.colour_tolerance, max_colours=settings.max_colours)
    processes = min(available_cores(), len(tasks) // WORTH_A_WORKER)
    with workers("features of the pictures", processes, CHUNK) as map_tasks:
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
        for rows in progress(list(new.iter_slices(ENCODER_PART)), "encoder", "part"):
            paths = [images / file for file in rows["file"]]
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
    return every.drop(*KEY, "file").with_columns(pl.col("picture").fill_null("missing"))
