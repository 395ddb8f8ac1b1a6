"""The page that people look at: one HTML file with everything in it, the same for the same inputs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from forsys.evaluation.evaluate import FINAL, FUSION, UNION
from forsys.report import charts
from forsys.report.drawing import Row, by_score, colour_of, house_style, known, to_svg
from forsys.report.examples import find_examples
from forsys.report.findings import Findings
from forsys.schema import LIST_LENGTH as K
from forsys.store import whole

if TYPE_CHECKING:
    from forsys.run import Run

SCORE_COLUMNS = ("MAP@1", "coverage@12")  # beside MAP@12 and its interval; scores.csv has more
KINDS = {  # segments whose name needs the context that a table gives
    "purchases": "number of earlier purchases",
    "channel of the last one": "channel of the last purchase",
    "article": "earlier sales of the article",
}


def write_report(run: "Run", target: Path) -> None:
    """Write the page of a run whole to `target`, from the files that the stages left below run.out."""
    findings = Findings.read(run)
    with house_style():
        pictures = _charts(run, findings)
    page = _template().render(
        run=run,
        facts=run.facts,
        holdout=run.calendar.holdout,
        findings=findings,
        charts=pictures,
        headline=headline(findings),
        scores=by_score(findings.scores, f"MAP@{K}"),
        score_columns=SCORE_COLUMNS,
        recall_columns=_at(findings.scores, "recall@"),
        next_item=by_score(findings.next_item, "@10"),
        next_columns=_at(findings.next_item, "@"),
        examples=find_examples(run),
    )
    with whole(target) as part:
        part.write_text(page, encoding="utf-8")


def headline(findings: Findings) -> list[tuple[str, str, str]]:
    """The few numbers to read first: value, name, remark."""
    final, baseline = findings.final, findings.best_baseline
    tiles = []
    if known(final.get(f"MAP@{K}")):
        spread = f"95 % interval {final['low']:.4f} to {final['high']:.4f}"
        tiles.append((f"{final[f'MAP@{K}']:.4f}", f"MAP@{K} of the final list", spread))
        if baseline.get(f"MAP@{K}"):
            times = final[f"MAP@{K}"] / baseline[f"MAP@{K}"]
            tiles.append(
                (f"{times:.2f}×", "the best simple baseline", f"{baseline['list']}: {baseline['MAP@12']:.4f}")
            )
    if known(final.get(f"recall@{K}")):
        remark = f"of the {findings.bought:,} articles bought are among the {K}"
        tiles.append((percent(final[f"recall@{K}"]), f"recall@{K}", remark))
    following = next((row for row in findings.next_item if row["model"] == FUSION), None)
    if following and known(following.get("@10")):
        remark = f"of {following['events']:,} next purchases are among the first 10"
        tiles.append((percent(following["@10"]), "next-item accuracy at 10", remark))
    return tiles


def _charts(run: "Run", findings: Findings) -> dict[str, Any]:
    """Every chart as SVG, empty where there is nothing to draw."""
    tuned = findings.tuned
    return {
        "map": to_svg(charts.map_chart(findings.scores), "map", f"MAP@{K} of every list with 95 % intervals"),
        "recall": to_svg(charts.recall_chart(findings.scores), "recall", "recall of every list"),
        "next": to_svg(charts.next_item_chart(findings.next_item), "next", "next-item accuracy by k"),
        "segments": _segment_charts(findings),
        "tried": [
            (key, to_svg(charts.tried_chart(values, _chosen(tuned, key)), key, f"MAP@{K} by {key}"))
            for key, values in sorted(tuned.get("tried", {}).items())
        ],
        "weights": to_svg(charts.weights_chart(tuned.get("weights", {})), "weights", "weights of the sources"),
        "weeks": to_svg(charts.weeks_chart(findings.weeks, run.calendar.holdout), "weeks", "purchases a week"),
    }


def _segment_charts(findings: Findings) -> list[tuple[str, Markup]]:
    """Title and chart of each kind of segment: customers by MAP@12, articles by recall@12."""
    drawn = []
    for kind in dict.fromkeys(row["segment"] for row in findings.segments):
        rows = [row for row in findings.segments if row["segment"] == kind]
        column = f"MAP@{K}" if any(known(row.get(f"MAP@{K}")) for row in rows) else f"recall@{K}"
        title = f"{column} by {KINDS.get(kind, kind)}"
        average = findings.final.get(column)
        figure = charts.segment_chart(rows, column, average if known(average) else None)
        drawn.append((title, to_svg(figure, f"segment {kind}", title)))
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
    environment.filters |= {"decimals": decimals, "percent": percent, "whole": "{:,}".format, "colour": colour_of}
    environment.globals |= {"FINAL": FINAL, "FUSION": FUSION, "UNION": UNION, "K": K}
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
