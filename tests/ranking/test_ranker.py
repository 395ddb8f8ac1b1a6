"""The ranker: it learns, it repeats, it is saved whole, and from shuffled labels it learns nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys import schema
from forsys.errors import DataError
from forsys.evaluation import metrics
from forsys.ranking import training
from forsys.ranking.explain import contributions, explain, importance, meaning
from forsys.ranking.features import GROUPS
from forsys.ranking.features.table import table
from forsys.ranking.linear import Linear
from forsys.ranking.ordering import ranked_buyers
from forsys.ranking.ranker import Ranker, average_precision, blended, reranked
from forsys.ranking.training import Choice, choose_for, fit_for
from forsys.ranking.training_set import Labelled, LabelledWeeks, pairs_of, training_folds
from forsys.retrieval.fusion import Fusion
from forsys.retrieval.tuning import Tuned
from forsys.run import Run
from forsys.settings import load_settings
from world import PROJECT, run_on, shop

__all__ = ["shop"]
CHOICE = Choice(20, 0.0, {})


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("ranker"))


@pytest.fixture(scope="module")
def tuned(run: Run) -> Tuned:
    """The settings' own parameters and equal weights."""
    lines = run.settings.retrieval.sources
    return Tuned(lines, Fusion(dict.fromkeys(lines, 1.0)), [], 0, 0.0, {})


@pytest.fixture(scope="module")
def weeks(run: Run) -> LabelledWeeks:
    return LabelledWeeks(run)


@pytest.fixture(scope="module")
def ranker(run: Run, tuned: Tuned, weeks: LabelledWeeks) -> Ranker:
    return fit_for(weeks, tuned, run.calendar.holdout, CHOICE)


def score(run: Run, lists: pl.DataFrame) -> float:
    labels = run.history.labels(run.calendar.holdout)
    return float(metrics.average_precision(lists, labels)["average_precision"].to_numpy().mean())


def holdout_order(run: Run, tuned: Tuned, ranker: Ranker) -> pl.DataFrame:
    fold = run.calendar.holdout
    run.labelled_candidates(fold, tuned.sources)
    return ranker.order(pairs_of(run, tuned.sources, fold, 0), run.history, fold.as_of)


