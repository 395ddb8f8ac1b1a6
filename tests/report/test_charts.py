"""What stands where in the charts: worked out by hand."""

from datetime import timedelta
from itertools import pairwise

import polars as pl
import pytest

from forsys.calendar import Fold
from forsys.evaluation.list_names import FINAL, FUSION
from forsys.report import charts
from forsys.report.colours import Palette
from forsys.report.rows import Row
from forsys.retrieval.baselines import BASELINES

PALETTE = Palette(("als", "bpr"))
BASELINE = next(iter(BASELINES))


def test_bars_are_sorted_and_scaled_by_the_highest_end() -> None:
    rows: list[Row] = [
        {"list": "als", "MAP@12": 0.1, "low": 0.05, "high": 0.2},
        {"list": FINAL, "MAP@12": 0.2, "low": 0.1, "high": 0.4},
        {"list": "union", "MAP@12": None},
    ]
    chart = charts.map_chart(rows, 12, PALETTE)
    assert chart is not None
    assert [(bar.name, bar.width, bar.low, bar.high) for bar in chart.rows] == [
        (FINAL, 50, 25, 100),
        ("als", 25, 12.5, 50),
    ]
    assert [bar.strong for bar in chart.rows] == [True, False]


@pytest.mark.parametrize(
    "chart",
    [
        charts.map_chart([], 12, PALETTE),
        charts.sources_chart([], PALETTE),
        charts.next_item_chart([], "model", PALETTE),
        charts.calibration_chart([]),
        charts.importance_chart([], 5),
        charts.segment_chart([], "MAP@12", None),
        charts.trees_chart([], 3, 12),
        charts.loss_chart([], "red"),
        charts.loss_chart([[1.5]], "red"),
        charts.effects_chart([], 1.0, "red"),
        charts.tried_chart({"1": 0.5}, "1"),
        charts.weights_chart({}, PALETTE),
        charts.popularity_chart([], "final", "red"),
    ],
)
def test_nothing_is_drawn_of_nothing(chart: object) -> None:
    assert chart is None


def next_item(ends: dict[str, float]) -> charts.Plot:
    rows = [{"model": name, "@1": 0.0, "@10": end / 2, "@100": end} for name, end in ends.items()]
    chart = charts.next_item_chart(rows, "model", PALETTE)
    assert chart is not None
    return chart


def test_lines_end_at_their_value() -> None:
    chart = next_item({"als": 0.4, FUSION: 0.8, BASELINE: 0.2})
    assert [line.name for line in chart.lines] == [FUSION, "als", BASELINE]
    assert [(line.dashed, line.strong) for line in chart.lines] == [(False, True), (False, False), (True, False)]
    best = chart.lines[0]
    assert best.points.split()[0] == "0.00,100.00"
    assert best.points.split()[1].startswith("50.00,")  # 10 is in the middle of 1 and 100
    assert best.end == pytest.approx(100 / 1.08)
    assert [(tick.text, tick.at) for tick in chart.x_ticks] == [("1", 0), ("10", 50), ("100", 100)]


@pytest.mark.parametrize("ends", [[0.5] * 12, [0.01] * 12, [i / 12 for i in range(12)], [1.0, 0.999, 0.0]])
def test_names_of_lines_stay_apart_and_in_the_plot(ends: list[float]) -> None:
    chart = next_item({f"model {i}": end for i, end in enumerate(ends)})
    places = sorted(line.place for line in chart.lines)
    assert all(b - a >= charts.MIN_GAP - 1e-9 for a, b in pairwise(places))
    assert places[0] >= -1e-9 and places[-1] <= 100 + 1e-9
    assert sorted(line.end for line in chart.lines) == [
        line.end for line in sorted(chart.lines, key=lambda line: (line.place, line.end))
    ]


def test_calibration_stands_on_the_diagonal_where_it_is_right() -> None:
    rows = [{"predicted": p, "observed": p, "low": 0.0, "high": 2 * p} for p in (0.001, 0.01, 0.1)]
    chart = charts.calibration_chart(rows)
    assert chart is not None
    assert all(dot.x == pytest.approx(dot.y) for dot in chart.dots)
    assert all(0 <= dot.low <= dot.y <= dot.high <= 100 for dot in chart.dots)
    assert [tick.text for tick in chart.x_ticks] == ["0.1 %", "1 %", "10 %"]


def test_the_chosen_number_of_trees_is_marked() -> None:
    chart = charts.trees_chart([0.1, 0.3, 0.2], 2, 12)
    assert chart is not None and chart.marked is not None
    assert chart.marked.x == 50
    assert chart.marked.title == "2 trees: 0.3000"


def test_each_network_has_its_line_of_losses() -> None:
    chart = charts.loss_chart([[4.0, 2.0, 1.0], [3.0, 2.0, 1.0]], "red")
    assert chart is not None and [tick.text for tick in chart.x_ticks] == ["1", "2", "3"]
    first, second = ([tuple(map(float, point.split(","))) for point in line.points.split()] for line in chart.lines)
    assert [x for x, _ in first] == [0, 50, 100]
    assert first[0][1] < second[0][1] < first[1][1] < first[2][1]  # y is from above
    assert first[1:] == second[1:]


def test_effects_are_scaled_by_the_largest_of_all() -> None:
    chart = charts.effects_chart([{"effect": -0.5, "sentence": "It is new."}], 2.0, "red")
    assert chart is not None and [(bar.name, bar.text, bar.width) for bar in chart.rows] == [
        ("It is new.", "-0.50", 25)
    ]


def test_values_tried_stand_in_the_order_of_numbers() -> None:
    chart = charts.tried_chart({"16": 0.1, "4": 0.2, "none": 0.3}, "4")
    assert chart is not None and chart.marked is not None
    assert [tick.text for tick in chart.x_ticks] == ["4", "16", "none"]
    assert chart.marked.x == chart.x_ticks[0].at


def test_the_holdout_is_shaded() -> None:
    weeks = pl.DataFrame({"week": pl.Series(["2024-01-01", "2024-01-08"]).str.to_date(), "purchases": [1, 4]})
    days = weeks["week"].to_list()
    chart = charts.weeks_chart(weeks, Fold(days[1], days[1].replace(day=15)))
    assert chart is not None and chart.band == (50, 100)
    longer = charts.weeks_chart(weeks, Fold(days[0] - timedelta(days=5), days[1].replace(day=15)))
    assert longer is not None and longer.band == (0, 100)  # of a holdout that begins before the first whole week


@pytest.mark.parametrize("top", [1e-9, 0.0021, 0.08, 0.5, 1.0, 7, 123, 31_788_324])
def test_ticks_are_round_few_and_within_the_axis(top: float) -> None:
    ticks, at = charts._linear_axis(top, "{:g}".format)
    assert 3 <= len(ticks) <= 8
    assert all(-1e-6 <= tick.at <= 100.001 for tick in ticks)
    assert at(0) == 0 and at(top) < 100


@pytest.mark.parametrize("least", [0.011, 0.02, 0.3, 1, 4.9, 77])
def test_steps_are_round(least: float) -> None:
    step = charts._round_step(least)
    assert step >= least * 0.99
    assert f"{step:e}"[0] in "125" and float(f"{step:.0e}") == pytest.approx(step)
