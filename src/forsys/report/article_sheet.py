"""A sheet of articles: picture, garment, palette, keywords, and the most similar articles."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib as mpl
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from forsys.content.colour import to_lab
from forsys.content.decoding import Pixels, decode
from forsys.content.pictures import picture_files
from forsys.content.silhouette import silhouette
from forsys.content.vectors import content_vectors
from forsys.errors import DataError
from forsys.report.drawing import drawable
from forsys.run import Run
from forsys.store import atomic_write
from forsys.tables.roles import Roles

NEIGHBOURS = 6
BLOCKS = {"attributes": 1.0, "words": 1.0, "colour": 0.5, "shape": 0.5}  # NearestContent's default weights
Files = Mapping[str, Path]  # article_id -> its picture, where there is one
INK, QUIET, EMPTY = "#1a1a1a", "#6b6b6b", "#f0eeea"


def write_sheet(run: Run, article_ids: Sequence[str]) -> Path:
    """Draw one row per article into output/<data set>/content/show-<first article>.png; returns that path.

    Raises DataError for an unknown article, or where the stage `content` has not run.
    """
    run.fingerprint_of("content")  # raises where the stage has not finished
    content = run.workspace.content
    articles = run.history.articles.join(
        pl.read_parquet(content / "pictures.parquet").drop("colour", "shape", strict=False),
        on="article",
        how="left",
        maintain_order="left",
    )
    chosen = [_row_of(run, articles, article_id) for article_id in article_ids]
    keywords = pl.read_parquet(content / "keywords.parquet")
    near = most_similar(articles, chosen, NEIGHBOURS)
    target = content / f"show-{articles['article_id'][chosen[0]]}.png"
    figure = Figure(figsize=(1.6 * (4 + NEIGHBOURS), 2.6 * len(chosen)))
    grid = figure.subplots(
        len(chosen),
        4 + NEIGHBOURS,
        gridspec_kw={"width_ratios": [1, 1, 0.8, 1.5, *([1] * NEIGHBOURS)]},
        squeeze=False,
    )
    shown = articles[sorted({*chosen, *(other for neighbours in near for other in neighbours)})]
    files = picture_files(run.dataset.folder / "images", shown)
    for axes, row, neighbours in zip(grid, chosen, near, strict=True):
        article = articles.row(row, named=True)
        found = keywords.filter(pl.col("article") == row)["keyword"].to_list()
        _draw_article(axes[:4], files, article, found, run.roles)
        for axis, other in zip(axes[4:], neighbours, strict=False):
            _draw_picture(axis, files, articles.row(other, named=True), run.roles)
        for axis in axes[4 + len(neighbours) :]:
            axis.axis("off")
    grid[0, 4].text(0, 1.34, "most similar", fontsize=8, color=QUIET, transform=grid[0, 4].transAxes)
    for axis in grid.flat:
        axis.set_anchor("N")
    with atomic_write(target) as part, mpl.rc_context({"text.parse_math": False}):  # a $ of a name is a $
        figure.savefig(part, dpi=110, bbox_inches="tight", facecolor="white", format="png")
    return target


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
    digits = len(articles["article_id"][0])  # a shell's user may leave out leading zeros
    spellings = [article_id, article_id.zfill(digits)]
    found = articles.with_row_index("row").filter(pl.col("article_id").is_in(spellings))
    if found.is_empty():
        raise DataError(
            f"{article_id} is not an article of {run.dataset.name}. "
            f"Name an article_id, such as {articles['article_id'][0]}."
        )
    return int(found["row"][0])


def _draw_article(axes: Any, files: Files, article: dict[str, Any], keywords: list[str], roles: Roles) -> None:
    _draw_picture(axes[0], files, article, roles)
    _draw_garment(axes[1], files, article)
    _draw_palette(axes[2], article)
    _title(axes[3], "keywords")
    words = "\n".join(f"{rank}  {drawable(word)}" for rank, word in enumerate(keywords, 1)) or "no description"
    axes[3].text(0, 0.98, words, va="top", fontsize=8.5, color=INK, transform=axes[3].transAxes, linespacing=1.35)


def _draw_picture(axis: Axes, files: Files, article: dict[str, Any], roles: Roles) -> None:
    pixels, status = _decoded(files, article)
    _title(axis, fill(drawable(article["prod_name"] or ""), 17, max_lines=2), INK)
    if pixels is None:
        _draw_message(axis, f"picture {status}")
    else:
        axis.imshow(pixels)
    attributes = drawable(", ".join(filter(None, (article.get(roles.kind), article.get(roles.colour)))))
    caption = f"{article['article_id']}\n{attributes}"
    axis.text(0, -0.03, caption, va="top", fontsize=7, color=QUIET, transform=axis.transAxes)


def _draw_garment(axis: Axes, files: Files, article: dict[str, Any]) -> None:
    pixels, _ = _decoded(files, article)
    _title(axis, "garment")
    if pixels is None:
        return _draw_message(axis, "")
    mask = silhouette(to_lab(pixels))
    axis.imshow(np.where(mask[..., None], pixels, 255).astype(np.uint8))
    axis.contour(mask, levels=[0.5], colors="#d6336c", linewidths=0.8)


def _decoded(files: Files, article: dict[str, Any]) -> tuple[Pixels | None, str]:
    file = files.get(article["article_id"])
    return (None, "missing") if file is None else decode(file)


def _draw_palette(axis: Axes, article: dict[str, Any]) -> None:
    _title(axis, "palette")
    if not article["hex"]:
        return
    axis.set_xlim(0, 1)
    axis.set_ylim(1, 0)
    top = 0.0
    for colour, share in zip(article["hex"], article["share"], strict=True):
        axis.add_patch(Rectangle((0, top), 0.3, share, color=colour))
        if share > 0.04:
            axis.text(0.36, top + share / 2, f"{colour}\n{share:.0%}", va="center", fontsize=7, color=INK)
        top += share


def _title(axis: Axes, text: str, colour: str = QUIET) -> None:
    axis.axis("off")
    axis.set_title(text, fontsize=8, color=colour, loc="left")


def _draw_message(axis: Axes, text: str) -> None:
    axis.set_box_aspect(1)
    axis.add_patch(Rectangle((0, 0), 1, 1, color=EMPTY, transform=axis.transAxes))
    axis.text(0.5, 0.5, text, ha="center", va="center", fontsize=8, color=QUIET, transform=axis.transAxes)