class TestLearning:
    def test_better_than_fusion(self, run: Run, tuned: Tuned, ranker: Ranker) -> None:
        candidates, _ = run.labelled_candidates(run.calendar.holdout, tuned.sources)
        fused = score(run, tuned.fusion.fuse(candidates, schema.LIST_LENGTH))
        assert score(run, holdout_order(run, tuned, ranker)) > 1.1 * fused

    def test_shuffled_labels_teach_nothing(self, run: Run, tuned: Tuned, ranker: Ranker) -> None:
        """Each customer's hits go to as many of their other pairs, at random: no better than any order."""
        shuffled = LabelledWeeks(run)
        for fold in training_folds(run, run.calendar.holdout):
            week = shuffled.sampled(tuned.sources, fold)
            mixed = np.random.default_rng(3).permutation(len(week.hit))
            order = mixed[np.argsort(week.group[mixed], kind="stable")]  # within each group
            vars(week)["hit"] = week.hit[order]
        blind = score(run, holdout_order(run, tuned, fit_for(shuffled, tuned, run.calendar.holdout, CHOICE)))
        rng = np.random.default_rng(1)
        pairs = pairs_of(run, tuned.sources, run.calendar.holdout, 0)
        chance = [score(run, as_lists(pairs.customer, pairs.article, rng.random(len(pairs)))) for _ in range(20)]
        real = score(run, holdout_order(run, tuned, ranker))
        assert blind < np.mean(chance) + 4 * np.std(chance)
        assert real > np.mean(chance) + 4 * np.std(chance)

    def test_repeats(self, run: Run, tuned: Tuned, ranker: Ranker) -> None:
        again = fit_for(LabelledWeeks(run), tuned, run.calendar.holdout, CHOICE)
        assert [m.model_to_string() for m in again.models] == [m.model_to_string() for m in ranker.models]
        assert again.linear.as_json() == ranker.linear.as_json()

    def test_choice_repeats(self, run: Run, tuned: Tuned, weeks: LabelledWeeks) -> None:
        holdout, anew = run.calendar.holdout, LabelledWeeks(run)
        choice = choose_for(weeks, tuned, holdout)
        assert choice == choose_for(anew, tuned, holdout)
        assert 1 <= choice.trees <= run.settings.ranking.trees
        assert all(fold.until <= holdout.as_of for fold, *_ in anew._kept)

    @pytest.mark.parametrize("weeks", [1, 2, 3, 7])
    def test_each_week_is_held_out_once_and_never_learnt_from_then(
        self, weeks: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        week = some([1, 0], [0, 0], [1])
        sampled, held = ([replace(week, buyers=10**i) for i in range(weeks)] for _ in range(2))
        buyers = []
        monkeypatch.setattr(training, "_trial", lambda *of: buyers.append((of[2].buyers, of[3].buyers)))
        training._trials(load_settings(), Fusion({"one": 1.0}), sampled, held)
        everyone = sum(10**i for i in range(weeks))
        assert [learnt + unseen for learnt, unseen in buyers] == [everyone] * len(buyers)
        assert sum(unseen for _, unseen in buyers) == (everyone if weeks > 1 else 0)

    @pytest.mark.parametrize("objective", ["binary", "rank_xendcg", "lambdarank"])
    def test_objectives(self, objective: str, run: Run, tuned: Tuned, weeks: LabelledWeeks) -> None:
        ranking = run.settings.ranking.model_copy(update={"objective": objective})
        other = replace(run, settings=run.settings.model_copy(update={"ranking": ranking}))
        found = fit_for(replace(weeks, run=other), tuned, run.calendar.holdout, CHOICE)
        assert f"objective={objective}" in found.models[0].model_to_string()
        candidates, _ = run.labelled_candidates(run.calendar.holdout, tuned.sources)
        fused = score(run, tuned.fusion.fuse(candidates, schema.LIST_LENGTH))
        assert score(run, holdout_order(run, tuned, found)) > fused

    def test_nothing_to_learn(self, run: Run, tuned: Tuned, weeks: LabelledWeeks) -> None:
        first = run.calendar.weekly(100)[-1]
        with pytest.raises(DataError, match="nobody bought a candidate"):
            fit_for(weeks, tuned, first, CHOICE)

    def test_buyers_in_the_order_of_a_ranker_of_their_own(
        self, run: Run, tuned: Tuned, weeks: LabelledWeeks
    ) -> None:
        found = ranked_buyers(weeks, tuned, run.calendar.holdout)
        buyers = run.history.labels(run.calendar.holdout)["customer"].unique().sort()
        assert found["customer"].unique(maintain_order=True).to_list() == buyers.to_list()
        assert (found.group_by("customer").len()["len"] >= schema.LIST_LENGTH).all()


def as_lists(customer: np.ndarray, article: np.ndarray, value: np.ndarray) -> pl.DataFrame:
    frame = pl.DataFrame({"customer": customer, "article": article, "value": value})
    ordered = frame.sort("customer", "value", descending=[False, True])
    return ordered.with_columns(rank=pl.int_range(1, pl.len() + 1).over("customer"))


def test_saved_and_read_back(run: Run, tuned: Tuned, ranker: Ranker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model-0.txt", "ranker.json"]
    back = Ranker.load(tmp_path)
    assert_frame_equal(holdout_order(run, tuned, back), holdout_order(run, tuned, ranker), check_exact=True)
    with pytest.raises(DataError, match="Run the stage `rank` first"):
        Ranker.load(tmp_path / "elsewhere")


def test_order_is_a_list_a_customer(run: Run, tuned: Tuned, ranker: Ranker) -> None:
    found = holdout_order(run, tuned, ranker)
    assert found.columns == ["customer", "article", "rank", "score"]
    assert found.equals(found.sort("customer", "rank"))
    for part in found.partition_by("customer"):
        assert part["rank"].to_list() == list(range(1, len(part) + 1))
        assert part["article"].is_unique().all()
        assert (part["score"].diff().drop_nulls() <= 0).all()


class TestReranked:
    """The trees see the first of each group by the linear score; the others follow them in the linear order."""

    @pytest.fixture(params=[1, 3, 1000])
    def first(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
        monkeypatch.setattr("forsys.ranking.ranker.RERANKED", request.param)
        return int(request.param)

    def test_order(self, first: int, ranker: Ranker, weeks: LabelledWeeks, tuned: Tuned, run: Run) -> None:
        held = weeks.held(tuned.sources, run.calendar.holdout.earlier(1))
        linear = ranker.linear.score(held.features)
        trees = np.asarray(ranker.models[0].predict(held.features.to_numpy(), raw_score=True))
        found = ranker.predict(held.features, held.group)
        for group in range(len(held.sizes)):
            rows = np.flatnonzero(held.group == group)
            rows = rows[np.argsort(-linear[rows], kind="stable")]
            seen, rest = rows[:first], rows[first:]
            assert found[seen] == pytest.approx(linear[seen] + trees[seen])
            assert (np.diff(found[rest]) <= 0).all()
            assert found[rest].max(initial=-np.inf) <= found[seen].min() + 1e-9


def some(hit: list[int], group: list[int], bought: list[int]) -> Labelled:
    empty: dict[str, np.ndarray] = {}
    return Labelled(pl.DataFrame(), np.array(hit, bool), np.array(group), np.array(bought), empty, 3, 5, 3)


def test_average_precision_is_kaggle_s() -> None:
    held = some([1, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1], [3, 20])
    # First group: hits at places 2 and 3 of what it bought 3 of; second: at place 1, divided by 12.
    value = average_precision(np.array([3.0, 9.0, 1.0, 2.0, 5.0, 4.0]), held)
    assert value == pytest.approx([(1 / 2 + 2 / 3) / 3, 1 / 12])


def test_blend_of_two_orders() -> None:
    """By hand: the model's order is b, a; the fusion's a, b. Equal where both weigh the same."""
    rank = {"one": np.array([1.0, np.nan], np.float32)}
    value = blended(np.array([0.0, 1.0]), Fusion({"one": 1.0}, 5.0), 1.0, rank, np.array([0, 0]))
    assert value == pytest.approx([1 / 12 + 1 / 11, 1 / 11 + 1 / 12])
    value = blended(np.array([0.0, 1.0]), Fusion({"one": 1.0}, 5.0), 0.0, rank, np.array([0, 0]))
    assert value == pytest.approx([1 / 12, 1 / 11])


class TestLinear:
    features = pl.DataFrame({"a": [0.0, 1.0, 3.0, 7.0] * 50, "b": [float("nan"), 2.0, 2.0, 2.0] * 50})
    hit = np.array([False, False, True, True] * 50)

    def test_learns_and_adds_up(self) -> None:
        linear = Linear.fit(self.features, self.hit, np.arange(200))
        value = linear.score(self.features[:4])
        assert (np.diff(value) > 0).all()
        assert linear.parts(self.features[:4]).sum(axis=1) + linear.intercept == pytest.approx(value)

    def test_written_and_read(self) -> None:
        linear = Linear.fit(self.features, self.hit, np.arange(200))
        assert (Linear.of(linear.as_json()).score(self.features) == linear.score(self.features)).all()

    def test_a_feature_nobody_knows(self) -> None:
        unknown = self.features.with_columns(b=pl.lit(float("nan")))
        assert np.isfinite(Linear.fit(unknown, self.hit, np.arange(200)).score(unknown)).all()


class TestExplain:
    def test_contributions_add_up_to_the_score(
        self, ranker: Ranker, weeks: LabelledWeeks, tuned: Tuned, run: Run
    ) -> None:
        held = weeks.held(tuned.sources, run.calendar.holdout.earlier(1))
        whole = contributions(ranker, held.features, held.group).sum(axis=1)
        seen = reranked(ranker.linear.score(held.features), held.group)
        rest = (ranker.predict(held.features, held.group) - whole)[seen]
        assert rest == pytest.approx(np.full(len(rest), rest[0]), abs=1e-6)

    def test_every_feature_has_words(self, weeks: LabelledWeeks, tuned: Tuned, run: Run) -> None:
        names = weeks.held(tuned.sources, run.calendar.holdout.earlier(1)).features.columns
        assert all(meaning(name) != name for name in names)
        assert meaning("als_rank") == "als: " + GROUPS["lists"].meanings["<source>_rank"]

    def test_importance(self, ranker: Ranker, weeks: LabelledWeeks, tuned: Tuned, run: Run) -> None:
        found = importance(ranker, weeks.held(tuned.sources, run.calendar.holdout.earlier(1)), 7)
        assert found["gain"].sum() == pytest.approx(1)
        assert (np.diff(found["gain"]) <= 0).all()
        assert found["MAP@12 lost"].notna().sum() == 10
        assert found["MAP@12 lost"].max() > 0

    def test_a_pair_in_words(self, run: Run, tuned: Tuned, weeks: LabelledWeeks) -> None:
        fold = run.calendar.submission
        for name, line in tuned.sources.items():
            for i, shard in enumerate(run.shards(fold)):
                run.shelf(fold, name, line).make_part(i, shard)
        fit_for(weeks, tuned, fold, CHOICE).save(run.out / "rankers" / str(fold.as_of))
        pairs = pairs_of(run, tuned.sources, fold, 1)
        customer = run.history.customers[int(pairs.customer[0]), "customer_id"]
        article = run.history.articles[int(pairs.article[0]), "article_id"]
        text = explain(run, tuned, customer, article)
        assert f"Customer {customer}, article {article}" in text
        assert "Speaks for it:" in text and "Speaks against it:" in text
        with pytest.raises(DataError, match="No customer_id 'nobody'"):
            explain(run, tuned, "nobody", article)
        other = np.setdiff1d(np.arange(len(run.history.articles)), pairs.article[pairs.row == 0])
        if len(other):
            with pytest.raises(DataError, match="no source put it forward"):
                explain(run, tuned, customer, run.history.articles[int(other[0]), "article_id"])


def test_the_table_of_features_is_current() -> None:
    assert (PROJECT / "docs" / "features.md").read_text(encoding="utf-8") == table() + "\n", (
        "Run: python -m forsys.ranking.features.table > docs/features.md"
    )
