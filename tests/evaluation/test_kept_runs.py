"""What is kept of a run, when, and what two kept runs give side by side, worked out from the kept files."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from forsys.cleaning import clean, clean_runs
from forsys.cli import main
from forsys.errors import DataError
from forsys.evaluation import backtest
from forsys.evaluation.changed_settings import changed_settings
from forsys.evaluation.kept_runs import FILES, KeptRun, _work, kept_run, kept_runs, run_before
from forsys.evaluation.list_names import FINAL
from forsys.evaluation.run_diff import ALL, diff
from forsys.metrics.bootstrap import Bootstrap
from forsys.opening import open_run
from forsys.run import Run
from forsys.settings import load_settings
from forsys.stages import STAGES
from forsys.store import write_json
from forsys.tables.dataset import DataSet
from forsys.workspace import Workspace
from world import SMALL, flags, overrides, snapshot

Output = pytest.CaptureFixture[str]
LEAVES = {"ranking__num_leaves": "7"}
FEW = {
    **{f"retrieval__sources__{name}": "false" for name in ("als", "bpr", "lmf", "nearest_content", "same_product")},
    "ranking__features": '["lists", "article"]',
    "tuning__grid": "{}",
}


@pytest.fixture(scope="module")
def run(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two runs up to the scores, with one changed setting."""
    home = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORSYS_HOME", str(home))
        for words, other in ((["--name", "first", "--note", "the start"], {}), ([], LEAVES)):
            for stage in list(STAGES)[:-1]:  # without the page
                more = words if stage == "evaluate" else []
                assert main([stage, *flags(shop, **other), *more]) == 0
            (home / f"folds-{len(other)}.json").write_text(json.dumps(sources_in(home)))
    return open_run(shop, overrides=overrides(**LEAVES), home=home)


def sources_in(home: Path) -> dict[str, int]:
    """The time of every file of the sources."""
    return {name: time for name, (time, _) in snapshot(home / "output" / "tiny" / "folds").items()}


