"""Spoiled environments: variables, folders, disks, consoles and limits that no run can work with, or only some."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from forsys import stages
from forsys.store import write_json
from trust.bench import Bench
from trust.spoiled import Answer, Case, refused, tolerated
from trust.spoiled import judge as judged
from world import PROJECT, environment

AREA = "environment"


def home(path: str) -> Mapping[str, str]:
    return {"FORSYS_HOME": path}


def home_is_a_file(folder: Path) -> Mapping[str, str]:
    (folder.parent / "file").write_text("precious", encoding="utf-8")
    return home(str(folder.parent / "file"))


def home_loops(folder: Path) -> Mapping[str, str]:
    (folder.parent / "loop").symlink_to("loop")
    return home(str(folder.parent / "loop"))


def instead_of(name: str, kind: str) -> Case:
    """A file in the place of a folder of the output, or a folder in the place of a file."""

    def spoil(folder: Path) -> None:
        path = folder.parent / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "file":
            path.write_text("precious", encoding="utf-8")
        elif kind == "folder":
            (path / "inner").mkdir(parents=True)
        else:
            path.symlink_to(folder.parent / "victim")

    word = "folder stands where a file" if kind == "folder" else "file stands where a folder"
    return refused(f"a {kind} at {name}", spoil, word, name)


def linked_output(folder: Path) -> None:
    """The output on another disk, so to speak."""
    (folder.parent / "elsewhere").mkdir()
    (folder.parent / "home" / "output").symlink_to(folder.parent / "elsewhere")


CASES = [
    refused("home is a file", home_is_a_file, "is a file. Name a folder for the output"),
    refused("home below a file", lambda f: home(f"{home_is_a_file(f)['FORSYS_HOME']}/x"), "stands where a folder"),
    refused("home is a link to itself", home_loops, "loop", "points to itself"),
    refused("home's name is too long", lambda _: home("/tmp/" + "x" * 300), "too long", "shorter path"),
    refused("home's path is too long", lambda _: home("/tmp" + "/x" * 3000), "too long", "shorter path"),
    refused("home in /proc", lambda _: home("/proc/forsys"), "/proc/forsys"),
    refused("home in /dev/null", lambda _: home("/dev/null"), "stands where a folder"),
    *(instead_of(name, "file") for name in ("output", "output/tiny", "output/tiny/tables", "output/tiny/stamps")),
    *(instead_of(name, "folder") for name in ("output/tiny/.lock", "output/tiny/tables/tables.json")),
    *(
        instead_of(f"output/tiny/tables/{name}.parquet", "folder")
        for name in ("customers", "transactions", "rejected")
    ),
    refused("input does not exist", lambda f: {"FORSYS_INPUT": str(f / "none")}, "FORSYS_INPUT", "does not exist"),
    refused("input is a file", lambda f: {"FORSYS_INPUT": str(f / "articles.csv")}, "is a file, not a folder"),
    refused("input is empty", lambda f: {"FORSYS_INPUT": str(f / "images")}, "no table", "nothing"),
    refused("input's name is too long", lambda _: {"FORSYS_INPUT": "x" * 5000}, "too long"),
    tolerated("input", lambda f: {"FORSYS_INPUT": str(f)}, "purchases", "FORSYS_INPUT"),
    tolerated("a nonsense time zone", lambda _: {"TZ": ":nonsense"}, "purchases"),
    tolerated("a nonsense locale", lambda _: {"LC_ALL": "xx_XX", "LANG": "xx"}, "purchases"),
    tolerated("no folder for temporary files", lambda _: {"TMPDIR": "/none"}, "purchases"),
    tolerated("no home of the user", lambda _: {"HOME": "/none"}, "purchases"),
]
NAMED_INPUT = [case.name for case in CASES if case.name.startswith("input")]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spoiled_environment(case: Case, bench: Bench) -> None:
    if case.name in NAMED_INPUT:
        bench.patch.setattr(bench, "given", list)
    bench.judge(AREA, case)


@pytest.mark.parametrize("place", ["", ".", "a home", "ünïcödé-家"])
def test_usual_places(place: str, bench: Bench) -> None:
    """The working directory, and folders named from there."""
    bench.home = bench.home / place
    bench.home.mkdir(exist_ok=True)
    bench.patch.chdir(bench.root / "home")
    bench.patch.setenv("FORSYS_HOME", place)
    case = tolerated(f"home {place!r}", lambda _: None, "purchases")
    judged(AREA, case, bench.run(case))
    assert (bench.home / "output" / "tiny" / "tables" / "tables.json").exists()


def test_two_shops_in_folders_of_one_name(bench: Bench) -> None:
    """A list of one shop is not checked against the tables of the other."""
    other = bench.root / "other" / "tiny"
    shutil.copytree(bench.shop, other)
    for path in other.glob("*.csv"):
        rows = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(rows[: len(rows) * 9 // 10]) + "\n", encoding="utf-8")
    assert bench.answer(["tables", "--input", str(other)]).code == 0
    case = refused("two shops of one name", lambda _: None, "Run the stage `tables` first")
    listed = str(bench.shop / "sample_submission.csv")
    judged(AREA, case, bench.answer(["validate", listed, *bench.given()]))
    judged(AREA, case, bench.answer(["content", *bench.given()]))


def test_a_log_that_changed(ready: Bench) -> None:
    """No later stage works with the tables of the old one."""
    log = ready.shop / "transactions_train.csv"
    log.write_text("".join(log.read_text(encoding="utf-8").splitlines(keepends=True)[:-30]), encoding="utf-8")
    case = refused("a log that changed", lambda _: None, "Run the stage `tables` first")
    for stage in (*list(stages.STAGES)[1:], "validate x", "explain x y", "content show x"):
        judged(AREA, case, ready.answer([*stage.split(), *ready.given()]))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), ["memory is used up", "goes on from here"]),
        (OSError(28, "No space left on device", "/x/y"), ["/x/y", "No space left", "Free some space"]),
        (OSError(30, "Read-only file system", "/x/y"), ["/x/y", "Read-only", "FORSYS_HOME"]),
        (OSError(122, "Disk quota exceeded", "/x/y"), ["/x/y", "quota"]),
        (OSError(5, "Input/output error", "/x/y"), ["/x/y", "Check the disk"]),
        (OSError(24, "Too many open files", "/x/y"), ["open files", "ulimit"]),
        (OSError(27, "File too large", "/x/y"), ["/x/y", "File too large"]),
        (PermissionError(13, "Permission denied", "/x/y"), ["/x/y", "permission"]),
        (OSError("No space left on device (os error 28)"), ["No space left", "Free some space"]),
    ],
    ids=str,
)
def test_faults_of_the_machine(error: Exception, words: list[str], bench: Bench) -> None:
    """Raised in the place of a write, as it would be on such a machine; the rerun goes on."""

    def broken(*_: object) -> None:
        raise error

    bench.patch.setattr("forsys.tables.build.write_json", broken)
    bench.judge(AREA, refused(str(error), lambda _: None, *words))
    bench.patch.setattr("forsys.tables.build.write_json", write_json)
    bench.judge(AREA, tolerated("the rerun", lambda _: None, "purchases"))


# --- in a process of their own ---

SHELL = [
    # name, script (fs stands for the program), exit codes allowed, words of stdout and stderr together
    ("an ASCII console", "PYTHONIOENCODING=ascii LC_ALL=C fs tune", (2,), ["Run the stage"]),
    ("ASCII for all texts", "PYTHONIOENCODING=ascii fs settings", (0,), ["[ranking]"]),
    ("nobody reads the settings", "fs settings | (exec <&-); exit ${PIPESTATUS[0]}", (0, 2), []),
    ("nobody reads the output", "fs tables | (exec <&-); exit ${PIPESTATUS[0]}", (0, 2), []),
    ("no output", "fs tables >&-", (0,), []),
    ("no messages", "fs tune 2>&-", (2,), []),
    ("no input", "fs tables <&-", (0,), ["purchases"]),
    ("a full disk behind the output", "fs tables >/dev/full", (2,), ["No space left"]),
    ("no large files", "ulimit -f 4; fs tables", (2,), ["File too large"]),
    ("a working directory that is gone", 'd=$(mktemp -d); cd "$d"; rmdir "$d"; FORSYS_HOME= fs tables', (2,), []),
    ("options of optimised Python", "PYTHONOPTIMIZE=2 fs tables", (0,), ["purchases"]),
]


QUICK = ("an ASCII console", "nobody reads the output", "a full disk behind the output", "no large files")


@pytest.mark.parametrize(
    ("name", "script", "codes", "words"),
    [pytest.param(*row, id=row[0], marks=[] if row[0] in QUICK else pytest.mark.long) for row in SHELL],
)
def test_spoiled_process(name: str, script: str, codes: tuple[int, ...], words: list[str], bench: Bench) -> None:
    before = bench.users_files()
    text = f'fs() {{ "{sys.executable}" -m forsys "$@" --input "{bench.shop}"; }}\n{script}'
    # No bytecode: with small files only, a cut .pyc would be left in the sources.
    variables = {"FORSYS_HOME": str(bench.home), "PYTHONPATH": str(PROJECT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        ["bash", "-c", text],
        env=environment(**variables),
        cwd=bench.root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    case = Case(name, lambda _: None, done.returncode if done.returncode in codes else codes[0], tuple(words))
    wrong = [] if bench.users_files() == before else ["files of the user's have changed"]
    error = AssertionError(said) if "Traceback" in said or "Exception ignored" in said else None
    judged(AREA, case, Answer(done.returncode, said, said, error), wrong)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A disk that cannot be written to."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("needs the right to mount a disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_read_only_disk(read_only: Path, bench: Bench) -> None:
    bench.patch.setenv("FORSYS_HOME", str(read_only))
    bench.judge(AREA, refused("a read-only disk", lambda _: None, "Read-only file system", "FORSYS_HOME=DIR"))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
@pytest.mark.parametrize("closed", ["home", "tiny/customers.csv"])
def test_no_permission(closed: str, bench: Bench) -> None:
    path = bench.root / closed
    path.chmod(0)
    answer = bench.run(refused("", lambda _: None))
    path.chmod(0o700)
    judged(AREA, refused(f"no permission for {closed}", lambda _: None, "ermission"), answer)
