"""A sheet of articles: picture, garment, palette, keywords, and the most similar articles."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from forsys.content.colour import to_lab
from forsys.content.decoding import Pixels, decode
from forsys.content.silhouette import Mask, silhouette
from forsys.content.vectors import content_vectors
from forsys.errors import DataError
from forsys.report.articles import files_of
from forsys.report.drawing import ACCENT, FAINT, INK, drawable, house_style
from forsys.report.rows import Row
from forsys.run import Run
from forsys.store import atomic_write
from forsys.tables.roles import Roles

NEIGHBOURS = 6
BLOCKS = {"attributes": 1.0, "words": 1.0, "colour": 0.5, "shape": 0.5}  # NearestContent's default weights
Files = Mapping[str, Path]  # article_id -> its picture, where there is one
EMPTY = "#f0f1f4"
MAX_SHOWN = 100  # articles of a sheet: a picture may be 65,536 pixels high
MAX_NAME = 100  # characters of an id in the name of a file


@dataclass(frozen=True)
class Sheet:
    """What is shown of an article: its row of the tables, and those most similar.

    palette: colours as "#rrggbb" with their shares of the garment; empty without a picture.
    """

    article: Row
    palette: list[tuple[str, float]]
    keywords: list[str]
    similar: list[Row]


def sheets_of(run: Run, article_ids: Sequence[str]) -> list[Sheet]:
    """One per article.

    Raises DataError for an unknown article, for more than MAX_SHOWN, or where the stage `content` has not run.
    """
    if len(article_ids) > MAX_SHOWN:
        raise DataError(f"{len(article_ids)} articles are too many for one sheet. Name at most {MAX_SHOWN}.")
    run.fingerprint_of("content")  # raises where the stage has not finished
    articles, content = run.history.articles, run.workspace.content
    chosen = [_row_of(run, articles, article_id) for article_id in article_ids]
    keywords = pl.read_parquet(content / "keywords.parquet", glob=False)
    palettes = pl.read_parquet(content / "pictures.parquet", columns=["hex", "share"], glob=False)
    return [
        Sheet(
            articles.row(row, named=True),
            _palette(*palettes.row(row)),
            keywords.filter(pl.col("article") == row)["keyword"].to_list(),
            [articles.row(other, named=True) for other in similar],
        )
        for row, similar in zip(chosen, most_similar(articles, chosen, NEIGHBOURS), strict=True)
    ]


def sheet_path(run: Run, sheets: Sequence[Sheet], ending: str) -> Path:
    """Where a sheet is written: output/<data set>/content/show-<first article><ending>.

    Signs of an id that a file's name cannot hold, or should not, become _.
    """
    article = re.sub(r"[^A-Za-z0-9_.-]", "_", sheets[0].article["article_id"])[:MAX_NAME]
    return run.workspace.content / f"show-{article}{ending}"


def write_sheet(run: Run, sheets: Sequence[Sheet]) -> Path:
    """Draw one row per article as a PNG; returns its path."""
    target = sheet_path(run, sheets, ".png")
    with house_style(), atomic_write(target) as part:
        _drawn(run, sheets).savefig(part, dpi=110, bbox_inches="tight", facecolor="white", format="png")
    return target


def _drawn(run: Run, sheets: Sequence[Sheet]) -> Figure:
    figure = Figure(figsize=(1.6 * (4 + NEIGHBOURS), 3.0 * len(sheets)))
    grid = figure.subplots(
        len(sheets),
        4 + NEIGHBOURS,
        gridspec_kw={"width_ratios": [1, 1, 0.8, 1.5, *([1] * NEIGHBOURS)], "hspace": 0.5},
        squeeze=False,
    )
    files = files_of(run, [each["article_id"] for sheet in sheets for each in (sheet.article, *sheet.similar)])
    for axes, sheet in zip(grid, sheets, strict=True):
        _draw_article(axes[:4], files, sheet, run.roles)
        for axis, other in zip(axes[4:], sheet.similar, strict=False):
            _draw_picture(axis, files, other, run.roles)
        for axis in axes[4 + len(sheet.similar) :]:
            axis.axis("off")
    grid[0, 4].text(0, 1.34, "most similar", fontsize=8, color=FAINT, transform=grid[0, 4].transAxes)
    for axis in grid.flat:
        axis.set_anchor("N")
    return figure


def _palette(colours: list[str] | None, shares: list[float] | None) -> list[tuple[str, float]]:
    return list(zip(colours or [], shares or [], strict=True))


def most_similar(articles: pl.DataFrame, rows: Sequence[int], count: int) -> list[list[int]]:
    """The `count` most similar articles of each row, the best first: one per product, and none of its own."""
    vectors = content_vectors(articles, BLOCKS)
    codes = articles["product_code"].to_numpy()
    found = []
    for row in rows:
        order = np.argsort(-(vectors @ vectors[row]), kind="stable")
        order = order[codes[order] != codes[row]]
        first = np.sort(np.unique(codes[order[: 50 * count]], return_index=True)[1])
        found.append(order[first[:count]].tolist())
    return found


def _row_of(run: Run, articles: pl.DataFrame, article_id: str) -> int:
    ids = articles["article_id"]
    for spelling in (article_id, article_id.zfill(len(ids[0]))):  # a shell's user may leave out leading zeros
        rows = (ids == spelling).arg_true()
        if len(rows):
            return int(rows[0])
    raise DataError(f"{article_id} is not an article of {run.dataset.name}. Name an article_id, such as {ids[0]}.")


def _draw_article(axes: Any, files: Files, sheet: Sheet, roles: Roles) -> None:
    _draw_picture(axes[0], files, sheet.article, roles)
    _draw_garment(axes[1], files, sheet.article)
    _draw_palette(axes[2], sheet.palette)
    _title(axes[3], "keywords")
    ranked = (f"{rank}  {drawable(word)}" for rank, word in enumerate(sheet.keywords, 1))
    words = "\n".join(ranked) or "no description"
    axes[3].text(0, 0.98, words, va="top", fontsize=8.5, color=INK, transform=axes[3].transAxes, linespacing=1.35)


def _draw_picture(axis: Axes, files: Files, article: Row, roles: Roles) -> None:
    pixels, status = _decoded(files, article)
    _title(axis, fill(drawable(article["prod_name"] or ""), 17, max_lines=2), INK)
    if pixels is None:
        _draw_message(axis, f"picture {status}")
    else:
        axis.imshow(pixels)
    attributes = drawable(", ".join(filter(None, (article.get(roles.kind), article.get(roles.colour)))))
    caption = f"{article['article_id']}\n{fill(attributes, 21, max_lines=2)}"
    axis.text(0, -0.03, caption, va="top", fontsize=7, color=FAINT, transform=axis.transAxes)


def _draw_garment(axis: Axes, files: Files, article: Row) -> None:
    pixels, _ = _decoded(files, article)
    _title(axis, "garment")
    if pixels is None:
        return _draw_message(axis, "")
    mask, garment = cut_out(pixels)
    axis.imshow(garment)
    axis.contour(mask, levels=[0.5], colors=ACCENT, linewidths=0.8)


def cut_out(pixels: Pixels) -> tuple[Mask, Pixels]:
    """The garment's pixels (height, width), and the picture with all others white."""
    mask = silhouette(to_lab(pixels))
    return mask, np.where(mask[..., None], pixels, 255).astype(np.uint8)


def _decoded(files: Files, article: Row) -> tuple[Pixels | None, str]:
    file = files.get(article["article_id"])
    return (None, "missing") if file is None else decode(file)


def _draw_palette(axis: Axes, palette: Sequence[tuple[str, float]]) -> None:
    _title(axis, "palette")
    if not palette:
        return
    axis.set_xlim(0, 1)
    axis.set_ylim(1, 0)
    top = 0.0
    for colour, share in palette:
        axis.add_patch(Rectangle((0, top), 0.3, share, color=colour))
        if share > 0.09:  # two lines of text
            axis.text(0.36, top + share / 2, f"{colour}\n{share:.0%}", va="center", fontsize=7, color=INK)
        top += share


def _title(axis: Axes, text: str, colour: str = FAINT) -> None:
    axis.axis("off")
    axis.set_title(text, fontsize=8, color=colour, loc="left")


def _draw_message(axis: Axes, text: str) -> None:
    axis.set_box_aspect(1)
    axis.add_patch(Rectangle((0, 0), 1, 1, color=EMPTY, transform=axis.transAxes))
    axis.text(0.5, 0.5, text, ha="center", va="center", fontsize=8, color=FAINT, transform=axis.transAxes)
