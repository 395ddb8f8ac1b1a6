"""The ranker: it learns, it repeats, it is saved and read back, and from shuffled labels it learns nothing."""

import json
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys.candidates import labelled_candidates
from forsys.errors import DataError
from forsys.metrics import lists
from forsys.progress import stage_line
from forsys.ranking import calibration_sample, training, training_pairs
from forsys.ranking.calibration import listed
from forsys.ranking.calibration_sample import KeptSamples
from forsys.ranking.explain import contributions, importance, meaning
from forsys.ranking.features import GROUPS
from forsys.ranking.features.documentation import page
from forsys.ranking.linear import Linear
from forsys.ranking.ordering import buyers_in_order, rank_buyers
from forsys.ranking.ranker import Ranker, average_precision, blended, is_first
from forsys.ranking.training import Choice, choose_for, fit_for
from forsys.ranking.training_pairs import LabelledFolds, TrainingPairs, pairs_of_shard, training_folds
from forsys.ranking.tuning import Tuned
from forsys.retrieval.fusion import Fusion
from forsys.run import Run
from forsys.settings import load_settings
from world import PROJECT, run_on

CHOICE = Choice(20, 0.0, {})


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("ranker"))


@pytest.fixture(scope="module")
def tuned(run: Run) -> Tuned:
    """The parameters of the settings and equal weights."""
    sources = run.settings.retrieval.sources
    return Tuned(sources, Fusion(dict.fromkeys(sources, 1.0)), [], 0, 0.0, {})


@pytest.fixture(scope="module")
def labelled(run: Run) -> LabelledFolds:
    return LabelledFolds(run)


@pytest.fixture(scope="module")
def ranker(run: Run, tuned: Tuned, labelled: LabelledFolds) -> Ranker:
    return fit_for(labelled, tuned, run.calendar.holdout, CHOICE)


def score(run: Run, predictions: pl.DataFrame) -> float:
    labels = run.history.labels(run.calendar.holdout)
    values = lists.average_precision(predictions, labels, run.settings.k)["average_precision"]
    return float(values.to_numpy().mean())


def holdout_order(run: Run, tuned: Tuned, ranker: Ranker) -> pl.DataFrame:
    fold = run.calendar.holdout
    labelled_candidates(run, fold, tuned.sources)
    return ranker.order(next(pairs_of_shard(run, tuned.sources, fold, 0)))


