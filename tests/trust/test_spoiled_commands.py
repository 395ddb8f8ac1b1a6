"""Spoiled command lines: each option and argument is checked, and no command touches what is not its own."""

from pathlib import Path

import pytest

from trust.bench import Bench
from trust.spoiled import LOG, Case, Spoil
from trust.spoiled import judge as judged
from world import flags

CUSTOMER = "005bc127eb9a10777b1cdfef356565aac2674ca801695425a8ebf7fc0eb174b3"
AREA = "command line"
FEW = ("--customers", "30", "--articles", "24", "--weeks", "4", "--images", "0")


def nothing(_: Path) -> None:
    """The shop stays as it is."""


def wrong(command: str, *words: str, spoil: Spoil = nothing) -> Case:
    """A command line that must be refused; {root} stands for the folder of the test."""
    return Case(command or "nothing", spoil, 2, words, (command,))


def right(command: str, *words: str, spoil: Spoil = nothing) -> Case:
    return Case(command, spoil, 0, words, (command,))


def file(name: str, content: bytes) -> Spoil:
    """A file beside the shop."""

    def spoil(folder: Path) -> None:
        (folder.parent / name).write_bytes(content)

    return spoil


def users_output(name: str) -> Spoil:
    """A file of the user's within the output folder."""

    def spoil(folder: Path) -> None:
        path = folder.parent / "home" / "output" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious", encoding="utf-8")

    return spoil


SHOP = "--input {root}/tiny"
WHOLE = "is not a whole number above 0"
SHARE = "is not a share between 0 and 1"
ALONE = [
    wrong("", "usage: forsys"),
    wrong("nonsense", "there is no command nonsense", "tables"),
    wrong("tables --nonsense", "usage: forsys"),
    wrong("tables --set", "expected one argument"),
    *(wrong(f"tables --holdout-days={v}", f"{v} {WHOLE}") for v in ("0", "-1", "x", "1.5", "", "²", "1e3")),
    *(wrong(f"backtest --weeks={v}", f"{v} {WHOLE}") for v in ("0", "-3", "many")),
    *(wrong(f"tables --max-rejected={v}", f"{v} {SHARE}") for v in ("2", "-0.1", "nan", "inf", "x", "", "1%")),
    wrong(f"tables {SHOP} --holdout-days=99999", "holdout_days"),
    wrong("tables --input {root}/none", "does not exist"),
    wrong("tables --input {root}/victim", "no table", "It holds"),
    wrong(f"tables --input {{root}}/tiny/{LOG}.csv", "is a file, not a folder"),
    wrong("tables --input /", "no table"),
    wrong(f"sample {{root}}/new --seed=-1 {' '.join(FEW)}", "is not a whole number, 0 or above"),
    wrong("sample {root}/new --customers 0", WHOLE),
    wrong("sample {root}/new --customers 3", "customers"),
    wrong("sample {root}/new --customers 30 --articles 24 --weeks 4 --images 25", "images"),
    wrong("sample {root}/new --full-size 2", SHARE),
    wrong("sample {root}/new --full-size nan", SHARE),
    wrong("sample {root}/new --full-size 0.1 --customers 30", "--full-size sets the customers itself"),
    wrong(f"sample {{root}}/tiny {' '.join(FEW)}", "is not empty"),
    wrong(f"sample {{root}}/tiny/{LOG}.csv {' '.join(FEW)}", "is a file"),
    wrong("sample {root}/victim --fidelity", "victim"),
    wrong("sample {root}/none --fidelity", "none"),
    right("clean", "Nothing to delete"),
    right("clean --yes", "Nothing to delete"),
    wrong("clean nonsense", "has no nonsense", "Data sets: "),
    wrong("clean ../../victim --yes", "has no ../../victim"),
    wrong("clean {root}/victim --yes", "has no "),
    wrong("clean .. --yes", "has no .."),
    wrong("clean . --yes", "has no ."),
    right("clean --yes", "Nothing to delete", spoil=users_output("mine/notes.txt")),
    right("clean mine --yes", "Nothing to delete", spoil=users_output("mine/folds/2024/als/notes.txt")),
    *(
        wrong(f"{command} {SHOP}", "Run the stage `")
        for command in (
            "content",
            "tune",
            "retrieve",
            "rank",
            "submit",
            "evaluate",
            "report",
            "validate x",
            "explain a b",
        )
    ),
]

AFTER_A_RUN = [
    wrong(f"validate {{root}}/none.csv {SHOP}", "there is no such file"),
    wrong(f"validate {{root}}/victim {SHOP}", "victim"),
    wrong(f"validate {{root}}/s.csv {SHOP}", "0 bytes", spoil=file("s.csv", b"")),
    wrong(f"validate {{root}}/s.csv {SHOP}", "UTF-8", spoil=file("s.csv", b"customer_id,prediction\n\xff\xfe,\n")),
    wrong(f"validate {{root}}/s.csv {SHOP}", "header", spoil=file("s.csv", b"a,b\n1,2\n")),
    wrong(
        f"validate {{root}}/s.csv {SHOP}",
        "customers are missing",
        spoil=file("s.csv", b"customer_id,prediction\nx,1\n"),
    ),
    wrong(f"validate {{root}}/s.csv {SHOP}", "header", spoil=file("s.csv", b"\0" * 5000)),
    wrong(f"validate {{root}}/s.csv {SHOP}", "no row", spoil=file("s.csv", b"customer_id,prediction\n")),
    wrong(f"validate {{root}}/tiny/sample_submission.csv {SHOP} --set k=13", "12 ids"),
    right(f"validate {{root}}/tiny/sample_submission.csv {SHOP}", "valid, 250 customers"),
    right(f"validate {{root}}/home/submissions/submission.csv {SHOP}", "valid, 250 customers"),
    wrong(f"explain nobody 0118235001 {SHOP}", "nobody"),
    wrong(f"explain {CUSTOMER} 0999999999 {SHOP}", "0999999999"),
    wrong(f"explain {CUSTOMER[:-1]}x 0118235001 {SHOP}", "customer"),
    wrong(f"content show 0999999999 {SHOP}", "0999999999"),
    wrong(f"content show ../../x {SHOP}", "../../x"),
    wrong(
        f"content {SHOP} show 0999999999", "0999999999", spoil=lambda f: {"FORSYS_INPUT": str(f.parent / "victim")}
    ),
    wrong(f"ablate nonsense {SHOP}", "nonsense"),
]


def judge(case: Case, bench: Bench, more: list[str]) -> None:
    """Run a command line, split at its spaces, {root} filled in; the user's files in the output count too."""
    for name, value in (case.spoil(bench.shop) or {}).items():
        bench.patch.setenv(name, value)
    before = bench.users_files()
    words = [word.replace("{root}", str(bench.root)) for word in case.commands[0].split()]
    had = users_in(bench.home)
    answer = bench.answer([*words, *more])
    changed = bench.users_files() != before or users_in(bench.home) != had
    judged(AREA, case, answer, ["files of the user's have changed"] if changed else [])


def users_in(home: Path) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in home.rglob("notes.txt")}


def named(case: Case) -> str:
    return case.name.replace("{root}", "").replace(CUSTOMER[:-1], "CUSTOMER")


@pytest.mark.parametrize("case", ALONE, ids=named)
def test_spoiled_command(case: Case, bench: Bench) -> None:
    judge(case, bench, [])


@pytest.mark.parametrize("case", AFTER_A_RUN, ids=named)
def test_spoiled_command_after_a_run(case: Case, ready: Bench) -> None:
    judge(case, ready, flags(ready.shop)[2:] if SHOP in case.name[-len(SHOP) :] else [])
