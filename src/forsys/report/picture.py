"""Pictures of a run. For the README: the scores, and two customers with what they bought.

python -m forsys.report.picture docs/sample.png    (in the project's folder, after a run on the sample)
"""

import colorsys
import io
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from forsys.errors import DataError
from forsys.report.charts import draw_map
from forsys.report.drawing import FAINT, by_score, house_style, known
from forsys.report.examples import Card, Example, find_examples
from forsys.report.findings import Findings
from forsys.schema import LIST_LENGTH as K
from forsys.store import whole

if TYPE_CHECKING:
    from forsys.run import Run

SIZE = (12.0, 6.6)  # inches of 100 pixels
DOTS = 100
GOOD = "#1d7f4f"
BEFORE, THEN = 3, 3  # cards left and right of the twelve
CELL, GAP = 0.62, 0.28  # inches: a card with its margin, and the room between the groups
TALL = 0.86
ROW = 0.225 * SIZE[1]  # inches: one customer


def write_picture(run: "Run", target: Path) -> None:
    """Write the picture as PNG. Only of generated data: a shop's pictures are not ours to publish.

    Raises DataError for any other data set.
    """
    if not run.dataset.generated:
        raise DataError(f"{run.dataset.name} is not generated: its pictures and scores don't go into the README.")
    rows = [row for row in by_score(Findings.read(run).scores, f"MAP@{K}") if known(row.get(f"MAP@{K}"))]
    people = find_examples(run).customers
    lucky = [person for person in people if person.hits][:1]
    shown = [*lucky, *[person for person in people if person not in lucky][-1:]]
    with house_style():
        _save(_figure(run, rows, shown), target)


def write_customers(run: "Run", target: Path, count: int = 4) -> None:
    """Write a PNG of `count` customers of the holdout, one a row: what they had bought, the 12 predicted, what they
    bought then. Half of them have a hit, more than is usual.

    Raises DataError where there is no customer to draw.
    """
    people = find_examples(run, count).customers
    if not people:
        raise DataError(
            f"{run.shown(run.out / 'holdout' / 'predictions.parquet')}: it is missing, or no buyer of the holdout "
            f"had bought before, and a picture needs one. Run the stage `submit` first, or use a longer log."
        )
    with house_style():
        figure = Figure(figsize=(SIZE[0], ROW * len(people)), facecolor="white")
        for row, person in enumerate(people, 1):
            _draw_person(figure.add_axes((0, 1 - row / len(people), 1, 1 / len(people))), person)
        _save(figure, target)


def _save(figure: Figure, target: Path) -> None:
    with whole(target) as part:
        figure.savefig(part, format="png", dpi=DOTS, metadata={"Software": None})


def _figure(run: "Run", rows: list[dict[str, object]], people: list[Example]) -> Figure:
    figure = Figure(figsize=SIZE, facecolor="white")
    fold = run.calendar.holdout
    title = f"MAP@{K} on the holdout, {fold.as_of} up to {fold.until} (not included), with 95 % intervals"
    figure.text(0.02, 0.962, title, fontsize=12, fontweight="bold")
    figure.text(0.02, 0.93, "Generated data: these are scores of a made-up shop.", color=FAINT)
    if rows:
        draw_map(figure.add_axes((0.2, 0.5, 0.77, 0.41)), rows)
    for person, bottom in zip(people, (0.235, 0.0), strict=False):
        _draw_person(figure.add_axes((0, bottom, 1, 0.225)), person)
    return figure


def _draw_person(ax: Axes, person: Example) -> None:
    """A row of cards; the axes are measured in inches."""
    ax.set_xlim(0, SIZE[0])
    ax.set_ylim(0, ROW)
    ax.set_axis_off()
    found = f"then bought: {person.hits} of {person.bought_count} found"
    groups = (
        ("bought last", person.before[:BEFORE], BEFORE),
        ("the 12 predicted, best first", person.predicted, K),
        (found, person.bought[:THEN], THEN),
    )
    left = 0.24
    for title, cards, places in groups:
        ax.text(left, TALL + 0.28, title, color=FAINT, fontsize=9, va="bottom")
        for place, card in enumerate(cards):
            _draw_card(ax, card, left + place * CELL)
        left += places * CELL + GAP


def _draw_card(ax: Axes, card: Card, left: float) -> None:
    bottom, wide = 0.2, CELL - 0.06
    if card.jpeg:
        picture = np.asarray(Image.open(io.BytesIO(card.jpeg)))
        ax.imshow(
            picture, extent=(left, left + wide, bottom, bottom + TALL), aspect="auto", interpolation="lanczos"
        )
    else:
        tile = colorsys.hls_to_rgb(card.hue / 360, 0.84, 0.45)
        ax.add_patch(Rectangle((left, bottom), wide, TALL, color=tile))
        ax.text(left + wide / 2, bottom + TALL / 2, card.kind, ha="center", va="center", fontsize=6, clip_on=True)
    edge, width = (GOOD, 3.0) if card.hit else ("#d5d9e0", 1.0)
    ax.add_patch(Rectangle((left, bottom), wide, TALL, facecolor="none", edgecolor=edge, linewidth=width))
    if card.hit:
        ax.text(left + wide / 2, bottom - 0.16, f"✓ {card.note}", color=GOOD, ha="center", fontsize=8)


def main() -> None:
    """Draw the sample's picture from output/sample of the folder that this is called in."""
    from forsys.pipeline import SAMPLE
    from forsys.run import Run
    from forsys.settings import load_settings
    from forsys.tables.source import DataSet

    project = Path.cwd()
    sample = DataSet("sample", project / "output" / "sample" / "input", True, SAMPLE)
    write_picture(Run(sample, load_settings(), project), Path(sys.argv[1]))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("Usage: python -m forsys.report.picture TARGET.png")
    main()
