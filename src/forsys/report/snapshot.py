"""Images of a run. For the README: the scores, and two customers with what they bought.

python -m forsys.report.snapshot docs/sample.png    (in the project's folder, after a run on the sample)
"""

import colorsys
import io
import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from forsys.errors import DataError
from forsys.report.charts import draw_map
from forsys.report.drawing import FAINT, Row, house_style, known
from forsys.report.examples import Card, Example, find_examples
from forsys.report.results import Results
from forsys.run import Run
from forsys.settings import load_settings
from forsys.store import atomic_write
from forsys.tables.dataset import DataSet
from forsys.workspace import Workspace

SIZE = (12.0, 6.6)  # inches of 100 pixels
DOTS = 100
GOOD = "#1d7f4f"
BEFORE, THEN = 3, 3  # cards left and right of the predicted ones
CARD, GAP = 0.62, 0.28  # inches: width of a card with its margin, and the room between the groups
TALL = 0.86  # inches: height of a card
ROW = 0.225 * SIZE[1]  # inches: one customer


def write_picture(run: Run, target: Path) -> None:
    """Write the README's image as PNG. Only of generated data: a shop's pictures are not ours to publish.

    Raises DataError for any other data set.
    """
    if not run.dataset.generated:
        raise DataError(f"{run.dataset.name} is not generated: its pictures and scores don't go into the README.")
    rows = [row for row in Results.read(run).best_first if known(row.get(f"MAP@{run.settings.k}"))]
    customers = find_examples(run).customers
    with_hit = [customer for customer in customers if customer.hits][:1]
    shown = [*with_hit, *[customer for customer in customers if customer not in with_hit][-1:]]
    with house_style():
        _save(_figure(run, rows, shown), target)


def write_customers(run: Run, target: Path, count: int = 4) -> None:
    """Write a PNG of `count` customers of the holdout, one per row: bought before, predicted, bought then.

    Half of them have a hit, more than usual. Raises DataError where there is no customer to draw.
    """
    customers = find_examples(run, count).customers
    if not customers:
        raise DataError(
            f"{run.workspace.shown(run.workspace.holdout / 'predictions.parquet')} is missing, or no buyer of the "
            f"holdout had bought before. Run the stage `submit` first, or use a longer log."
        )
    with house_style():
        figure = Figure(figsize=(SIZE[0], ROW * len(customers)), facecolor="white")
        for row, customer in enumerate(customers, 1):
            axes = figure.add_axes((0, 1 - row / len(customers), 1, 1 / len(customers)))
            _draw_customer(axes, customer, run.settings.k)
        _save(figure, target)


def _save(figure: Figure, target: Path) -> None:
    with atomic_write(target) as part:
        figure.savefig(part, format="png", dpi=DOTS, metadata={"Software": None})


def _figure(run: Run, rows: list[Row], customers: list[Example]) -> Figure:
    figure = Figure(figsize=SIZE, facecolor="white")
    fold, k = run.calendar.holdout, run.settings.k
    title = f"MAP@{k} on the holdout, {fold.as_of} up to {fold.until} (not included), with 95 % intervals"
    figure.text(0.02, 0.962, title, fontsize=12, fontweight="bold")
    figure.text(0.02, 0.93, "Generated data: these are scores of a made-up shop.", color=FAINT)
    if rows:
        draw_map(figure.add_axes((0.2, 0.5, 0.77, 0.41)), rows, k)
    for customer, bottom in zip(customers, (0.235, 0.0), strict=False):
        _draw_customer(figure.add_axes((0, bottom, 1, 0.225)), customer, k)
    return figure


def _draw_customer(ax: Axes, customer: Example, k: int) -> None:
    """A row of cards; the axes are measured in inches."""
    ax.set_xlim(0, SIZE[0])
    ax.set_ylim(0, ROW)
    ax.set_axis_off()
    found = f"then bought: {customer.hits} of {customer.num_bought} found"
    groups = (
        ("bought last", customer.before[:BEFORE], BEFORE),
        (f"the {k} predicted, best first", customer.predicted, k),
        (found, customer.bought[:THEN], THEN),
    )
    left = 0.24
    for title, cards, columns in groups:
        ax.text(left, TALL + 0.28, title, color=FAINT, fontsize=9, va="bottom")
        for column, card in enumerate(cards):
            _draw_card(ax, card, left + column * CARD)
        left += columns * CARD + GAP


def _draw_card(ax: Axes, card: Card, left: float) -> None:
    bottom, wide = 0.2, CARD - 0.06
    middle = left + wide / 2
    if card.jpeg:
        picture = np.asarray(Image.open(io.BytesIO(card.jpeg)))
        ax.imshow(
            picture, extent=(left, left + wide, bottom, bottom + TALL), aspect="auto", interpolation="lanczos"
        )
    else:
        tile = colorsys.hls_to_rgb(card.hue / 360, 0.84, 0.45)
        ax.add_patch(Rectangle((left, bottom), wide, TALL, color=tile))
        ax.text(middle, bottom + TALL / 2, card.kind, ha="center", va="center", fontsize=6, clip_on=True)
    edge, width = (GOOD, 3.0) if card.hit else ("#d5d9e0", 1.0)
    ax.add_patch(Rectangle((left, bottom), wide, TALL, facecolor="none", edgecolor=edge, linewidth=width))
    if card.hit:
        ax.text(middle, bottom - 0.16, f"✓ {card.note}", color=GOOD, ha="center", fontsize=8)


def main() -> None:
    """Draw the README's image from output/sample of the working directory."""
    workspace = Workspace(Path.cwd(), "sample")
    sample = DataSet(workspace.name, workspace.out / "input", True, "generated sample")
    write_picture(Run(sample, load_settings(), workspace), Path(sys.argv[1]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Usage: python -m forsys.report.snapshot TARGET.png")
    main()
