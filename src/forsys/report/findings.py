"""What the stages wrote, read for the page. A file that is not there gives an empty value, not an error."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from forsys.evaluation.baselines import BASELINES
from forsys.evaluation.evaluate import FINAL
from forsys.report.drawing import Row, known
from forsys.store import read_json

if TYPE_CHECKING:
    from forsys.run import Run


@dataclass(frozen=True)
class Findings:
    """scores, next_item, segments: rows of scores.json; tuned: tuned.json; buyers and bought: of the holdout."""

    scores: list[Row]
    next_item: list[Row]
    segments: list[Row]
    tuned: dict[str, Any]
    buyers: int
    bought: int
    weeks: pl.DataFrame

    @classmethod
    def read(cls, run: "Run") -> "Findings":
        """Read the files of a run."""
        written = read_json(run.out / "evaluation" / "scores.json") or {}
        scores, next_item, segments = (written.get(name) or [] for name in ("scores", "next_item", "segments"))
        tuned = read_json(run.out / "tuned.json") or {}
        return cls(scores, next_item, segments, tuned, *_holdout_size(run), weekly(run))

    @property
    def final(self) -> Row:
        """The final list's row of the scores; empty where there is none."""
        return self.score_of(FINAL)

    def score_of(self, name: str) -> Row:
        """A list's row of the scores."""
        return next((row for row in self.scores if row["list"] == name), {})

    @property
    def best_baseline(self) -> Row:
        """The best of the simple baselines by MAP@12; empty where there is none."""
        rows = [row for row in self.scores if row["list"] in BASELINES and known(row.get("MAP@12"))]
        return max(rows, key=lambda row: row["MAP@12"], default={})


def weekly(run: "Run") -> pl.DataFrame:
    """week (its first day), purchases: whole weeks counted back from the last day, oldest first."""
    end = run.calendar.last_day + timedelta(days=1)
    weeks_back = (pl.lit(end) - pl.col("t_dat")).dt.total_days().sub(1).floordiv(7) + 1
    log = pl.scan_parquet(run.tables / "transactions.parquet").select(back=weeks_back)
    counts = dict(log.group_by("back").len().collect().iter_rows())
    whole = (end - run.calendar.first_day).days // 7
    rows = [(end - timedelta(days=7 * back), counts.get(back, 0)) for back in range(whole, 0, -1)]
    return pl.DataFrame(rows, schema={"week": pl.Date, "purchases": pl.Int64}, orient="row")


def _holdout_size(run: "Run") -> tuple[int, int]:
    """Customers who bought in the holdout, and the distinct articles they bought, summed over customers."""
    fold = run.calendar.holdout
    log = pl.scan_parquet(run.tables / "transactions.parquet")
    held = log.filter(pl.col("t_dat") >= fold.as_of, pl.col("t_dat") < fold.until)
    pairs = held.select("customer", "article").unique().collect()
    return pairs["customer"].n_unique(), len(pairs)
