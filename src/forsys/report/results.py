"""What the stages wrote, read for the page. A file that is not there gives an empty value, not an error."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from forsys.candidates import SourceArtifacts
from forsys.evaluation.list_names import FINAL
from forsys.evaluation.records import records
from forsys.evaluation.text import left_out_texts
from forsys.report.rows import Row, by_score, known
from forsys.retrieval.baselines import BASELINES
from forsys.run import Run
from forsys.settings import SourceConfig
from forsys.store import read_json

TABLES = ("scores", "next_item", "segments", "importance", "calibration", "sources", "popularity")  # of scores.json
MEASURED = {
    "backtest": ("evaluation/backtest.csv",),
    "ablate": ("evaluation/ablation.csv", "evaluation/ablation_candidates.csv"),
    "compare": tuple(
        f"comparison/{name}.csv"
        for name in (
            "accuracy",
            "gains",
            "candidates",
            "never_sold",
            "by_length",
            "bias_sweep",
            "ablation",
            "mixture_ablation",
        )
    ),
}
"""The tables of the commands beside the stages, where they were run."""
COSTS = ("finished", "seconds", "peak_gib", "made")


@dataclass(frozen=True)
class Results:
    """tables: those of scores.json as rows, by name. tuned: tuned.json.

    k: of the final list. buyers: customers who bought in the holdout; bought: their distinct articles, summed.
    weeks: see `weekly`. notes: what the stages `tables` and `content` said of the data. verdict: see
    evaluation/verdict.py. oracle: MAP@k of the oracle order of the candidates. ranker: what the holdout's ranker
    learned from. losses: see `network_losses`. measured: file -> rows, of the commands beside the stages. left_out:
    what to say of sources that the backtest left out. stages: their stamps' COSTS.
    """

    k: int
    tables: Mapping[str, list[Row]]
    tuned: dict[str, Any]
    buyers: int
    bought: int
    weeks: pl.DataFrame
    notes: list[str]
    verdict: dict[str, Any]
    oracle: float | None
    ranker: dict[str, Any]
    losses: dict[str, list[list[float | None]]]
    measured: dict[str, list[Row]]
    left_out: list[str]
    stages: list[Row]

    @classmethod
    def read(cls, run: Run) -> "Results":
        """Read the files of a run."""
        written = read_json(run.workspace.evaluation / "scores.json") or {}
        bought = run.labels(run.calendar.holdout)
        ranker = read_json(run.workspace.ranker(run.calendar.holdout) / "ranker.json") or {}
        tuned = read_json(run.workspace.tuned) or {}
        backtest = read_json(run.workspace.evaluation / "backtest.json") or {}
        return cls(
            k=run.settings.k,
            tables={name: written.get(name) or [] for name in TABLES},
            tuned=tuned,
            buyers=bought["customer"].n_unique(),
            bought=len(bought),
            weeks=weekly(run),
            notes=_notes(run),
            verdict=written.get("verdict") or {},
            oracle=written.get("oracle_order_of_the_candidates"),
            ranker=ranker.get("metadata") or {},
            losses=network_losses(run, tuned.get("sources", {})),
            measured={file: rows for files in MEASURED.values() for file in files if (rows := _csv(run, file))},
            left_out=left_out_texts(backtest.get("left_out") or {}, backtest.get("folds", 0)),
            stages=[
                {"stage": name, **{key: stamp[key] for key in COSTS}}
                for name, stamp in run.finished_stages().items()
                if {*COSTS} <= {*stamp}
            ],
        )

    @property
    def final(self) -> Row:
        """The final list's row of the scores; empty where there is none."""
        return next((row for row in self.tables["scores"] if row["list"] == FINAL), {})

    @property
    def best_baseline(self) -> Row:
        """The row of the baseline with the highest MAP@k; empty where there is none."""
        column = f"MAP@{self.k}"
        rows = [row for row in by_score(self.tables["scores"], column) if row["list"] in BASELINES]
        return next((row for row in rows if known(row.get(column))), {})


def network_losses(run: Run, sources: Mapping[str, SourceConfig]) -> dict[str, list[list[float | None]]]:
    """Source -> the mean loss of each of its recurrent networks in each epoch, of the models of the holdout."""
    if run.stamp_of("content") is None:
        return {}
    models = {
        name: SourceArtifacts.of(run, run.calendar.holdout, name, config).model for name, config in sources.items()
    }
    return {
        name + part: losses
        for name, model in models.items()
        if model.exists()
        for part, losses in _losses(model).items()
    }


def _losses(model: Path) -> dict[str, list[list[float | None]]]:
    """Of a model's own networks, under "", and of those of each member of a mixture; None for NaN and infinity."""
    with np.load(model, allow_pickle=False) as arrays:  # it reads only the arrays that are asked for
        return {
            f", {member}" if member else "": [
                [_finite(loss) for loss in network] for network in arrays[key].tolist()
            ]
            for key in arrays.files
            for member, _, array in [key.rpartition(".")]
            if array == "loss_"
        }


def _finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


def weekly(run: Run) -> pl.DataFrame:
    """week (its first day), purchases: whole weeks counted back from the last day, oldest first."""
    end = run.calendar.last_day + timedelta(days=1)
    weeks_back = (pl.lit(end) - pl.col("t_dat")).dt.total_days().sub(1).floordiv(7) + 1
    log = pl.scan_parquet(run.workspace.tables / "transactions.parquet", glob=False).select(back=weeks_back)
    counts = dict(log.group_by("back").len().collect().iter_rows())
    whole = (end - run.calendar.first_day).days // 7
    rows = [(end - timedelta(days=7 * back), counts.get(back, 0)) for back in range(whole, 0, -1)]
    return pl.DataFrame(rows, schema={"week": pl.Date, "purchases": pl.Int64}, orient="row")


def _notes(run: Run) -> list[str]:
    files = (run.workspace.tables / "tables.json", run.workspace.content / "content.json")
    return [note for file in files for note in (read_json(file) or {}).get("notes") or []]


def _csv(run: Run, file: str) -> list[Row]:
    path = run.workspace.out / file
    if not path.exists():
        return []
    return records(pl.read_csv(path, infer_schema_length=None, raise_if_empty=False, glob=False))
