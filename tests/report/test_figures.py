"""Every figure on the page is found again in a CSV or JSON file beside it."""

import csv
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from forsys.run import Run

NUMBER = re.compile(r"(?<![\w.,-])[+-]?\d+(?:,\d{3})*(?:\.\d+)?(?: ?%)?(?![\w-])")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
PROSE = {"95 %", "0", "1", "10", "12", "50"}  # of the interval, the rule, k and the bound of a pale bar
OF_THE_PAGE = ("losses", "headline", "changed_settings", "num_customers", "about", "holdout", "before")
UNSHOWN = ("script", "style", "title", "noscript")


class Shown(HTMLParser):
    """The text of a page, but for the ticks of axes, which are round numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.skipped = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.skipped and (tag in UNSHOWN or "tick" in (dict(attrs).get("class") or "").split()):
            self.skipped = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self.skipped:
            self.skipped = ""

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.text.append(data)


def numbers_in(value: Any) -> Iterator[float]:
    """Those of a JSON value, and those that its texts speak of."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, (int, float)):
        yield float(value)
    elif isinstance(value, str):
        yield from (as_number(found) for found in NUMBER.findall(DAY.sub("", value)))
    else:
        for each in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from numbers_in(each)


def as_number(text: str) -> float:
    return float(text.replace(",", "").rstrip(" %"))


def beside(out: Path) -> list[float]:
    """All numbers of the CSV and JSON files of a data set; of the page's own JSON what it alone has."""
    found: list[float] = []
    for path in sorted({*out.rglob("*.json"), *out.rglob("*.csv")}):
        if "input" in path.relative_to(out).parts or path.name == "submission.csv":
            continue
        text = path.read_text(encoding="utf-8")
        value: Any = list(csv.reader(text.splitlines())) if path.suffix == ".csv" else json.loads(text)
        own = path == out / "report.json"
        found += numbers_in([value[name] for name in OF_THE_PAGE] if own else value)
    return found


def is_found(text: str, values: list[float]) -> bool:
    """Whether one of the values is written like this; a share as a percentage."""
    decimals = len(text.rstrip(" %").partition(".")[2])
    factor = 100 if text.endswith("%") else 1
    wanted, room = abs(as_number(text)), 0.5000001 * 10**-decimals
    return any(abs(abs(value) * factor - wanted) <= room for value in values)


def test_every_figure_is_in_a_file(finished: Run) -> None:
    shown = Shown()
    shown.feed(finished.workspace.report.read_text(encoding="utf-8"))
    text = DAY.sub("", " ".join(shown.text)).replace("×", " ")
    figures = set(NUMBER.findall(text)) - PROSE
    assert len(figures) > 300
    values = beside(finished.workspace.out)
    assert [each for each in sorted(figures) if not is_found(each, values)] == []


def test_every_json_file_is_json(finished: Run) -> None:
    """NaN and infinity are not: no browser reads them."""
    texts = [path.read_text(encoding="utf-8") for path in finished.workspace.out.rglob("*.json")]
    texts += re.findall(r'id="embedded">(.*?)</script>', finished.workspace.report.read_text(encoding="utf-8"))
    assert len(texts) > 10
    for text in texts:
        json.loads(text, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("0.1234", [0.12341], True),
        ("0.1234", [0.12346], False),
        ("12.3 %", [0.1234], True),
        ("12.3 %", [12.3], False),
        ("-0.5", [0.5], True),
        ("1,234", [1234.0], True),
        ("7", [8], False),
    ],
)
def test_the_rule_itself(text: str, values: list[float], expected: bool) -> None:
    assert is_found(text, values) == expected
