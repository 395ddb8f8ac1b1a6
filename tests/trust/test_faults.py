"""Faults while a run works: kills, full disks, dead workers, several runs at once, other clocks, long use.

After each, the ordinary commands end in what an undisturbed run gives, byte for byte.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from forsys.content import keywords
from trust.bench import STAGES, Bench
from trust.damage import results
from trust.spoiled import Answer, Case, refused, tolerated
from trust.spoiled import judge as judged
from world import PROJECT, environment, flags, forsys, parts_left, snapshot

SEED, KILLS, TIMED = 18, 50, 15  # TIMED of the kills are at a time, the others at a rename
QUICK_KILLS = (150,)  # renames
# Runs all stages, and kills itself just before or after its nth rename (0: not at all).
DRIVER = """
import os, signal, sys
from pathlib import Path
from forsys.cli import main

nth, moment, *stages = sys.argv[1 : sys.argv.index("--")]
arguments = sys.argv[sys.argv.index("--") + 1 :]
rename, seen = Path.replace, 0

def replace(self, target):
    global seen
    seen += 1
    if seen == int(nth) and moment == "before":
        os.truncate(self, self.stat().st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)
    moved = rename(self, target)
    if seen == int(nth):
        os.kill(os.getpid(), signal.SIGKILL)
    return moved

Path.replace = replace
for stage in stages:
    code = main([stage, *arguments])
    if code:
        sys.exit(code)
print("renames", seen)
"""


def command(shop: Path, nth: int = 0, moment: str = "after") -> list[str]:
    return [str(nth), moment, *STAGES, "--", *flags(shop)]


def start(home: Path, arguments: list[str]) -> "subprocess.Popen[str]":
    """A driver in a process of its own."""
    home.mkdir(parents=True, exist_ok=True)
    env = environment(FORSYS_HOME=str(home), PYTHONPATH=str(PROJECT / "src"), OMP_WAIT_POLICY="passive")
    pipes = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *arguments], env=env, cwd=home, stdout=pipes, stderr=pipes, text=True
    )


def go_on(area: str, name: str, bench: Bench, expected: dict[str, str | None], shop: Path) -> None:
    """The ordinary commands must end with what is expected, and leave nothing half done."""
    answer = Answer(0)
    for stage in STAGES:
        answer = bench.answer([stage, *flags(shop)])
        if answer.code or answer.error:
            break
    wrong = [] if answer.code else differences(results(bench.home), expected)
    wrong += [f"{part} is left" for part in parts_left(bench.home)] if answer.code == 0 else []
    judged(area, tolerated(name, lambda _: None), answer, wrong)


def differences(found: dict[str, str | None], expected: dict[str, str | None]) -> list[str]:
    return [f"{name} differs" for name in {*found, *expected} if found.get(name) != expected.get(name)]


# --- kills ---


@pytest.fixture(scope="module")
def renames(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, float]:
    """How many files an undisturbed run renames, and how many seconds it takes."""
    begun = time.monotonic()
    done = start(tmp_path_factory.mktemp("driver"), command(shop)).communicate(timeout=300)
    return int(done[0].split()[-1]), time.monotonic() - begun


@pytest.mark.parametrize("nth", QUICK_KILLS)
def test_a_kill(nth: int, shop: Path, bench: Bench, finished: Path) -> None:
    """In the stage `retrieve`; tests/test_resume.py has one for every stage."""
    killed(command(shop, nth, "before"), bench, results(finished), shop)


@pytest.mark.long
@pytest.mark.parametrize("number", range(KILLS))
def test_a_kill_anywhere(number: int, renames: tuple[int, float], shop: Path, bench: Bench, finished: Path) -> None:
    """Before or after any rename, and at any time."""
    rng, (count, seconds) = random.Random(f"{SEED} {number}"), renames
    if number < KILLS - TIMED:
        killed(
            command(shop, rng.randint(1, count), rng.choice(["before", "after"])), bench, results(finished), shop
        )
    else:
        killed(command(shop), bench, results(finished), shop, seconds=rng.uniform(0.1, 0.7) * seconds)


def killed(
    arguments: list[str], bench: Bench, expected: dict[str, str | None], shop: Path, seconds: float = 300
) -> None:
    """Start a run that is killed, by itself or after so many seconds, then the ordinary commands."""
    process = start(bench.home, arguments)
    try:
        _, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, err
    go_on("kills", " ".join(arguments[:2]), bench, expected, shop)


# --- several runs at once ---


@pytest.mark.long
@pytest.mark.parametrize("runs", [2, 2, 2, 3, 3])
@pytest.mark.parametrize("delay", [0, 2])
def test_runs_at_once(runs: int, delay: float, shop: Path, bench: Bench, finished: Path) -> None:
    """One finishes at least; the others do too, or say who is at work. None hangs."""
    processes = []
    for _ in range(runs):
        processes.append(start(bench.home, command(shop)))
        time.sleep(delay)
    said = [process.communicate(timeout=400)[1] for process in processes]
    codes = [process.returncode for process in processes]
    for code, err in zip(codes, said, strict=True):
        words = () if code == 0 else ("is in use by process", "Wait until it has finished")
        expected = Case(f"{runs} runs", lambda _: None, 0 if code == 0 else 2, words)
        judged("runs at once", expected, Answer(code, err, err))
    assert 0 in codes
    assert differences(results(bench.home), results(finished)) == []
    go_on("runs at once", f"after {runs} runs", bench, results(finished), shop)


def test_a_second_run_says_who_is_at_work(bench: Bench) -> None:
    """A stage held up in another process, and one that died."""
    hold = "import sys, time; from pathlib import Path; from forsys.locking import locked\n"
    hold += "with locked(Path(sys.argv[1])):\n    print('locked', flush=True); time.sleep(60)\n"
    env = environment(PYTHONPATH=str(PROJECT / "src"))
    folder = bench.home / "output" / "tiny"
    with subprocess.Popen([sys.executable, "-c", hold, str(folder)], env=env, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        busy = refused("in use", lambda _: None, "in use by process", str(holder.pid), "Wait until it has finished")
        bench.judge("runs at once", busy)
        judged("runs at once", busy, bench.answer(["clean", "tiny", "--yes"]))
        holder.kill()
    bench.judge("runs at once", tolerated("after its death", lambda _: None, "purchases"))


# --- dead workers ---


def test_a_dead_worker(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed by the system, as where the memory is used up; the same command goes on."""
    with monkeypatch.context() as patch:
        patch.setattr(keywords, "WORTH_A_WORKER", 1)
        patch.setattr(keywords, "available_cores", lambda: 2)
        ended = threading.Event()
        killer = threading.Thread(target=kill_a_child, args=(ended,))
        killer.start()
        words = ("a worker process died", "goes on from here")
        bench.judge("workers", refused("a dead worker", lambda _: None, *words, commands="tables content"))
        ended.set()
        killer.join()
    bench.judge("workers", tolerated("the rerun", lambda _: None, "keywords", commands="tables content"))


