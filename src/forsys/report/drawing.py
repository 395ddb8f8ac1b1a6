"""How the pictures look that matplotlib draws: the curve of `forsys compare`, customers, articles."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.font_manager import findfont, get_font

from forsys.report.colours import OTHERS, SOURCES

INK, FAINT, GRID = "#1d2129", "#565d6b", "#dfe3e9"  # as in page.css
BASELINE_GREY, ACCENT = OTHERS["baseline0"][0], OTHERS["final"][0]
LINES = tuple(light for light, _ in SOURCES)

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
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the page's style, whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(STYLE)
        yield


def label_line_ends(ax: Axes, ends: Mapping[str, float]) -> None:
    """Write each name right of its line's end, moved up where it would cover another."""
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
            color=FAINT,
            fontsize=7,
            annotation_clip=False,
        )


def drawable(text: str) -> str:
    """A text of the shop's as matplotlib can draw it: what its font has no sign for becomes a box."""
    signs = _signs()
    return "".join(sign if ord(sign) in signs else "□" for sign in " ".join(text.split()))


@cache
def _signs() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
