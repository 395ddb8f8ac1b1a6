"""The charts of the page as numbers: what stands where, in percent of the drawing; charts.html draws them.

They are HTML, so that they follow the width of the screen and their text keeps its size. Each function takes rows
as the stages wrote them and returns None where there is nothing to draw. k is the length of the final list.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from forsys.calendar import Fold, day_number
from forsys.evaluation.list_names import FINAL, FUSION
from forsys.report.colours import Palette
from forsys.report.rows import Row, by_score, known
from forsys.retrieval.baselines import BASELINES

FEW = 50  # a bar of fewer customers or purchases is drawn pale
MIN_GAP = 5.4  # percent of a plot's height between the names at the ends of its lines
BLUE, ACCENT = "var(--s0)", "var(--final)"


@dataclass(frozen=True)
class Bar:
    """A named value. width, low, high: percent of the chart's width; inner: a part that is drawn darker."""

    name: str
    text: str
    colour: str
    width: float
    low: float | None = None
    high: float | None = None
    inner: float | None = None
    ring: bool = False
    strong: bool = False
    pale: bool = False


@dataclass(frozen=True)
class Bars:
    """Bars from above to below; mark: a dashed line in percent of the width; keyed: whether colours say a list."""

    label: str
    rows: list[Bar]
    mark: float | None = None
    keyed: bool = True


@dataclass(frozen=True)
class Tick:
    """A value of an axis: percent of its length, and its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Line:
    """points: "x,y x,y" in percent, y from above; end: height of the last one, place: of its name, from below."""

    name: str
    colour: str
    points: str
    end: float
    place: float = 0.0
    dashed: bool = False
    strong: bool = False
    text: str = ""


@dataclass(frozen=True)
class Dot:
    """A point in percent from the left and from below, with its interval."""

    x: float
    y: float
    low: float
    high: float
    title: str


@dataclass(frozen=True)
class Plot:
    """Lines or dots over two axes. band: a shaded stretch of the x axis; diagonal: whether x = y is drawn."""

    label: str
    x_title: str
    y_title: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    lines: list[Line] = field(default_factory=list)
    dots: list[Dot] = field(default_factory=list)
    band: tuple[float, float] | None = None
    diagonal: bool = False
    marked: Dot | None = None


def map_chart(scores: list[Row], k: int, palette: Palette) -> Bars | None:
    """MAP@k of every list, best first, with the 95 % intervals."""
    column = f"MAP@{k}"
    rows = [row for row in by_score(scores, column) if known(row.get(column))]
    if not rows:
        return None
    ends = [tuple(row[end] if known(row.get(end)) else row[column] for end in ("low", "high")) for row in rows]
    scale = _scale(max(high for _, high in ends))
    bars = [
        Bar(
            row["list"],
            f"{row[column]:.4f}",
            palette.colour(row["list"]),
            scale(row[column]),
            scale(low),
            scale(high),
            ring=palette.is_ring(row["list"]),
            strong=row["list"] == FINAL,
        )
        for row, (low, high) in zip(rows, ends, strict=True)
    ]
    return Bars(f"{column} of every list with its 95 % interval", bars)


def sources_chart(rows: list[Row], palette: Palette) -> Bars | None:
    """Recall of each source, with the part that it alone finds."""
    if not rows:
        return None
    rows = by_score(rows, "recall")
    scale = _scale(max(row["recall"] for row in rows))
    bars = [
        Bar(
            row["source"],
            f"{percent(row['recall'])}, alone {percent(row['alone'])}",
            palette.colour(row["source"]),
            scale(row["recall"]),
            inner=scale(row["alone"]),
            ring=palette.is_ring(row["source"]),
        )
        for row in rows
    ]
    return Bars("Share of the purchases that each source finds, and that it alone finds", bars)


def importance_chart(rows: list[Row], count: int) -> Bars | None:
    """The features with the largest share of the trees' gain."""
    rows = [row for row in rows if known(row.get("gain")) and row["gain"] > 0][:count]
    if not rows:
        return None
    scale = _scale(max(row["gain"] for row in rows))
    bars = [Bar(row["meaning"].partition(";")[0], percent(row["gain"]), BLUE, scale(row["gain"])) for row in rows]
    return Bars("Share of the gain of the trees by feature", bars, keyed=False)


def popularity_chart(rows: list[Row], column: str, colour: str) -> Bars | None:
    """The shares of one list by tenth of earlier sales."""
    if not rows or column not in rows[0]:
        return None
    scale = _scale(max(row[key] for row in rows for key in row if key != "value"))
    bars = [Bar(row["value"], percent(row[column]), colour, scale(row[column])) for row in rows]
    return Bars(f"Shares by earlier sales: {column}", bars, keyed=False)


def segment_chart(rows: list[Row], column: str, average: float | None) -> Bars | None:
    """The values of one segmentation, with how many are in each, and the average."""
    rows = [row for row in rows if known(row.get(column))]
    if not rows:
        return None
    scale = _scale(max([*(row[column] for row in rows), average or 0.0]))
    bars = [
        Bar(f"{row['value']} ({row['n']:,})", f"{row[column]:.3f}", BLUE, scale(row[column]), pale=row["n"] < FEW)
        for row in rows
    ]
    return Bars(column, bars, None if average is None else scale(average), keyed=False)


