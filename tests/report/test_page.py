"""The page of a shop with seven customers and fourteen articles, whose numbers are written by hand."""

import io
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.figure import Figure
from PIL import Image

from forsys.candidates import SourceArtifacts
from forsys.content.decoding import MAX_BYTES, MAX_PIXELS
from forsys.content.pictures import standard_name
from forsys.evaluation.list_names import FINAL, UNION
from forsys.evaluation.text import few_buyers_text
from forsys.report.articles import MAX_CHARACTERS
from forsys.report.customers import Customer, Recommended
from forsys.report.drawing import drawable
from forsys.report.page import write_report
from forsys.report.results import Results
from forsys.report.snapshot import write_customers
from forsys.report.thumbnails import thumbnail
from forsys.run import Run
from forsys.schema import ARTICLES, CUSTOMERS, PREDICTIONS, PROMOTIONS, RETURNS, TRANSACTIONS
from forsys.settings import load_settings
from forsys.store import write_arrays, write_json, write_parquet, write_text
from forsys.tables.dataset import DataSet
from forsys.workspace import Workspace
from report.conftest import draw

FIRST, AS_OF, LAST = date(2024, 1, 1), date(2024, 1, 22), date(2024, 1, 28)
NASTY = "<script>alert('dress')</script> & co"
NAN = float("nan")  # blanks may be this or null
LISTS = ("best sellers, 7 days", "half $price$ <b>", UNION, FINAL)
CUT = b"\xff\xd8\xff\xe0 not a picture"

# customer, article, day: 0 and 1 buy a predicted article, 2 buys another one, 3 is new, 4 to 6 buy nothing
LOG = (
    *((0, a, FIRST + timedelta(days=a)) for a in range(3)),
    (1, 4, FIRST),
    (2, 5, FIRST + timedelta(days=9)),
    *((c, 6, AS_OF - timedelta(days=1)) for c in (4, 5, 6)),
    (0, 1, AS_OF),
    (0, 13, AS_OF),
    (1, 7, LAST),
    (2, 12, LAST),
    (3, 0, LAST),
)


CHANCES = [
    {"group": i, "rows": 9, "predicted": 0.001 * 2**i, "observed": 0.002 * i, "low": 0.0, "high": 0.05}
    for i in range(10)
]


def scores() -> dict[str, object]:
    rows = [
        {
            "list": name,
            "MAP@12": None if name == UNION else 0.1234 + 0.1 * i,
            "low": None if name == UNION else 0.1,
            "high": None if name == UNION else 0.5678,
            "MAP@1": None if name == UNION else 0.2,
            "coverage@12": None if name == UNION else 0.3,
            **{f"recall@{k}": 0.1 * (i + 1) for k in (12, 50, 100)},
        }
        for i, name in enumerate(LISTS)
    ]
    following = [
        {"model": name, **{f"@{k}": k / 250 for k in (1, 5, 10, 12, 50, 100)}, "events": 5, "without score": 1}
        for name in (*LISTS[:2], FINAL)
    ]
    segments = [
        {"segment": "age", "value": "25-34 $", "n": 60, "MAP@12": 0.25, "recall@12": NAN},
        {"segment": "earlier sales of the article", "value": "tenth 2", "n": 3, "MAP@12": NAN, "recall@12": 0.5},
    ]
    verdict = {"text": "The final list beats the best simple baseline, half <b>.", "low": 0.1}
    return {
        "scores": rows,
        "next_item": following,
        "segments": segments,
        "verdict": verdict,
        "calibration": CHANCES,
        "oracle_order_of_the_candidates": 0.9,
        "sources": [
            {"source": "best_sellers", "recall": 0.5, "alone": 0.25, "adds": 0.5},
            {"source": "als", "recall": 0.125, "alone": 0.0, "adds": 0.0},
        ],
        "popularity": [{"value": "tenth <2>", FINAL: 0.75, "bought": 0.25}],
        "importance": [
            {"feature": "age", "gain": 0.625, "MAP@12 lost": 0.0123, "meaning": "the <age>; in years"},
            {"feature": "fn", "gain": 0.375, "MAP@12 lost": None, "meaning": "news"},
        ],
    }


