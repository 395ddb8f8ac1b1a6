"""A run that is killed, anywhere, goes on where it stopped and ends with the same bytes as one that was not.

A driver process runs the stages and ends itself at a chosen rename, since every artifact appears by a rename:
just before it (what was written stays behind, torn in half) or just after it (not yet stamped).
"""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from forsys import stages
from forsys.cli import main
from world import flags, forsys, parts_left, snapshot

STAGES = tuple(name for name in stages.STAGES if name != "report")
DRIVER = """
import os, sys
from pathlib import Path
from forsys.cli import main

pattern, nth, moment, number, *stages = sys.argv[1 : sys.argv.index("--")]
arguments = sys.argv[sys.argv.index("--") + 1 :]
rename, seen = Path.replace, 0

def replace(self, target):
    global seen
    seen += Path(target).match(pattern)
    if not Path(target).match(pattern) or seen != int(nth):
        return rename(self, target)
    if moment == "before":
        os.truncate(self, self.stat().st_size // 2)
    else:
        rename(self, target)
    os.kill(os.getpid(), int(number))
    return self.with_name(target.name)

Path.replace = replace
for stage in stages:
    code = main([stage, *arguments])
    if code:
        sys.exit(code)
"""
Files = dict[str, bytes]


def stopped(
    home: Path, arguments: list[str], pattern: str, nth: int, moment: str, by: signal.Signals = signal.SIGKILL
) -> "subprocess.CompletedProcess[str]":
    """Run the stages until the nth rename to a path like the pattern."""
    home.mkdir(parents=True, exist_ok=True)
    where = [pattern, str(nth), moment, str(int(by)), *STAGES, "--", *arguments]
    return forsys(home, where, script=["-c", DRIVER])


