"""What the ranker learns from: the pairs of earlier weeks, their labels and the sampled negatives."""

import weakref
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forsys.arrays import Floats
from forsys.ranking import training_pairs
from forsys.ranking.training_pairs import (
    LabelledFolds,
    TrainingPairs,
    has_hit,
    hits_and_others,
    pairs_of_shard,
    training_folds,
)
from forsys.ranking.tuning import folds_before
from forsys.run import Run
from world import run_on

MAPS = Path("/proc/self/maps")


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("training"))


def test_only_who_bought_a_candidate() -> None:
    row, hit = np.array([0, 0, 1, 1, 2]), np.array([False, True, False, False, True])
    assert has_hit(row, hit).tolist() == [True, True, False, False, True]


def test_samples_keep_all_hits_and_a_share_of_the_others() -> None:
    """Of every customer the same share, whatever was bought."""
    rng, row = np.random.default_rng(1), np.repeat([0, 1], 20_000)
    hit = np.append(np.arange(20_000) < 10, np.arange(20_000) < 5_000)
    key = rng.integers(0, 1 << 64, len(row), np.uint64)
    sampled = hits_and_others(hit, 0.25, key)
    assert sampled[hit].all()
    others = np.bincount(row[~hit], sampled[~hit]) / np.bincount(row[~hit])
    np.testing.assert_allclose(others, 0.25, atol=0.02)
    assert hits_and_others(hit, 1.0, key).all() and hits_and_others(hit, 60 / 7, key).all()


def test_folds_lie_before_the_fold(run: Run) -> None:
    folds = training_folds(run, run.calendar.holdout)
    assert len(folds) > 1
    assert all(fold.until <= run.calendar.holdout.as_of for fold in folds)
    assert folds == sorted(folds, key=lambda fold: fold.as_of, reverse=True)


def test_the_submission_s_ranker_learns_from_as_many_weeks_and_buyers(shop: Path, tmp_path: Path) -> None:
    """All buyers of the holdout are known, but no more of them are used than of another week."""
    limits = {"ranking__sufficient_buyers": "30", "ranking__min_weeks": "6", "ranking__min_buyers": "3"}
    run = run_on(shop, tmp_path, max_buyers_per_week="10", **limits)
    assert run.labels(run.calendar.holdout)["customer"].n_unique() > 30
    assert [len(training_folds(run, fold)) for fold in (run.calendar.holdout, run.calendar.submission)] == [3, 3]


