"""`forsys explain` as a page, in the look of the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from forsys.report.articles import articles_of, pictures_of
from forsys.report.charts import effects_chart
from forsys.report.colours import Palette
from forsys.report.rows import Row
from forsys.report.templates import write_page
from forsys.run import Run
from forsys.serving.ids import Ids


def write_explanation_page(run: Run, explained: Sequence[Row], target: Path) -> None:
    """Write one section per entry of `serving.explaining.explanations`, in their order."""
    ids = [each["article"] for each in explained]
    articles = articles_of(run, Ids.of("article", run.history.articles["article_id"]).find_all(ids).tolist())
    top = max((abs(part["effect"]) for each in explained for part in _parts(each)), default=1.0)
    sections = [
        each
        | {
            "shown": article,
            "picture": picture,
            "for": effects_chart(each["for_it"], top, "var(--good)"),
            "against": effects_chart(each["against_it"], top, "var(--bad)"),
        }
        for each, article, picture in zip(explained, articles, pictures_of(run, ids), strict=True)
    ]
    palette = Palette.of([*run.settings.retrieval.sources])
    write_page("explanation.html", target, run=run, sections=sections, palette=palette)


def _parts(explained: Row) -> list[dict[str, Any]]:
    return [*explained["for_it"], *explained["against_it"]]