def customer(number: int, period: str, hit: bool) -> Customer:
    """Of LOG: number 0 bought articles 0 to 2 before, and 1 and 13 in the holdout."""
    predicted = [Recommended(a, hit and a == 1, ["als", "<b>"], ["Sold.", "</script>"], 0.0123) for a in range(12)]
    before = [(2, "2024-01-03"), (1, "2024-01-02")]
    bought = [1, 13] if period == "holdout" else []
    return Customer(
        f"{number:064x}", 30, period, ["hit" if hit else "miss"], 3, before, len(bought), bought, predicted,
        [(a, a == 1) for a in range(12)], int(hit), 1,
    )  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def customers() -> Iterator[None]:
    """Those that no ranker has to be trained for."""
    found = [customer(0, "holdout", True), customer(1, "holdout", False), customer(4, "submission", False)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("forsys.report.page.find_customers", lambda *_: found)
        yield


TUNED = {
    "sources": {"best_sellers": {"class": "forsys.retrieval.best_sellers:BestSellers", "half_life": 4}},
    "weights": {"best_sellers": 1.5, "als": 0.0},
    "constant": 10.0,
    "folds": ["2024-01-15"],
    "customers": 3,
    "map_on_these_folds": 0.3333,
    "tried": {"best_sellers.half_life": {"16": 0.1, "4": 0.2}},
    "left_out": [],
}


def tiny_run(tmp_path: Path) -> Run:
    """A run whose stages have all written something."""
    folder = tmp_path / "input"
    run = Run(DataSet("tiny", folder, True, "by hand"), load_settings(), Workspace(tmp_path, "tiny"))
    ids = [f"01{a:05d}001" for a in range(14)]
    names = [NASTY if a == 1 else None if a == 2 else f"Dress {a}" for a in range(14)]
    columns = {"article": range(14), "article_id": ids, "product_code": range(14), "prod_name": names}
    kinds = {"product_type_name": [None if a == 2 else "Dress" for a in range(14)]}
    articles = pl.DataFrame(columns | kinds).with_columns(
        pl.lit(None).alias(column) for column in ARTICLES if column not in columns | kinds
    )
    customers = pl.DataFrame({"customer": range(7), "customer_id": [f"{c:064x}" for c in range(7)]}).with_columns(
        pl.lit(30.0 if column == "age" else None).alias(column) for column in list(CUSTOMERS)[2:]
    )
    log = pl.DataFrame(LOG, schema=["customer", "article", "t_dat"], orient="row")
    log = log.sort("t_dat", maintain_order=True).with_columns(price=0.02, channel=1)
    for name, frame, schema in (
        ("transactions", log, TRANSACTIONS),
        ("articles", articles, ARTICLES),
        ("customers", customers, CUSTOMERS),
    ):
        write_parquet(frame.select(*schema).cast(schema), run.workspace.tables / f"{name}.parquet")  # type: ignore[arg-type]
    for name, schema in {"returns": RETURNS, "promotions": PROMOTIONS}.items():
        write_parquet(pl.DataFrame(schema=schema), run.workspace.tables / f"{name}.parquet")
    counts = {"rows": len(LOG), "customers": 7, "articles": 14, "listed_articles": 14, "submission_customers": 7}
    period = {"first_day": str(FIRST), "last_day": str(LAST)}
    found = {"rejected": {"transactions.csv: no <price>": 2}, "notes": ["1 article occurs <only> here"]}
    roles = {"kind": "product_type_name", "colour": "colour_group_name"}
    write_json(counts | period | found | {"roles": roles}, run.workspace.tables / "tables.json")
    write_json({"fingerprint": "by hand", "outputs": {}}, run.workspace.stamp("tables"))
    predicted = [(c, a, a + 1) for c in range(7) for a in range(12)]
    frame = pl.DataFrame(predicted, schema=PREDICTIONS, orient="row")
    write_parquet(frame, run.workspace.holdout / "predictions.parquet")
    write_text(json.dumps(scores()), run.workspace.evaluation / "scores.json")
    write_json(TUNED, run.workspace.tuned)
    draw(folder, ids[0])
    draw(folder, ids[13])
    (folder / "images" / standard_name(ids[4])).write_bytes(CUT)
    return run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return tiny_run(tmp_path)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of an undamaged run, for tests that only read it."""
    return page(tiny_run(tmp_path_factory.mktemp("run")))


def page(run: Run) -> str:
    write_report(run, run.workspace.report)
    return (run.workspace.report).read_text(encoding="utf-8")


def test_the_numbers_are_on_the_page(text: str) -> None:
    assert "what the final list loses when a feature is shuffled" in text
    wanted = ("0.4234", "0.1000 to 0.5678", "3.43×", "47.0 %", "40.0 %", "0.3333", "0.250", "(60)", "2024-01-28")
    for number in (*wanted, "50.0 %, alone 25.0 %", "62.5 %", "0.0123", "75.0 %"):
        assert number in text
    assert "4 customers who bought 5 articles" in re.sub(r"<[^>]*>", "", text)


def words(text: str) -> str:
    """A page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", text))


def test_few_buyers_and_rejected_rows_stand_before_the_numbers(text: str) -> None:
    top = words(text.partition("<body>")[2]).partition("MAP@12 of the final list")[0]
    assert "The final list beats the best simple baseline, half &lt;b&gt;." in top
    assert "Only 4 customers bought in the holdout: these scores say little." in top
    assert "2 rows of the shop&#39;s files could not be used (transactions.csv: no &lt;price&gt;: 2)." in top


@pytest.mark.parametrize(
    ("rejected", "said"),
    [
        ({}, []),
        ({"a.csv: no price": 1_200}, ["1,200 rows", "a.csv: no price: 1,200"]),
        ({"a.csv: no price": 2, "c.csv: no id": 3}, ["5 rows", "a.csv: no price: 2", "c.csv: no id: 3"]),
    ],
)
def test_rejected_rows_are_counted_by_reason(run: Run, rejected: dict[str, int], said: list[str]) -> None:
    path = run.workspace.tables / "tables.json"
    write_json(json.loads(path.read_text(encoding="utf-8")) | {"rejected": rejected}, path)
    text = words(page(run))
    assert ("could not be used" in text) == bool(rejected)
    for part in said:
        assert part in text


@pytest.mark.parametrize("notes", [[], ["40 pictures were found under another name"], ["NO <PICTURE>", "cut"]])
def test_what_the_content_stage_said_is_on_the_page(run: Run, notes: list[str]) -> None:
    write_json({"notes": notes}, run.workspace.content / "content.json")
    text = page(run)
    for note in notes:
        assert note.replace("<", "&lt;").replace(">", "&gt;") + "." in text


@pytest.mark.parametrize(
    ("buyers", "said"), [(1, "Only 1 customer bought"), (99, "Only 99 customers bought"), (100, ""), (3000, "")]
)
def test_only_few_buyers_are_warned_of(buyers: int, said: str) -> None:
    found = few_buyers_text(buyers)
    assert found.startswith(said) and bool(found) == bool(said)


@pytest.mark.parametrize(
    "name", ["$5 \\frac{a$ top", "\U0001f457 \u4e0a\u8863", "a\x01b\x1b[31m\nc\0", "\u202eשמלה"]
)
def test_a_name_is_drawn_without_a_warning_whatever_is_in_it(name: str) -> None:
    with mpl.rc_context({"text.parse_math": False}):
        figure = Figure()
        figure.text(0, 0, drawable(name))
        figure.savefig(io.BytesIO(), format="png")
    assert drawable("Café $5 & co") == "Café $5 & co"
    assert drawable("\U0001f457\n\tb") == "□ b"


def test_every_chart_is_there_and_nothing_comes_from_elsewhere(text: str) -> None:
    assert (text.count('class="bars'), text.count('<figure class="plot')) == (8, 4)
    assert not re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text)
    assert "url(" not in text and "http" not in text


