"""The page that people look at: one HTML file with everything in it, the same for the same inputs."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from forsys.evaluation.list_names import FINAL, FUSION, UNION
from forsys.evaluation.text import few_buyers_text
from forsys.report import charts
from forsys.report.drawing import Row, by_score, colour_of, house_style, known, to_svg
from forsys.report.examples import find_examples
from forsys.report.results import Results
from forsys.run import Run
from forsys.store import atomic_write, read_json


def write_report(run: Run, target: Path) -> None:
    """Write the page of a run atomically to `target`, from the files that the stages left in its workspace."""
    results, k, data = Results.read(run), run.settings.k, read_json(run.workspace.tables / "tables.json")
    with house_style():
        drawn = _charts(run, results)
    page = _template().render(
        run=run,
        k=k,
        data=data,
        warnings=warnings(results, data["rejected"]),
        holdout=run.calendar.holdout,
        results=results,
        charts=drawn,
        headline=headline(results),
        score_columns=("MAP@1", f"coverage@{k}"),  # beside MAP@k and its interval; scores.csv has more
        recall_columns=_at(results.scores, "recall@"),
        next_item=by_score(results.next_item, "@10"),
        next_columns=_at(results.next_item, "@"),
        examples=find_examples(run),
    )
    with atomic_write(target) as part:
        part.write_text(page, encoding="utf-8")


def warnings(results: Results, rejected: dict[str, int]) -> list[str]:
    """What a reader must know before the numbers: few buyers, rows left out (reason -> rows), pictures."""
    total = sum(rejected.values())
    reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in rejected.items())
    left_out = f"{total:,} rows of the shop's files could not be used ({reasons})." if total else ""
    notes = [f"{note}." for note in results.content_notes]
    return [text for text in (few_buyers_text(results.buyers), left_out, *notes) if text]


def headline(results: Results) -> list[tuple[str, str, str]]:
    """The few numbers to read first: value, name, remark."""
    k, final, baseline = results.k, results.final, results.best_baseline
    score, best = final.get(f"MAP@{k}"), baseline.get(f"MAP@{k}")
    tiles = []
    if known(score):
        ends = f"95 % interval {final['low']:.4f} to {final['high']:.4f}"
        tiles.append((f"{score:.4f}", f"MAP@{k} of the final list", ends))
        if best:
            tiles.append((f"{score / best:.2f}×", "the best simple baseline", f"{baseline['list']}: {best:.4f}"))
    if known(final.get(f"recall@{k}")):
        remark = f"of the {results.bought:,} articles bought are among the {k}"
        tiles.append((percent(final[f"recall@{k}"]), f"recall@{k}", remark))
    fusion = next((row for row in results.next_item if row["model"] == FUSION), None)
    if fusion and known(fusion.get("@10")):
        remark = f"of {fusion['events']:,} next purchases are among the first 10"
        tiles.append((percent(fusion["@10"]), "next-item accuracy at 10", remark))
    return tiles


def _charts(run: Run, results: Results) -> dict[str, Any]:
    """Every chart as SVG, empty where there is nothing to draw."""
    tuned, k = results.tuned, results.k
    return {
        "map": to_svg(charts.map_chart(results.scores, k), "map", f"MAP@{k} of every list with 95 % intervals"),
        "recall": to_svg(charts.recall_chart(results.scores), "recall", "recall of every list"),
        "next": to_svg(charts.next_item_chart(results.next_item), "next", "next-item accuracy by k"),
        "calibration": to_svg(
            charts.calibration_chart(results.calibration), "chance", "predicted and observed chances"
        ),
        "segments": _segment_charts(results),
        "tried": [
            (key, to_svg(charts.tried_chart(values, _chosen(tuned, key)), key, f"MAP@{k} by {key}"))
            for key, values in sorted(tuned.get("tried", {}).items())
        ],
        "weights": to_svg(charts.weights_chart(tuned.get("weights", {})), "weights", "weights of the sources"),
        "weeks": to_svg(charts.weeks_chart(results.weeks, run.calendar.holdout), "weeks", "purchases per week"),
    }


def _segment_charts(results: Results) -> list[tuple[str, Markup]]:
    """Title and chart of each segmentation: of customers by MAP@k, of articles by recall@k."""
    drawn = []
    for segment in dict.fromkeys(row["segment"] for row in results.segments):
        rows = [row for row in results.segments if row["segment"] == segment]
        metric = "MAP" if any(known(row.get(f"MAP@{results.k}")) for row in rows) else "recall"
        column = f"{metric}@{results.k}"
        title, average = f"{column} by {segment}", results.final.get(column)
        figure = charts.segment_chart(rows, column, average if known(average) else None)
        drawn.append((title, to_svg(figure, f"segment {segment}", title)))
    return [pair for pair in drawn if pair[1]]


def _chosen(tuned: Row, key: str) -> str:
    name, _, parameter = key.partition(".")
    return str(tuned.get("sources", {}).get(name, {}).get(parameter, ""))


def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("forsys", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"decimals": decimals, "percent": percent, "grouped": "{:,}".format, "colour": colour_of}
    environment.globals |= {"FINAL": FINAL, "FUSION": FUSION, "UNION": UNION}
    return environment.get_template("page.html")


def decimals(value: float | None) -> str:
    """A score with four decimals; a dash where there is none."""
    return f"{value:.4f}" if value is not None and known(value) else "–"


def percent(value: float | None) -> str:
    """A share as a percentage; a dash where there is none."""
    return f"{value:.1%}".replace("%", " %") if value is not None and known(value) else "–"


def _at(rows: list[Row], prefix: str) -> list[str]:
    """The columns `prefix` + k by rising k (JSON has sorted them as text)."""
    columns = {key for row in rows for key in row if key.startswith(prefix)}
    return sorted(columns, key=lambda key: int(key.removeprefix(prefix)))
