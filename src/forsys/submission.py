"""The file that Kaggle scores: written atomically, checked (see submission_check.py), each version kept by date."""

import os
import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from forsys.errors import DataError
from forsys.locking import locked
from forsys.made_files import tidy
from forsys.ranking.ordering import read_ranked
from forsys.run import Run
from forsys.store import atomic_write, digest, write_parquet
from forsys.submission_check import HEADER, SLICE, Check, listed_customers, separator
from forsys.tables.ids import shop_ids
from forsys.workspace import DATED, Workspace

SUBMISSION_OF = re.compile(rf"(?P<data_set>.+)-submission({DATED})?\.csv")
# A cause of lists that are too short.
FILLED = "Where no source has articles for everyone, as best_sellers has, lists stay short: switch it on. "


def submit(run: Run) -> list[str]:
    """Write the first k of the ranked candidates: the submission, and the lists of the holdout's buyers.

    Returns a line for each. Raises DataError where too few articles were sold to fill a list.
    """
    with locked(run.workspace.submission.parent):  # data sets share it
        tidy(run.workspace.submission.parent)
        return _submit(run, run.settings.k)


def _submit(run: Run, k: int) -> list[str]:
    lines = []
    for fold, path in (
        (run.calendar.submission, run.workspace.own_submission),
        (run.calendar.holdout, run.workspace.holdout / "submission.csv"),
    ):
        predictions = (
            read_ranked(run, fold).filter(pl.col("rank") <= k).select("customer", "article", "rank").collect()
        )
        customers = None  # those of the sample submission, as Kaggle wants it
        if fold == run.calendar.holdout:
            customers = pl.Series(run.target_customers(fold))
            write_parquet(predictions, run.workspace.holdout / "predictions.parquet")
        write_submission(predictions, run.workspace.tables, path, k, customers)
        lines.append(f"{run.workspace.shown(path)}: {k} articles for {len(predictions) // k:,} customers")
    before, fixed = give_fixed_name(run.workspace), run.workspace.shown(run.workspace.submission)
    lines.append(fixed if before in (None, run.workspace.name) else f"{fixed} (which was that of {before})")
    return [*lines, "valid"]


def give_fixed_name(workspace: Workspace) -> str | None:
    """Copy a data set's submission to submissions/submission.csv, the name that Kaggle's users expect.

    Returns the data set whose it was before; None where it was nobody's, or missing.
    """
    own, fixed = workspace.own_submission, workspace.submission
    if digest(fixed) == digest(own):
        return workspace.name
    before = owner_of(fixed)
    with locked(fixed.parent), atomic_write(fixed) as part:
        shutil.copyfile(own, part)
    return before


def owner_of(file: Path) -> str | None:
    """The data set whose submission beside `file`, the newest or an earlier one, has the same bytes."""
    size = file.stat().st_size if file.is_file() else -1
    for other in sorted(file.parent.glob("*-submission*.csv")):
        named = SUBMISSION_OF.fullmatch(other.name)
        if named and other.stat().st_size == size and digest(other) == digest(file):
            return named["data_set"]
    return None


def write_submission(
    predictions: pl.DataFrame, tables: Path, path: Path, k: int, customers: pl.Series | None = None
) -> None:
    """Write `predictions` as a submission, in the order of the sample submission, and keep a dated copy.

    predictions: schema.PREDICTIONS in any row order, ranks 1 to k for each customer of `customers` (default:
    those of `tables`/submission_customers.parquet, as Kaggle wants it) and for nobody else.
    The same predictions give the same bytes. The file is validated before it takes the name `path`, so a
    fault, raised as DataError, leaves what was there. `<stem>-YYYYMMDD-HHMMSS<suffix>` (local time) beside it
    holds the same bytes (a hard link where the disk has them), unless the newest such copy already does.
    """
    wanted = listed_customers(tables) if customers is None else customers
    customer_ids = shop_ids(tables, "customer")
    articles = shop_ids(tables, "article")
    lists = _lists(predictions, wanted, len(articles), k)  # (customers, k)
    with atomic_write(path) as part:
        with part.open("wb") as file:
            file.write(f"{HEADER}\n".encode())
            for start in range(0, len(wanted), SLICE):
                rows = lists[start : start + SLICE]
                ids = [articles.gather(rows[:, place]).alias(str(place)) for place in range(k)]
                pl.select(
                    customer_id=customer_ids.gather(wanted[start : start + SLICE]),
                    prediction=pl.concat_str(ids, separator=separator(articles)),
                ).write_csv(file, include_header=False)
        Check(part, path, tables, k, wanted).run()
    _keep_dated_copy(path)


def _lists(predictions: pl.DataFrame, wanted: pl.Series, articles: int, k: int) -> npt.NDArray[np.int32]:
    """Dense article ids (customers, k), row by row for `wanted`; DataError unless each has ranks 1 to k."""
    rows = predictions.select("customer", "article", "rank").sort("customer", "rank")
    runs = rows["customer"].rle().struct.unnest()  # value = customer, len = its number of rows
    has = runs["value"]
    _refuse(wanted.filter(~wanted.is_in(has.implode())), "have no predictions", k, FILLED)
    _refuse(has.filter(~has.is_in(wanted.implode())), "are not in the sample submission", k)
    _refuse(runs.filter(pl.col("len") < k)["value"], f"have fewer than {k} rows", k, FILLED)
    _refuse(runs.filter(pl.col("len") > k)["value"], f"have more than {k} rows", k)
    ranks = rows["rank"].to_numpy().reshape(-1, k)
    _refuse(has.filter((ranks != np.arange(1, k + 1)).any(axis=1)), f"do not have the ranks 1 to {k}", k)
    inside = pl.col("article").is_between(0, articles - 1).fill_null(False)
    _refuse(rows.filter(~inside)["customer"].unique(), f"have an article outside 0 to {articles - 1}", k)
    lists = rows["article"].to_numpy().reshape(-1, k)
    ordered: npt.NDArray[np.int32] = lists[has.search_sorted(wanted).to_numpy()]
    return ordered


def _refuse(customers: pl.Series, fault: str, k: int, cause: str = "") -> None:
    if len(customers):
        raise DataError(
            f"predictions: {len(customers)} customers {fault}, the first is customer {customers[0]!r} "
            f"(dense id). Allowed: ranks 1 to {k}, once each, for exactly the customers of the sample "
            f"submission. {cause}If these predictions were made from other tables or for another k, make them again"
        )


def _keep_dated_copy(path: Path) -> None:
    """Give the bytes of `path` a second, dated name, unless the newest dated name already has them."""
    dated = re.compile(re.escape(path.stem) + DATED + re.escape(path.suffix))
    copies = sorted(file for file in path.parent.iterdir() if dated.fullmatch(file.name))
    if copies and digest(copies[-1]) == digest(path):
        return
    now = datetime.now()
    # Two different submissions within a second: the later one moves on to the next free second.
    while (copy := path.with_name(f"{path.stem}-{now:%Y%m%d-%H%M%S}{path.suffix}")).exists():
        now += timedelta(seconds=1)
    with atomic_write(copy) as part:
        try:
            os.link(path, part)  # the next write replaces `path` and leaves these bytes to the copy
        except OSError:  # a disk without hard links, such as FAT or some network folders
            shutil.copyfile(path, part)