def test_weeks_without_a_buyer_do_not_count(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    open_weeks = [run.calendar.holdout.earlier(step) for step in (1, 3, 5)]
    labels = {fold: run.labels(fold) for fold in open_weeks}
    monkeypatch.setattr(Run, "labels", lambda _, fold: labels.get(fold, labels[open_weeks[0]].clear()))
    assert folds_before(run, run.calendar.holdout, 1, 10, 3) == open_weeks


def test_so_many_buyers_are_sufficient(run: Run) -> None:
    """Fewer weeks than are asked for, but never none."""
    folds = folds_before(run, run.calendar.holdout, 1, 10, 4)
    buyers = [run.labels(fold)["customer"].n_unique() for fold in folds]
    assert len(folds) == 4
    for weeks in (1, 2, 3):
        assert folds_before(run, run.calendar.holdout, 1, 10, 4, sum(buyers[:weeks])) == folds[:weeks]


class TestLabelledFolds:
    def test_labels_are_the_purchases_of_the_week(self, run: Run) -> None:
        fold = run.calendar.holdout.earlier(1)
        sources = run.settings.retrieval.sources
        complete = LabelledFolds(run).complete(sources, fold)
        labels = run.history.labels(fold)
        assert (complete.buyers, complete.purchases) == (labels["customer"].n_unique(), len(labels))
        assert 0 < complete.found == complete.hit.sum() <= complete.purchases
        assert (np.bincount(complete.group, complete.hit) > 0).all()
        pairs = next(pairs_of_shard(run, sources, fold, 0))
        candidates = set(zip(pairs.customer.tolist(), pairs.article.tolist(), strict=True))
        found = candidates & set(labels.iter_rows())
        assert complete.found == len(found)

    def test_so_many_buyers_of_the_holdout_too(self, shop: Path, tmp_path: Path) -> None:
        run = run_on(shop, tmp_path, max_buyers_per_week="9")
        fold, configs = run.calendar.holdout, run.settings.retrieval.sources
        sources = {name: configs[name] for name in ("best_sellers", "repurchase")}
        labelled, labels = LabelledFolds(run), run.sample_buyers(run.labels(fold), fold)
        for pairs in (labelled.complete(sources, fold), labelled.sampled(sources, fold)):
            assert pairs.buyers == 9 < run.labels(fold)["customer"].n_unique()
            assert pairs.purchases == len(labels)

    def test_a_sample_is_part_of_the_complete_pairs(self, run: Run) -> None:
        fold, sources = run.calendar.holdout.earlier(1), run.settings.retrieval.sources
        labelled = LabelledFolds(run)
        sampled, complete = labelled.sampled(sources, fold), labelled.complete(sources, fold)
        assert sampled.hit.sum() == complete.hit.sum()
        whole = complete.features.with_columns(group=complete.group)
        part = sampled.features.with_columns(group=sampled.group)
        assert len(part.join(whole, on=part.columns, how="anti", nulls_equal=True)) == 0
        again = LabelledFolds(run).sampled(sources, fold)
        assert_frame_equal(again.features, sampled.features, check_exact=True)
        assert labelled.sampled(sources, fold) is sampled

    @pytest.mark.parametrize("per_buyer", [5, 1_000])
    def test_so_many_negatives_per_buyer(self, per_buyer: int, shop: Path, tmp_path: Path) -> None:
        """Of as many as there are, whatever could be ranked at most, and for how many customers."""
        run = run_on(shop, tmp_path, ranking__negatives_per_buyer=str(per_buyer), ranking__target_pairs="1_000_000")
        fold, sources = run.calendar.holdout.earlier(1), run.settings.retrieval.sources
        labelled = LabelledFolds(run)
        sampled, complete = labelled.sampled(sources, fold), labelled.complete(sources, fold)
        assert len(complete.bought) > 20
        found = [(~pairs.hit).sum() / len(pairs.bought) for pairs in (sampled, complete)]
        assert found[0] == pytest.approx(min(per_buyer, found[1]), rel=0.2)

    @pytest.mark.parametrize("names", [("best_sellers", "repurchase"), ("repurchase",)])
    def test_blocks_of_one_customer_change_nothing(
        self, names: tuple[str, ...], run: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nor do customers whom the only source finds nothing for."""
        sources, fold = {name: run.settings.retrieval.sources[name] for name in names}, run.calendar.holdout
        whole = LabelledFolds(run)
        wanted = [whole.sampled(sources, fold), whole.complete(sources, fold)]
        monkeypatch.setattr(training_pairs, "PAIRS_PER_BLOCK", 1)
        blocks = list(pairs_of_shard(run, sources, fold, 0))
        assert [len(pairs.profiles) for pairs in blocks] == [1] * len(run.shards(fold)[0])
        assert (min(map(len, blocks)) == 0) == (names == ("repurchase",))
        anew = LabelledFolds(run)
        for found, before in zip([anew.sampled(sources, fold), anew.complete(sources, fold)], wanted, strict=True):
            assert_frame_equal(found.features, before.features, check_exact=True)
            for name in ("hit", "group", "bought"):
                np.testing.assert_array_equal(getattr(found, name), getattr(before, name))
            assert {key: rank.tobytes() for key, rank in found.rank.items()} == {
                key: rank.tobytes() for key, rank in before.rank.items()
            }
            assert (found.buyers, found.purchases, found.found) == (before.buyers, before.purchases, before.found)

    def test_the_complete_pairs_are_forgotten_and_the_sampled_ones_are_not(self, run: Run) -> None:
        fold, labelled = run.calendar.holdout.earlier(1), LabelledFolds(run)
        sources = {"best_sellers": run.settings.retrieval.sources["best_sellers"]}
        sampled, complete = labelled.sampled(sources, fold), weakref.ref(labelled.complete(sources, fold))
        assert complete() is not None
        labelled.forget_complete()
        assert complete() is None
        assert labelled.sampled(sources, fold) is sampled

    @pytest.mark.skipif(not MAPS.exists(), reason="this system does not list what a process maps")
    def test_complete_pairs_lie_on_disk(self, run: Run) -> None:
        """Not in memory: 35 weeks of a grocer took 7 GB."""
        sources = {"best_sellers": run.settings.retrieval.sources["best_sellers"]}
        complete = LabelledFolds(run).complete(sources, run.calendar.holdout.earlier(1))
        values = [*(column.to_numpy() for column in complete.features.iter_columns()), *complete.rank.values()]
        assert all(_is_mapped(value) for value in values)

    def test_a_fold_and_later_ones_are_forgotten_and_earlier_ones_are_not(self, run: Run) -> None:
        fold, labelled = run.calendar.holdout.earlier(1), LabelledFolds(run)
        sources = {"best_sellers": run.settings.retrieval.sources["best_sellers"]}
        folds = (run.calendar.holdout, fold, fold.earlier(1))
        *later, earlier = [weakref.ref(labelled.sampled(sources, each)) for each in folds]
        labelled.forget_since(fold)
        assert [each() for each in later] == [None, None]
        assert labelled.sampled(sources, fold.earlier(1)) is earlier()

    def test_folds_one_after_the_other(self, run: Run) -> None:
        fold, sources = run.calendar.holdout.earlier(1), run.settings.retrieval.sources
        labelled = LabelledFolds(run)
        parts = [labelled.complete(sources, fold), labelled.complete(sources, fold.earlier(1))]
        both = TrainingPairs.concat(parts)
        assert both.sizes.tolist() == [*parts[0].sizes.tolist(), *parts[1].sizes.tolist()]
        assert both.buyers == parts[0].buyers + parts[1].buyers
        assert_frame_equal(both.features, pl.concat([part.features for part in parts]))
        assert (np.diff(both.group) >= 0).all()


def _is_mapped(values: Floats) -> bool:
    """Whether an array lies within a file that this process maps, though its name is gone."""
    address = values.ctypes.data
    for line in MAPS.read_text().splitlines():
        start, stop = (int(part, 16) for part in line.split()[0].split("-"))
        if start <= address < stop:
            return line.endswith("(deleted)")
    return False