def go_on(home: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The ordinary commands, in this process."""
    monkeypatch.setenv("FORSYS_HOME", str(home))
    for stage in STAGES:
        assert main([stage, *arguments]) == 0


def results(home: Path) -> Files:
    """Everything that people or other programs take away."""
    out = home / "output" / "tiny"
    files = [home / "submissions" / "submission.csv", out / "holdout" / "submission.csv", out / "tuned.json"]
    files += sorted((out / "evaluation").glob("[!.]*"))
    return {str(file.relative_to(home)): file.read_bytes() for file in files}


@pytest.fixture(scope="module")
def undisturbed(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Home of a run that nobody stopped, in its own process."""
    home = tmp_path_factory.mktemp("undisturbed")
    done = forsys(home, ["run", *flags(shop)])
    assert (done.returncode, done.stderr) == (0, "")
    return home


KILLS = [
    ("tables", "tables/transactions.parquet", 1, "before"),
    ("tables", "tables/tables.json", 1, "after"),
    ("content", "content/descriptions.parquet", 1, "after"),
    ("content", "content/features.arrow", 1, "before"),
    ("tune", "log/customer", 1, "after"),
    ("tune", "folds/*/*/part-00000.parquet", 5, "before"),
    ("tune", "tiny/tuned.json", 1, "after"),
    ("retrieve", "folds/*/als-*/model.npz", 3, "before"),  # 2 are of the tune stage
    ("retrieve", "folds/*/*/part-00001.parquet", 5, "before"),
    ("rank", "rankers/*/ranker.json", 1, "before"),
    ("rank", "ranked/*/part-00001.parquet", 1, "before"),
    ("submit", "submissions/submission.csv", 1, "after"),
    ("submit", "holdout/submission.csv", 1, "before"),
    ("evaluate", "evaluation/scores.json", 1, "before"),
]


# In tests/trust, 50 kills anywhere are long tests too.
QUICK = (
    "tables/tables.json",
    "tiny/tuned.json",
    "folds/*/*/part-00001.parquet",
    "rankers/*/ranker.json",
    "holdout/submission.csv",
)


@pytest.mark.parametrize(
    "kill",
    [
        pytest.param(
            kill, id=f"{kill[0]} {kill[3]} {kill[1]}", marks=[] if kill[1] in QUICK else [pytest.mark.long]
        )
        for kill in KILLS
    ],
)
def test_goes_on_after_a_kill(
    kill: tuple[str, str, int, str],
    shop: Path,
    undisturbed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stage, pattern, nth, moment = kill
    done = stopped(tmp_path, flags(shop), pattern, nth, moment)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stdout.splitlines()[-1].split()[0] == ["Data:", *STAGES][STAGES.index(stage)]  # the last one done
    torn = parts_left(tmp_path)
    assert len(torn) == (moment == "before")
    candidates = {name: file for name, file in snapshot(tmp_path).items() if "/folds/" in name and name not in torn}

    go_on(tmp_path, flags(shop), monkeypatch)
    assert results(tmp_path) == results(undisturbed)
    assert parts_left(tmp_path) == []
    # What was finished is used, and not made again: stages, and within a stage the shards.
    skipped = [line.split()[0] for line in capsys.readouterr().out.splitlines() if "up to date" in line]
    assert tuple(skipped) == STAGES[: STAGES.index(stage)]
    after = snapshot(tmp_path)
    assert [name for name, file in candidates.items() if name in after and after[name] != file] == []


OTHER = {"tuning__max_weeks": "1", "retrieval__candidates_per_source": "13"}


@pytest.mark.parametrize(
    "pattern",
    [
        "submissions/submission.csv",
        *(
            pytest.param(pattern, marks=pytest.mark.long)
            for pattern in ("tiny/tuned.json", "evaluation/scores.csv", "evaluation/scores.json")
        ),
    ],
)
def test_a_killed_try_of_other_settings_leaves_no_trace(
    pattern: str, shop: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the killed run replaced already must not pass as made by the settings before it."""
    home = tmp_path / "home"
    shutil.copytree(undisturbed, home)
    done = stopped(home, flags(shop, **OTHER), pattern, 1, "after")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert results(home) != results(undisturbed)
    go_on(home, flags(shop), monkeypatch)
    assert results(home) == results(undisturbed)


def test_a_killed_tables_stage_of_another_log_leaves_no_trace(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, changing = tmp_path / "home", tmp_path / "tiny"
    shutil.copytree(shop, changing)
    log = changing / "transactions_train.csv"
    full, times = log.read_text(encoding="utf-8"), log.stat()
    monkeypatch.setenv("FORSYS_HOME", str(home))
    assert main(["tables", *flags(changing)]) == 0
    before = json.loads((home / "output" / "tiny" / "tables" / "tables.json").read_text(encoding="utf-8"))

    log.write_text("".join(full.splitlines(keepends=True)[:-50]), encoding="utf-8")
    done = stopped(home, flags(changing), "tables/tables.json", 1, "after")
    assert done.returncode == -signal.SIGKILL, done.stderr
    log.write_text(full, encoding="utf-8")
    os.utime(log, ns=(times.st_atime_ns, times.st_mtime_ns))  # the first log is back
    assert main(["tables", *flags(changing)]) == 0
    after = json.loads((home / "output" / "tiny" / "tables" / "tables.json").read_text(encoding="utf-8"))
    assert after == before


def test_part_files_are_no_artifacts(
    shop: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A torn part beside nothing, for each kind of file: the file is made, the part is not taken for it."""
    home, expected = tmp_path / "home", results(undisturbed)
    shutil.copytree(undisturbed, home)
    out = home / "output" / "tiny"
    kinds = ("2024-07-01/*/part-00002.parquet", "model.npz", "tuned.json", "holdout/submission.csv", "scores.json")
    found = (path for kind in kinds for path in out.rglob(f"*/{kind}" if "/" in kind else kind))
    torn = [path for path in found if out / "runs" not in path.parents]  # what is kept is not made again
    assert len(torn) > len(kinds)
    for path in torn:
        path.with_name(f".{path.name}.part").write_bytes(path.read_bytes()[:40])
        path.unlink()
    go_on(home, flags(shop), monkeypatch)
    assert results(home) == expected
    assert all(path.exists() for path in torn if path.name != "model.npz")


def test_ctrl_c_ends_without_a_traceback(
    shop: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = stopped(tmp_path, flags(shop), "folds/*/*/part-00001.parquet", 4, "before", by=signal.SIGINT)
    assert done.returncode == 130
    assert done.stderr.strip() == "forsys: stopped. The same command goes on from here."
    assert parts_left(tmp_path) == []
    candidates = {name: file for name, file in snapshot(tmp_path).items() if "/folds/" in name and "/part-" in name}
    assert len(candidates) > 0
    go_on(tmp_path, flags(shop), monkeypatch)
    assert results(tmp_path) == results(undisturbed)
    after = snapshot(tmp_path)
    assert {name: after[name] for name in candidates} == candidates


@pytest.mark.long
def test_two_fresh_runs_give_the_same_bytes(
    shop: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another process with other random hashes, and on a copy of the files in a folder of that name."""
    monkeypatch.setenv("FORSYS_HOME", str(tmp_path / "home"))
    shutil.copytree(shop, tmp_path / "tiny")
    assert main(["run", *flags(tmp_path / "tiny")]) == 0
    assert results(tmp_path / "home") == results(undisturbed)


@pytest.mark.parametrize("shard", ["1000", "33"])
def test_the_shards_do_not_matter(
    shard: str, shop: Path, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on(tmp_path, flags(shop, shard_size=shard), monkeypatch)
    assert results(tmp_path) == results(undisturbed)
