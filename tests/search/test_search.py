"""The search on the tiny shop: what it tries, that a kill changes nothing, and what it calls noise."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from forsys.candidates import labelled_candidates
from forsys.cli import main
from forsys.errors import DataError
from forsys.evaluation.kept_runs import kept_runs
from forsys.metrics.bootstrap import Bootstrap, Interval
from forsys.metrics.lists import average_precision
from forsys.ranking.ordering import rank_buyers
from forsys.ranking.training_pairs import LabelledFolds
from forsys.ranking.tuning import folds_to_score, tune_for
from forsys.run import Run
from forsys.search import study
from forsys.search.report import as_json, found_text
from forsys.search.scoring import Scorer
from forsys.search.space import DEFAULT_SPACE, Range, Space, changed
from forsys.search.study import Found, search
from forsys.settings import load_settings
from forsys.workspace import Workspace
from world import flags, forsys, run_on

pytest.importorskip("optuna")

SPACE = '"ranking.num_leaves" = [3, 7, 31]\n"ranking.learning_rate" = { low = 0.01, high = 0.3, log = true }\n'
FEW = {
    **{f"retrieval__sources__{name}": "false" for name in ("als", "bpr", "lmf", "nearest_content", "same_product")},
    "ranking__features": '["lists", "article"]',
    "tuning__grid": "{}",
}
TRIALS, WEEKS = 6, 2


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("space") / "space.toml"
    path.write_text(SPACE, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_on(shop, tmp_path_factory.mktemp("search"), **FEW)


@pytest.fixture(scope="module")
def found(run: Run, space: Path) -> Found:
    return search(run, Space.read(space, run.settings), TRIALS, WEEKS)


def test_as_many_weeks_as_there_are(run: Run) -> None:
    assert folds_to_score(run, 10**7) == folds_to_score(run, 100)


class TestSearch:
    def test_trials_are_within_the_space(self, found: Found) -> None:
        assert sorted(found.trials["trial"]) == [1, 2, 3, 4, 5, 6]
        assert found.trials["ranking.num_leaves"].isin([3, 7, 31]).all()
        assert found.trials["ranking.learning_rate"].between(0.01, 0.3).all()

    def test_the_score_is_that_of_the_ranker_on_the_weeks_before_the_holdout(self, found: Found, run: Run) -> None:
        folds = [run.calendar.holdout.earlier(step) for step in (1, 2)]
        assert found.folds == folds
        other, scores = replace(run, settings=found.best), []
        for fold in folds:
            tuned = tune_for(other, fold)
            _, labels = labelled_candidates(other, fold, tuned.sources)
            ranked = rank_buyers(LabelledFolds(other), tuned, fold)
            scores.append(average_precision(ranked, labels, 12)["average_precision"].to_numpy())
        expected = pytest.approx(np.concatenate(scores).mean())
        assert found.trials["MAP@12"].iloc[0] == expected and found.best_score.mean == expected
        assert found.customer_weeks == len(np.concatenate(scores))

    def test_the_best_complete_trial_comes_first(self, found: Found) -> None:
        complete = found.trials[found.trials["state"] == "complete"]
        assert found.trials["state"].iloc[0] == "complete"
        assert complete["MAP@12"].is_monotonic_decreasing
        assert (complete["weeks"] == WEEKS).all() and (found.trials["weeks"] >= 1).all()
        assert found.gain.mean == pytest.approx(complete["difference"].iloc[0])
        np.testing.assert_allclose(complete["difference"], complete["MAP@12"] - found.default.mean, atol=1e-12)

    def test_only_what_is_clearly_worse_is_given_up(self, found: Found, run: Run) -> None:
        """On the first week, against the default or an earlier trial."""
        scorer = Scorer(run)
        assert (found.trials["state"] == "stopped").any()
        for row in found.trials[found.trials["state"] == "stopped"].to_dict("records"):
            keys = ("ranking.num_leaves", "ranking.learning_rate")
            own = scorer.average_precision(changed(run.settings, {key: row[key] for key in keys}), found.folds[0])
            rivals = [scorer.average_precision(run.settings, found.folds[0])]
            for other in found.trials[found.trials["trial"] < row["trial"]].to_dict("records"):
                values = {key: other[key] for key in keys}
                rivals.append(scorer.average_precision(changed(run.settings, values), found.folds[0]))
            assert any(Bootstrap(50, seed=7).paired(own, rival).high < 0 for rival in rivals)

    def test_the_holdout_is_judged_beside_the_default(self, found: Found, run: Run) -> None:
        scorer, holdout = Scorer(run), run.calendar.holdout
        ours, theirs = (scorer.average_precision(each, holdout) for each in (found.best, run.settings))
        assert found.holdout == Bootstrap(50, seed=7).paired(ours, theirs)
        assert found.holdout_scores == (ours.mean(), theirs.mean())
        assert len(ours) == run.labels(holdout)["customer"].n_unique()

    def test_finished_trials_are_reused(self, found: Found, run: Run, space: Path) -> None:
        again = search(run, Space.read(space, run.settings), TRIALS, WEEKS)
        assert again.new_trials == 0 and found.new_trials == TRIALS
        assert_frame_equal(again.trials, found.trials, check_exact=True)

    def test_text(self, found: Found, run: Run) -> None:
        text = found_text(run, found)
        assert text.startswith("GENERATED DATA. Search: 6 trials, ")
        assert "On the holdout, which was not searched on: MAP@12 " in text
        noise = replace(found, gain=Interval(0.01, 0.002, 0.02), by_chance=0.02)
        assert "WITHIN THE NOISE" in found_text(run, noise) and "Keep the default" in found_text(run, noise)
        worse = replace(noise, gain=Interval(-0.01, -0.02, -0.002))
        assert "NONE IS BETTER" in found_text(run, worse) and "Keep the default" in found_text(run, worse)
        clear = replace(noise, by_chance=0.005)
        assert "which is more than noise" in found_text(run, clear) and "best.toml" in found_text(run, clear)
        assert as_json(run, clear)["clear"] and not as_json(run, noise)["clear"]


KILLED = """
import os, sys
from forsys.search.scoring import Scorer
from forsys.cli import main
computed, calls = Scorer._computed, []
def dies(self, settings, fold):
    calls.append(fold)
    if len(calls) > 5:
        os._exit(9)
    return computed(self, settings, fold)