def test_generated_data_are_announced_and_real_ones_are_not(run: Run, text: str) -> None:
    assert "scores of a made-up shop" in text
    real = replace(run, dataset=replace(run.dataset, generated=False))
    assert "made-up" not in page(real)


def test_names_and_notes_are_escaped(text: str) -> None:
    assert text.count("<script") == text.count("</script>") == 2  # what the page has of its own
    assert "<b>" not in text and "half $price$ &lt;b&gt;" in text
    assert "the &lt;age&gt;" in text and "tenth &lt;2&gt;" in text
    assert "no &lt;price&gt;: 2" in text
    assert "occurs &lt;only&gt; here" in text


def test_a_union_has_no_map(text: str) -> None:
    assert "nan" not in re.sub(r"base64,[^\"]*", "", text).lower()
    assert text.count(UNION) >= 1
    assert "None" not in text


def test_same_inputs_give_the_same_page(run: Run, text: str) -> None:
    assert page(run) == text


def embedded(text: str) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads(re.findall(r'id="embedded">(.*?)</script>', text)[0])
    return found


def test_customers_are_embedded_with_their_articles(run: Run, text: str) -> None:
    found = embedded(text)
    articles = {article["id"]: i for i, article in enumerate(found["articles"])}
    first = found["customers"][0]
    assert [first["predicted"][i]["article"] for i in (0, 1)] == [articles["0100000001"], articles["0100001001"]]
    assert first["bought"] == [articles["0100001001"], articles["0100013001"]]
    assert first["before"][0] == [articles["0100002001"], "2024-01-03"]
    assert found["articles"][articles["0100001001"]]["name"] == NASTY
    assert found["articles"][articles["0100002001"]]["name"] == "0100002001"  # without a name it has its id
    page(run)
    beside = json.loads(run.workspace.report.with_suffix(".json").read_text(encoding="utf-8"))
    assert beside["customers"] == found["customers"] and beside["articles"] == found["articles"]


