"""The benchmarks run at a tiny size, and what they compare with does the same work. Times are not looked at."""

from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_matrix

from benchmarks import (
    _made,
    cluster,
    csv_to_parquet,
    factorization_topk,
    features,
    growth,
    item_knn,
    map_at_12,
    recommend,
    task_memory,
)
from benchmarks import all as every
from benchmarks.__main__ import names
from benchmarks._compared import as_text, compared, fewest_seconds
from benchmarks._made import everyones_pairs
from benchmarks.throughput import AS_OF, made_history
from forsys.errors import DataError
from forsys.metrics.lists import average_precision
from forsys.progress import stage_line
from forsys.ranking.features import build
from forsys.retrieval.als import ALS
from forsys.serving.recommender import Recommender
from forsys.settings import load_settings
from forsys.stages import run_stage
from world import run_on

COMMON = ["stage", "against", "ours", "alternative", "unit", "ratio"]


@pytest.mark.parametrize("name", names())
def test_says_what_it_measures(name: str) -> None:
    module = import_module(f"benchmarks.{name}")
    assert module.__doc__ and len(module.__doc__.strip()) > 40
    assert callable(module.run)


def test_all_runs_what_is_there() -> None:
    assert set(every.SPEED) < set(names()) - {"all", "growth"}


class TestTable:
    def test_ratio_is_ours_by_the_alternative(self) -> None:
        table = compared("reading", "rows", 100, {"forsys": 2.0, "other": 5.0, "limit": 1.0})
        assert list(table) == COMMON
        assert table["ours"].to_list() == [50, 50]
        assert table["alternative"].to_list() == [20, 100]
        assert table["ratio"].to_list() == [2.5, 0.5]
        assert set(table["unit"]) == {"rows/s"}

    def test_nothing_beside_it(self) -> None:
        table = compared("reading", "rows", 100, {"forsys": 2.0})
        assert table["ours"].to_list() == [50]
        assert table["ratio"].isna().all()

    def test_every_way_has_its_turn(self) -> None:
        seen: list[str] = []
        seconds = fewest_seconds({"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}, 2)
        assert seen == ["a", "b", "a", "b"]
        assert list(seconds) == ["a", "b"]

    def test_text(self) -> None:
        text = as_text(pd.DataFrame({"a": [1234567.8, 0.02166], "b": [np.nan, 3.0]}))
        assert [line.split() for line in text.splitlines()] == [["a", "b"], ["1,234,568"], ["0.0217", "3.0000"]]


class TestCommonForm:
    """The tables that came before it."""

    def test_keywords(self) -> None:
        ways = ["loop over articles", "distinct, in workers", "again, unchanged"]
        own = pd.DataFrame({"way": ways, "texts": [100, 40, 0], "seconds": [20.0, 5.0, 0.1]})
        assert_allclose(figures(every.keywords(own)), [[20, 5, 4]])

    def test_pictures(self) -> None:
        own = pd.DataFrame({"way": ["extcolors", "forsys"], "ms a picture": [800.0, 10.0]})
        assert_allclose(figures(every.pictures(own)), [[100.0, 1.25, 80.0]])

    def test_events(self) -> None:
        own = pd.DataFrame({"cell": ["gru", "lstm"], "events/s": [300.0, 200.0], "plain events/s": [100.0, 400.0]})
        table = every.events("training", "cell", "plain")(own)
        assert table["stage"].to_list() == ["training, gru", "training, lstm"]
        assert_allclose(figures(table), [[300.0, 100.0, 3.0], [200.0, 400.0, 0.5]])


class TestTiny:
    def test_csv_to_parquet(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {"SCALE": 0.001, "RUNS": 1}.items():
            monkeypatch.setattr(csv_to_parquet, name, value)
        assert_finished(csv_to_parquet.run(None), rows=2)

    def test_factorization_topk(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {"PURCHASES": 30_000, "K": 5, "RUNS": 1}.items():
            monkeypatch.setattr(factorization_topk, name, value)
        assert_finished(factorization_topk.run(None), rows=3)

    def test_item_knn(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {"PURCHASES": 2_000, "ARTICLES": 100, "CUSTOMERS": 20, "RUNS": 1}.items():
            monkeypatch.setattr(item_knn, name, value)
        assert_finished(item_knn.run(None), rows=1)

    def test_map_at_12(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {"CUSTOMERS": 3_000, "SLICE": 1_000, "RUNS": 1}.items():
            monkeypatch.setattr(map_at_12, name, value)
        assert_finished(map_at_12.run(None), rows=4)


def figures(table: pd.DataFrame) -> np.ndarray:
    return table[["ours", "alternative", "ratio"]].to_numpy(float)


def assert_finished(table: pd.DataFrame, rows: int) -> None:
    assert list(table) == COMMON
    assert len(table) == rows
    assert (figures(table) > 0).all()


class TestSameWork:
    def test_implicit_recommends_the_same(self) -> None:
        history = made_history(30_000)
        source = ALS(iterations=1, factors=16).fit(history, AS_OF)
        profiles = history.profiles(np.arange(100), AS_OF)
        bought = csr_matrix(source.confidence(profiles))
        model = factorization_topk.own_model(source, bought)
        column, score = model.recommend(np.arange(100), bought, 10, filter_already_liked_items=False)
        article, own = source.top(profiles, 10)
        assert_allclose(own, score, rtol=1e-5)
        assert np.mean(article == source.catalogue_[column]) > 0.99  # but for equal scores
        total = factorization_topk.product(model.user_factors, source.article_vectors_)
        assert total == pytest.approx(float(model.user_factors[-1] @ source.article_vectors_[-1]), rel=1e-5)

    def test_loop_scores_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(map_at_12, "CUSTOMERS", 2_000)
        predictions, purchases = map_at_12.made_lists(0.5)
        own = average_precision(predictions, purchases, 12)["average_precision"].to_numpy().mean()
        lists = map_at_12.as_lists(predictions.to_pandas(), purchases.to_pandas())
        assert own == pytest.approx(map_at_12.mapk(*lists, 12), abs=1e-12)
        assert 0.005 < own < 0.5
        assert 800 < len(lists[0]) < 1_200

    def test_loop_by_hand(self) -> None:
        assert map_at_12.apk([7, 8], [1, 7, 7, 8], 12) == pytest.approx((1 / 2 + 2 / 4) / 2)
        assert map_at_12.apk([7], [1, 7], 1) == 0

    def test_pandas_makes_the_same_features(self, shop: Path, tmp_path: Path) -> None:
        run = run_on(shop, tmp_path, shard_size="1000")
        pairs = everyones_pairs(run)
        own = build(pairs, ["purchase_history"])
        theirs = features.merged(*features.frames(pairs))
        assert own.height > 1_000
        assert (own["article_visits"] > 1).any()
        for name in own.columns:
            assert_allclose(own[name], theirs[name].to_numpy(float), rtol=1e-5, atol=1e-6, err_msg=name)


class TestGrowth:
    def test_reads_what_a_stage_prints(self, capsys: pytest.CaptureFixture[str]) -> None:
        with stage_line("tables") as made:
            made.append("12 purchases [of 3]")
        with stage_line("rank") as made:
            made.append("60 trees")
        printed = capsys.readouterr().out + "content    up to date, skipped\n"
        figures = growth.figures_in(printed)
        assert list(figures) == ["tables", "rank"]
        assert all(seconds < 1 < 1_000 * peak for seconds, peak in figures.values())

    def test_table(self) -> None:
        shops = [
            growth.Measured("small", 1_000, {"tables": (0.0, 0.2), "rank": (1.0, 0.5)}),
            growth.Measured("large", 4_000, {"tables": (0.5, 0.3), "rank": (8.0, 0.9)}),
        ]
        table = growth.table(shops).set_index("stage")
        assert list(table) == ["small (1,000) s", "small GiB", "large (4,000) s", "large GiB", "exponent"]
        tables, rank, everything = table.to_numpy(float)
        assert np.isnan(tables[-1])  # 0.0 s says nothing
        assert rank[-1] == pytest.approx(1.5)
        assert_allclose(everything, [1.0, 0.5, 8.5, 0.9, np.log(8.5) / np.log(4)])

    def test_wants_several_shops(self, shop: Path) -> None:
        with pytest.raises(DataError, match="at least 2"):
            growth.run(None)
        with pytest.raises(DataError, match="holds 1 folders"):
            growth.run(shop.parent)


class TestTaskMemory:
    def test_tasks_in_order(self, shop: Path, tmp_path: Path) -> None:
        run = run_on(shop, tmp_path)
        names = [name for name, _ in task_memory.tasks(shop, tmp_path)]
        assert [name.removeprefix("fit ") for name in names if name.startswith("fit")] == [
            *load_settings().retrieval.sources
        ]
        for name in ("fit repurchase", "lists repurchase"):
            work = dict(task_memory.tasks(shop, tmp_path))[name]
            work(run, "repurchase")
        assert len([*run.workspace.candidates(run.calendar.submission).rglob("*.parquet")]) == 1

    def test_each_in_a_fresh_process(self, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        few = [("stage tables", run_stage), ("the log", task_memory.write_log)]
        monkeypatch.setattr(task_memory, "tasks", lambda *_: iter(few))
        for name in ("a", "b"):
            (tmp_path / name).symlink_to(shop)
        table = task_memory.run(tmp_path)
        assert table["task"].to_list() == ["stage tables", "the log"]
        assert table.shape == (2, 7) and (table.filter(regex="s$|peak$") > 0).all(axis=None)
        own, peak = table.filter(like="own").to_numpy(), table.filter(like="peak").to_numpy()
        assert (own <= peak).all() and ((own > 0).all() or not task_memory.STATUS.exists())


def test_workers_of_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="Dask is not installed: pip install '.[cluster]'")
    for module, name, value in (
        (_made, "ARTICLES", 60),
        (cluster, "CUSTOMERS", 150),
        (cluster, "EMPTY", 5),
        (cluster, "STAGES", ()),
    ):
        monkeypatch.setattr(module, name, value)
    table = cluster.run(None, [2])
    assert table["what"].to_list() == ["empty tasks"]
    assert table["tasks"].to_list() == [5]
    assert table["idle"].between(0, 1, inclusive="neither").all()
    assert table["GiB"].between(0.05, 4).all()


def test_idle_is_what_workers_do_not_use() -> None:
    row = cluster.Work(workers=2, what="rank", seconds=10, tasks=4, busy_seconds=15, peak_gib=1, written_mb=2).row()
    assert (row["idle"], row["s per task"]) == (0.25, 5)


def test_single_customers(shop: Path, tmp_path: Path) -> None:
    """Both ways answer, and give the same list."""
    run = recommend.fitted(run_on(shop, tmp_path))
    table = recommend.latencies(run, 3)
    assert table["requests"].to_list() == [3, 3, 3] and (table["median ms"] > 0).all()
    recommender, customer = Recommender.of(run), int(run.submission_customers[5])
    own = recommender.recommend([recommender.customers.ids[customer]], 12)["article"].to_list()
    slow = recommend.by_the_files(run, customer)
    assert own == recommender.articles.ids.gather(slow["article"][:12]).to_list()