Scorer._computed = dies
main(sys.argv[1:])
"""


def test_killed_and_resumed_it_ends_the_same(
    found: Found, run: Run, shop: Path, space: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed within the second trial, in another process; then the command again."""
    words = ["search", str(space), "--trials", str(TRIALS), "--weeks", str(WEEKS), *flags(shop, **FEW)]
    assert forsys(tmp_path, words, script=["-c", KILLED]).returncode == 9
    out = tmp_path / "output" / "tiny"
    assert (out / "search" / "study.db").exists() and not (out / "search" / "search.json").exists()
    monkeypatch.setenv("FORSYS_HOME", str(tmp_path))
    assert main(words) == 0
    trials = pd.read_csv(out / "search" / "trials.csv")
    assert_frame_equal(trials, found.trials, rtol=1e-14)  # as texts are read back
    assert json.loads((out / "search" / "search.json").read_text()) == json.loads(json.dumps(as_json(run, found)))
    resumed = run_on(shop, tmp_path, **FEW)
    (kept,) = kept_runs(resumed)
    assert kept.kind == "search" and kept.score is not None and kept.score.mean == found.best_score.mean
    assert load_settings(str(kept.folder / "best.toml")) == found.best
    assert main(words) == 0
    assert len(kept_runs(resumed)) == 1