def test_pictures_may_be_missing_or_broken(text: str) -> None:
    found = embedded(text)
    with_picture = [article["id"] for article, p in zip(found["articles"], found["pictures"], strict=True) if p]
    assert with_picture == ["0100000001", "0100013001"]
    assert all(len(article["tile"]) == 2 for article in found["articles"])


def test_pictures_have_a_limit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_CHARACTERS < 4_000_000  # of the 5 MB that a page may have
    with monkeypatch.context() as patch:
        patch.setattr("forsys.report.articles.MAX_CHARACTERS", 1)
        assert sum(map(bool, embedded(page(run))["pictures"])) == 1
    monkeypatch.setattr("forsys.report.articles.MAX_PICTURES", 0)
    assert not any(embedded(page(run))["pictures"])


@pytest.mark.parametrize(("times", "width"), [(1, 1200), (2, 1944)])
def test_a_picture_of_customers(times: int, width: int, run: Run, tmp_path: Path) -> None:
    page(run)
    file = run.workspace.report.with_suffix(".json")
    figures = json.loads(file.read_text(encoding="utf-8"))
    for customer in figures["customers"]:
        customer["predicted"] *= times  # lists of 12 or 24
    file.write_text(json.dumps(figures), encoding="utf-8")
    write_customers(run, tmp_path / "customers.png")
    with Image.open(tmp_path / "customers.png") as picture:
        assert picture.width == width
        assert picture.height == pytest.approx(2 * 148.5, abs=1)  # the two of the holdout


