"""The charts of the page. Each takes rows as the stages wrote them and returns a figure, or None without rows.

Call them inside `drawing.house_style()`. k is the length of the final list.
"""

from datetime import date

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator, StrMethodFormatter

from forsys.calendar import Fold, day_number
from forsys.evaluation.list_names import FINAL, FUSION, UNION
from forsys.report.drawing import (
    ACCENT,
    BASELINE_GREY,
    FAINT,
    INK,
    LINES,
    SOURCE_BLUE,
    UNION_DARK,
    Row,
    by_score,
    colour_of,
    known,
    label_line_ends,
    new_axes,
)
from forsys.retrieval.baselines import BASELINES

WIDTH = 5.4  # inches
FEW = 50  # a bar of fewer customers or purchases is drawn pale
PATCH = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # keeps a line from crossing a number
RECALL_SHADES = ("#1d4f85", "#5f97cf", "#b4d0ea")


def map_chart(scores: list[Row], k: int) -> Figure | None:
    """MAP@k of every list, best first, with the 95 % intervals."""
    rows = [row for row in by_score(scores, f"MAP@{k}") if known(row.get(f"MAP@{k}"))]
    if not rows:
        return None
    figure, ax = new_axes(WIDTH, 0.6 + 0.31 * len(rows))
    draw_map(ax, rows, k)
    return figure


def draw_map(ax: Axes, rows: list[Row], k: int) -> None:
    """The bars of `map_chart`; every row has a MAP@k."""
    names = [row["list"] for row in rows]
    values = np.array([row[f"MAP@{k}"] for row in rows])
    low, high = (
        np.array([row[end] if known(row.get(end)) else row[f"MAP@{k}"] for row in rows]) for end in ("low", "high")
    )
    bars = range(len(rows))
    ax.barh(bars, values, height=0.66, color=[colour_of(name) for name in names])
    ax.hlines(bars, low, high, color=INK, linewidth=1.1)
    room = max(float(high.max()), 1e-9)
    for bar, row, end in zip(bars, rows, high.tolist(), strict=True):
        weight = "bold" if row["list"] == FINAL else "normal"
        ax.text(end + room * 0.02, bar, f"{row[f'MAP@{k}']:.4f}", va="center", fontweight=weight)
    _name_rows(ax, names)
    ax.set_xlim(0, room * 1.17)


def recall_chart(scores: list[Row]) -> Figure | None:
    """recall@k of every list as dots; dashed lines show what all sources reach together."""
    depths = [int(key[7:]) for key in (scores[0] if scores else {}) if key.startswith("recall@")]
    rows = by_score([row for row in scores if row["list"] != UNION], f"recall@{min(depths, default=0)}")
    if not depths or not rows:
        return None
    union = next((row for row in scores if row["list"] == UNION), {})
    figure, ax = new_axes(WIDTH, 0.95 + 0.31 * len(rows))
    for k, shade in zip(sorted(depths), RECALL_SHADES, strict=False):
        values = [row[f"recall@{k}"] if known(row.get(f"recall@{k}")) else np.nan for row in rows]
        ax.scatter(values, range(len(rows)), s=46, color=shade, label=f"first {k}", zorder=3)
        if known(union.get(f"recall@{k}")):
            ax.vlines(union[f"recall@{k}"], -0.55, len(rows) - 0.5, color=shade, linestyle="--", linewidth=1.2)
            ax.text(union[f"recall@{k}"], -0.8, f"all, {k}", ha="center", color=FAINT, fontsize=8)
    _name_rows(ax, [row["list"] for row in rows])
    ax.set_ylim(len(rows) - 0.5, -1.15)
    ax.grid(axis="y", linewidth=0.8)
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:.0%}"))
    ax.legend(loc="upper center", bbox_to_anchor=(0.4, -0.07), ncols=3, frameon=False, handletextpad=0.1)
    return figure


def calibration_chart(rows: list[Row]) -> Figure | None:
    """Observed against predicted share of purchases of each tenth, with 95 % intervals; both axes logarithmic."""
    rows = [row for row in rows if row["predicted"] > 0]
    if not rows:
        return None
    predicted, observed, low, high = (
        np.array([row[name] for row in rows]) for name in ("predicted", "observed", "low", "high")
    )
    floor = min(predicted.min(), *(value for value in (*observed, *low) if value > 0)) / 2
    ends = (floor, max(predicted.max(), high.max()) * 1.5)
    figure, ax = new_axes(WIDTH, 3.9)
    ax.plot(ends, ends, "--", color=FAINT, linewidth=1)
    ax.vlines(predicted, np.maximum(low, floor), high, color=SOURCE_BLUE, linewidth=1.5)
    ax.scatter(predicted, np.maximum(observed, floor), s=40, color=ACCENT, zorder=3)
    ax.set(
        xscale="log", yscale="log", xlim=ends, ylim=ends, xlabel="predicted chance", ylabel="share that was bought"
    )
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))
    ax.grid(linewidth=0.8)
    return figure


