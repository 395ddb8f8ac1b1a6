"""What is left out is left out of everything, and the difference is that of the scores."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from forsys.candidates import labelled_candidates
from forsys.errors import DataError
from forsys.evaluation.ablation import ALL, Ablation, _without_source, ablate, ablation_text
from forsys.evaluation.backtest import backtest_table, score_folds
from forsys.evaluation.list_names import FINAL
from forsys.evaluation.network_ablation import ablations
from forsys.metrics.lists import average_precision, found_at
from forsys.ranking.ordering import rank_buyers
from forsys.ranking.training_pairs import LabelledFolds
from forsys.ranking.tuning import Tuned, tune_for
from forsys.recurrent.config import ALL_FEATURES
from forsys.retrieval.fusion import Fusion
from forsys.run import Run
from world import run_on

FEATURES, SOURCES = ["lists", "article"], ["best_sellers", "repurchase", "item_knn"]


def few(shop: Path, home: Path, features: list[str], sources: list[str]) -> Run:
    """A run with nothing but these."""
    run = run_on(shop, home)
    settings = run.settings.model_dump()
    settings["retrieval"]["sources"] = {name: run.settings.retrieval.sources[name] for name in sources}
    settings["tuning"]["grid"] = {}
    settings["ranking"]["features"] = features
    return replace(run, settings=type(run.settings).model_validate(settings))


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return few(shop, tmp_path_factory.mktemp("ablation"), FEATURES, SOURCES)


@pytest.fixture(scope="module")
def found(run: Run) -> Ablation:
    return ablate(run, 2)


def test_one_row_per_group_and_source_left_out(found: Ablation) -> None:
    sources = [f"source {name}" for name in SOURCES]
    assert found.lists["without"].tolist() == [ALL, *(f"features {name}" for name in FEATURES), *sources]
    assert found.candidates["without"].tolist() == [ALL, *sources]
    assert found.folds == 2


def test_differences_are_to_everything(found: Ablation) -> None:
    for table, metric in ((found.lists, "MAP@12"), (found.candidates, "recall@100")):
        np.testing.assert_allclose(table["difference"], table[metric] - table[metric].iloc[0], atol=1e-12)
        assert ((table["low"] <= table["difference"]) & (table["difference"] <= table["high"])).all()
        assert set(table["clear"]) <= {"yes", ""}
        clear = table[table["clear"] == "yes"]
        assert ((clear["low"] > 0) | (clear["high"] < 0)).all()
        assert table["difference"].abs().max() > 0
    assert (found.candidates["difference"] <= 0).all()


def test_everything_is_the_ranker_of_the_backtest(found: Ablation, run: Run) -> None:
    """The two folds before the holdout, in the three of the backtest."""
    three, one = (backtest_table(run, score_folds(run, weeks)) for weeks in (3, 1))
    score = [table.set_index("list")["MAP@12"][FINAL] * table.attrs["customer-weeks"] for table in (three, one)]
    assert three.attrs["customer-weeks"] - one.attrs["customer-weeks"] == found.customer_weeks
    assert found.lists["MAP@12"].iloc[0] == pytest.approx((score[0] - score[1]) / found.customer_weeks, abs=1e-12)


@pytest.mark.parametrize(
    ("left_out", "features", "sources"),
    [("features lists", ["article"], SOURCES), ("source repurchase", FEATURES, ["best_sellers", "item_knn"])],
)
def test_without_a_group_or_source_it_is_the_ranker_that_never_had_it(
    left_out: str, features: list[str], sources: list[str], found: Ablation, run: Run, shop: Path, tmp_path: Path
) -> None:
    other = few(shop, tmp_path, features, sources)
    values, hits = [], []
    for step in (1, 2):
        fold = run.calendar.holdout.earlier(step)
        tuned, all_tuned = (tune_for(each, fold) for each in (other, run))
        weights = {name: all_tuned.fusion.weights[name] for name in sources}
        object.__setattr__(tuned.fusion, "weights", weights)  # chosen with all of the sources
        object.__setattr__(tuned.fusion, "constant", all_tuned.fusion.constant)
        candidates, labels = labelled_candidates(other, fold, tuned.sources)
        ranked = rank_buyers(LabelledFolds(other), tuned, fold)
        values.append(average_precision(ranked, labels, run.settings.k)["average_precision"].to_numpy())
        hits.append(found_at(candidates.collect(), labels, 100))
    assert found.lists.set_index("without")["MAP@12"][left_out] == pytest.approx(np.concatenate(values).mean())
    recall = found.candidates.set_index("without")["recall@100"].get(left_out)
    assert recall is None or recall == pytest.approx(np.concatenate(hits).mean())


def test_what_is_within_noise_is_named(found: Ablation, run: Run) -> None:
    text = ablation_text(run, found)
    noise = found.lists["without"][found.lists["clear"] == ""].drop(0)
    assert f"Within noise: {', '.join(noise) or 'none'}." in text
    assert text.startswith("GENERATED DATA. The ranker without each of these, on 2 period(s)")


def test_only_what_is_named(found: Ablation, run: Run) -> None:
    some = ablate(run, 2, ["repurchase", "lists"])
    for table, full in ((some.lists, found.lists), (some.candidates, found.candidates)):
        named = full["without"].isin([ALL, "features lists", "source repurchase"])
        assert_frame_equal(table, full[named].reset_index(drop=True))


def test_an_unknown_name(run: Run) -> None:
    with pytest.raises(DataError, match="ablate: repurchases is neither a feature group"):
        ablate(run, 2, ["lists", "repurchases"])


def test_no_weeks_to_leave_out_on(run: Run) -> None:
    with pytest.raises(DataError, match="None of the 0 periods before the holdout has buyers"):
        ablate(run, 0)


def test_the_recurrent_model_loses_each_group_and_keeps_each_alone() -> None:
    source = {"class": "forsys.retrieval.next_item:NextItem"}
    network = source | {"num_networks": 3, "cell": "lstm", "new_article_bias": -1.0}
    assert not any("encoding" in config["features"] for config in ablations(network, False).values())
    configs = ablations(network, True)
    assert len(configs) == 2 + 2 * len(ALL_FEATURES)
    groups = {name: set(config["features"]) for name, config in configs.items()}
    assert groups["all features"] == set(ALL_FEATURES) and groups["no features"] == set()
    for group in ALL_FEATURES:
        assert groups[f"without {group}"] == set(ALL_FEATURES) - {group}
        assert groups[f"only {group}"] == {group}
    same = source | {"num_networks": 1, "cell": "gru", "new_article_bias": None}
    assert all(config == same | {"features": config["features"]} for config in configs.values())


def test_what_is_the_only_one_of_its_kind_is_not_left_out(shop: Path, tmp_path: Path) -> None:
    alone = few(shop, tmp_path, ["customer"], ["best_sellers"])
    found = ablate(alone, 1)
    assert found.lists["without"].tolist() == found.candidates["without"].tolist() == [ALL]
    for name in ("customer", "best_sellers"):
        with pytest.raises(DataError, match=f"ablate: {name} is the only .* nothing is left without it"):
            ablate(alone, 1, [name])


def test_the_only_source_that_tuning_has_kept_is_not_left_out() -> None:
    tuned = Tuned({"als": {}}, Fusion({"als": 1.0}), [], 0, 0.0, {}, ["bpr"])
    with pytest.raises(DataError, match="only the source als is in use"):
        _without_source(tuned, "als")
