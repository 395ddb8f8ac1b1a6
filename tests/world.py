"""A tiny generated shop and settings small enough that the whole pipeline takes a second or two."""

import csv
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from forsys.opening import open_run
from forsys.run import Run
from forsys.sample.shop import generate
from forsys.settings import load_settings
from forsys.stages import run_stage
from forsys.tables.shop_file import KAGGLE, read_shop_file

KAGGLE_ROLES = read_shop_file(KAGGLE).roles.model_copy(update={"channels": ("store", "online")})
PROJECT = Path(__file__).parents[1]
CUSTOMERS, ARTICLES, WEEKS = 250, 120, 12
LAST_DAY = date(2024, 6, 30)
HOLDOUT = LAST_DAY - timedelta(days=6)  # its first day
TUNED = ("repurchase.half_life", "best_sellers.half_life")
SMALL = {
    "shard_size": "100",  # 3 shards of everyone
    "retrieval.candidates_per_source": "20",
    "retrieval.sources.next_item": "false",  # TensorFlow takes seconds to start, in every process
    "retrieval.sources.als.factors": "8",
    "retrieval.sources.als.iterations": "3",
    "retrieval.sources.bpr.factors": "8",
    "retrieval.sources.bpr.iterations": "10",
    "retrieval.sources.lmf.factors": "8",
    "retrieval.sources.lmf.iterations": "5",
    "tuning.max_weeks": "2",
    # Whatever the default grid holds, the first and the last value of two parameters, and one of the others.
    **{
        f'tuning.grid."{key}"': json.dumps(values[:: len(values) - 1] if key in TUNED else values[:1])
        for key, values in load_settings().tuning.grid.items()
    },
    "ranking.min_weeks": "4",
    "ranking.min_buyers": "1",
    "ranking.target_pairs": "1",
    "ranking.num_iterations": "20",
    "ranking.num_models": "1",
    "evaluation.bootstrap_samples": "50",
    "evaluation.max_events": "200",
}
# For tests with a request or a process per file: five sources are left.
FEW = {f"retrieval__sources__{name}": "false" for name in ("bpr", "lmf", "nearest_content", "same_attributes")}
Purchase = tuple[date, str, str]  # day, customer_id, article_id


def make_shop(folder: Path) -> None:
    """Write the tiny shop's CSV files."""
    generate(
        folder,
        customers=CUSTOMERS,
        articles=ARTICLES,
        weeks=WEEKS,
        images=0,
        last_day=LAST_DAY,
        weekly_buyers=0.25,  # many, so that scores tell one list from another
    )


def flags(shop: Path, **other: str) -> list[str]:
    """--input and --set flags; other settings with __ for the dot: retrieval__candidates_per_source="5"."""
    return ["--input", str(shop), *(word for setting in overrides(**other) for word in ("--set", setting))]


def overrides(**other: str) -> list[str]:
    """SMALL and other settings as key=value."""
    settings = SMALL | {key.replace("__", "."): value for key, value in other.items()}
    return [f"{key}={value}" for key, value in settings.items()]


def run_on(shop: Path, home: Path, **other: str) -> Run:
    """A run whose tables and content are made."""
    run = open_run(shop, overrides=overrides(**other), home=home)
    for stage in ("tables", "content"):
        run_stage(run, stage)
    return run


def environment(**other: str) -> dict[str, str]:
    """This process's environment without what would send forsys elsewhere."""
    ours = ("FORSYS_", "KAGGLE_", "PYTHON", "PYTEST_")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)} | other


def forsys(home: Path, arguments: list[str], script: list[str] | None = None) -> "subprocess.CompletedProcess[str]":
    """`python -m forsys ARGUMENTS`, or another script of Python, with its outputs below `home`."""
    command = [sys.executable, *(script or ["-m", "forsys"]), *arguments]
    env = environment(FORSYS_HOME=str(home), PYTHONPATH=str(PROJECT / "src"))
    return subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=120, check=False)


def purchases_in(shop: Path) -> list[Purchase]:
    """The log, read without the project's code."""
    with (shop / "transactions_train.csv").open(encoding="utf-8", newline="") as file:
        return [
            (date.fromisoformat(row["t_dat"]), row["customer_id"], row["article_id"])
            for row in csv.DictReader(file)
        ]


def lists_in(submission: Path) -> dict[str, list[str]]:
    """Customer -> articles of a submission file."""
    with submission.open(encoding="utf-8", newline="") as file:
        return {row["customer_id"]: row["prediction"].split(" ") for row in csv.DictReader(file)}


def bought_in(log: list[Purchase], first: date, last: date) -> dict[str, set[str]]:
    """Customer -> articles bought from `first` to `last` (inclusive)."""
    bought: dict[str, set[str]] = defaultdict(set)
    for day, customer, article in log:
        if first <= day <= last:
            bought[customer].add(article)
    return bought


def map_at(k: int, lists: Mapping[str, list[str]], bought: Mapping[str, set[str]]) -> float:
    """Kaggle's MAP@k in plain Python, over the customers who bought."""
    total = 0.0
    for customer, wanted in bought.items():
        hits = 0
        for place, article in enumerate(lists[customer][:k], 1):
            if article in wanted:
                hits += 1
                total += hits / place / min(len(wanted), k)
    return total / len(bought)


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below a folder: its mtime in ns and its bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(file.relative_to(folder)): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def parts_left(folder: Path) -> list[str]:
    """Files that were begun and not finished."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.part"))
