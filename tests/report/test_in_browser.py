"""The page in a real browser: Chromium or Chrome, if the machine has one (Debian: `apt-get install chromium`)."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from browser import DESKTOP, PHONE, Browser, find_browser
from forsys.cli.lists_text import explained
from forsys.report.article_page import write_article_page
from forsys.report.article_sheet import sheets_of
from forsys.report.comparison_tables import write_comparison_page
from forsys.report.explanation_page import write_explanation_page
from forsys.run import Run

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome on this machine")
SCHEMES = ("light", "dark")
DARK = {"name": "prefers-color-scheme", "value": "dark"}
SECTIONS = (
    "verdict", "customers", "scores", "next", "before", "sources", "ranker", "training", "chances", "segments",
    "popularity", "tuning", "measured", "data", "costs",
)  # fmt: skip

# Elements with text of their own that are shown.
TEXTS = """
[...document.body.querySelectorAll("*")].filter((element) =>
  !["SCRIPT", "STYLE", "OPTION", "NOSCRIPT"].includes(element.tagName) && element.checkVisibility() &&
  [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
"""
SMALL_TEXTS = (
    f"{TEXTS}.filter((each) => parseFloat(getComputedStyle(each).fontSize) < 9).map((each) => each.outerHTML)"
)
OVERFLOWING = """
[...document.body.querySelectorAll("*")].filter((element) => {
  const box = element.getBoundingClientRect(), width = document.documentElement.clientWidth;
  return box.width && box.right > width + 1 && !element.closest(".scroll, nav, .strip, .picks.plain");
}).map((element) => element.outerHTML.slice(0, 200))
"""
# WCAG's contrast of each text with the first background behind it that is not transparent.
LOW_CONTRAST = """
(() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const colour = parts(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  return TEXTS.map((element) => {
    const [a, b] = [parts(getComputedStyle(element).color), behind(element)].map(luminance).sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), element.outerHTML.slice(0, 200)];
  }).filter(([contrast]) => contrast < 4.5);
})()
""".replace("TEXTS", TEXTS.strip())


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    executable = find_browser()
    assert executable
    with Browser(executable, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture(scope="module")
def page(finished: Run) -> Path:
    return finished.workspace.report


@pytest.fixture(scope="module")
def others(finished: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages of single commands."""
    sheets = sheets_of(finished, finished.history.articles["article_id"].to_list()[:60:30])
    explanation = tmp_path_factory.mktemp("explanation") / "page.html"
    customer = finished.history.customers[int(finished.submission_customers[0]), "customer_id"]
    write_explanation_page(finished, explained(finished, customer, []), explanation)
    rows = [{"system": name, "@1": 0.1, "@10": 0.2, "@100": 0.4, "seconds": 1.5} for name in ("ALS", "GRU")]
    write_comparison_page(finished, {"accuracy": pd.DataFrame(rows), "gains": pd.DataFrame()}, "60 purchases.")
    return {
        "sheet": write_article_page(finished, sheets),
        "explanation": explanation,
        "comparison": finished.workspace.comparison / "comparison.html",
    }


def count(browser: Browser, selector: str) -> int:
    return int(browser.run(f"document.querySelectorAll({selector!r}).length"))


def texts(browser: Browser, selector: str) -> list[str]:
    found: list[str] = browser.run(f"[...document.querySelectorAll({selector!r})].map((each) => each.textContent)")
    return found