def test_a_changed_source_begins_a_new_study(run: Run, space: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its code is part of what the scores follow from, whoever wrote it."""
    folds, tried = folds_to_score(run, 1), Space.read(space, run.settings)
    before = study._name(run, tried, folds)
    assert before == study._name(run, tried, folds)
    monkeypatch.setattr(study, "source_fingerprint", lambda *source: source[0])
    assert study._name(run, tried, folds) != before


@pytest.mark.parametrize("name", ["what?now", "a%20b #c", "100%"])
def test_the_study_lies_in_the_output_folder_whatever_its_name(name: str, tmp_path: Path) -> None:
    """A question mark ended the path, so that a file beside the folder was written."""
    (tmp_path / name).mkdir()
    study._opened(tmp_path / name / "study.db", "test")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.db")] == [f"{name}/study.db"]
    assert len([*tmp_path.iterdir()]) == 1


def test_a_damaged_study_is_named(run: Run, space: Path, tmp_path: Path) -> None:
    other = replace(run, workspace=Workspace(tmp_path, "tiny"))
    (tmp_path / "output" / "tiny").mkdir(parents=True)
    for folder in ("tables", "content", "stamps", "folds", "search/scored"):
        (other.workspace.out / folder).parent.mkdir(exist_ok=True)
        (other.workspace.out / folder).symlink_to(run.workspace.out / folder)
    (other.workspace.search / "study.db").write_bytes(b"no database, but long enough for a header" * 100)
    with pytest.raises(DataError, match=r"output/tiny/search/study\.db is damaged"):
        search(other, Space.read(space, run.settings), 1, 1)


class TestSpace:
    def test_the_default_one(self) -> None:
        settings = load_settings()
        space = Space.read(DEFAULT_SPACE, settings)
        assert space.tried["ranking.num_leaves"] == [7, 15, 31, 63]
        assert space.tried["ranking.lambda_l2"] == Range(low=1.0, high=100.0, log=True)
        assert set(space.distributions()) == set(space.tried)

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            ("", "names no setting"),
            ("a = ", "is not a TOML file"),
            (f'"ranking.num_leaves" = {"[" * 3000}{"]" * 3000}', "is not a TOML file"),
            (r'"a=1\nb" = [1]', "is no key of a setting"),
            ('"ranking.num_leavs" = [7]', "Do you mean ranking.num_leaves?"),
            ('"ranking.leaves" = [1, 2]', "ranking.leaves is called ranking.num_leaves now"),
            ('"ranking.num_leaves" = [7, 1]', "ranking.num_leaves = 1: These settings can't be used:"),
            ('"ranking.num_leaves" = 7', "ranking.num_leaves must be a list of values, or"),
            ('"ranking.num_leaves" = []', "ranking.num_leaves must be a list of values, or"),
            ('"ranking.num_leaves" = { low = 7, high = 3 }', "low must be below high"),
            ('"ranking.lambda_l2" = { low = 0, high = 3, log = true }', "above 0 where log is true"),
            ("ranking.num_leaves = [7]", "in quotes as one key"),
            ('"k" = [10]', "k decides what is scored"),
            ("""'"k"' = [10]""", "decides what is scored"),
            ('"a b" = [10]', "space.toml: a b is no key of a setting"),
            ('"retrieval.sources.asl.factors" = [8]', "retrieval.sources.asl is not a source. Do you mean als?"),
            ('"retrieval.sources.als.nonsense" = [8]', "ALS takes: factors"),
        ],
    )
    def test_faults(self, line: str, words: str, tmp_path: Path) -> None:
        path = tmp_path / "space.toml"
        path.write_text(f"{line}\n", encoding="utf-8")
        with pytest.raises(DataError) as raised:
            Space.read(path, load_settings())
        assert words in str(raised.value)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"none\.toml: No such file"):
            Space.read(tmp_path / "none.toml", load_settings())

    def test_changed(self) -> None:
        settings = changed(load_settings(), {"retrieval.sources.als.factors": 8, "ranking.num_leaves": 3})
        assert settings == load_settings(overrides=["retrieval.sources.als.factors=8", "ranking.num_leaves=3"])

    def test_a_source_is_left_out_as_by_set(self, tmp_path: Path) -> None:
        path = tmp_path / "space.toml"
        path.write_text('"retrieval.sources.repurchase" = [false]\n', encoding="utf-8")
        assert Space.read(path, load_settings()).tried == {"retrieval.sources.repurchase": [False]}
        without = changed(load_settings(), {"retrieval.sources.repurchase": False})
        assert without == load_settings(overrides=["retrieval.sources.repurchase=false"])


def test_no_weeks_to_search_on(run: Run) -> None:
    with pytest.raises(DataError, match="None of the 0 periods before the holdout has buyers"):
        folds_to_score(run, 0)