def next_item_chart(rows: list[Row]) -> Figure | None:
    """Accuracy at k of every model, k on a log axis; the names stand at the ends of the lines."""
    depths = sorted(int(key[1:]) for key in (rows[0] if rows else {}) if key.startswith("@"))
    if not depths:
        return None
    figure, ax = new_axes(WIDTH, 3.9)
    colours = _line_colours([row["model"] for row in rows])
    for row in rows:
        final = row["model"] == FUSION
        values = [row[f"@{k}"] for k in depths]
        style = "--" if row["model"] in BASELINES else "-"
        width = 2.6 if final else 1.5
        ax.plot(depths, values, style, color=colours[row["model"]], linewidth=width, zorder=4 if final else 3)
    ax.set_xscale("log")
    ax.set_ylim(bottom=0)
    ax.set_xlim(depths[0], depths[-1])
    ax.xaxis.set_major_locator(FixedLocator([k for k in depths if k != 12]))  # too near to 10
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:.0%}"))
    ax.set_xlabel("k")
    ax.grid(axis="y", linewidth=0.8)
    inks = {name: FAINT if name in BASELINES else colour for name, colour in colours.items()}
    ends = {row["model"]: row[f"@{depths[-1]}"] for row in rows}
    label_line_ends(ax, ends, inks, bold=FUSION)
    return figure


def segment_chart(rows: list[Row], column: str, average: float | None) -> Figure | None:
    """Bars of the values of one segment, with how many are in each; a dashed line at the average."""
    rows = [row for row in rows if known(row.get(column))]
    if not rows:
        return None
    figure, ax = new_axes(4.2, 0.45 + 0.27 * len(rows))
    colours = [SOURCE_BLUE if row["n"] >= FEW else "#c4d8ec" for row in rows]
    values = [row[column] for row in rows]
    ax.barh(range(len(rows)), values, height=0.64, color=colours)
    room = max([*values, average or 0, 1e-9])
    for bar, value in enumerate(values):
        ax.text(value + room * 0.02, bar, f"{value:.3f}", va="center", fontsize=8, bbox=PATCH, zorder=5)
    if average is not None:
        ax.axvline(average, color=ACCENT, linestyle="--", linewidth=1)
    _name_rows(ax, [f"{row['value']}  ({row['n']:,})" for row in rows])
    ax.set_xlim(0, room * 1.16)
    return figure


def tried_chart(values: dict[str, float], chosen: str) -> Figure | None:
    """MAP@k of each value of a parameter, in the order of the values; the chosen one marked."""
    if not values:
        return None
    names = sorted(values, key=_as_number)
    scores = [values[name] for name in names]
    figure, ax = new_axes(3.6, 2.1)
    ax.plot(range(len(names)), scores, "-o", color=SOURCE_BLUE, markersize=5)
    if chosen in names:
        x = names.index(chosen)
        ax.plot([x], [scores[x]], "o", color=ACCENT, markersize=9)
    ax.set_xticks(range(len(names)), names)
    ax.margins(x=0.08, y=0.2)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.grid(axis="y", linewidth=0.8)
    return figure


def weights_chart(weights: dict[str, float]) -> Figure | None:
    """The weight of each source in the fusion."""
    if not weights:
        return None
    rows = sorted(weights.items(), key=lambda pair: -pair[1])
    figure, ax = new_axes(3.6, 0.45 + 0.24 * len(rows))
    room = max([weight for _, weight in rows] + [1e-9])
    ax.barh(range(len(rows)), [weight for _, weight in rows], height=0.64, color=SOURCE_BLUE)
    for bar, (_, weight) in enumerate(rows):
        ax.text(max(weight, 0) + room * 0.02, bar, f"{weight:.2f}", va="center", fontsize=8)
    _name_rows(ax, [name for name, _ in rows])
    ax.set_xlim(min([weight for _, weight in rows] + [0]), room * 1.18)
    return figure


def weeks_chart(weeks: pl.DataFrame, holdout: Fold) -> Figure | None:
    """Purchases per week (columns week, purchases), the holdout shaded."""
    if len(weeks) < 2:
        return None
    figure, ax = new_axes(WIDTH, 2.3)
    days: list[date] = weeks["week"].to_list()
    edges = [float(day_number(day)) for day in days]
    ax.axvspan(day_number(holdout.as_of), day_number(holdout.until), color="#fbe3dc", linewidth=0)
    ax.stairs(weeks["purchases"].to_list(), [*edges, edges[-1] + 7], baseline=None, color=UNION_DARK, linewidth=1.6)
    ax.set_ylim(0, max(*weeks["purchases"], 1) * 1.08)
    ax.yaxis.set_major_locator(MaxNLocator(4))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    step = max(len(days) // 5, 1)
    form = "%b %Y" if step > 4 else "%d %b %Y" if step > 1 else "%d %b"
    ax.set_xticks(edges[::step], [day.strftime(form) for day in days[::step]])
    ax.grid(axis="y", linewidth=0.8)
    return figure


def _name_rows(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(5))


def _line_colours(names: list[str]) -> dict[str, str]:
    sources = [name for name in names if name != FUSION and name not in BASELINES]
    colours = {name: LINES[i % len(LINES)] for i, name in enumerate(sources)}
    return {name: colours.get(name, ACCENT if name == FUSION else BASELINE_GREY) for name in names}


def _as_number(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return np.inf, text