def choose(browser: Browser, field: str, value: str, event: str = "change") -> None:
    browser.run(
        f"(() => {{ const field = document.getElementById({field!r}); field.value = {value!r};"
        f" field.dispatchEvent(new Event({event!r})); }})()"
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_every_section_renders(browser: Browser, page: Path, size: tuple[int, int], scheme: str) -> None:
    browser.open(page, size, scheme)
    heights = browser.run(f"{list(SECTIONS)}.map((id) => document.getElementById(id).offsetHeight)")
    assert min(heights) > 50
    assert count(browser, ".bars") >= 9 and count(browser, ".plot") >= 3
    assert browser.problems == []
    assert browser.requests == [page.as_uri()]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_phone_shows_all_of_it(browser: Browser, page: Path, scheme: str) -> None:
    browser.open(page, PHONE, scheme)
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.run("document.documentElement.scrollWidth") <= PHONE[0]
    assert browser.run(OVERFLOWING) == []
    assert browser.run(SMALL_TEXTS) == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
@pytest.mark.parametrize("name", ["sheet", "explanation", "comparison"])
def test_the_other_pages_have_the_same_look(
    browser: Browser, others: dict[str, Path], name: str, size: tuple[int, int], scheme: str
) -> None:
    browser.open(others[name], size, scheme)
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert browser.problems == [] and browser.requests == [others[name].as_uri()]
    assert browser.run("document.documentElement.scrollWidth") <= size[0]
    assert browser.run(OVERFLOWING) == [] and browser.run(SMALL_TEXTS) == [] and browser.run(LOW_CONTRAST) == []
    background = "getComputedStyle(document.body).backgroundColor"
    assert browser.run(background) == ("rgb(245, 246, 248)" if scheme == "light" else "rgb(16, 18, 22)")


def test_an_article_and_a_list_are_shown_whole(browser: Browser, finished: Run, others: dict[str, Path]) -> None:
    browser.open(others["sheet"])
    assert count(browser, "section") == 2 and count(browser, ".strip li") == 12
    assert count(browser, "figure img") == 2  # the picture and the garment of the first; the other has none
    browser.open(others["explanation"])
    assert count(browser, "section") == finished.settings.k
    assert min(count(browser, selector) for selector in (".explained .bar", ".from .dot")) >= finished.settings.k
    browser.open(others["comparison"])
    assert count(browser, ".plot") == 1 and texts(browser, "tbody td:first-child") == ["ALS", "GRU"]


OPEN = "[...document.querySelectorAll('.fold')].filter((each) => each.open).length"


def test_a_phone_folds_sections_and_every_one_can_be_opened(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert browser.run(OPEN) == len(SECTIONS) - 1  # the verdict does not fold
    browser.open(page, PHONE)
    assert browser.run(OPEN) == 2
    assert browser.run("document.documentElement.scrollHeight") < 6_000
    browser.run("document.querySelector('nav a[href=\"#costs\"]').click()")
    browser.wait("document.querySelector('#costs .fold').open")
    browser.run("document.querySelector('#data summary').click()")
    assert browser.run(OPEN) == 4
    shown = "[...document.querySelectorAll('.picks.short li, .picks.short ~ *')].filter((e) => e.checkVisibility())"
    assert browser.run(f"{shown}.length") == 4  # three articles, and the button for all
    browser.run("document.querySelector('button.rest').click()")
    assert count(browser, ".picks.short") == 0


def test_all_is_printed_in_dark_ink(browser: Browser, page: Path) -> None:
    browser.open(page, PHONE, "dark")
    browser.run("dispatchEvent(new Event('beforeprint'))")
    assert browser.run(OPEN) == len(SECTIONS) - 1
    browser.call("Emulation.setEmulatedMedia", media="print", features=[DARK])
    assert browser.run("getComputedStyle(document.body).color") == "rgb(29, 33, 41)"
    assert not browser.run("document.querySelector('nav').checkVisibility()")
    browser.call("Emulation.setEmulatedMedia", media="")
    browser.run("dispatchEvent(new Event('afterprint'))")
    assert browser.run(OPEN) == 2


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_all_text_can_be_read(browser: Browser, page: Path, size: tuple[int, int], scheme: str) -> None:
    browser.open(page, size, scheme)
    browser.run("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert len(browser.run(f"{TEXTS}.map((each) => each.tagName)")) > 300
    assert browser.run(LOW_CONTRAST) == []


def test_the_scheme_is_the_reader_s(browser: Browser, page: Path) -> None:
    colours = [
        browser.open(page, scheme=scheme).run("getComputedStyle(document.body).backgroundColor")
        for scheme in SCHEMES
    ]
    assert colours == ["rgb(245, 246, 248)", "rgb(16, 18, 22)"]


def test_a_customer_is_chosen_by_kind_and_id(browser: Browser, page: Path) -> None:
    browser.open(page)
    assert count(browser, ".picks li") == 24
    assert count(browser, ".pic img") > 0 and count(browser, ".pic .tile") > 0
    choose(browser, "kind", "hit")
    assert count(browser, ".picks .badge") >= 1
    first = texts(browser, "#customer code")
    browser.run("document.getElementById('forth').click()")
    second = texts(browser, "#customer code")
    assert second != first
    assert texts(browser, "#place")[0].startswith("2 of ")
    choose(browser, "prefix", first[0][:12], "input")
    assert texts(browser, "#customer code") == first
    choose(browser, "prefix", "no such id", "input")
    assert texts(browser, "#customer") == ["No embedded customer is like that."]


def test_customers_of_the_submission_have_no_truth(browser: Browser, page: Path) -> None:
    browser.open(page)
    choose(browser, "period", "submission")
    assert count(browser, ".picks li") == 24
    assert count(browser, ".badge") == 0
    assert "holdout" not in texts(browser, "#customer")[0]


def test_a_link_opens_a_customer(browser: Browser, page: Path) -> None:
    browser.open(page)
    choose(browser, "period", "submission")
    wanted = texts(browser, "#customer code")[0]
    browser.open(page)
    browser.run(f"location.hash = 'customer={wanted}'")
    browser.wait(f"document.querySelector('#customer code').textContent === {wanted!r}")


def test_a_link_opens_the_customer_of_just_that_id(browser: Browser, page: Path, tmp_path: Path) -> None:
    browser.open(page)
    first = texts(browser, "#customer code")[0]
    browser.run("document.getElementById('forth').click()")
    second = texts(browser, "#customer code")[0]
    other = tmp_path / "page.html"
    text = page.read_text(encoding="utf-8").replace(first, "12").replace(second, "1")
    other.write_text(text, encoding="utf-8")
    browser.open(other)
    browser.run("location.hash = 'customer=1'")
    browser.wait("document.querySelector('#customer code').textContent === '1'")


def test_tables_are_sorted_by_a_click(browser: Browser, page: Path) -> None:
    browser.open(page)
    column = "#scores tbody td:nth-child(2)"
    click = "document.querySelectorAll('#scores th button')[1].click()"
    browser.run(click)
    falling = [value for value in texts(browser, column) if value != "–"]
    assert falling == sorted(falling, key=float, reverse=True) and len(set(falling)) > 3
    browser.run(click)
    assert [value for value in texts(browser, column) if value != "–"] == falling[::-1]
    browser.run("document.querySelectorAll('#scores th button')[0].click()")
    names = texts(browser, "#scores tbody td:first-child")
    assert names == sorted(names, key=str.casefold)


def test_a_table_says_that_it_scrolls(browser: Browser, page: Path) -> None:
    browser.open(page, PHONE)
    browser.run("document.querySelector('#scores .numbers').open = true")
    browser.wait("document.querySelector('#scores .wide.more')")
    browser.run("document.querySelector('#scores .scroll').scrollLeft = 9999")
    browser.wait("!document.querySelector('#scores .wide.more')")