def test_the_losses_of_the_networks_are_drawn(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "No curve of a recurrent network" in page(run) and "The ranker has no curve" in page(run)
    losses = {"next_item": [[3.0, 2.0], [3.5, 2.5]], "mix, network": [[1.0]]}
    monkeypatch.setattr("forsys.report.results.network_losses", lambda *_: losses)
    text = page(run)
    assert "next_item: loss by epoch" in text and "a line per network" in text and "mix, network" not in text
    assert json.loads(run.workspace.report.with_suffix(".json").read_text(encoding="utf-8"))["losses"] == losses


def test_the_loss_of_a_network_that_diverged_is_null(run: Run) -> None:
    config = {"class": "forsys.retrieval.next_item:NextItem"}
    write_json(TUNED | {"sources": {"next_item": config}}, run.workspace.tuned)
    write_json({"fingerprint": "by hand", "outputs": {}}, run.workspace.stamp("content"))
    losses = np.array([[3.0, np.nan], [np.inf, 2.0], [3.5, 2.5]], np.float32)
    model = SourceArtifacts.of(run, run.calendar.holdout, "next_item", config).model
    write_arrays({"loss_": losses, "network.loss_": losses[:2]}, model)
    assert "next_item: loss by epoch" in page(run)  # of the third alone
    written = run.workspace.report.with_suffix(".json").read_text(encoding="utf-8")
    assert json.loads(written, parse_constant=pytest.fail)["losses"] == {
        "next_item": [[3.0, None], [None, 2.0], [3.5, 2.5]],
        "next_item, network": [[3.0, None], [None, 2.0]],
    }


def test_every_stage_that_has_finished_is_listed_a_new_one_too(run: Run) -> None:
    assert "The stages have kept no times." in page(run)
    cost = {
        "fingerprint": "x",
        "outputs": {},
        "finished": "2024-07-01",
        "seconds": 2.5,
        "peak_gib": 1,
        "made": ["<b>"],
    }
    write_json(cost, run.workspace.stamp("new_stage"))
    assert re.search(r"new_stage</.*2\.5</.*&lt;b&gt;", page(run))


def test_changed_settings_are_listed(run: Run) -> None:
    assert "All settings are the defaults." in page(run)
    changed = replace(run, settings=load_settings(overrides=["k=5", "retrieval.sources.als=false"]))
    assert "<code>k</code></td><td>5</td>" in page(changed)
    assert "<code>retrieval.sources.als</code></td><td>False</td>" in page(changed)


def test_the_run_before_is_compared(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "There is none yet." in page(run)
    about = {"title": "run 3 (<b>)", "time": "2024-07-01T10:00:00", "note": "more trees"}
    rows = {
        "settings": [{"setting": "k", "run 3": "12", "run 4": "5"}],
        "scores": [{"of": "all", "difference": 0.0321, "low": -0.0123, "high": 0.0765}],
    }
    monkeypatch.setattr("forsys.report.page.difference_to_before", lambda _: about | rows)
    text = page(run)
    assert (
        "run 3 (&lt;b&gt;)" in text
        and "more trees" in text
        and "difference +0.0321, 95 % interval -0.0123 to +0.0765" in text
    )
    monkeypatch.setattr("forsys.report.page.difference_to_before", lambda _: about | {"fault": "Another k."})
    assert "<p>Another k.</p>" in page(run)


def test_measurements_of_other_commands_are_shown(run: Run) -> None:
    assert "<code>forsys backtest</code></h3>" not in page(run)
    run.workspace.evaluation.mkdir(exist_ok=True)
    backtest = "list,MAP@12,note\nals,0.4321,<i>\n"
    (run.workspace.evaluation / "backtest.csv").write_text(backtest, encoding="utf-8")
    text = page(run)
    assert "<code>forsys backtest</code></h3>" in text and "0.4321" in text and "&lt;i&gt;" in text


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        (
            {"als": 1},
            ["als was left out at 1 of the 3 cut-offs, because the fusion gave it no weight there. Its row"],
        ),
        (
            {"als": 2, "bpr": 3},
            ["als was left out at 2 of the 3", "bpr was left out at 3 of the 3 cut-offs, because"],
        ),
        ({}, []),
        (None, []),  # as an earlier version wrote it
    ],
)
def test_sources_that_the_backtest_left_out_are_told(
    run: Run, left_out: dict[str, int] | None, said: list[str]
) -> None:
    run.workspace.evaluation.mkdir(exist_ok=True)
    text = "list,customer-weeks,MAP@12\nals,1234,0.4321\n"
    (run.workspace.evaluation / "backtest.csv").write_text(text, encoding="utf-8")
    about = {"folds": 3} | ({} if left_out is None else {"left_out": left_out})
    write_json(about, run.workspace.evaluation / "backtest.json")
    text = page(run)
    assert text.count("was left out at") == len(said)
    assert all(words in text for words in said)
    assert "customer-weeks" in text and "1,234" in text


def test_measurements_without_a_row_or_with_an_infinite_value(run: Run) -> None:
    tables = {"never_sold": pd.DataFrame(), "gains": pd.DataFrame({"of": ["GRU"], "gain": [np.inf]})}
    run.workspace.comparison.mkdir(exist_ok=True)
    for name, table in tables.items():
        table.to_csv(run.workspace.comparison / f"{name}.csv", index=False)
    assert Results.read(run).measured == {"comparison/gains.csv": [{"of": "GRU", "gain": None}]}
    assert "<code>forsys compare</code></h3>" in page(run)