def effects_chart(effects: Sequence[Row], top: float, colour: str) -> Bars | None:
    """What single features add to an article's score (effect, sentence); `top` is the largest effect drawn."""
    scale = _scale(top)
    bars = [Bar(each["sentence"], f"{each['effect']:+.2f}", colour, scale(abs(each["effect"]))) for each in effects]
    return Bars("What each adds to the score", bars, keyed=False) if bars else None


def weights_chart(weights: Mapping[str, float], palette: Palette) -> Bars | None:
    """The weight of each source in the fusion."""
    rows = sorted(weights.items(), key=lambda pair: -pair[1])
    if not rows:
        return None
    scale = _scale(max(weight for _, weight in rows))
    bars = [
        Bar(name, f"{weight:.2f}", palette.colour(name), scale(max(weight, 0)), ring=palette.is_ring(name))
        for name, weight in rows
    ]
    return Bars("Weights in the fusion", bars)


def next_item_chart(rows: list[Row], name: str, palette: Palette) -> Plot | None:
    """Accuracy at k of every model (column `name`), k on a logarithmic axis."""
    depths = sorted(int(key[1:]) for key in (rows[0] if rows else {}) if key.startswith("@"))
    if len(depths) < 2:
        return None
    top = max(max(row[f"@{depths[-1]}"] for row in rows), 1e-9)
    y_ticks, y = _linear_axis(top, percent_tick)
    x = _log(depths[0], depths[-1])
    lines = [
        Line(
            row[name],
            palette.colour(row[name]),
            " ".join(f"{x(k):.2f},{100 - y(row[f'@{k}']):.2f}" for k in depths),
            y(row[f"@{depths[-1]}"]),
            dashed=row[name] in BASELINES,
            strong=row[name] == FUSION,
            text=percent(row[f"@{depths[-1]}"]),
        )
        for row in sorted(rows, key=lambda row: -row[f"@{depths[-1]}"])
    ]
    ticks = [Tick(x(k), str(k)) for k in depths if k != 12]  # too near to 10
    title = "share of purchases among the first k"
    return Plot("Next-item accuracy by k", "k, the length of the list", title, ticks, y_ticks, _placed(lines))


def calibration_chart(rows: list[Row]) -> Plot | None:
    """Observed against predicted share of purchases of each tenth, with 95 % intervals; both axes logarithmic."""
    rows = [row for row in rows if row["predicted"] > 0]
    if not rows:
        return None
    positive = [value for row in rows for value in (row["predicted"], row["observed"]) if value > 0]
    floor, top = min(positive) / 2, max(max(row["predicted"], row["high"]) for row in rows) * 1.5
    at = _log(floor, top)
    dots = [
        Dot(
            at(row["predicted"]),
            at(max(row["observed"], floor)),
            at(max(row["low"], floor)),
            at(max(row["high"], floor)),
            f"predicted {row['predicted']:.3%}, observed {row['observed']:.3%}",
        )
        for row in rows
    ]
    powers = range(math.ceil(math.log10(floor)), math.floor(math.log10(top)) + 1)
    ticks = [Tick(at(10.0**power), f"{10.0 ** (power + 2):g} %") for power in powers]
    return Plot(
        "Predicted and observed chances", "predicted chance", "share that was bought", ticks, ticks,
        dots=dots, diagonal=True,
    )  # fmt: skip


