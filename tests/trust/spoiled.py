"""Spoiled inputs: how each is made from a good shop, what it must lead to, and the laws that hold for all of them.

1. No traceback: a command ends with 0 or with 2 and one message.
2. No silent wrong result: what was kept and what was rejected add up to what was given, every count is printed,
   what has one meaning gives the tables of the good shop, and nothing outside the output folder changes.
3. No message holds a customer's whole id.
"""

import csv
import gzip
import io
import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

ARTICLES, CUSTOMERS, LOG, LISTED = "articles", "customers", "transactions_train", "sample_submission"
STEMS = (ARTICLES, CUSTOMERS, LOG, LISTED)
ENDINGS = (".csv", ".csv.gz", ".csv.zip", ".parquet")
MARKS = {b"\xff\xfe\0\0": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
WHOLE_ID = re.compile(r"\b[0-9a-fA-F]{64}\b")

Spoil = Callable[[Path], Mapping[str, str] | None]  # changes a copy of the shop; may return environment variables
Tables = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Case:
    """One spoiled input. The commands run one after the other up to the first that fails.

    code and words: the exit code, and what the message (2) or the output (0) must hold. is_same: the tables must
    be those of the good shop. options: further arguments of every command.
    """

    name: str
    spoil: Spoil
    code: int
    words: tuple[str, ...]
    commands: tuple[str, ...] = ("tables",)
    options: tuple[str, ...] = ()
    is_same: bool = False


@dataclass(frozen=True)
class Answer:
    """What a command has answered; `error` is an exception that has left it."""

    code: int
    out: str = ""
    err: str = ""
    error: BaseException | None = None


def refused(name: str, spoil: Spoil, *words: str, commands: str = "tables", options: Sequence[str] = ()) -> Case:
    """A case that must end with 2 and a message that holds `words`."""
    return Case(name, spoil, 2, words, tuple(commands.split()), tuple(options))


def tolerated(name: str, spoil: Spoil, *words: str, commands: str = "tables", options: Sequence[str] = ()) -> Case:
    """A case that must end with 0 and say `words`."""
    return Case(name, spoil, 0, words, tuple(commands.split()), tuple(options))


def same(name: str, spoil: Spoil, *words: str) -> Case:
    """A case that must give the tables of the good shop."""
    return Case(name, spoil, 0, words, is_same=True)


# --- what came of it ---

CLEAR, TOLERATED, UNCLEAR, TRACEBACK, SILENT = "clear", "tolerated", "unclear", "traceback", "silent wrong"
ledger: dict[tuple[str, str], Counter[str]] = {}  # area, file of its tests -> outcomes


def record(area: str, outcome: str) -> None:
    """Count an outcome for the table at the end of the tests."""
    file = os.environ["PYTEST_CURRENT_TEST"].partition("::")[0]  # set by pytest
    ledger.setdefault((area, file), Counter())[outcome] += 1


def judge(area: str, case: Case, answer: Answer, wrong: Sequence[str] = ()) -> None:
    """Record what came of a case, and fail where it is not what was expected. `wrong`: faults of the result."""
    outcome, why = _judged(case, answer, wrong)
    record(area, outcome)
    said = f"{case.name}: {outcome}: {why}\nexit {answer.code}\n{answer.out[-1500:]}\n{answer.err[-1500:]}"
    if answer.error is not None:
        raise AssertionError(said) from answer.error
    assert not why, said


def _judged(case: Case, answer: Answer, wrong: Sequence[str]) -> tuple[str, str]:
    said = answer.out if case.code == 0 else answer.err
    missing = [word for word in case.words if word not in said]
    if answer.error is not None or "Traceback" in answer.err:
        return TRACEBACK, repr(answer.error)
    if wrong or (answer.code == 0 and (case.code != 0 or missing)):
        return SILENT, f"{'; '.join(wrong)} not said: {missing}"
    if answer.code != case.code or missing:
        return UNCLEAR, f"expected {case.code}, not said: {missing}"
    if WHOLE_ID.search(answer.err):
        return UNCLEAR, "a message holds a whole id"
    return (TOLERATED if case.code == 0 else CLEAR), ""


def wrong_tables(folder: Path, tables: Path, out: str, good: Tables | None) -> list[str]:
    """What is wrong with the tables made of `folder`: counts that do not add up or were not printed."""
    summary = json.loads((tables / "tables.json").read_text(encoding="utf-8"))
    only_elsewhere = summary["unknown_customers"] + summary["unknown_submission_customers"]
    kept = {
        ARTICLES: summary["articles"] - summary["unknown_articles"],
        CUSTOMERS: summary["customers"] - only_elsewhere,
        LOG: summary["rows"],
        LISTED: summary["submission_customers"],
    }
    wrong = []
    for stem in STEMS:
        rejected = sum(n for reason, n in summary["rejected"].items() if reason.startswith(f"{stem}."))
        given = rows_given(folder, stem)
        if given is not None and kept[stem] + rejected != given:
            wrong.append(f"{stem}: {kept[stem]} kept + {rejected} rejected != {given} given")
    for reason, count in summary["rejected"].items():
        file, _, what = reason.partition(": ")
        said = f"{file}: {count:,} {'row' if count == 1 else 'rows'} rejected, {what}"
        if said not in out:
            wrong.append(f"not printed: {said}")
    for stem, expected in (good or {}).items():
        if not pl.read_parquet(tables / f"{stem}.parquet").equals(expected):
            wrong.append(f"{stem} differs from that of the good shop")
    return wrong


def rows_given(folder: Path, stem: str) -> int | None:
    """The rows of a table, header and empty lines not counted, read without the project's code; None without it."""
    path = next((path for end in ENDINGS if (path := folder / f"{stem}{end}").exists()), None)
    if path is None:
        return None
    if path.suffix == ".parquet":
        return sum(pl.read_parquet(part).height for part in ([path] if path.is_file() else path.glob("*.parquet")))
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if path.suffix == ".zip":
        archive = zipfile.ZipFile(path)
        data = archive.read(next(name for name in archive.namelist() if name.endswith(".csv")))
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8-sig")
    before = csv.field_size_limit(1 << 27)
    records = [row for row in csv.reader(io.StringIO(data.decode(encoding), newline="")) if any(row)]
    csv.field_size_limit(before)
    return len(records) - 1 - records[0][0].startswith("sep=")


# --- how an input is spoiled ---


def both(*spoils: Spoil) -> Spoil:
    """One change after the other."""

    def spoil(folder: Path) -> None:
        for each in spoils:
            each(folder)

    return spoil


def data(stem: str, change: Callable[[bytes], bytes], ending: str = ".csv") -> Spoil:
    """The bytes of a table changed; with another ending it takes that name."""

    def spoil(folder: Path) -> None:
        path = folder / f"{stem}.csv"
        changed = change(path.read_bytes())
        path.unlink()
        (folder / f"{stem}{ending}").write_bytes(changed)

    return spoil


def text(stem: str, change: Callable[[str], str], encoding: str = "utf-8") -> Spoil:
    """The text of a table changed."""
    return data(stem, lambda old: change(old.decode()).encode(encoding))


def line(stem: str, number: int, change: Callable[[str], str]) -> Spoil:
    """One line changed; the header is line 1, the last one -1."""

    def changed(old: str) -> str:
        lines = old.splitlines()
        at = number - 1 if number > 0 else number
        lines[at] = change(lines[at])
        return "\n".join(lines) + "\n"

    return text(stem, changed)


def rows(stem: str, change: Callable[[list[list[str]]], list[list[str]]]) -> Spoil:
    """The records of a table changed, its header among them."""

    def changed(old: str) -> str:
        target = io.StringIO(newline="")
        csv.writer(target, lineterminator="\n").writerows(change(list(csv.reader(io.StringIO(old, newline="")))))
        return target.getvalue()

    return text(stem, changed)


def column(stem: str, name: str, change: Callable[[str, int], str]) -> Spoil:
    """Each value of a column changed; the second argument is the number of the row, from 0."""

    def changed(records: list[list[str]]) -> list[list[str]]:
        at = records[0].index(name)
        for number, record in enumerate(records[1:]):
            record[at] = change(record[at], number)
        return records

    return rows(stem, changed)


def renamed(stem: str, old: str, new: str) -> Spoil:
    """Another name for a column."""
    return line(stem, 1, lambda header: ",".join(new if name == old else name for name in header.split(",")))


def without_column(stem: str, name: str) -> Spoil:
    """A table without a column."""

    def changed(records: list[list[str]]) -> list[list[str]]:
        at = records[0].index(name)
        return [record[:at] + record[at + 1 :] for record in records]

    return rows(stem, changed)


def with_column(stem: str, name: str, value: Callable[[int], str]) -> Spoil:
    """A table with one more column, the last."""
    return rows(stem, lambda all_: [[*record, value(i - 1) if i else name] for i, record in enumerate(all_)])


def added(stem: str, *lines: str) -> Spoil:
    """A table with more lines at its end."""
    return text(stem, lambda old: old + "".join(f"{each}\n" for each in lines))


def gone(stem: str) -> Spoil:
    """A folder without a table."""

    def spoil(folder: Path) -> None:
        (folder / f"{stem}.csv").unlink()

    return spoil


def instead(stem: str, make: Callable[[Path], object], ending: str = ".csv") -> Spoil:
    """Something else made where a table was."""

    def spoil(folder: Path) -> None:
        (folder / f"{stem}.csv").unlink()
        make(folder / f"{stem}{ending}")

    return spoil


def parquet(stem: str, change: Callable[[pl.DataFrame], pl.DataFrame] = lambda frame: frame) -> Spoil:
    """A table as Parquet, its columns text unless `change` casts them."""

    def spoil(folder: Path) -> None:
        path = folder / f"{stem}.csv"
        frame = change(pl.read_csv(path, infer_schema=False))
        path.unlink()
        frame.write_parquet(folder / f"{stem}.parquet")

    return spoil


def ids(stems: Sequence[str], name: str, change: Callable[[int], str]) -> Spoil:
    """Other ids for customers or articles, the same in all of `stems`; the argument is the number of the id."""
    owner = {"customer_id": CUSTOMERS, "article_id": ARTICLES}[name]

    def spoil(folder: Path) -> None:
        known = pl.read_csv(folder / f"{owner}.csv", infer_schema=False)[name].to_list()
        new = {old: change(number) for number, old in enumerate(known)}
        for stem in stems:
            column(stem, name, lambda old, _: new[old])(folder)

    return spoil
