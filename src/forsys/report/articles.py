"""Articles as the pages show them: name, kind, colour, price, and a picture or the colours of a tile."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from forsys.content.pictures import picture_files
from forsys.ranking.live import newest_prices
from forsys.report.colours import swatch
from forsys.report.rows import Row
from forsys.report.thumbnails import data_uri, thumbnail
from forsys.run import Run

MAX_PICTURES = 2_000  # past it articles are drawn: reading one takes 7 ms
MAX_CHARACTERS = 3_000_000  # of all pictures together


def articles_of(run: Run, dense: Sequence[int]) -> list[Row]:
    """id, name, kind, colour, price and tile (background, ink) of articles, given by their dense ids, in order."""
    table, roles = run.history.articles[list(dense)], run.roles
    prices = newest_prices(run.history, run.calendar.submission)[list(dense)].tolist()
    return [
        _article(row, row.get(roles.kind) or "article", row.get(roles.colour) or "", price)
        for row, price in zip(table.iter_rows(named=True), prices, strict=True)
    ]


def pictures_of(run: Run, ids: Sequence[str]) -> list[str]:
    """The pictures of articles as data: addresses, "" where there is none.

    Of the first ones alone, see MAX_PICTURES and MAX_CHARACTERS.
    """
    files, pictures, room = files_of(run, ids[:MAX_PICTURES]), [], MAX_CHARACTERS
    for article in ids:
        small = thumbnail(files[article]) if article in files and room > 0 else None
        pictures.append(data_uri(small) if small else "")
        room -= len(pictures[-1])
    return pictures


def files_of(run: Run, ids: Sequence[str]) -> dict[str, Path]:
    """article_id -> file of its picture, where there is one."""
    table = run.history.articles.filter(pl.col("article_id").is_in(list(ids)))
    return picture_files(run.dataset.folder / "images", table) if len(ids) else {}


def _article(row: Row, kind: str, colour: str, price: float) -> Row:
    background, ink = swatch(colour, kind)
    name = row["prod_name"] or row["article_id"]
    about = {"id": row["article_id"], "name": name, "kind": kind, "colour": colour}
    return about | {"price": _shown_price(price) if price else None, "tile": [background, ink]}


def _shown_price(price: float) -> float:
    """Of a small price four digits, and of a large one two decimals."""
    return float(f"{price:.4g}") if price < 100 else round(price, 2)