def kill_a_child(ended: threading.Event) -> None:
    while not ended.wait(0.05):
        children = multiprocessing.active_children()
        if children and children[0].pid:
            os.kill(children[0].pid, signal.SIGKILL)
            return


# --- full disks ---


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk: Path, free: int = 0) -> Path:
    """A file that leaves so many bytes of a disk."""
    filler = disk / "filler"
    size = shutil.disk_usage(disk).free - free
    with filler.open("wb") as file:
        file.write(b"\0" * max(size, 0))
    return filler


@pytest.mark.parametrize("free", [0, pytest.param(8192, marks=pytest.mark.long)])
def test_a_disk_that_fills_up(
    free: int, request: pytest.FixtureRequest, disk: Path, bench: Bench, finished: Path
) -> None:
    """At each stage (in the quick part the first): one line, and once there is room the stage goes on."""
    bench.patch.setenv("FORSYS_HOME", str(disk))
    stages = STAGES if request.config.getoption("--all") else STAGES[:1]
    bench.home = disk
    full = refused("a full disk", lambda _: None, "No space left on device", "Free some space", "goes on from here")
    for stage in stages:
        filler = fill(disk, free)
        answer = bench.answer([stage, *flags(bench.shop)])
        if answer.code or answer.error or not free:
            judged("full disks", full, answer)
        filler.unlink()
        rerun = bench.answer([stage, *flags(bench.shop)])
        judged("full disks", tolerated(f"{stage}, with room", lambda _: None, stage), rerun)
    if len(stages) > 1:
        assert differences(results(disk), results(finished)) == []
    assert parts_left(disk) == []


# --- clocks ---


@pytest.mark.parametrize("year", [1980, 2100, pytest.param(2001, marks=pytest.mark.long)])
def test_inputs_of_another_time(year: int, ready: Bench, request: pytest.FixtureRequest) -> None:
    """Files whose clock went back, or far ahead, are read again and give the same."""
    expected = results(ready.home)
    for path in ready.shop.glob("*.csv"):
        os.utime(path, (seconds := (year - 1970) * 31_556_952, seconds))
    ready.judge("clocks", tolerated(f"inputs of {year}", lambda _: None, "2,160 purchases"))
    assert differences(results(ready.home), expected) == []
    if request.config.getoption("--all"):
        go_on("clocks", f"inputs of {year}", ready, expected, ready.shop)