class TestLearning:
    def test_better_than_fusion(self, run: Run, tuned: Tuned, ranker: Ranker) -> None:
        candidates, _ = labelled_candidates(run, run.calendar.holdout, tuned.sources)
        fused = score(run, tuned.fusion.fuse(candidates, run.settings.k))
        assert score(run, holdout_order(run, tuned, ranker)) > 1.1 * fused

    def test_shuffled_labels_teach_nothing(self, run: Run, tuned: Tuned, ranker: Ranker) -> None:
        """Each customer's hits go to as many of their other pairs, at random: no better than any order."""
        shuffled = LabelledFolds(run)
        for fold in training_folds(run, run.calendar.holdout):
            week = shuffled.sampled(tuned.sources, fold)
            mixed = np.random.default_rng(3).permutation(len(week.hit))
            order = mixed[np.argsort(week.group[mixed], kind="stable")]  # within each group
            vars(week)["hit"] = week.hit[order]
        blind = score(run, holdout_order(run, tuned, fit_for(shuffled, tuned, run.calendar.holdout, CHOICE)))
        rng = np.random.default_rng(1)
        pairs = next(pairs_of_shard(run, tuned.sources, run.calendar.holdout, 0))
        chance = [score(run, as_lists(pairs.customer, pairs.article, rng.random(len(pairs)))) for _ in range(20)]
        real = score(run, holdout_order(run, tuned, ranker))
        assert blind < np.mean(chance) + 4 * np.std(chance)
        assert real > np.mean(chance) + 4 * np.std(chance)

    def test_repeats(self, run: Run, tuned: Tuned, ranker: Ranker) -> None:
        again = fit_for(LabelledFolds(run), tuned, run.calendar.holdout, CHOICE)
        assert [m.model_to_string() for m in again.models] == [m.model_to_string() for m in ranker.models]
        assert again.linear.to_json() == ranker.linear.to_json()

    def test_choice_repeats(self, run: Run, tuned: Tuned, labelled: LabelledFolds) -> None:
        holdout, anew = run.calendar.holdout, LabelledFolds(run)
        choice = choose_for(labelled, tuned, holdout)
        assert choice == choose_for(anew, tuned, holdout)
        assert 1 <= choice.trees <= run.settings.ranking.num_iterations
        assert all(fold.until <= holdout.as_of for fold, *_ in anew._cache)

    @pytest.mark.parametrize("folds", [1, 2, 3, 7])
    def test_each_week_is_in_one_validation_set_and_not_learned_from_then(
        self, folds: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        week = some([1, 0], [0, 0], [1])
        sampled, complete = ([replace(week, buyers=10**i) for i in range(folds)] for _ in range(2))
        buyers = []
        monkeypatch.setattr(training, "_trial", lambda *of: buyers.append((of[2].buyers, of[3].buyers)))
        training._trials(load_settings(), Fusion({"one": 1.0}), sampled, complete)
        everyone = sum(10**i for i in range(folds))
        assert [train + validation for train, validation in buyers] == [everyone] * len(buyers)
        assert sum(validation for _, validation in buyers) == (everyone if folds > 1 else 0)

    @pytest.mark.parametrize("objective", ["binary", "rank_xendcg", "lambdarank"])
    def test_objectives(self, objective: str, run: Run, tuned: Tuned, labelled: LabelledFolds) -> None:
        ranking = run.settings.ranking.model_copy(update={"objective": objective})
        other = replace(run, settings=run.settings.model_copy(update={"ranking": ranking}))
        found = fit_for(replace(labelled, run=other), tuned, run.calendar.holdout, CHOICE)
        assert f"objective={objective}" in found.models[0].model_to_string()
        candidates, _ = labelled_candidates(run, run.calendar.holdout, tuned.sources)
        fused = score(run, tuned.fusion.fuse(candidates, run.settings.k))
        assert score(run, holdout_order(run, tuned, found)) > fused

    def test_features_of_the_customer_alone(self, run: Run, tuned: Tuned) -> None:
        """The linear model has no feature then, and the order is that of the pairs with equal scores."""
        ranking = run.settings.ranking.model_copy(update={"features": ["customer"]})
        other = replace(run, settings=run.settings.model_copy(update={"ranking": ranking}))
        found = fit_for(LabelledFolds(other), tuned, run.calendar.holdout, CHOICE)
        order, first = holdout_order(other, tuned, found), pl.col("rank") == 1
        assert order.filter(first)["customer"].n_unique() == len(run.target_customers(run.calendar.holdout))
        pairs = LabelledFolds(other).complete(tuned.sources, run.calendar.holdout)
        assert contributions(found, pairs.features, pairs.group).shape == pairs.features.shape

    def test_nothing_to_learn(self, run: Run, tuned: Tuned, labelled: LabelledFolds) -> None:
        first = run.calendar.weekly(100)[-1]
        with pytest.raises(DataError, match="nobody bought a candidate"):
            fit_for(labelled, tuned, first, CHOICE)

    def test_buyers_are_ordered_by_a_ranker_trained_for_the_fold(
        self, run: Run, tuned: Tuned, labelled: LabelledFolds
    ) -> None:
        found = rank_buyers(labelled, tuned, run.calendar.holdout)
        buyers = run.history.labels(run.calendar.holdout)["customer"].unique().sort()
        assert found["customer"].unique(maintain_order=True).to_list() == buyers.to_list()
        assert (found.group_by("customer").len()["len"] >= run.settings.k).all()

    def test_blocks_of_one_customer_change_no_order_and_no_chance(
        self, run: Run, tuned: Tuned, labelled: LabelledFolds, ranker: Ranker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fold = run.calendar.holdout.earlier(1)
        labelled.sampled(tuned.sources, fold)  # makes the candidates
        order, chances = buyers_in_order(run, tuned, fold, ranker), listed(run, tuned, fold, ranker)
        monkeypatch.setattr(training_pairs, "PAIRS_PER_BLOCK", 1)
        assert_frame_equal(buyers_in_order(run, tuned, fold, ranker), order, check_exact=True)
        for name, values in vars(listed(run, tuned, fold, ranker)).items():
            assert len(values) and values.tobytes() == getattr(chances, name).tobytes(), name

    def test_a_sample_that_was_kept_gives_the_same_chances(
        self, run: Run, tuned: Tuned, labelled: LabelledFolds, ranker: Ranker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folds, kept = [run.calendar.holdout.earlier(n) for n in (1, 2)], KeptSamples()
        for fold in folds:
            labelled.sampled(tuned.sources, fold)  # makes the candidates
        first = [kept(run, tuned, fold) for fold in folds]
        assert [kept(run, tuned, fold) is blocks for fold, blocks in zip(folds, first, strict=True)] == [True] * 2
        chances, again = listed(run, tuned, folds[0], ranker), listed(run, tuned, folds[0], ranker, sample=kept)
        assert len(chances.hit)
        for name, values in vars(chances).items():
            assert values.tobytes() == getattr(again, name).tobytes(), name
        monkeypatch.setattr(calibration_sample, "KEPT_PAIRS", sum(len(block.hit) for block in first[0]))
        other = kept(run, tuned, folds[1])  # used last: the other one goes
        assert other is first[1]
        assert kept(run, tuned, folds[0]) is not first[0]


@pytest.mark.usefixtures("ranker")  # so that the candidates are made
def test_a_log_says_how_many_trees_are_made(
    run: Run, tuned: Tuned, labelled: LabelledFolds, capsys: pytest.CaptureFixture[str]
) -> None:
    with stage_line("rank", count(0, 40).__next__):  # 40 s pass whenever it is asked
        fit_for(labelled, tuned, run.calendar.holdout, replace(CHOICE, trees=3))
    lines = [line.partition(" [")[0] for line in capsys.readouterr().err.splitlines()]
    fold = run.calendar.holdout.as_of
    assert lines == [
        f"rank       {fold}: fit; LightGBM, tree 2 of 3",
        f"rank       {fold}: fit; LightGBM, tree 3 of 3",
    ]


def test_a_log_says_how_far_the_choice_of_the_size_is(
    run: Run, tuned: Tuned, labelled: LabelledFolds, capsys: pytest.CaptureFixture[str]
) -> None:
    with stage_line("rank", count(0, 40).__next__):
        choose_for(labelled, tuned, run.calendar.holdout)
    text, trees = capsys.readouterr().err, run.settings.ranking.num_iterations
    parts = min(training.VALIDATION_PARTS, len(training_folds(run, run.calendar.holdout)))
    assert f"rank       choose the size, part {parts} of {parts}; LightGBM, tree {trees} of {trees} [" in text


def as_lists(customer: np.ndarray, article: np.ndarray, value: np.ndarray) -> pl.DataFrame:
    frame = pl.DataFrame({"customer": customer, "article": article, "value": value})
    ordered = frame.sort("customer", "value", descending=[False, True])
    return ordered.with_columns(rank=pl.int_range(1, pl.len() + 1).over("customer"))


def test_no_pairs_have_no_scores(ranker: Ranker, labelled: LabelledFolds, tuned: Tuned, run: Run) -> None:
    pairs = labelled.complete(tuned.sources, run.calendar.holdout)
    nothing = pairs.features.clear()
    assert ranker.predict(nothing, np.zeros(0, int)).shape == (0,)
    none = replace(pairs, features=nothing, hit=np.zeros(0, bool), group=np.zeros(0, int), bought=np.zeros(0, int),
                   rank={name: np.zeros(0) for name in pairs.rank})  # fmt: skip
    table = importance(ranker, none, run.settings.k, 7)  # of a holdout in which nobody bought a candidate
    assert (table[f"MAP@{run.settings.k} lost"].dropna() == 0).all()


def test_saved_and_read_back(run: Run, tuned: Tuned, ranker: Ranker, tmp_path: Path) -> None:
    ranker.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model-0.txt", "ranker.json"]
    back = Ranker.load(tmp_path)
    assert_frame_equal(holdout_order(run, tuned, back), holdout_order(run, tuned, ranker), check_exact=True)
    with pytest.raises(DataError, match="Run the stage `rank` first"):
        Ranker.load(tmp_path / "elsewhere")


def test_order_is_a_list_per_customer(run: Run, tuned: Tuned, ranker: Ranker) -> None:
    found = holdout_order(run, tuned, ranker)
    assert found.columns == ["customer", "article", "rank", "score"]
    assert found.equals(found.sort("customer", "rank"))
    for part in found.partition_by("customer"):
        assert part["rank"].to_list() == list(range(1, len(part) + 1))
        assert part["article"].is_unique().all()
        assert (part["score"].diff().drop_nulls() <= 0).all()


class TestReranked:
    """The trees score the first of each group by the linear score; the others follow in the linear order."""

    @pytest.mark.parametrize("first", [1, 3, 1000])
    def test_order(self, first: int, ranker: Ranker, labelled: LabelledFolds, tuned: Tuned, run: Run) -> None:
        pairs = labelled.complete(tuned.sources, run.calendar.holdout.earlier(1))
        linear = ranker.linear.score(pairs.features)
        trees = np.asarray(ranker.models[0].predict(pairs.features.to_numpy(), raw_score=True))
        found = replace(ranker, reranked=first).predict(pairs.features, pairs.group)
        for group in range(len(pairs.sizes)):
            rows = np.flatnonzero(pairs.group == group)
            rows = rows[np.argsort(-linear[rows], kind="stable")]
            seen, rest = rows[:first], rows[first:]
            assert found[seen] == pytest.approx(linear[seen] + trees[seen])
            assert (np.diff(found[rest]) <= 0).all()
            assert found[rest].max(initial=-np.inf) <= found[seen].min() + 1e-9


def some(hit: list[int], group: list[int], bought: list[int]) -> TrainingPairs:
    empty: dict[str, np.ndarray] = {}
    return TrainingPairs(pl.DataFrame(), np.array(hit, bool), np.array(group), np.array(bought), empty, 3, 5, 3)


def test_average_precision_is_kaggle_s() -> None:
    pairs = some([1, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1], [3, 20])
    # First group: hits at ranks 2 and 3, and 3 articles bought; second: at rank 1, divided by 12.
    value = average_precision(np.array([3.0, 9.0, 1.0, 2.0, 5.0, 4.0]), pairs, 12)
    assert value == pytest.approx([(1 / 2 + 2 / 3) / 3, 1 / 12])


def test_blend_of_two_orders() -> None:
    """By hand: the model's order is b, a; the fusion's a, b. Equal scores where both weigh the same."""
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

    @pytest.mark.parametrize("hit", [True, False])
    @pytest.mark.parametrize("rows", [1, 2, 7])
    def test_without_an_order_to_learn_all_scores_are_equal(self, hit: bool, rows: int) -> None:
        features = pl.DataFrame({"a": np.arange(rows, dtype=np.float32), "b": np.full(rows, np.nan, np.float32)})
        model = Linear.fit(features, np.full(rows, hit), np.zeros(rows, int))
        assert model.score(features).tolist() == [0.0] * rows
        assert (model.parts(features) == 0).all()

    def test_written_and_read(self) -> None:
        linear = Linear.fit(self.features.select("b", "a"), self.hit, np.arange(200))
        back = Linear.from_json(json.loads(json.dumps(linear.to_json(), sort_keys=True)))
        assert back.names == ["b", "a"]
        assert (back.score(self.features) == linear.score(self.features)).all()

    def test_a_feature_that_is_unknown_everywhere(self) -> None:
        unknown = self.features.with_columns(b=pl.lit(float("nan")))
        assert np.isfinite(Linear.fit(unknown, self.hit, np.arange(200)).score(unknown)).all()

    def test_without_a_feature_all_scores_are_equal(self) -> None:
        none = Linear.fit(self.features.select(pl.exclude("a", "b")), self.hit, np.arange(200))
        back = Linear.from_json(json.loads(json.dumps(none.to_json())))
        assert back.score(self.features).tolist() == [0.0] * 200
        assert back.parts(self.features).shape == (200, 0)


class TestExplain:
    def test_contributions_add_up_to_the_score(
        self, ranker: Ranker, labelled: LabelledFolds, tuned: Tuned, run: Run
    ) -> None:
        pairs = labelled.complete(tuned.sources, run.calendar.holdout.earlier(1))
        total = contributions(ranker, pairs.features, pairs.group).sum(axis=1)
        first = is_first(ranker.reranked, ranker.linear.score(pairs.features), pairs.group)
        rest = (ranker.predict(pairs.features, pairs.group) - total)[first]
        assert rest == pytest.approx(np.full(len(rest), rest[0]), abs=1e-6)

    def test_every_feature_has_words(self, labelled: LabelledFolds, tuned: Tuned, run: Run) -> None:
        names = labelled.complete(tuned.sources, run.calendar.holdout.earlier(1)).features.columns
        assert all(meaning(name, run.roles) != name for name in names)
        assert meaning("als_rank", run.roles) == "als: " + GROUPS["lists"].meanings(run.roles)["<source>_rank"]
        assert (
            meaning("best_rank", run.roles) == GROUPS["lists"].meanings(run.roles)["best_rank"]
        )  # not that of a source "best"

    def test_importance(self, ranker: Ranker, labelled: LabelledFolds, tuned: Tuned, run: Run) -> None:
        found = importance(ranker, labelled.complete(tuned.sources, run.calendar.holdout.earlier(1)), 12, 7)
        assert found["gain"].sum() == pytest.approx(1)
        assert (np.diff(found["gain"]) <= 0).all()
        assert found["MAP@12 lost"].notna().sum() == 10
        assert found["MAP@12 lost"].max() > 0

    @pytest.mark.parametrize("blend", [0.0, 0.5, 2.0])
    def test_importance_is_what_the_list_that_customers_get_loses(
        self, blend: float, ranker: Ranker, labelled: LabelledFolds, tuned: Tuned, run: Run
    ) -> None:
        """By hand, from the ranks that `Ranker.ranks` gives the pairs: those of customers' lists."""
        pairs = labelled.complete(tuned.sources, run.calendar.holdout.earlier(1))
        blending = replace(ranker, blend=blend)
        found = importance(blending, pairs, 12, 7)
        name = found["feature"][0]
        mixed = np.random.default_rng(7).permutation(pairs.features[name].to_numpy())
        scores = []
        for features in (pairs.features, pairs.features.with_columns(pl.Series(name, mixed))):
            listed_pairs = SimpleNamespace(rank=pairs.rank, row=pairs.group)
            rank, _ = blending.ranks(listed_pairs, blending.predict(features, pairs.group))  # type: ignore[arg-type]
            scores.append(average_precision(-rank.astype(float), pairs, 12).sum() / pairs.buyers)
        assert found["MAP@12 lost"][0] == pytest.approx(scores[0] - scores[1], abs=1e-12)

    def test_a_list_of_the_fusion_alone_loses_nothing(
        self, ranker: Ranker, labelled: LabelledFolds, tuned: Tuned, run: Run
    ) -> None:
        pairs = labelled.complete(tuned.sources, run.calendar.holdout.earlier(1))
        found = importance(replace(ranker, blend=1e9), pairs, 12, 7)
        assert found["MAP@12 lost"].dropna().to_list() == [0.0] * 10


def test_the_page_of_features_is_current() -> None:
    assert (PROJECT / "docs" / "features.md").read_text(encoding="utf-8") == page() + "\n", (
        "Run: python -m forsys.ranking.features.documentation > docs/features.md"
    )
