"""A picture of a few customers of the holdout: what they had bought, what was predicted, what they bought."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from forsys.errors import DataError
from forsys.report.articles import files_of
from forsys.report.drawing import FAINT, drawable, house_style
from forsys.report.rows import Row
from forsys.report.thumbnails import thumbnail
from forsys.run import Run
from forsys.store import atomic_write, read_json

ROW = 1.485  # inches of 100 pixels: height of one customer
DOTS = 100
GOOD = "#1a7446"  # as in page.css
BEFORE, THEN = 3, 3  # cards left and right of the predicted ones
CARD, GAP = 0.62, 0.28  # inches: width of a card with its margin, and the room between the groups
LEFT, RIGHT = 0.24, 0.04  # inches: the margins
TALL = 0.86  # inches: height of a card
Pictures = Callable[[Row], bytes | None]  # of an article


def write_customers(run: Run, target: Path, count: int = 4) -> None:
    """Write a PNG of `count` customers of the page, one per row: bought before, predicted, bought then.

    Half of them have a hit, more than usual. Raises DataError where there is no customer to draw.
    """
    figures = read_json(run.workspace.report.with_suffix(".json")) or {}
    customers = _half_with_hits(figures.get("customers", []), count)
    if not customers:
        raise DataError(
            f"{run.workspace.shown(run.workspace.report.with_suffix('.json'))} is missing, or no buyer of the "
            f"holdout had bought before. Run the stage `report` first, or use a longer log."
        )
    pictures = _pictures(run, figures["articles"])
    columns = BEFORE + THEN + max(len(customer["predicted"]) for customer in customers)
    width = LEFT + columns * CARD + 2 * GAP + RIGHT
    with house_style():
        figure = Figure(figsize=(width, ROW * len(customers)), facecolor="white")
        for row, customer in enumerate(customers, 1):
            axes = figure.add_axes((0, 1 - row / len(customers), 1, 1 / len(customers)))
            axes.set_xlim(0, width)
            _draw_customer(axes, customer, figures["articles"], pictures)
        with atomic_write(target) as part:
            figure.savefig(part, format="png", dpi=DOTS, metadata={"Software": None})


def _half_with_hits(customers: list[Row], count: int) -> list[Row]:
    """Of the holdout's customers with earlier purchases; more of one kind where there are too few of the other."""
    known = [each for each in customers if each["period"] == "holdout" and each["num_before"]]
    hits, misses = ([each for each in known if bool(each["hits"]) == wanted] for wanted in (True, False))
    first = hits[: max((count + 1) // 2, count - len(misses))]
    return [*first, *misses[: count - len(first)]]


def _pictures(run: Run, articles: list[Row]) -> Pictures:
    files = files_of(run, [article["id"] for article in articles])
    return lambda article: thumbnail(files[article["id"]]) if article["id"] in files else None


def _draw_customer(ax: Axes, customer: Mapping[str, Any], articles: list[Row], pictures: Pictures) -> None:
    """A row of cards; the axes are in inches."""
    ax.set_ylim(0, ROW)
    ax.set_axis_off()
    predicted = [(each["article"], "bought" if each["hit"] else "") for each in customer["predicted"]]
    ranks = {article: rank for rank, (article, _) in enumerate(predicted, 1)}
    then = [(article, f"no. {ranks[article]}" if article in ranks else "") for article in customer["bought"]]
    groups = (
        ("bought last", [(article, "") for article, _ in customer["before"]][:BEFORE], BEFORE),
        (f"the {len(predicted)} predicted, best first", predicted, len(predicted)),
        (f"then bought: {customer['hits']} of {customer['num_bought']} found", then[:THEN], THEN),
    )
    left = LEFT
    for title, cards, columns in groups:
        ax.text(left, TALL + 0.28, title, color=FAINT, fontsize=9, va="bottom")
        for column, (article, note) in enumerate(cards):
            _draw_card(ax, articles[article], pictures(articles[article]), note, left + column * CARD)
        left += columns * CARD + GAP


def _draw_card(ax: Axes, article: Row, picture: bytes | None, note: str, left: float) -> None:
    """note: how the article was hit; empty where it was not."""
    bottom, wide = 0.2, CARD - 0.06
    middle = left + wide / 2
    if picture:
        pixels = np.asarray(Image.open(io.BytesIO(picture)))
        ax.imshow(pixels, extent=(left, left + wide, bottom, bottom + TALL), aspect="auto", interpolation="lanczos")
    else:
        background, ink = article["tile"]
        ax.add_patch(Rectangle((left, bottom), wide, TALL, color=background))
        kind = drawable(article["kind"])
        ax.text(middle, bottom + TALL / 2, kind, ha="center", va="center", fontsize=6, color=ink, clip_on=True)
    edge, width = (GOOD, 3.0) if note else ("#d5d9e0", 1.0)
    ax.add_patch(Rectangle((left, bottom), wide, TALL, facecolor="none", edgecolor=edge, linewidth=width))
    if note:
        ax.text(middle, bottom - 0.16, f"✓ {note}", color=GOOD, ha="center", fontsize=8)
