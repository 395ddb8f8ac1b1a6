"""The page that people look at: one HTML file with everything in it, and its figures beside it as JSON."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from forsys.evaluation.changed_settings import changed_settings
from forsys.evaluation.list_names import FINAL, FUSION
from forsys.evaluation.text import few_buyers_text
from forsys.report import charts
from forsys.report.articles import articles_of, pictures_of
from forsys.report.before import difference_to_before
from forsys.report.charts import percent
from forsys.report.colours import Palette
from forsys.report.customers import Customer, find_customers
from forsys.report.results import MEASURED, Results
from forsys.report.rows import Row, known
from forsys.report.templates import write_page
from forsys.retrieval.baselines import BASELINES
from forsys.run import Run
from forsys.store import json_text, read_json, write_json
from forsys.versions import all_versions

FEATURES = 15  # of the ranker that are drawn


def write_report(run: Run, target: Path, stale: Sequence[str] = ()) -> None:
    """Write the page of a run atomically to `target`, and its figures beside it as .json.

    All comes from the files that the stages left in the workspace. stale: what to say of results of other runs that
    lie there.
    """
    results, data = Results.read(run), read_json(run.workspace.tables / "tables.json")
    figures = {
        "about": about(run, results),
        "holdout": {"customers": results.buyers, "purchases": results.bought},
        "changed_settings": changed_settings(run.settings),
        "before": difference_to_before(run),
        "losses": results.losses,
        "headline": headline(results),
        **_customers(run, results),
    }
    pictures = pictures_of(run, [article["id"] for article in figures["articles"]])
    write_page(
        "page.html",
        target,
        run=run,
        k=run.settings.k,
        data=data,
        warnings=[*warnings(results, data["rejected"]), *stale],
        about=figures["about"],
        changed=figures["changed_settings"],
        before=figures["before"],
        holdout=run.calendar.holdout,
        results=results,
        charts=_charts(run, results),
        palette=palette_of(results),
        measured=_measured(results),
        headline=figures["headline"],
        customers=figures["num_customers"],
        colours=_embedded(_source_colours(results)),
        baseline=_embedded(figures.get("baseline")),
        embedded=_embedded({name: figures[name] for name in ("articles", "customers")} | {"pictures": pictures}),
    )
    write_json(figures, target.with_suffix(".json"))


def palette_of(results: Results) -> Palette:
    """The colours of this run's sources, and of the systems that were compared."""
    systems = [row["system"] for row in results.measured.get("comparison/accuracy.csv", [])]
    return Palette.of(list(results.tuned.get("sources", {})), systems)


def warnings(results: Results, rejected: dict[str, int]) -> list[str]:
    """What a reader must know before the numbers: few buyers, rows left out (reason -> rows), notes on the data."""
    total = sum(rejected.values())
    reasons = ", ".join(f"{reason}: {rows:,}" for reason, rows in rejected.items())
    left_out = f"{total:,} rows of the shop's files could not be used ({reasons})." if total else ""
    notes = [f"{note}." for note in results.notes]
    return [text for text in (few_buyers_text(results.buyers), left_out, *notes) if text]


def about(run: Run, results: Results) -> dict[str, str]:
    """What the page was made from, with what, and when."""
    stamp, times = run.stamp_of("tables"), [row["finished"] for row in results.stages]
    facts = {
        "Data": f"{run.dataset.name} ({run.dataset.origin})",
        "Data fingerprint": str(stamp["fingerprint"]) if stamp else "",
        "Version": f"FOR-system {all_versions()['forsys']}",
        "Made on": max(times)[:10] if times else "",
    }
    return {name: value for name, value in facts.items() if value}


def headline(results: Results) -> list[dict[str, Any]]:
    """The few numbers to read first: value, text, name, remark."""
    k, final, baseline = results.k, results.final, results.best_baseline
    score, best = final.get(f"MAP@{k}"), baseline.get(f"MAP@{k}")
    tiles = []
    if score is not None and known(score):
        ends = f"95 % interval {final['low']:.4f} to {final['high']:.4f}"
        tiles.append(_tile(score, f"{score:.4f}", f"MAP@{k} of the final list", ends))
        if best:
            name = "the best simple baseline"
            tiles.append(_tile(score / best, f"{score / best:.2f}×", name, f"{baseline['list']}: {best:.4f}"))
        if results.oracle:
            share, ceiling = score / results.oracle, f"oracle order of the candidates: {results.oracle:.4f}"
            tiles.append(_tile(share, percent(share), "of the ceiling", ceiling))
    if known(final.get(f"recall@{k}")):
        recall, remark = final[f"recall@{k}"], f"of the {results.bought:,} articles bought are among the {k}"
        tiles.append(_tile(recall, percent(recall), f"recall@{k}", remark))
    fusion = next((row for row in results.tables["next_item"] if row["model"] == FUSION), None)
    if fusion and known(fusion.get("@10")):
        remark = f"of {fusion['events']:,} next purchases are among the first 10"
        tiles.append(_tile(fusion["@10"], percent(fusion["@10"]), "next-item accuracy at 10", remark))
    return tiles


