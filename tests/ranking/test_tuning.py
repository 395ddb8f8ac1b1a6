"""What tuning keeps: every quick source, and slow ones only with a weight. And what it refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forsys.calendar import day_number
from forsys.errors import DataError
from forsys.ranking.tuning import Tuned, tune, tune_for
from forsys.retrieval.fusion import Fusion
from forsys.run import Run
from forsys.settings import load_settings
from forsys.tables.history import Returns
from world import run_on

SOURCES = load_settings().retrieval.sources


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("tuning"))


def tuned(**weights: float) -> Tuned:
    """All default sources with a weight of 1, or of those in `weights`."""
    return Tuned(
        SOURCES, Fusion(dict.fromkeys(SOURCES, 1.0) | weights), ["2024-01-01"], 100, 0.1, {}
    ).without_idle()


@pytest.mark.parametrize("name", ["als", "bpr", "lmf", "next_item"])
def test_slow_sources_without_weight_are_left_out(name: str) -> None:
    found = tuned(**{name: 0.0})
    assert list(found.sources) == list(found.fusion.weights) == [other for other in SOURCES if other != name]
    assert found.left_out == [name]
    assert found.choices()[-1] == f"left out, without weight: {name}"


@pytest.mark.parametrize("name", ["repurchase", "same_product", "best_sellers", "item_knn"])
def test_quick_sources_stay_for_the_ranker(name: str) -> None:
    found = tuned(**{name: 0.0})
    assert dict(found.sources) == SOURCES
    assert found.left_out == []


def test_a_small_weight_is_a_weight() -> None:
    assert "als" in tuned(als=0.01).sources


def test_slow_sources_stay_where_there_is_no_other() -> None:
    """With a weight or without: something has to propose articles."""
    slow = {name: SOURCES[name] for name in ("als", "bpr")}
    found = Tuned(slow, Fusion(dict.fromkeys(slow, 0.0)), ["2024-01-01"], 100, 0.0, {}).without_idle()
    assert found.sources == slow
    assert found.left_out == []


def test_a_parameter_that_is_a_list_is_tuned(run: Run) -> None:
    values = [["article"], ["article", "product_code"]]
    sources = {name: SOURCES[name] for name in ("best_sellers", "same_attributes")}
    retrieval = run.settings.retrieval.model_copy(update={"sources": sources})
    tuning = run.settings.tuning.model_copy(update={"grid": {"same_attributes.attributes": values}})
    other = replace(run, settings=run.settings.model_copy(update={"retrieval": retrieval, "tuning": tuning}))
    found = tune_for(other, run.calendar.holdout)
    tried = ["[]", "['article']", "['article', 'product_code']"]  # the first is the default
    assert list(found.tried["same_attributes.attributes"]) == tried
    assert found.sources["same_attributes"]["attributes"] in [[], *values]


@pytest.mark.parametrize("half_life", [7.0, 45.0, 365.0])
def test_a_value_that_is_set_stays_unless_another_is_clearly_better(half_life: float, run: Run) -> None:
    """Also one that is not in the grid: it is tried too."""
    grid = {"repurchase.half_life": [7, 365]}
    tuning = run.settings.tuning.model_copy(update={"grid": grid, "min_standard_errors": 1e9})
    sources = {"repurchase": SOURCES["repurchase"] | {"half_life": half_life}}
    retrieval = run.settings.retrieval.model_copy(update={"sources": sources})
    other = replace(run, settings=run.settings.model_copy(update={"retrieval": retrieval, "tuning": tuning}))
    found = tune_for(other, run.calendar.holdout)
    assert found.sources["repurchase"]["half_life"] == half_life
    assert {float(value) for value in found.tried["repurchase.half_life"]} == {7, 365, half_life}


def test_a_holdout_of_which_nothing_was_kept(run: Run) -> None:
    log, other = run.history, replace(run)
    rows = np.flatnonzero(log.day >= day_number(run.calendar.holdout.as_of))
    vars(other)["history"] = replace(log, returns=Returns(rows, log.day[rows], log.units[rows]))
    with pytest.raises(DataError, match=r"All that was bought between .* came back by then, .* --holdout-days\."):
        tune(other)