def test_an_older_log_is_read(ready: Bench) -> None:
    """Replaced by one with an older date, as a backup is."""
    log = ready.shop / "transactions_train.csv"
    log.write_text("".join(log.read_text(encoding="utf-8").splitlines(keepends=True)[:-30]), encoding="utf-8")
    os.utime(log, (1, 1))
    ready.judge("clocks", tolerated("an older log", lambda _: None, "2,130 purchases"))


# --- long use ---

CYCLE: list[dict[str, str]] = [
    {"retrieval__sources__als__factors": "4"},
    {"ranking__num_iterations": "10"},
    {"retrieval__candidates_per_source": "15"},
    {"k": "10"},
]
USERS = ("tiny/notes.txt", "tiny/folds/2024-07-01/als-mine/data.csv", "tiny/rankers/mine.txt", "other/thesis.txt")


@pytest.mark.long
def test_twenty_runs_with_changing_settings(bench: Bench) -> None:
    """Files but those of kept runs, and memory, stay bounded; what is ours can be removed, and only that."""
    users = [bench.home / "output" / name for name in USERS if "als-mine" not in name]
    users += [bench.home / "submissions" / "mine.csv"]
    for path in users:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious", encoding="utf-8")
    files, memory = [], []
    for number in range(20):
        for stage in STAGES:
            answer = bench.answer([stage, *flags(bench.shop, **CYCLE[number % len(CYCLE)])])
            judged("long use", tolerated(f"run {number}, {stage}", lambda _: None, stage), answer)
        files.append(sum("submission-2" not in name and "/runs/" not in name for name in snapshot(bench.home)))
        memory.append(resident())
    assert files[-1] == files[len(CYCLE) - 1], files  # as after each of the settings was used once
    assert memory[-1] - memory[len(CYCLE)] < 200 << 20, memory
    assert all(path.read_text(encoding="utf-8") == "precious" for path in users)

    for words in (["runs", "clean", "--yes", "--input", str(bench.shop)], ["clean", "--yes"]):
        judged("long use", tolerated("clean", lambda _: None, "Deleted:"), bench.answer(words))
    assert all(path.read_text(encoding="utf-8") == "precious" for path in users)
    mine = {str(path.relative_to(bench.home)) for path in users}
    left = {name for name in snapshot(bench.home) if not name.startswith("submissions/.")} - mine
    assert [name for name in left if not name.startswith(("submissions/submission", "submissions/tiny-"))] == []
    assert len(left) == 3  # the submission, the same under the name of its data set, and its newest dated copy


def resident() -> int:
    """Bytes of memory that this process holds."""
    pages = Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_clean_keeps_what_is_not_ours(ready: Bench) -> None:
    users = [ready.home / "output" / name for name in USERS] + [ready.home / "submissions" / "mine.csv"]
    for path in users:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious", encoding="utf-8")
    (ready.home / "output" / "tiny" / "linked").symlink_to(ready.root / "victim")
    runs = ready.answer(["runs", "clean", "--yes", "--input", str(ready.shop)])
    judged("long use", tolerated("runs clean", lambda _: None, "Deleted:", "output/tiny/runs"), runs)
    shown = ready.answer(["clean"])
    judged("long use", tolerated("clean shows", lambda _: None, "Would be deleted", "output/tiny"), shown)
    before = ready.users_files()
    done = ready.answer(["clean", "--yes"])
    wrong = [f"{path} is gone" for path in users if not path.exists()]
    wrong += [] if ready.users_files() == before else ["files of the user's have changed"]
    judged("long use", tolerated("clean", lambda _: None, "Deleted:"), done, wrong)
    left = {str(path.relative_to(ready.home)) for path in ready.home.rglob("*") if path.is_file()}
    left -= {str(path.relative_to(ready.home)) for path in users}
    assert sorted(name for name in left if not name.startswith(("submissions/", "output/tiny/linked"))) == []


# --- one after the other ---


def test_a_whole_run_says_the_first_fault_and_stops(bench: Bench) -> None:
    """`forsys run` has a process per stage; the message comes once."""
    (bench.shop / "customers.csv").write_bytes(b"")
    done = forsys(bench.home, ["run", *flags(bench.shop)])
    judged(
        "kills",
        refused("run", lambda _: None, "customers.csv", "empty"),
        Answer(done.returncode, done.stdout, done.stderr),
    )
    assert done.stderr.count("forsys: ") == 1


def test_the_settings_of_a_killed_run_leave_no_trace(shop: Path, bench: Bench, finished: Path) -> None:
    """Another try, killed at its end, then the first settings again."""
    shutil.copytree(finished, bench.home, dirs_exist_ok=True)
    tuned = bench.home / "output" / "tiny" / "tuned.json"
    tuned.write_text(json.dumps(json.loads(tuned.read_text(encoding="utf-8")) | {"score": 1.0}), encoding="utf-8")
    go_on("kills", "values of another try", bench, results(finished), shop)