def test_what_is_stale_is_said(run: Run) -> None:
    write_report(run, run.workspace.report, ["evaluation/backtest.csv is of another run."])
    assert "backtest.csv is of another run." in run.workspace.report.read_text(encoding="utf-8")


def test_thumbnails_are_small(run: Run, tmp_path: Path) -> None:
    jpeg = thumbnail(run.dataset.folder / "images" / standard_name("0100000001"))
    assert jpeg is not None
    (tmp_path / "small.webp").write_bytes(jpeg)
    with Image.open(tmp_path / "small.webp") as small:
        assert small.size == (75, 112)


def test_a_thumbnail_is_upright_and_on_white(tmp_path: Path) -> None:
    """As its decoded picture is: cameras store pictures lying on a side, and shops cut garments out."""
    lying = Image.new("RGB", (300, 200), "teal")
    lying.paste("red", (0, 0, 100, 200))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right
    lying.save(tmp_path / "lying.jpg", exif=exif)
    Image.new("RGBA", (200, 300), (0, 0, 0, 0)).save(tmp_path / "empty.png")
    cut_out = Image.new("RGBA", (200, 300), (0, 0, 0, 0))
    cut_out.paste((200, 0, 0, 255), (50, 50, 150, 250))
    cut_out.save(tmp_path / "cut_out.png")
    found = {name: thumbnail(tmp_path / name) for name in ("lying.jpg", "cut_out.png", "empty.png")}
    assert found["empty.png"] is None
    pictures = {name: np.asarray(Image.open(io.BytesIO(webp))).astype(int) for name, webp in found.items() if webp}
    assert pictures["lying.jpg"].shape == (112, 75, 3) and (pictures["lying.jpg"][5, 37] - [255, 0, 0]).max() < 40
    assert pictures["cut_out.png"][2, 2].min() > 240 and pictures["cut_out.png"][56, 37, 0] > 150


def test_no_thumbnail_of_what_is_too_large_or_no_file(tmp_path: Path) -> None:
    Image.new("RGB", (200, 300), "teal").save(tmp_path / "large.jpg")
    os.truncate(tmp_path / "large.jpg", MAX_BYTES + 1)
    os.mkfifo(tmp_path / "pipe.jpg")
    Image.new("1", (MAX_PIXELS // 10_000 + 1, 10_000)).save(tmp_path / "bomb.jpg", "PNG")
    for name in ("large.jpg", "pipe.jpg", "bomb.jpg", "none.jpg"):
        assert thumbnail(tmp_path / name) is None


def nothing_scored(run: Run) -> None:
    write_json({"scores": [], "next_item": [], "segments": []}, run.workspace.evaluation / "scores.json")


def only_tables(run: Run) -> None:
    for path in ("evaluation/scores.json", "tuned.json", "holdout/predictions.parquet"):
        (run.workspace.out / path).unlink()


def nobody_predicted(run: Run) -> None:
    write_parquet(pl.DataFrame(schema=PREDICTIONS), run.workspace.holdout / "predictions.parquet")


def nobody_bought(run: Run) -> None:
    summary = json.loads((run.workspace.tables / "tables.json").read_text(encoding="utf-8"))
    write_json(summary | {"last_day": "2024-02-11"}, run.workspace.tables / "tables.json")


def one_source(run: Run) -> None:
    write_json(TUNED | {"weights": {"als": 0.0}, "tried": {}}, run.workspace.tuned)


@pytest.mark.parametrize("damage", [nothing_scored, only_tables, nobody_predicted, nobody_bought, one_source])
def test_what_is_missing_is_left_out(run: Run, damage: Callable[[Run], None]) -> None:
    damage(run)
    text = page(run)
    assert "The data" in text
    assert text.rstrip().endswith("</html>")


def test_weeks_are_counted_back_from_the_last_day(run: Run) -> None:
    weeks = Results.read(run).weeks
    assert weeks["week"].to_list() == [FIRST + timedelta(days=7 * i) for i in range(4)]
    assert weeks["purchases"].to_list() == [4, 1, 3, 5]
