"""A shop to spoil, a home for what is made of it, and the table of what came of all cases."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
import pytest

from forsys.cli import main
from forsys.tables.build import build_tables
from forsys.tables.dataset import DataSet
from forsys.workspace import BELONGS_TO
from trust.bench import STAGES, Bench, Output
from trust.spoiled import CLEAR, SILENT, TOLERATED, TRACEBACK, UNCLEAR, ledger
from world import flags

TABLES = ("articles", "customers", "transactions", "submission_customers")
COLUMNS = (CLEAR, TOLERATED, UNCLEAR, TRACEBACK, SILENT)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table of docs/trust.md."""
    if not ledger:
        return
    more = " --all" if config.getoption("--all") else ""
    columns = [name for name in COLUMNS if name != UNCLEAR or any(counts[name] for counts in ledger.values())]
    terminalreporter.section("trust")
    terminalreporter.write_line(f"| area | tried | {' | '.join(columns)} | `bash run.sh test{more} …` |")
    terminalreporter.write_line("|---" * (len(columns) + 3) + "|")
    for (area, file), counts in ledger.items():
        cells = [area, f"{counts.total():,}", *(f"{counts[name]:,}" for name in columns), f"`{file}`"]
        terminalreporter.write_line(f"| {' | '.join(cells)} |")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without what would send the commands elsewhere, and with the umask as it was."""
    monkeypatch.delenv("FORSYS_INPUT", raising=False)
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def good(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, pl.DataFrame]:
    """The tables of the good shop."""
    folder = tmp_path_factory.mktemp("good") / "tables"
    build_tables(DataSet("tiny", shop, True, "the good shop"), folder)
    return {name: pl.read_parquet(folder / f"{name}.parquet") for name in TABLES}


@pytest.fixture(scope="session")
def finished(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which every stage has run on the good shop, not to be changed."""
    home = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORSYS_HOME", str(home))
        before = os.umask(0o022)
        for stage in STAGES:
            assert main([stage, *flags(shop)]) == 0
        os.umask(before)
    return home


@pytest.fixture
def bench(
    tmp_path: Path,
    shop: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Output,
    good: Mapping[str, pl.DataFrame],
) -> Bench:
    """A bench with an empty home."""
    shutil.copytree(shop, tmp_path / "tiny")
    monkeypatch.setenv("FORSYS_HOME", str(tmp_path / "home"))
    return Bench(tmp_path, monkeypatch, capsys, good)


@pytest.fixture
def ready(bench: Bench, finished: Path) -> Bench:
    """A bench with the home of a finished run."""
    shutil.copytree(finished, bench.home, dirs_exist_ok=True)
    (bench.home / "output" / "tiny" / BELONGS_TO).unlink()  # the shop is a copy too, in another place
    return bench
