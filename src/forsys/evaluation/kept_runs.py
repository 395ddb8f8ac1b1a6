"""The memory of experiments: each kept run is a folder `runs/<time>-<name>` below the data set's output.

`run.json` (a `KeptRun`) is written last, so a folder without it is no kept run. Which files lie beside it is in
`FILES`. They are copies: what a later run makes leaves them as they are.
"""

import os
import re
import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from forsys.arrays import Floats
from forsys.errors import DataError
from forsys.evaluation.changed_settings import changed_settings
from forsys.evaluation.list_names import FINAL
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.locking import locked
from forsys.run import Run
from forsys.store import atomic_write, digest, read_json, write_json
from forsys.versions import all_versions

FILES = {
    "run": ("customers.parquet", "next_item_ranks.parquet", "scores.json"),
    "backtest": ("backtest.csv", "backtest.json", "backtest_customers.parquet"),
    "ablate": ("ablation.csv", "ablation_candidates.csv"),
    "compare": ("comparison.json",),
    "search": ("trials.csv", "search.json", "best.toml"),
}
"""Kind of a kept run -> its files beside run.json. A run has submission.csv too."""

CUSTOMERS = {"run": "customers.parquet", "backtest": "backtest_customers.parquet"}
"""Of which kinds each customer's average precision is kept, and where."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
MAX_COPIED = 100 * 2**20  # bytes of a submission that is copied where the disk has no hard links


class Score(BaseModel):
    """MAP@k with its 95 % interval, and over how many customers (or customer-weeks) it is the mean."""

    metric: str
    mean: float
    low: float | None = None
    high: float | None = None
    customers: int

    @classmethod
    def of(cls, run: Run, values: Floats, customers: npt.NDArray[Any]) -> "Score":
        """From the average precision of each row, and its customer: (rows,)."""
        ends = run.bootstrap.interval(values, customers)
        metric, rows = f"MAP@{run.settings.k}", len(values)
        return cls(metric=metric, mean=ends.mean, low=ends.low, high=ends.high, customers=rows)


class StageRecord(BaseModel):
    """When a stage was last run and what it took. An equal fingerprint in two runs: it was not made anew."""

    fingerprint: str
    finished: str = ""
    seconds: float = 0.0
    peak_gib: float = 0.0


class KeptRun(BaseModel):
    """What run.json says of a run of the pipeline, or of another result of `FILES`.

    settings: those that differ from the default, by the keys of `--set`. options: what else the command was told,
    such as the weeks of a backtest. code: fingerprint of what makes scores.
    data: of the checked tables, whatever the files are called. made_from: of all that the results follow from.
    """

    model_config = ConfigDict(extra="ignore")

    number: int = Field(ge=1)
    kind: str
    name: str
    time: str
    note: str = ""
    leaderboard: float | None = None
    settings: dict[str, Any]
    options: dict[str, Any] = {}
    score: Score | None = None
    seconds: float = 0.0
    stages: dict[str, StageRecord] = {}
    data_set: str
    generated: bool
    data: str
    holdout: tuple[str, str]
    code: str
    versions: dict[str, str]
    made_from: str
    submission: str | None = None
    """SHA-256 of submission.csv."""
    folder: Path = Field(default=Path(), exclude=True)

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"{self.kind} {self.number} ({self.name})"


def kept_runs(run: Run) -> list[KeptRun]:
    """The kept runs of a data set by number; folders without a whole run.json are left out."""
    found = []
    for path in sorted(run.workspace.runs.glob("*/run.json")):
        try:
            found.append(KeptRun.model_validate(read_json(path)).model_copy(update={"folder": path.parent}))
        except ValidationError:  # `damaged_runs` names it
            continue
    return sorted(found, key=lambda each: each.number)


def damaged_runs(run: Run) -> list[Path]:
    """Folders below runs/ that hold files of a run, but no whole run.json."""
    whole = {each.folder for each in kept_runs(run)}
    return [path for path in sorted(run.workspace.runs.glob("*")) if path.is_dir() and path not in whole]


def kept_run(run: Run, number: int) -> KeptRun:
    """The one of a number. Raises DataError for an unknown one."""
    found = {each.number: each for each in kept_runs(run)}
    if number not in found:
        known = ", ".join(map(str, found)) or "none"
        raise DataError(
            f"There is no kept run {number} of {run.workspace.name}. Kept: {known}. `forsys runs` lists them."
        )
    return found[number]


def run_before(run: Run, kept: KeptRun | None = None) -> KeptRun | None:
    """The newest run of the pipeline before `kept` (default: before the newest one); None where there is none."""
    runs = [each for each in kept_runs(run) if each.kind == "run"]
    last = kept.number if kept else runs[-1].number if runs else 0
    return next((each for each in reversed(runs) if each.number < last), None)


def keep_run(run: Run, *, made: bool, submission: bool, name: str = "", note: str = "") -> str | None:
    """Keep what `evaluate` has found where it was made anew (`made`); returns what to say of it.

    Where the newest kept run is of the same results, nothing is added: it takes a new name and note where they are
    given, and the submission where it has none yet. submission: whether the one in submissions/ is current.
    """
    check_name(name)
    newest = next((each for each in reversed(kept_runs(run)) if each.kind == "run"), None)
    if newest and newest.made_from == _made_from(run):
        words = {"name": name or newest.name, "note": note or newest.note}
        kept = newest.model_copy(update=words)
    elif made:
        kept = _kept(run, "run", name, note, _holdout_score(run))
        _copy([run.workspace.evaluation / file for file in FILES["run"]], kept)
    else:
        return "nothing was made anew, so no run was kept" if name or note else None
    if submission and kept.submission is None:
        kept = _with_submission(run, kept)
    if kept == newest:
        return None
    _write(kept)
    return f"kept as run {kept.number}, {run.workspace.shown(kept.folder)}"


def is_kept(run: Run) -> bool:
    """Whether some kept run is of the results of `evaluate` as they are now."""
    made_from = _made_from(run)
    return any(each.kind == "run" and each.made_from == made_from for each in kept_runs(run))


def keep_result(
    run: Run, kind: str, folder: Path, score: Score | None, seconds: float, options: dict[str, Any]
) -> str:
    """Keep the files in `folder` of a result that is no run, with its settings; returns what to say of it."""
    kept = _kept(run, kind, "", "", score).model_copy(update={"seconds": seconds, "options": options})
    _copy([folder / file for file in FILES[kind]], kept)
    _write(kept)
    return f"kept as run {kept.number}, {run.workspace.shown(kept.folder)}"


def set_leaderboard(run: Run, number: int, score: float) -> KeptRun:
    """Note the score that a leaderboard gave to a run's submission. Raises DataError for an unknown number."""
    kept = kept_run(run, number).model_copy(update={"leaderboard": score})
    with locked(run.workspace.out):
        _write(kept)
    return kept