def _tile(value: float, text: str, name: str, remark: str) -> dict[str, Any]:
    return {"value": value, "text": text, "name": name, "remark": remark}


def _charts(run: Run, results: Results) -> dict[str, Any]:
    """Every chart; None, or nothing, where there is nothing to draw."""
    tables, tuned, k, palette = results.tables, results.tuned, results.k, palette_of(results)
    shown = [FINAL, *BASELINES, "bought"]  # JSON has sorted them as text
    return {
        "map": charts.map_chart(tables["scores"], k, palette),
        "sources": charts.sources_chart(tables["sources"], palette),
        "next": charts.next_item_chart(tables["next_item"], "model", palette),
        "compared": charts.next_item_chart(results.measured.get("comparison/accuracy.csv", []), "system", palette),
        "calibration": charts.calibration_chart(tables["calibration"]),
        "importance": charts.importance_chart(tables["importance"], FEATURES),
        "segments": _segment_charts(results),
        "popularity": [
            (name, bars)
            for name in shown
            if (bars := charts.popularity_chart(tables["popularity"], name, palette.colour(name)))
        ],
        "trees": charts.trees_chart(results.ranker.get("map_by_trees", []), results.ranker.get("trees", 0), k),
        "losses": [
            (name, chart)
            for name, networks in results.losses.items()
            if (chart := charts.loss_chart(networks, palette.colour(name)))
        ],
        "tried": [
            (key, chart)
            for key, values in sorted(tuned.get("tried", {}).items())
            if (chart := charts.tried_chart(values, _chosen(tuned, key)))
        ],
        "weights": charts.weights_chart(tuned.get("weights", {}), palette),
        "weeks": charts.weeks_chart(results.weeks, run.calendar.holdout),
    }


def _segment_charts(results: Results) -> list[tuple[str, charts.Bars]]:
    """Title and chart of each segmentation: of customers by MAP@k, of articles by recall@k."""
    drawn = []
    segments = results.tables["segments"]
    for segment in dict.fromkeys(row["segment"] for row in segments):
        rows = [row for row in segments if row["segment"] == segment]
        metric = "MAP" if any(known(row.get(f"MAP@{results.k}")) for row in rows) else "recall"
        column = f"{metric}@{results.k}"
        average = results.final.get(column)
        chart = charts.segment_chart(rows, column, average if known(average) else None)
        if chart:
            drawn.append((f"{column} by {segment}", chart))
    return drawn


def _measured(results: Results) -> list[tuple[str, list[tuple[str, list[Row]]]]]:
    """The commands beside the stages that were run, each with its tables."""
    found = [
        (command, [(Path(file).stem, rows) for file in files if (rows := results.measured.get(file))])
        for command, files in MEASURED.items()
    ]
    return [(command, tables) for command, tables in found if tables]


def _customers(run: Run, results: Results) -> dict[str, Any]:
    """customers, and the articles that they show: id, name, kind, colour, price and the colours of a tile.

    Articles are numbered anew, those that one looks at first in front. Nothing where nobody has a list yet.
    """
    if not (run.workspace.holdout / "predictions.parquet").exists():
        return {"num_customers": 0, "articles": [], "customers": []}
    baseline = results.best_baseline.get("list") or next(iter(BASELINES))
    found = find_customers(run, baseline)
    dense = list(dict.fromkeys(article for customer in found for article in customer.articles()))
    number = {article: i for i, article in enumerate(dense)}
    return {
        "baseline": baseline,
        "num_customers": len(found),
        "articles": articles_of(run, dense),
        "customers": [_renumbered(customer, number) for customer in found],
    }


def _renumbered(customer: Customer, number: dict[int, int]) -> dict[str, Any]:
    values = customer.as_json()
    values |= {key: [[number[article], about] for article, about in values[key]] for key in ("before", "baseline")}
    values["bought"] = [number[article] for article in customer.bought]
    for each in values["predicted"]:
        each["article"] = number[each["article"]]
    return values


def _source_colours(results: Results) -> dict[str, dict[str, Any]]:
    palette = palette_of(results)
    return {name: {"colour": palette.colour(name), "ring": palette.is_ring(name)} for name in palette.sources}


def _embedded(values: Any) -> Markup:
    """JSON for a <script> element, which nothing in it can end."""
    text = json_text(values, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _chosen(tuned: Row, key: str) -> str:
    """The value that was tried and chosen, as `tried` spells it: 4.0 was tried as "4"."""
    name, _, parameter = key.partition(".")
    value = tuned.get("sources", {}).get(name, {}).get(parameter, "")
    return f"{value:g}" if isinstance(value, float) else str(value)
