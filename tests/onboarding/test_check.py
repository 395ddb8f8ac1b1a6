"""All faults and doubts in one go."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

import shops
from forsys.cli import main
from forsys.errors import DataError
from forsys.onboarding.check import Report, check
from forsys.tables.build import build_tables
from forsys.tables.dataset import DataSet

TODAY = date(2024, 7, 1)


def checked(shop_file: Path, *, max_rejected: float = 0.01, holdout_days: int = 7, today: date = TODAY) -> Report:
    dataset = DataSet("shop", shop_file.parent, False, "a test", shop_file)
    return check(dataset, max_rejected=max_rejected, holdout_days=holdout_days, k=12, today=today)


@pytest.mark.parametrize("make", [shops.order_lines, shops.marketplace, shops.grocer])
def test_a_good_shop_has_no_faults(make: Callable[[Path], Path], tmp_path: Path) -> None:
    report = checked(make(tmp_path / "shop"))
    assert report.faults == []
    assert report.notes
    assert report.text().endswith("nothing stands in the way of `forsys run`.")


def plant_all(folder: Path) -> None:
    """Eight faults and doubts in three tables."""
    orders, customers = folder / "Export" / "Bestellungen.csv", folder / "Export" / "Kunden.csv"
    text = orders.read_text(encoding="latin-1").splitlines(keepends=True)
    for i in range(1, 121):  # 3 % of the rows
        fields = text[i].split(";")
        fields[1 if i % 2 else 5] = "unbekannt"
        text[i] = ";".join(fields)
    heavy = [line.replace(line.split(";")[2], "K00007") for line in text[200:800]]
    odd = [";".join([*text[900 + i].split(";")[:2], f"{i:06}", *text[900 + i].split(";")[3:]]) for i in range(9)]
    orders.write_text("".join(text + heavy + odd), encoding="latin-1")
    lines = customers.read_text(encoding="latin-1").splitlines(keepends=True)
    customers.write_text("".join([*lines, *lines[1:6]]), encoding="latin-1")
    (folder / "Export" / "Artikel.csv").unlink()


FOUND = (
    "no Artikel table",
    "Zeitpunkt is not a day",
    "Preis is not a number",
    "Kunde occurs a second time",
    "has 14% of the rows",
    "Kunde: 3.",
    "300 days old",
    "returns",
)


def test_all_planted_faults_are_found_at_once(tmp_path: Path) -> None:
    shop_file = shops.order_lines(tmp_path / "shop")
    plant_all(tmp_path / "shop")
    report = checked(shop_file, today=date(2025, 4, 26))
    text = report.text()
    missing = [words for words in FOUND if words not in text]
    assert missing == [], text
    assert report.next_step.startswith("correct the faults")


def test_all_faults_of_a_shop_file_at_once(tmp_path: Path) -> None:
    shop_file = shops.order_lines(tmp_path / "shop")
    text = shop_file.read_text(encoding="utf-8")
    for old, new in (("units =", "unit ="), ("price =", "prise ="), ("channel =", "chanel ="), ("age =", "ages =")):
        text = text.replace(old, new)
    shop_file.write_text(text + '\n[orderz]\nfile = "x"\n', encoding="utf-8")
    faults = checked(shop_file).faults
    assert len(faults) == 5
    for word in ("do you mean units?", "do you mean price?", "do you mean channel?", "do you mean age?", "orderz"):
        assert any(word in fault for fault in faults), (word, faults)


@pytest.mark.parametrize("make", [shops.order_lines, shops.marketplace, shops.grocer])
@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ('ranker = ["haircolour"]', "[roles] ranker: the table of articles has no column 'haircolour'"),
        ('customers = ["article_id"]', "[roles] customers: the table of customers has no column 'article_id'"),
        ('online = "telepathy"', "[roles] online: the orders have no channel 'telepathy'"),
        ("naive_bayes = []", "[roles] naive_bayes: name at least one"),
        ('naive_bayes = ["article", "product_code"]', ""),
    ],
)
def test_faults_of_roles(make: Callable[[Path], Path], roles: str, words: str, tmp_path: Path) -> None:
    shop_file = make(tmp_path / "shop")
    shop_file.write_text(f"{shop_file.read_text(encoding='utf-8')}\n[roles]\n{roles}\n", encoding="utf-8")
    faults = checked(shop_file).faults
    assert len(faults) == bool(words), faults
    assert all(words in fault for fault in faults)
    line = len(shop_file.read_text(encoding="utf-8").splitlines())
    assert all(fault.startswith(f"{shop_file}: line {line}: ") for fault in faults)


@pytest.mark.parametrize("text", ["[orders\n", "", "x = 1\n"])
def test_a_shop_file_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(text, encoding="utf-8")
    assert checked(tmp_path / "shop.toml").faults


ORDERS = '[orders]\nfile = "{}.csv"\nday = "day"\ncustomer = "who"\narticle = "what"\nprice = "rejected"\n'


@pytest.mark.parametrize("name", ["orders", "rejected", "rejected_orders", "2024 rejected"])
def test_only_notes_of_rejected_rows_are_doubts(name: str, tmp_path: Path) -> None:
    """Whatever the names of files and columns are."""
    rows = [f"2024-06-{day:02},c{day % 7},a{day % 5},{price}" for day in range(1, 31) for price in (1, 2)]
    text = "\n".join(["day,who,what,rejected,rejected too", *(f"{row},x" for row in rows)]) + "\n"
    (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    (tmp_path / "shop.toml").write_text(ORDERS.format(name), encoding="utf-8")
    report = checked(tmp_path / "shop.toml")
    assert not [doubt for doubt in report.doubts if "rejected" in doubt]
    assert f"{name}.csv: columns that are not used: rejected too" in report.notes

    (tmp_path / f"{name}.csv").write_text(text + "2024-06-31,c1,a1,1,x", encoding="utf-8")
    report = checked(tmp_path / "shop.toml", max_rejected=0.1)
    told = [doubt for doubt in report.doubts if doubt.startswith(f"{name}.csv")]
    assert "1 row rejected, day is not a day as YYYY-MM-DD (line 62)" in told[0]
    assert told[1:] == [f"{name}.csv: its last row is rejected and has no line break: was the file cut off?"]
    assert f"{name}.csv: columns that are not used: rejected too" in report.notes


def test_ids_that_do_not_match_hide_nothing_else(tmp_path: Path) -> None:
    shop_file = shops.order_lines(tmp_path / "shop")
    path = tmp_path / "shop" / "Export" / "Artikel.csv"
    path.write_text(path.read_text(encoding="latin-1").replace("AB-", "XY:"), encoding="latin-1")
    report = checked(shop_file, today=date(2025, 4, 27))
    assert any("of its" in fault and "Artikel" in fault for fault in report.faults), report.faults
    assert any("days old" in doubt for doubt in report.doubts)


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    shop_file = shops.marketplace(tmp_path / "shop")
    before = sorted(path.name for path in shop_file.parent.iterdir())
    checked(shop_file)
    assert sorted(path.name for path in shop_file.parent.iterdir()) == before


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the files alone to a shop that can be run."""
    shops.order_lines(tmp_path / "shop").unlink()
    export, drafted = tmp_path / "shop" / "Export", tmp_path / "shop" / "new.toml"
    assert main(["map", str(export)]) == 0
    text = capsys.readouterr().out
    assert main(["map", str(export), "--to", str(drafted)]) == 0
    assert "forsys check" in capsys.readouterr().out
    assert 'file = "Export/Bestellungen.csv"' in drafted.read_text(encoding="utf-8")
    assert 'file = "Bestellungen.csv"' in text  # printed for a shop file beside the files
    assert main(["map", str(export), "--to", str(drafted)]) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["check", "--input", str(drafted)]) == 0
    assert "nothing stands in the way" in capsys.readouterr().out
    (export / "Kunden.csv").write_text("", encoding="utf-8")
    assert main(["check", "--input", str(drafted), "--json"]) == 2
    answer = json.loads(capsys.readouterr().out)
    assert "empty" in answer["faults"][0]
    assert answer["next"].startswith("correct the faults")