def trees_chart(curve: Sequence[float], chosen: int, k: int) -> Plot | None:
    """MAP@k on the validation folds by the number of trees; the chosen number marked."""
    if len(curve) < 2:
        return None
    low, high = min(curve), max(curve)
    y_ticks, y = _linear_axis(high, lambda value: f"{value:.4f}", low)
    x = _between(1, len(curve))
    points = " ".join(f"{x(i):.2f},{100 - y(value):.2f}" for i, value in enumerate(curve, 1))
    line = Line(f"MAP@{k}", ACCENT, points, y(curve[-1]))
    marks = sorted({1, *range(max(len(curve) // 4, 1), len(curve) + 1, max(len(curve) // 4, 1))})
    ticks = [Tick(x(trees), str(trees)) for trees in marks if trees == 1 or x(trees) > 10]
    mark = None
    if 1 <= chosen <= len(curve):
        height = y(curve[chosen - 1])
        mark = Dot(x(chosen), height, height, height, f"{chosen} trees: {curve[chosen - 1]:.4f}")
    title = f"MAP@{k} on the validation folds"
    return Plot("Score by number of trees", "trees", title, ticks, y_ticks, [line], marked=mark)


def loss_chart(networks: Sequence[Sequence[float | None]], colour: str) -> Plot | None:
    """The training loss of some networks after each epoch, a line per network; those that diverged are left out."""
    finite = [[loss for loss in losses if loss is not None] for losses in networks if None not in losses]
    epochs = len(finite[0]) if finite else 0
    if epochs < 2:
        return None
    values = [loss for losses in finite for loss in losses]
    y_ticks, y = _linear_axis(max(values), "{:.2f}".format, min(values))
    x = _between(1, epochs)
    lines = [
        Line(
            f"network {i}",
            colour,
            " ".join(f"{x(n):.2f},{100 - y(loss):.2f}" for n, loss in enumerate(losses, 1)),
            0,
        )
        for i, losses in enumerate(finite, 1)
    ]
    step = math.ceil(epochs / 10)
    ticks = [Tick(x(epoch), str(epoch)) for epoch in range(1, epochs + 1, step)]
    return Plot("Loss by epoch", "epoch", "loss", ticks, y_ticks, lines)


def tried_chart(values: Mapping[str, float], chosen: str) -> Plot | None:
    """MAP@k of each value of a parameter, in the order of the values; the chosen one marked."""
    names = sorted(values, key=_as_number)
    if len(names) < 2:
        return None
    scores = [values[name] for name in names]
    y_ticks, y = _linear_axis(max(scores), lambda value: f"{value:.4f}", min(scores))
    x = _between(0, len(names) - 1, margin=6)
    points = " ".join(f"{x(i):.2f},{100 - y(score):.2f}" for i, score in enumerate(scores))
    ticks = [Tick(x(i), name) for i, name in enumerate(names)]
    mark = None
    if chosen in names:
        i = names.index(chosen)
        mark = Dot(x(i), y(scores[i]), y(scores[i]), y(scores[i]), f"{chosen}: {scores[i]:.4f}")
    line = Line("MAP", BLUE, points, y(scores[-1]))
    return Plot("Score by value", "value", "MAP of the source alone", ticks, y_ticks, [line], marked=mark)


def weeks_chart(weeks: pl.DataFrame, holdout: Fold) -> Plot | None:
    """Purchases per week (columns week, purchases), the holdout shaded."""
    if len(weeks) < 2:
        return None
    edges = [float(day_number(day)) for day in weeks["week"]]
    x = _between(edges[0], edges[-1] + 7)
    y_ticks, y = _linear_axis(max(*weeks["purchases"], 1), "{:,.0f}".format)
    corners = [
        (start + step, count) for start, count in zip(edges, weeks["purchases"], strict=True) for step in (0, 7)
    ]
    points = " ".join(f"{x(day):.2f},{100 - y(count):.2f}" for day, count in corners)
    step = max(len(edges) // 4, 1)
    form = "%b %Y" if step > 4 else "%d %b"
    days = list(zip(edges, weeks["week"], strict=True))[::step]
    ticks = [Tick(x(edge), day.strftime(form)) for edge, day in days if x(edge) < 90]
    band = (max(x(day_number(holdout.as_of)), 0.0), x(day_number(holdout.until)))
    line = Line("purchases", BLUE, points, 0)
    return Plot("Purchases per week", "week", "purchases", ticks, y_ticks, [line], band=band)


def percent(value: float | None) -> str:
    """A share as a percentage; a dash where there is none."""
    return f"{value:.1%}".replace("%", " %") if value is not None and known(value) else "–"


def percent_tick(value: float) -> str:
    """A share as a tick says it."""
    return f"{100 * value:g} %"


def _placed(lines: list[Line]) -> list[Line]:
    """With places for the names: at the ends of the lines, moved apart where they would cover each other."""
    gap = min(MIN_GAP, 100 / max(len(lines), 1))
    heights, lowest = [], -gap
    rising = sorted(lines, key=lambda line: line.end)
    for line in rising:
        lowest = max(line.end, lowest + gap)
        heights.append(lowest)
    ceiling = 100.0
    for i in range(len(heights) - 1, -1, -1):  # those that were pushed out at the top move down again
        heights[i] = min(heights[i], ceiling)
        ceiling = heights[i] - gap
    places = {line.name: height for line, height in zip(rising, heights, strict=True)}
    return [replace(line, place=places[line.name]) for line in lines]


def _scale(top: float) -> Callable[[float], float]:
    """From a value to the width of its bar, in percent."""
    return lambda value: round(100 * value / max(top, 1e-9), 2)


def _between(low: float, high: float, margin: float = 0) -> Callable[[float], float]:
    room = max(high - low, 1e-12)
    return lambda value: margin + (100 - 2 * margin) * (value - low) / room


def _log(low: float, high: float) -> Callable[[float], float]:
    inner = _between(math.log(low), math.log(high))
    return lambda value: inner(math.log(value))


def _linear_axis(
    top: float, text: Callable[[float], str], low: float = 0.0
) -> tuple[list[Tick], Callable[[float], float]]:
    """Ticks at round values, and the height of a value in percent; with `low`, the axis does not begin at 0."""
    room = max(top - low, 1e-9) * 1.08
    step = _round_step(room / 6)
    bottom = 0.0 if low == 0 else low - 0.08 * room
    at = _between(bottom, bottom + room * (1.0 if low == 0 else 1.08))
    first = math.ceil(bottom / step)
    count = int((top + 0.08 * room - first * step) / step) + 1
    return [Tick(at((first + i) * step), text((first + i) * step)) for i in range(max(count, 0))], at


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5, 10, 20… and their fractions that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least * 0.999)


def _as_number(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return math.inf, text