@pytest.fixture
def as_user(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> Output:
    monkeypatch.setenv("FORSYS_HOME", str(run.workspace.home))
    capsys.readouterr()
    return capsys


@pytest.fixture(scope="module")
def both(run: Run) -> list[KeptRun]:
    return kept_runs(run)


class TestKept:
    def test_settings_notes_and_scores(self, both: list[KeptRun]) -> None:
        first, second = both
        assert [(each.number, each.name, each.note) for each in both] == [(1, "first", "the start"), (2, "run", "")]
        assert set(second.settings) - set(first.settings) == {"ranking.num_leaves"}
        assert first.settings["retrieval.sources.next_item"] is False
        assert first.data == second.data and first.code == second.code and first.generated
        assert second.versions["lightgbm"] and second.versions["forsys"]
        for each in both:
            scores = json.loads((each.folder / "scores.json").read_text(encoding="utf-8"))
            final = next(row for row in scores["scores"] if row["list"] == FINAL)
            assert each.score is not None
            assert (each.score.mean, each.score.low, each.score.high) == (
                final["MAP@12"],
                final["low"],
                final["high"],
            )
            values = pl.read_parquet(each.folder / "customers.parquet")["average_precision"]
            assert values.to_numpy().mean() == pytest.approx(each.score.mean)
            assert len(values) == each.score.customers
            assert each.seconds == pytest.approx(sum(stage.seconds for stage in each.stages.values()))

    def test_the_next_item_ranks_give_the_table_s_accuracy(self, both: list[KeptRun], run: Run) -> None:
        ranks = pl.read_parquet(both[1].folder / "next_item_ranks.parquet")
        for row in pl.read_csv(run.workspace.evaluation / "next_item.csv").iter_rows(named=True):
            assert (ranks[row["model"]].to_numpy() <= 10).mean() == pytest.approx(row["@10"])

    def test_the_submission_takes_no_space(self, both: list[KeptRun], run: Run) -> None:
        assert (both[1].folder / "submission.csv").samefile(run.workspace.own_submission)
        assert both[0].submission != both[1].submission

    def test_one_setting_makes_only_its_dependants_anew(self, run: Run, both: list[KeptRun]) -> None:
        """The ranker's leaves: no source is fitted again, and nobody gets new candidates."""
        before, after = (json.loads((run.workspace.home / f"folds-{n}.json").read_text()) for n in (0, 1))
        assert after == before
        found = diff(both[0], both[1], Bootstrap(50, seed=7))
        assert found.made_anew == ["tune", "retrieve", "rank", "submit", "evaluate"]

    @pytest.mark.usefixtures("as_user")
    def test_an_up_to_date_run_adds_nothing(self, run: Run, shop: Path) -> None:
        before = snapshot(run.workspace.runs)
        for stage in ("submit", "evaluate"):
            assert main([stage, *flags(shop, **LEAVES)]) == 0
        assert snapshot(run.workspace.runs) == before

    def test_one_that_was_ended_before_it_was_kept(
        self, run: Run, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copytree(run.workspace.home, tmp_path / "home")
        monkeypatch.setenv("FORSYS_HOME", str(tmp_path / "home"))
        copy = open_run(shop, overrides=overrides(**LEAVES), home=tmp_path / "home")
        shutil.rmtree(kept_run(copy, 2).folder)
        assert main(["evaluate", *flags(shop, **LEAVES)]) == 0
        assert [each.settings for each in kept_runs(copy)] == [each.settings for each in kept_runs(run)]

    def test_a_note_for_it_goes_to_the_kept_one(self, run: Run, shop: Path, as_user: Output) -> None:
        assert main(["evaluate", "--note", "fewer leaves", *flags(shop, **LEAVES)]) == 0
        assert "kept as run 2" in as_user.readouterr().out
        assert (len(kept_runs(run)), kept_run(run, 2).note) == (2, "fewer leaves")

    def test_the_run_before(self, run: Run, both: list[KeptRun]) -> None:
        before = run_before(run)
        assert before is not None and before.number == 1
        assert run_before(run, both[0]) is None

    def test_a_damaged_one_is_named(self, run: Run, shop: Path, as_user: Output) -> None:
        folder = run.workspace.runs / "20200101-000000-broken"
        folder.mkdir()
        (folder / "run.json").write_text('{"number": 9', encoding="utf-8")
        assert main(["runs", "--input", str(shop)]) == 0
        assert "run.json is missing or damaged: output/tiny/runs/20200101-000000-broken" in as_user.readouterr().out
        (folder / "run.json").unlink()
        folder.rmdir()


class TestDiff:
    def test_the_interval_is_that_of_the_kept_figures(self, both: list[KeptRun]) -> None:
        found = diff(both[0], both[1], Bootstrap(400, seed=3)).scores.iloc[0]
        first, second = (pl.read_parquet(each.folder / "customers.parquet") for each in both)
        assert first["customer_id"].to_list() == second["customer_id"].to_list()
        ours, theirs = (each["average_precision"].to_numpy() for each in (second, first))
        assert found["segment"] == ALL and found["n"] == len(ours)
        assert found["difference"] == pytest.approx((ours - theirs).mean())
        expected = Bootstrap(400, seed=3).paired(ours, theirs)
        assert (found["low"], found["high"]) == (expected.low, expected.high)
        # And one customer after the other, without the project's code.
        rng = np.random.default_rng(0)
        means = [rng.choice(ours - theirs, len(ours)).mean() for _ in range(4000)]
        spread = found["high"] - found["low"]
        assert [found["low"], found["high"]] == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.15 * spread)

    def test_segments_are_parts_of_all(self, both: list[KeptRun]) -> None:
        table = diff(both[0], both[1], Bootstrap(50, seed=7)).scores
        everyone = table.iloc[0]
        for _, part in table[table["segment"].isin(["age", "last purchase"])].groupby("segment"):
            assert part["n"].sum() == everyone["n"]
            assert (part["n"] * part["difference"]).sum() / everyone["n"] == pytest.approx(everyone["difference"])
        clear = (table["low"] > 0) | (table["high"] < 0)
        assert (table["clear"] == np.where(clear, "yes", "")).all()

    def test_who_changed_most(self, both: list[KeptRun]) -> None:
        changed = diff(both[0], both[1], Bootstrap(50, seed=7)).changed
        scores = [
            dict(
                pl.read_parquet(each.folder / "customers.parquet")
                .select("customer_id", "average_precision")
                .iter_rows()
            )
            for each in both
        ]
        changes = sorted((abs(scores[1][one] - scores[0][one]) for one in scores[0]), reverse=True)
        assert changed["difference"].abs().tolist() == pytest.approx(changes[:10])
        for row in changed.itertuples(index=False):
            assert row.difference == pytest.approx(scores[1][row.customer_id] - scores[0][row.customer_id])

    def test_a_damaged_table(self, both: list[KeptRun], tmp_path: Path) -> None:
        (tmp_path / "customers.parquet").write_bytes(b"PAR1, cut")
        with pytest.raises(DataError, match=r"customers\.parquet is missing or damaged, so run 2"):
            diff(both[0], both[1].model_copy(update={"folder": tmp_path}), Bootstrap(50, seed=7))

    @pytest.mark.parametrize(
        ("other", "words"),
        [
            ({"kind": "ablate"}, "has no score of each customer"),
            ({"holdout": ("2024-01-01", "2024-01-08")}, "differ in their holdout"),
            ({"score": None}, "differ in their metric"),
            ({"number": 1}, "was named twice"),
        ],
    )
    def test_what_cannot_be_compared(self, other: dict[str, object], words: str, both: list[KeptRun]) -> None:
        with pytest.raises(DataError, match=words):
            diff(both[0], both[1].model_copy(update=other), Bootstrap(50, seed=7))


class TestCommands:
    def test_list(self, shop: Path, as_user: Output, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "100")
        assert main(["runs", "--input", str(shop)]) == 0
        head, first, second, *common = as_user.readouterr().out.splitlines()
        assert head.split()[:5] == ["run", "name", "kind", "what", "differs"]
        assert first.split()[:3] == ["1", "first", "run"] and "the start" in first
        assert "ranking.num_leaves=7" in second
        assert max(map(len, (head, first, second, *common))) <= 100
        assert common[0].startswith("In all of them: ")

    def test_json(self, shop: Path, as_user: Output) -> None:
        assert main(["runs", "--json", "--input", str(shop)]) == 0
        assert [each["number"] for each in json.loads(as_user.readouterr().out)] == [1, 2]
        assert main(["runs", "--json", "diff", "1", "2", "--input", str(shop)]) == 0
        found = json.loads(as_user.readouterr().out)
        assert found["settings"] == [{"setting": "ranking.num_leaves", "run 1": "default", "run 2": "7"}]
        assert found["scores"][0]["segment"] == ALL

    def test_diff(self, shop: Path, as_user: Output) -> None:
        assert main(["runs", "diff", "1", "2", "--input", str(shop)]) == 0
        said = as_user.readouterr().out
        assert said.startswith("run 2 (run) against run 1 (first).")
        assert "Made anew for the later one: tune, retrieve, rank, submit, evaluate." in said

    def test_score(self, run: Run, shop: Path, as_user: Output) -> None:
        assert main(["runs", "score", "2", "0.0312", "--input", str(shop)]) == 0
        assert "leaderboard 0.0312" in as_user.readouterr().out
        assert kept_run(run, 2).leaderboard == 0.0312
        assert main(["runs", "--input", str(shop)]) == 0
        assert "leaderboard" in as_user.readouterr().out

    @pytest.mark.parametrize(
        ("words", "fault"),
        [
            (["runs", "diff", "1", "9"], "There is no kept run 9 of tiny. Kept: 1, 2."),
            (["runs", "score", "9", "0.1"], "There is no kept run 9"),
            (["runs", "clean", "9"], "There is no kept run 9"),
            (["evaluate", "--name", "../mine"], "--name '../mine': a name of a run has"),
        ],
    )
    def test_faults(self, words: list[str], fault: str, shop: Path, as_user: Output) -> None:
        assert main([*words, "--input", str(shop)]) == 2
        assert fault in as_user.readouterr().err

    def test_clean(self, run: Run) -> None:
        """The last: other data stay, `clean` leaves kept runs, and `runs clean` deletes nothing else."""
        mine = run.workspace.runs / "mine.txt"
        mine.write_text("notes", encoding="utf-8")
        before = snapshot(run.workspace.out)
        assert clean_runs(run, [1], delete=False).startswith("Would be deleted, with --yes:\n  output/tiny/runs/")
        assert snapshot(run.workspace.out) == before
        assert "The kept runs stay" in clean(run.workspace.home, ["tiny"], delete=True)
        assert [each.number for each in kept_runs(run)] == [1, 2]
        assert {Path(name).parts[0] for name in snapshot(run.workspace.out)} == {
            ".belongs-to",
            ".lock",
            ".made",
            "runs",
        }
        clean_runs(run, [1], delete=True)
        assert [each.number for each in kept_runs(run)] == [2]
        clean_runs(run, delete=True)
        assert [path.name for path in run.workspace.runs.iterdir()] == ["mine.txt"]


def test_the_work_of_every_finished_stage_is_kept_a_new_one_too(tmp_path: Path) -> None:
    run = Run(DataSet("tiny", tmp_path, True, "by hand"), load_settings(), Workspace(tmp_path, "tiny"))
    for seconds, name in enumerate(("tables", "new_stage", "report"), 1):
        stamp = {"fingerprint": name, "outputs": {}, "finished": f"2024-07-0{seconds}", "seconds": seconds}
        write_json(stamp, run.workspace.stamp(name))
    work = _work(run)
    assert list(work["stages"]) == ["tables", "new_stage"] and work["seconds"] == 3


def test_changed_settings_can_be_given_again() -> None:
    words = [*(f"{key}={value}" for key, value in SMALL.items()), "retrieval.sources.mine={class='x:Y', days=3}"]
    changed = changed_settings(load_settings(overrides=words))
    assert changed['tuning.grid."same_product.half_life"'] == [7]
    assert changed["retrieval.sources.mine.days"] == 3
    again = [f"{key}={json.dumps(value)}" for key, value in changed.items()]
    assert load_settings(overrides=again) == load_settings(overrides=words)
    assert changed_settings(load_settings()) == {}


@pytest.mark.parametrize(
    "word",
    [
        "tuning.grid={}",
        'tuning.grid."best_sellers.half_life"=false',
        "retrieval.sources.best_sellers=false",
        "compare.mixture.members.als=false",
    ],
)
def test_what_was_taken_away_is_a_changed_setting(word: str) -> None:
    changed = changed_settings(load_settings(overrides=[word]))
    again = [f"{key}={json.dumps(value)}" for key, value in changed.items()]
    assert changed and load_settings(overrides=again) == load_settings(overrides=[word])


@pytest.fixture(scope="module")
def done(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Two backtests of two weeks with one changed setting, and an ablation."""
    home = tmp_path_factory.mktemp("others")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORSYS_HOME", str(home))
        for words, other in ((["--weeks", "2"], {}), (["--weeks", "2"], LEAVES)):
            assert main(["backtest", *words, *flags(shop, **FEW, **other)]) == 0
        assert main(["ablate", "lists", "repurchase", *flags(shop, **FEW)]) == 0
    return open_run(shop, overrides=overrides(**FEW), home=home)


class TestOtherResults:
    """Backtests and ablations are kept with their settings too."""

    def test_an_input_that_is_touched_meanwhile(
        self, shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The result of an hour is not lost for it."""
        own, home = tmp_path / "shop", tmp_path / "home"
        shutil.copytree(shop, own)
        home.mkdir()
        monkeypatch.setenv("FORSYS_HOME", str(home))
        right = backtest.score_folds

        def score_folds(*arguments: Any) -> backtest.Scored:
            found = right(*arguments)
            (own / "articles.csv").write_text((own / "articles.csv").read_text(encoding="utf-8") + "\n", "utf-8")
            return found

        monkeypatch.setattr(backtest, "score_folds", score_folds)
        assert main(["backtest", "--weeks", "2", *flags(own, **FEW)]) == 0
        assert [each.kind for each in kept_runs(open_run(own, overrides=overrides(**FEW), home=home))] == [
            "backtest"
        ]

    def test_the_files_are_those_that_were_written(self, done: Run) -> None:
        assert [each.kind for each in kept_runs(done)] == ["backtest", "backtest", "ablate"]
        told = [{"weeks": 2}, {"weeks": 2}, {"weeks": 1, "names": ["lists", "repurchase"]}]
        assert [each.options for each in kept_runs(done)] == told
        assert all(each.settings["ranking.features"] == ["lists", "article"] for each in kept_runs(done))
        assert [each.settings.get("ranking.num_leaves") for each in kept_runs(done)][1] == 7
        for each in kept_runs(done)[1:]:
            for file in FILES[each.kind]:
                assert (each.folder / file).read_bytes() == (done.workspace.evaluation / file).read_bytes()

    def test_every_number_has_its_own_column(self, done: Run) -> None:
        for each in kept_runs(done):
            for path in each.folder.glob("*.csv"):
                table = pl.read_csv(path)
                texts = [name for name in table.columns if table[name].dtype == pl.String]
                assert set(texts) <= {"list", "without", "clear"}

    def test_the_score_is_the_final_list_s(self, done: Run) -> None:
        backtest, _, ablation = kept_runs(done)
        row = pl.read_csv(backtest.folder / "backtest.csv").filter(pl.col("list") == FINAL).row(0, named=True)
        assert backtest.score is not None and ablation.score is not None
        found = backtest.score
        assert [found.mean, found.low, found.high] == pytest.approx([row["MAP@12"], row["low"], row["high"]])
        assert ablation.score.mean == pytest.approx(pl.read_csv(ablation.folder / "ablation.csv")["MAP@12"][0])

    def test_two_backtests_are_compared_by_customer(self, done: Run) -> None:
        first, second, _ = kept_runs(done)
        found = diff(first, second, Bootstrap(200, seed=3))
        ours, theirs = (pl.read_parquet(each.folder / "backtest_customers.parquet") for each in (second, first))
        change = ours["average_precision"].to_numpy() - theirs["average_precision"].to_numpy()
        expected = Bootstrap(200, seed=3).interval(change, ours["customer_id"].to_numpy())
        row = found.scores.iloc[0]
        assert [row["difference"], row["low"], row["high"]] == [expected.mean, expected.low, expected.high]
        assert found.scores["segment"].tolist() == [ALL, "fold", "fold"]
        assert found.scores["n"].iloc[1:].sum() == len(change)

    def test_weeks_of_one_alone_are_named(self, done: Run, tmp_path: Path) -> None:
        first, second, _ = kept_runs(done)
        shorter = first.model_copy(update={"folder": tmp_path})
        customers = pl.read_parquet(first.folder / "backtest_customers.parquet")
        week = customers.filter(pl.col("fold") == customers["fold"].max())
        week.write_parquet(tmp_path / "backtest_customers.parquet")
        found, gone = diff(shorter, second, Bootstrap(50, seed=3)), len(customers) - len(week)
        assert found.notes[0] == f"Only what both have is compared: without {gone} customer-weeks of run 2."
        assert not any("Only what" in note for note in diff(first, second, Bootstrap(50, seed=3)).notes)

    def test_an_ablation_has_no_customers(self, done: Run) -> None:
        runs = kept_runs(done)
        with pytest.raises(DataError, match="has no score of each customer"):
            diff(runs[0], runs[2], Bootstrap(50, seed=7))