def check_name(name: str) -> None:
    """Raises DataError for a name that cannot be part of a folder's name; none at all will do."""
    if name and not NAME.fullmatch(name):
        raise DataError(
            f"--name {name!r}: a name of a run has up to 40 letters, digits, dots, - and _, and begins with a "
            "letter or digit. What else is to be said belongs into --note."
        )


def _kept(run: Run, kind: str, name: str, note: str, score: Score | None) -> KeptRun:
    now, name, runs, fold = datetime.now(), name or kind, kept_runs(run), run.calendar.holdout
    outputs = (run.stamp_of("tables") or {"outputs": {}})["outputs"]
    return KeptRun(
        number=1 + max((each.number for each in runs), default=0),
        kind=kind,
        name=name,
        time=now.isoformat(timespec="seconds"),
        note=note,
        settings=changed_settings(run.settings),
        score=score,
        **(_work(run) if kind == "run" else {}),
        data_set=run.workspace.name,
        generated=run.dataset.generated,
        data=fingerprint({path: sha for path, sha in outputs.items() if path.endswith(".parquet")}),
        holdout=(str(fold.as_of), str(fold.until)),
        code=code_fingerprint("forsys.evaluation.holdout"),
        versions=all_versions(),
        made_from=_made_from(run) if kind == "run" else "",
        folder=_new_folder(run.workspace.runs, f"{now:%Y%m%d-%H%M%S}-{name}"),
    )


def _new_folder(runs: Path, name: str) -> Path:
    """One that is not there: of two runs within a second, the later gets a number."""
    names = (runs / f"{name}{suffix}" for suffix in ("", *(f"-{i}" for i in range(2, 1000))))
    return next(folder for folder in names if not folder.exists())


def _made_from(run: Run) -> str:
    """Of the evaluation that lies in the output folder; a change of settings, data or code changes it."""
    stamp = run.stamp_of("evaluate")
    return fingerprint(stamp["fingerprint"] if stamp else None)


def _work(run: Run) -> dict[str, Any]:
    """The stages that have finished, and their seconds together, each as it was last run."""
    stages = {name: StageRecord.model_validate(stamp) for name, stamp in run.finished_stages().items()}
    return {"stages": stages, "seconds": sum(stage.seconds for stage in stages.values())}


def _holdout_score(run: Run) -> Score:
    found, metric = read_json(run.workspace.evaluation / "scores.json"), f"MAP@{run.settings.k}"
    final = next(row for row in found["scores"] if row["list"] == FINAL)
    return Score(
        metric=metric, mean=final[metric], low=final["low"], high=final["high"], customers=found["customers"]
    )


def _copy(files: Sequence[Path], kept: KeptRun) -> None:
    for file in files:
        with atomic_write(kept.folder / file.name) as part:
            shutil.copyfile(file, part)


def _with_submission(run: Run, kept: KeptRun) -> KeptRun:
    """With the submission: a hard link, which takes no space; without one if it is too large to copy."""
    source, target = run.workspace.own_submission, kept.folder / "submission.csv"
    try:
        with atomic_write(target) as part:
            os.link(source, part)
    except OSError:  # another disk, or one without links
        if source.stat().st_size > MAX_COPIED:
            return kept
        with atomic_write(target) as part:
            shutil.copyfile(source, part)
    return kept.model_copy(update={"submission": digest(target), **_work(run)})


def _write(kept: KeptRun) -> None:
    write_json(kept.model_dump(mode="json"), kept.folder / "run.json")