def test_a_log_that_is_too_short_for_the_holdout(tmp_path: Path) -> None:
    report = checked(shops.order_lines(tmp_path / "shop"), holdout_days=3_000)
    (fault,) = report.faults
    assert "too few for a holdout of 3000 days" in fault


def test_fewer_articles_than_a_list_has(tmp_path: Path) -> None:
    lines = [f"2024-{month:02}-{day:02},c{day},a{day % 11}" for month in range(1, 7) for day in range(1, 29)]
    (tmp_path / "orders.csv").write_text("\n".join(["day,customer,article", *lines]), encoding="utf-8")
    shop_file = tmp_path / "shop.toml"
    shop_file.write_text(
        '[orders]\nfile = "orders.csv"\nday = "day"\ncustomer = "customer"\narticle = "article"\n', encoding="utf-8"
    )
    (fault,) = checked(shop_file).faults
    assert fault.startswith("Only 11 different articles were sold before 2024-06-22, and every customer gets 12.")


def small_shop(folder: Path, *, customers: int, listed: str) -> Path:
    """30 customers in the orders, the first of them in their own table, and those who want a list."""
    orders = [f"2024-{m:02}-{d:02},c{d},a{d % 15}" for m in range(1, 7) for d in range(1, 31) if (m, d) != (2, 30)]
    tables = {
        "orders": ["day,customer,article", *orders],
        "customers": ["customer,age", *(f"c{n},{20 + n}" for n in range(1, customers + 1))],
        "articles": ["article,colour", *(f"a{n},{'red' if n % 2 else 'blue'}" for n in range(14))],
        "wanted": ["customer", *listed.split()],
    }
    text = '[orders]\nfile = "orders.csv"\nday = "day"\ncustomer = "customer"\narticle = "article"\n'
    text += '[customers]\nfile = "customers.csv"\nid = "customer"\n'
    text += '[articles]\nfile = "articles.csv"\nid = "article"\n'
    text += '[recommend_to]\nfile = "wanted.csv"\ncustomer = "customer"\n'
    for name, lines in tables.items():
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "shop.toml").write_text(text, encoding="utf-8")
    return folder / "shop.toml"


