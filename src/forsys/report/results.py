"""What the stages wrote, read for the page. A file that is not there gives an empty value, not an error."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from forsys.evaluation.list_names import FINAL
from forsys.report.drawing import Row, by_score, known
from forsys.retrieval.baselines import BASELINES
from forsys.run import Run
from forsys.store import read_json


@dataclass(frozen=True)
class Results:
    """scores, next_item, segments: rows of scores.json; tuned: tuned.json.

    k: of the final list. buyers: customers who bought in the holdout; bought: their distinct articles, summed.
    weeks: see `weekly`. content_notes: what the stage `content` said of pictures and descriptions.
    verdict: the result in a sentence. calibration: rows of scores.json too.
    """

    k: int
    scores: list[Row]
    next_item: list[Row]
    segments: list[Row]
    tuned: dict[str, Any]
    buyers: int
    bought: int
    weeks: pl.DataFrame
    content_notes: list[str]
    verdict: str
    calibration: list[Row]

    @classmethod
    def read(cls, run: Run) -> "Results":
        """Read the files of a run."""
        k, written = run.settings.k, read_json(run.workspace.evaluation / "scores.json") or {}
        scores, next_item, segments = (written.get(name) or [] for name in ("scores", "next_item", "segments"))
        calibration = written.get("calibration") or []
        tuned, bought = read_json(run.workspace.tuned) or {}, holdout_purchases(run)
        buyers = bought["customer"].n_unique()
        notes = (read_json(run.workspace.content / "content.json") or {}).get("notes") or []
        judged = str((written.get("verdict") or {}).get("text", ""))
        return cls(
            k, scores, next_item, segments, tuned, buyers, len(bought), weekly(run), notes, judged, calibration
        )

    @property
    def best_first(self) -> list[Row]:
        """The rows of the scores by MAP@k; those without one last."""
        return by_score(self.scores, f"MAP@{self.k}")

    @property
    def final(self) -> Row:
        """The final list's row of the scores; empty where there is none."""
        return next((row for row in self.scores if row["list"] == FINAL), {})

    @property
    def best_baseline(self) -> Row:
        """The row of the baseline with the highest MAP@k; empty where there is none."""
        rows = [row for row in self.best_first if row["list"] in BASELINES and known(row.get(f"MAP@{self.k}"))]
        return rows[0] if rows else {}


def holdout_purchases(run: Run) -> pl.DataFrame:
    """The holdout's distinct purchases: customer, article; sorted by both. The rest of the log is not loaded."""
    fold = run.calendar.holdout
    log = pl.scan_parquet(run.workspace.tables / "transactions.parquet")
    in_holdout = log.filter(pl.col("t_dat") >= fold.as_of, pl.col("t_dat") < fold.until)
    return in_holdout.select("customer", "article").unique().collect().sort("customer", "article")


def weekly(run: Run) -> pl.DataFrame:
    """week (its first day), purchases: whole weeks counted back from the last day, oldest first."""
    end = run.calendar.last_day + timedelta(days=1)
    weeks_back = (pl.lit(end) - pl.col("t_dat")).dt.total_days().sub(1).floordiv(7) + 1
    log = pl.scan_parquet(run.workspace.tables / "transactions.parquet").select(back=weeks_back)
    counts = dict(log.group_by("back").len().collect().iter_rows())
    whole = (end - run.calendar.first_day).days // 7
    rows = [(end - timedelta(days=7 * back), counts.get(back, 0)) for back in range(whole, 0, -1)]
    return pl.DataFrame(rows, schema={"week": pl.Date, "purchases": pl.Int64}, orient="row")
