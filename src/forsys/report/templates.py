"""The HTML pages: all are made from base.html, with one look (page.css), one script (common.js) and charts.html."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from forsys.calendar import in_days
from forsys.evaluation.list_names import FINAL, FUSION, UNION
from forsys.report.charts import percent
from forsys.report.colours import variables
from forsys.report.rows import Row, by_score, known
from forsys.store import write_text


def write_page(template: str, target: Path, **values: Any) -> None:
    """Fill in a template of this folder and write it atomically; what it shows is in it, nothing is loaded."""
    write_text(_environment().get_template(template).render(**values), target)


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("forsys", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "decimals": decimals,
        "percent": percent,
        "grouped": "{:,}".format,
        "in_days": in_days,
        "signed": "{:+.4f}".format,
        "cell": cell,
        "by_score": by_score,
        "at": columns_at,
        "list_of": lambda key, form: (key, form),
    }
    environment.globals |= {"FINAL": FINAL, "FUSION": FUSION, "UNION": UNION, "variables": variables}
    return environment


def decimals(value: float | None) -> str:
    """A score with four decimals; a dash where there is none."""
    return f"{value:.4f}" if value is not None and known(value) else "–"


def cell(value: Any) -> str:
    """A value of a table of any kind."""
    if isinstance(value, float):
        return "–" if not known(value) else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def columns_at(rows: Iterable[Row], prefix: str) -> list[str]:
    """The columns `prefix` + k by rising k (JSON has sorted them as text)."""
    columns = {key for row in rows for key in row if key.startswith(prefix)}
    return sorted(columns, key=lambda key: int(key.removeprefix(prefix)))