def built_notes(shop_file: Path, out: Path) -> list[str]:
    dataset = DataSet("shop", shop_file.parent, False, "a test", shop_file)
    notes: list[str] = build_tables(dataset, out)["notes"]
    return notes


@pytest.mark.parametrize("make", [shops.order_lines, shops.marketplace, shops.grocer])
def test_what_a_run_notes_is_said(make: Callable[[Path], Path], tmp_path: Path) -> None:
    shop_file = make(tmp_path / "shop")
    report = checked(shop_file)
    missing = [
        note for note in built_notes(shop_file, tmp_path / "out") if note not in report.notes + report.doubts
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("customers", "listed", "words"),
    [
        (5, "c1 c2", "25 customers occur only in the transactions"),
        (30, "c1 c2 c3 x4", "1 customer occurs only in the wanted"),
        (30, "C1 C2 C3", "upper and lower case"),
        (30, "c1", "1 article occurs only in the transactions"),
    ],
)
def test_customers_and_articles_that_not_all_tables_have(
    customers: int, listed: str, words: str, tmp_path: Path
) -> None:
    """As a run notes them."""
    shop_file = small_shop(tmp_path, customers=customers, listed=listed)
    report = checked(shop_file)
    assert report.faults == []
    assert any(words in note for note in report.notes), report.notes
    assert set(built_notes(shop_file, tmp_path / "out")) <= {*report.notes, *report.doubts}


def test_customers_who_want_a_list_and_are_none_of_the_shop(tmp_path: Path) -> None:
    """The run stops with the same words; what else is to be said is said too."""
    shop_file = small_shop(tmp_path, customers=5, listed="x1 x2 x3")
    report = checked(shop_file)
    with pytest.raises(DataError) as raised:
        built_notes(shop_file, tmp_path / "out")
    assert report.faults == [str(raised.value)]
    assert any("25 customers occur only in the transactions" in note for note in report.notes)


