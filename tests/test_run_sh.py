"""run.sh as a user meets it: on a copy of the project, through bash, offline.

The copy's .venv holds one thing, a `python` that is this process's own, and the marks that say it is complete.
"""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from forsys.stages import STAGES
from world import (
    CUSTOMERS,
    HOLDOUT,
    LAST_DAY,
    PROJECT,
    bought_in,
    environment,
    flags,
    lists_in,
    map_at,
    parts_left,
    purchases_in,
    snapshot,
)

LOCKS = ("requirements.lock", "requirements-dev.lock")
Done = subprocess.CompletedProcess[str]


def copy_project(to: Path) -> Path:
    """What git keeps and a run needs, with no .venv."""
    to.mkdir(parents=True)
    for name in ("run.sh", "requirements.txt", *LOCKS):
        shutil.copy(PROJECT / name, to / name)
    shutil.copytree(PROJECT / "src" / "forsys", to / "src" / "forsys", ignore=shutil.ignore_patterns("__pycache__"))
    (to / "input").mkdir()
    return to


def write_script(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/usr/bin/env bash", *lines]) + "\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def ready_project(to: Path) -> Path:
    """A copy in which everything is installed already."""
    copy_project(to)
    write_script(to / ".venv" / "bin" / "python", f'exec {shlex.quote(sys.executable)} "$@"')
    for lock in LOCKS:
        shutil.copy(to / lock, to / ".venv" / f".made-from-{lock}")
    return to


def run_sh(project: Path, *arguments: str, **variables: str) -> Done:
    """From another folder, as a user may call it."""
    command = ["bash", str(project / "run.sh"), *arguments]
    env = environment(**variables)
    return subprocess.run(
        command, env=env, cwd=project.parent, capture_output=True, text=True, timeout=300, check=False
    )


def refused(done: Done) -> str:
    """The one message of a run that ended with a fault of the user's."""
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("forsys: ")
    assert done.stderr.count("forsys: ") == 1
    return done.stderr


@pytest.fixture(scope="module")
def finished(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """A project in which `bash run.sh` has run, and what it said."""
    project = ready_project(tmp_path_factory.mktemp("finished") / "a project")  # with a space in its path
    return project, run_sh(project, *flags(shop))


class TestWholeRun:
    def test_says_what_it_does(self, finished: tuple[Path, Done], shop: Path) -> None:
        _, done = finished
        assert (done.returncode, done.stderr) == (0, "")  # no bar and no warning in a log
        assert not {"\r", "\x1b"} & set(done.stdout)
        lines = done.stdout.splitlines()
        assert lines[0].startswith(f"Data: {shop} ")
        assert "generated data" in lines[0]
        starts = [line.split()[0] for line in lines if line and line.split()[0] in STAGES and "peak" in line]
        assert starts == list(STAGES)

    def test_scores_of_generated_data_are_labelled(self, finished: tuple[Path, Done]) -> None:
        project, done = finished
        before, _, after = done.stdout.partition("Offline scores")
        assert "GENERATED DATA" in before[-600:]  # and the verdict between them
        assert "MAP@12" in after
        for baseline in ("best sellers, 7 days", "bought in 90 days + best sellers"):
            assert baseline in after
        folder = project / "output" / "tiny" / "evaluation"
        assert (folder / "scores.txt").read_text(encoding="utf-8").startswith("GENERATED DATA")
        assert read_scores(project)["generated"]

    def test_leaves_a_valid_submission(self, finished: tuple[Path, Done], shop: Path) -> None:
        project, _ = finished
        file = project / "submissions" / "submission.csv"
        done = run_sh(project, "validate", str(file), "--input", str(shop))
        assert (done.returncode, done.stderr) == (0, "")
        assert f"valid, {CUSTOMERS} customers" in done.stdout
        # Not by the project's own rule alone:
        wanted = list(lists_in(shop / "sample_submission.csv"))
        lists = lists_in(file)
        assert list(lists) == wanted
        known = {line.split(",")[0] for line in (shop / "articles.csv").read_text(encoding="utf-8").splitlines()}
        assert all(len(set(row)) == 12 and known.issuperset(row) for row in lists.values())
        assert len({tuple(row) for row in lists.values()}) > CUSTOMERS / 4  # personal, not one list for all

    def test_scores_are_those_of_the_file(self, finished: tuple[Path, Done], shop: Path) -> None:
        project, _ = finished
        lists = lists_in(project / "output" / "tiny" / "holdout" / "submission.csv")
        bought = bought_in(purchases_in(shop), HOLDOUT, LAST_DAY)
        final = {row["list"]: row for row in read_scores(project)["scores"]}["final list (ranker)"]
        for k in (1, 5, 10, 12):
            assert final[f"MAP@{k}"] == pytest.approx(map_at(k, lists, bought), abs=1e-12)
        hits = sum(len(wanted & set(lists[customer])) for customer, wanted in bought.items())
        assert final["recall@12"] == pytest.approx(hits / sum(map(len, bought.values())), abs=1e-12)
        assert hits > 20  # so that equality means something

    def test_best_sellers_are_scored_as_by_hand(self, finished: tuple[Path, Done], shop: Path) -> None:
        project, _ = finished
        log = purchases_in(shop)
        sold: dict[str, int] = {}
        for day, _, article in log:
            if 0 < (HOLDOUT - day).days <= 7:
                sold[article] = sold.get(article, 0) + 1
        # Equals in the order of articles.csv, whose ids rise.
        best = sorted(sold, key=lambda article: (-sold[article], article))[:12]
        bought = bought_in(log, HOLDOUT, LAST_DAY)
        expected = map_at(12, dict.fromkeys(bought, best), bought)
        scores = {row["list"]: row for row in read_scores(project)["scores"]}
        assert scores["best sellers, 7 days"]["MAP@12"] == pytest.approx(expected, abs=1e-12)

    def test_leaves_nothing_half_done(self, finished: tuple[Path, Done]) -> None:
        project, _ = finished
        assert parts_left(project) == []
        copies = list((project / "submissions").glob("tiny-submission*.csv"))
        assert len(copies) == 2  # under the name of the data set, and with the date too
        assert {copy.read_bytes() for copy in copies} == {(project / "submissions" / "submission.csv").read_bytes()}
        assert (project / "output" / "tiny" / "report.html").stat().st_size > 0


class TestNextRun:
    """In this order: the second changes what the first compared."""

    def test_the_same_again_does_nothing(self, finished: tuple[Path, Done], shop: Path) -> None:
        project, first = finished
        before = snapshot(project)
        done = run_sh(project, *flags(shop))
        assert (done.returncode, done.stderr) == (0, "")
        skipped = [line.split()[0] for line in done.stdout.splitlines() if "up to date, skipped" in line]
        assert skipped == list(STAGES)
        assert "GENERATED DATA" in done.stdout
        assert first.stdout.partition("Offline scores")[2][:2_000] in done.stdout  # the scores are shown again
        assert same(snapshot(project), before) == []

    @pytest.mark.long
    def test_another_setting_changes_what_depends_on_it(
        self, finished: tuple[Path, Done], shop: Path, tmp_path: Path
    ) -> None:
        project = tmp_path / "project"
        shutil.copytree(finished[0], project, symlinks=True)
        before = snapshot(project / "output" / "tiny")
        done = run_sh(project, "run", *flags(shop, retrieval__sources__als__factors="4"))
        assert (done.returncode, done.stderr) == (0, "")
        after = snapshot(project / "output" / "tiny")

        assert "tables     up to date, skipped" in done.stdout
        assert "content    up to date, skipped" in done.stdout
        assert done.stdout.count("up to date, skipped") == 2
        candidates = {name for name in before if name.startswith("folds/")}
        others = {name for name in candidates if "/als-" not in name and name in after}
        assert {name.split("/")[2].split("-")[0] for name in others} == {
            "best_sellers", "bpr", "item_knn", "lmf", "nearest_content", "repurchase", "same_attributes",
            "same_product",
        }  # fmt: skip
        assert [name for name in others if after[name] != before[name]] == []
        at_cut_offs = [f"folds/{day}/als-" for day in ("2024-06-24", "2024-07-01")]
        for folder in at_cut_offs:  # the old one is gone from the cut-offs of the run, a new one stands there
            old = {name.split("/")[2] for name in before if name.startswith(folder)}
            new = {name.split("/")[2] for name in after if name.startswith(folder)}
            assert len(old) == len(new) == 1
            assert old != new
        for name in ("tuned.json", "evaluation/scores.json", "holdout/predictions.parquet"):
            assert after[name] != before[name], name
        assert sorted(name for name in after if "tables/" in name and after[name] != before[name]) == []


class TestFaults:
    def test_help_lists_the_commands(self, finished: tuple[Path, Done]) -> None:
        done = run_sh(finished[0], "--help")
        assert (done.returncode, done.stderr) == (0, "")
        for command in ("run", *STAGES, "backtest", "validate", "settings", "doctor", "sample"):
            assert f"\n    {command} " in done.stdout
        for command in ("test", "benchmark", "0", "1", "2", "130"):
            assert f"\n  {command} " in done.stdout

    @pytest.mark.parametrize("arguments", [["nonsense"], ["tables", "--nonsense"], ["sample"]])
    def test_unknown_commands_get_the_usage(self, finished: tuple[Path, Done], arguments: list[str]) -> None:
        done = run_sh(finished[0], *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("usage: forsys")
        assert "Traceback" not in done.stderr

    def test_a_missing_folder_stops_the_first_stage(self, finished: tuple[Path, Done]) -> None:
        done = run_sh(finished[0], "--input", "/no/such/folder")
        assert "/no/such/folder does not exist" in refused(done)
        assert done.stdout == ""  # and no sample in its place

    def test_a_missing_folder_in_the_variable(self, finished: tuple[Path, Done]) -> None:
        done = run_sh(finished[0], FORSYS_INPUT="/no/such/folder")
        assert "FORSYS_INPUT=/no/such/folder" in refused(done)

    def test_a_holdout_that_is_too_long(self, finished: tuple[Path, Done], shop: Path) -> None:
        done = run_sh(finished[0], "tune", *flags(shop), "--holdout-days", "40")
        assert "Use a holdout of at most 28 days (holdout_days), or a longer log" in refused(done)

    def test_a_step_out_of_order(self, finished: tuple[Path, Done], shop: Path, tmp_path: Path) -> None:
        shutil.copytree(shop, tmp_path / "another")
        done = run_sh(finished[0], "submit", *flags(tmp_path / "another"))
        assert "Run the stage `tables` first" in refused(done)

    def test_python_without_the_project_on_its_path(self, finished: tuple[Path, Done], tmp_path: Path) -> None:
        """PYTHONPATH of the user stays, behind the project's own."""
        (tmp_path / "forsys").mkdir()
        (tmp_path / "forsys" / "__init__.py").write_text("raise SystemExit('the wrong forsys')", encoding="utf-8")
        assert run_sh(finished[0], "--help", PYTHONPATH=str(tmp_path)).returncode == 0


RECORD = 'printf "%s\\n" "$0 $*" >>"$CALLS"'


class TestPythonIsPrepared:
    def test_kaggle_uses_its_own_python(self, shop: Path, tmp_path: Path) -> None:
        project, calls = copy_project(tmp_path / "project"), tmp_path / "calls"
        python = write_script(tmp_path / "bin" / "python3", RECORD)
        variables = {
            "KAGGLE_KERNEL_RUN_TYPE": "Interactive",
            "PATH": f"{python.parent}:/usr/bin:/bin",
            "TMPDIR": str(tmp_path),
            "CALLS": str(calls),
        }
        done = run_sh(project, "--input", str(shop), **variables)
        assert (done.returncode, done.stderr) == (0, "")
        first, *rest = calls.read_text(encoding="utf-8").splitlines()
        assert first.startswith(f"{python} -m pip install ")
        assert first.endswith(f" -r {project}/requirements.txt")
        assert rest == [f"{python} -m forsys --input {shop}"]
        assert not (project / ".venv").exists()

        calls.unlink()
        run_sh(project, "tables", **variables)  # installed already
        assert calls.read_text(encoding="utf-8").splitlines() == [f"{python} -m forsys tables"]

    @pytest.mark.parametrize("code", [0, 2])
    def test_kaggle_finds_the_submission_in_its_working_folder(self, code: int, tmp_path: Path) -> None:
        """After a plain clone too: Kaggle takes it from nowhere else. A later stage may have failed."""
        working = tmp_path / "kaggle" / "working"
        working.mkdir(parents=True)
        project = copy_project(working / "FOR-system")
        made = f'cd "$FORSYS_HOME"; mkdir submissions; echo list >submissions/submission.csv; exit {code}'
        python = write_script(
            tmp_path / "bin" / "python3", '[ "$2" = pip ] && exit', '[ "$3" = settings ] && exit', made
        )
        variables = {
            "KAGGLE_KERNEL_RUN_TYPE": "Batch",
            "KAGGLE_ROOT": str(tmp_path / "kaggle"),
            "PATH": f"{python.parent}:/usr/bin:/bin",
            "TMPDIR": str(tmp_path),
        }
        done = run_sh(project, "settings", **variables)
        assert (done.returncode, done.stderr) == (0, "")
        assert not (working / "submission.csv").exists()
        done = run_sh(project, **variables)
        assert done.returncode == code
        assert f"{working}/submission.csv is ready to be submitted" in done.stderr
        assert (working / "submission.csv").read_text(encoding="utf-8") == "list\n"

    def test_kaggle_stops_where_pip_fails(self, tmp_path: Path) -> None:
        """Notebooks without internet: the failure shows, and the next call tries again."""
        project = copy_project(tmp_path / "project")
        python = write_script(tmp_path / "bin" / "python3", 'echo "no network" >&2', "exit 7")
        variables = {
            "KAGGLE_KERNEL_RUN_TYPE": "Batch",
            "PATH": f"{python.parent}:/usr/bin:/bin",
            "TMPDIR": str(tmp_path),
        }
        for _ in range(2):
            done = run_sh(project, "--help", **variables)
            assert done.returncode == 7
            assert done.stderr == "no network\n"

    def test_installs_once_for_each_lock(self, tmp_path: Path) -> None:
        project, calls = copy_project(tmp_path / "project"), tmp_path / "calls"
        made = f"printf '%s\\n' '#!/bin/sh' 'echo ran' >{shlex.quote(str(project))}/.venv/bin/python"
        write_script(
            tmp_path / "bin" / "uv",
            RECORD,
            f'[ "$1" = pip ] || {{ mkdir -p {shlex.quote(str(project))}/.venv/bin; {made}; }}',
            f"chmod +x {shlex.quote(str(project))}/.venv/bin/python",
        )
        variables = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "PYTHON": sys.executable, "CALLS": str(calls)}

        def called() -> list[str]:
            calls.write_text("", encoding="utf-8")
            done = run_sh(project, "--help", **variables)
            assert (done.returncode, done.stdout) == (0, "ran\n")
            return [" ".join(line.split()[1:3]) for line in calls.read_text(encoding="utf-8").splitlines()]

        assert called() == ["venv --quiet", "pip install"]
        assert called() == []
        with (project / "requirements.lock").open("a", encoding="utf-8") as lock:
            lock.write("# another version\n")
        assert called() == ["pip install"]
        assert called() == []

    def test_says_which_pythons_serve(self, tmp_path: Path) -> None:
        project = copy_project(tmp_path / "project")
        for name in ("python", "python3", "python3.11", "python3.12", "python3.13"):
            write_script(tmp_path / "bin" / name, "exit 1")
        done = run_sh(project, "--help", PATH=f"{tmp_path}/bin:/usr/bin:/bin")
        assert done.returncode == 2
        assert "no Python 3.11, 3.12 or 3.13 found" in done.stderr
        assert not (project / ".venv").exists()


def read_scores(project: Path) -> dict[str, list[dict[str, float | str]]]:
    """scores.json, which must be JSON in every reader's eyes: no NaN."""

    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    text = (project / "output" / "tiny" / "evaluation" / "scores.json").read_text(encoding="utf-8")
    found: dict[str, list[dict[str, float | str]]] = json.loads(text, parse_constant=no_constant)
    return found


def same(after: dict[str, tuple[int, bytes]], before: dict[str, tuple[int, bytes]]) -> list[str]:
    """Names that differ, apart from Python's own caches."""
    names = sorted(name for name in before.keys() | after.keys() if "__pycache__" not in name)
    return [name for name in names if after.get(name) != before.get(name)]
