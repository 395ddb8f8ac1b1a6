"""How every chart looks, and how it becomes SVG text for a page."""

import io
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from forsys.evaluation.list_names import FINAL, UNION
from forsys.retrieval.baselines import BASELINES

INK, FAINT, GRID = "#23272f", "#6b7280", "#e6e8ec"
BASELINE_GREY, SOURCE_BLUE, ACCENT, UNION_DARK = "#b3b8c2", "#4f86c0", "#d8512f", "#3c4454"
LINES = ("#2f6db3", "#1f9e89", "#7a6fc4", "#8c9a3c", "#b5739d", "#57a7d8", "#a97c50", "#3d4f66")

STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica"],
    "font.size": 9,
    "text.color": INK,
    "text.parse_math": False,  # names come from settings and data, where a $ is a $
    "axes.edgecolor": "#c3c7cf",
    "axes.labelcolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "grid.color": GRID,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": FAINT,
    "ytick.labelcolor": INK,
    "svg.fonttype": "none",  # text stays text: smaller, and it can be searched
}

Row = dict[str, Any]


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the page's style, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of this size in inches, and its only axes."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def to_svg(figure: Figure | None, name: str, label: str) -> Markup:
    """The figure as <svg> without dates or ids that differ between runs; empty where there is none.

    `name` salts the ids of clip paths and markers, so that two charts of one page don't share them. `label` is what
    a screen reader says.
    """
    if figure is None:
        return Markup("")
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = re.sub(r'<g id="[^"]*">', "<g>", text.getvalue()[text.getvalue().index("<svg") :])
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1))


def label_line_ends(
    ax: Axes, ends: Mapping[str, float], inks: Mapping[str, str], size: float = 8.5, bold: str = ""
) -> None:
    """Write each name right of its line's end, moved up where it would cover another; `bold` is one of them."""
    gap = ax.get_ylim()[1] * 0.052
    height = -gap
    for name, value in sorted(ends.items(), key=lambda pair: pair[1]):
        height = max(value, height + gap)
        ax.annotate(
            name,
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=inks[name],
            fontsize=size,
            fontweight="bold" if name == bold else "normal",
            annotation_clip=False,
        )


def drawable(text: str) -> str:
    """A text of the shop's as matplotlib can draw it: what its font has no sign for becomes a box."""
    signs = _signs()
    return "".join(sign if ord(sign) in signs else "□" for sign in " ".join(text.split()))


@cache
def _signs() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())


def known(value: Any) -> bool:
    """Whether there is a number: the union has no MAP, for example."""
    return value is not None and not math.isnan(value)


def colour_of(name: str) -> str:
    """Baselines grey, sources blue, the final list in the accent colour."""
    if name in BASELINES:
        return BASELINE_GREY
    return {FINAL: ACCENT, UNION: UNION_DARK}.get(name, SOURCE_BLUE)


def by_score(rows: list[Row], column: str) -> list[Row]:
    """Best first; rows without a value last."""
    return sorted(rows, key=lambda row: -row[column] if known(row.get(column)) else math.inf)