def test_exports_that_overlap_are_a_doubt(tmp_path: Path) -> None:
    rows = [f"2024-{month:02}-{day:02},c{day % 9},a{day}" for month in (4, 5, 6) for day in range(1, 31)]
    for name, upto in (("orders-1", 60), ("orders-2", 90)):
        text = "\n".join(["day,who,what,rejected", *(f"{row},1" for row in rows[:upto])]) + "\n"
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    (tmp_path / "shop.toml").write_text(ORDERS.format("orders-*"), encoding="utf-8")
    report = checked(tmp_path / "shop.toml")
    words = "60 of the 60 rows of orders-1.csv stand in orders-2.csv too"
    assert [words in doubt for doubt in report.doubts].count(True) == 1
    assert not any(words in note for note in report.notes)


@pytest.mark.parametrize(
    ("days", "customer", "is_doubt"),
    [
        (60, "o{0}", True),
        (60, "c{1}", False),
        (60, "o{2}", True),  # a hundredth came again
        (60, "o{3}", False),  # a tenth did
        (10, "o{0}", False),  # too short a time to come again
    ],
)
def test_customers_who_never_come_again(days: int, customer: str, is_doubt: bool, tmp_path: Path) -> None:
    """As where the numbers of orders are taken for customers."""
    rows = []
    for n in range(600):
        number = customer.format(n // 2, n % 50, n // 2 if n % 300 else 0, n // 2 if n // 2 % 10 else n // 4)
        rows.append(f"2024-{4 + n * days // 600 // 30:02}-{1 + n * days // 600 % 30:02},{number},a{n % 30},1,x")
    (tmp_path / "orders.csv").write_text("\n".join(["day,who,what,rejected,more", *rows]), encoding="utf-8")
    (tmp_path / "shop.toml").write_text(ORDERS.format("orders"), encoding="utf-8")
    doubts = [doubt for doubt in checked(tmp_path / "shop.toml").doubts if "bought on a single day" in doubt]
    assert len(doubts) == is_doubt, doubts
    assert all(doubt.startswith("who: ") for doubt in doubts)


def test_a_flag_that_no_row_has_is_a_doubt(tmp_path: Path) -> None:
    rows = [f"2024-06-{day:02},c{day % 7},a{day % 5},1,{'ok' if day % 9 else 'back'}" for day in range(1, 31)]
    (tmp_path / "orders.csv").write_text("\n".join(["day,who,what,rejected,state", *rows]), encoding="utf-8")
    text = f'{ORDERS.format("orders")}returns = {{ state = ["returned"] }}\n'
    (tmp_path / "shop.toml").write_text(text, encoding="utf-8")
    report = checked(tmp_path / "shop.toml")
    words = "no row has the state 'returned' that the shop file names; there are 'ok', 'back'"
    assert f"orders.csv: {words}" in report.doubts
    assert not any(words in note for note in report.notes)


@pytest.mark.parametrize("max_rejected", [0.01, 0.5, 1.0])
@pytest.mark.parametrize("fault", ["price", "day", "who"])
def test_a_fault_of_all_rows_is_said_once(fault: str, max_rejected: float, tmp_path: Path) -> None:
    columns = {"day": "2024-06-{:02}", "who": "c{}", "what": "a{}", "rejected": "{}"}
    columns |= {"price": {"rejected": "€ {}"}, "day": {"day": "{}. Juni"}, "who": {"who": ""}}[fault]
    rows = [",".join(text.format(day) for text in columns.values()) for day in range(1, 31)]
    (tmp_path / "orders.csv").write_text("\n".join(["day,who,what,rejected", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "shop.toml").write_text(ORDERS.format("orders"), encoding="utf-8")
    (found,) = checked(tmp_path / "shop.toml", max_rejected=max_rejected).faults
    assert "30 of 30 rows cannot be used." in found and "100.00%" not in found
