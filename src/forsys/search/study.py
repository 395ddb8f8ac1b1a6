"""The trials of a search: proposed by Optuna, scored week by week, given up once they are clearly worse.

What is finished is in a SQLite file, and the sampler's seed follows from how many trials are finished. So a search
that was killed goes on to the result that it would have had (Optuna: Akiba et al. 2019; TPE: Bergstra et al. 2011).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pandas as pd

from forsys.arrays import Floats
from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.made_files import note_file
from forsys.metrics.bootstrap import Interval
from forsys.progress import progress, say_below
from forsys.ranking.tuning import folds_to_score
from forsys.remote import upload
from forsys.retrieval.registry import source_fingerprint
from forsys.run import Run
from forsys.search.scoring import Scorer, customers_of
from forsys.search.space import Space, changed
from forsys.settings import Settings

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

STARTUP_TRIALS = 10  # sampled at random before TPE has anything to learn from; Optuna's default
COMPLETE, STOPPED = "complete", "stopped"


@dataclass(frozen=True, eq=False)
class Found:
    """What a search has found.

    trials: one row per finished trial, best first: its values, weeks scored, MAP@k on these, and the paired
    difference to the default on the same. best: the settings of the first row. gain: its difference on all weeks.
    by_chance: the lead that the best of as many settings has by chance alone, at most, in 95 of 100 searches.
    holdout: the difference on the holdout, with the scores of both.
    """

    trials: pd.DataFrame
    folds: list[Fold]
    customer_weeks: int
    default: Interval
    best: Settings
    best_score: Interval
    gain: Interval
    by_chance: float
    holdout: Interval
    holdout_scores: tuple[float, float]
    new_trials: int

    @property
    def is_clear(self) -> bool:
        """Whether the best is better than the default beyond what the best of so many is by chance."""
        return self.gain.is_clear and self.gain.mean > max(self.by_chance, 0)


def search(run: Run, space: Space, trials: int, weeks: int) -> Found:
    """Try `trials` settings of a space on the `weeks` before the holdout; those that are finished already count.

    The holdout is read once, at the end, and decides nothing. Raises DataError where no week can be scored.
    """
    folds, scorer = folds_to_score(run, weeks), Scorer(run)
    default = [
        scorer.average_precision(run.settings, fold) for fold in progress(folds, "default settings", unit="fold")
    ]
    say_below(f"the default: MAP@{run.settings.k} {_mean(default):.4f} on {len(folds)} week(s)")
    searcher, study = _Searcher(run, space, scorer, folds, default), _study(run, space, folds)
    before = len(_finished(study))
    for number in range(before, trials):
        searcher.try_next(study, f"trial {number + 1} of {trials}")
    return searcher.found(_finished(study), max(trials - before, 0))


def _study(run: Run, space: Space, folds: list[Fold]) -> "Study":
    """The study of these settings, data, code and space: begun now, or gone on with.

    Raises DataError where its file is damaged.
    """
    from sqlalchemy.exc import SQLAlchemyError

    path = _file(run)
    path.parent.mkdir(parents=True, exist_ok=True)
    for file in (path, path.with_name("study.db-journal")):  # SQLite's own, for as long as it writes
        note_file(file)
    try:
        return _opened(path, _name(run, space, folds))
    except (SQLAlchemyError, UnicodeDecodeError) as error:
        raise DataError(
            f"{run.workspace.shown(path)} is damaged, so its trials are lost. Delete it and search again: "
            "the scores of the weeks are kept beside it, so that little is computed again."
        ) from error


def _file(run: Run) -> Path:
    return run.workspace.search / "study.db"


def _name(run: Run, space: Space, folds: list[Fold]) -> str:
    """Of the study: a fingerprint of all that its trials follow from."""
    settings, weeks = run.settings.model_dump(mode="json"), [str(fold.as_of) for fold in folds]
    sources = [source_fingerprint(*source) for source in run.settings.retrieval.sources.items()]
    tables = [run.fingerprint_of(stage) for stage in ("tables", "content")]
    return fingerprint(settings, space.as_json(), weeks, sources, tables, code_fingerprint(__name__))


def _opened(path: Path, name: str) -> "Study":
    import optuna
    from sqlalchemy import URL

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = f"file:{quote(str(path.absolute()))}"  # a path may hold a question mark, which would end it
    storage = URL.create("sqlite", database=file, query={"uri": "true"}).render_as_string()
    study = optuna.create_study(storage=storage, study_name=name, direction="maximize", load_if_exists=True)
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # of a process that was killed
    return study


def _finished(study: "Study") -> "list[FrozenTrial]":
    """In the order in which they were begun."""
    from optuna.trial import TrialState

    return list(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)))


@dataclass(frozen=True, eq=False)
class _Searcher:
    """Tries settings and judges them. default: the scores of run.settings, per fold an array (buyers,)."""

    run: Run
    space: Space
    scorer: Scorer
    folds: list[Fold]
    default: list[Floats]

    def _is_worse(self, scores: list[Floats], rivals: "list[list[Floats]]") -> bool:
        """Whether a trial is clearly worse than one of its rivals on the first folds."""
        differences = (self.difference(scores, each) for each in rivals)
        return any(each.is_clear and each.mean < 0 for each in differences)

    def try_next(self, study: "Study", title: str) -> None:
        """One trial: all folds, or the first ones where it is clearly worse than the default or the best so far.

        The first trial is never given up, so that there is a best one.
        """
        import optuna

        finished = _finished(study)
        seed = self.run.settings.seed + len(finished)
        study.sampler = optuna.samplers.TPESampler(n_startup_trials=STARTUP_TRIALS, seed=seed)
        rivals, trial = self._rivals(finished), study.ask(self.space.distributions())
        settings, scores = changed(self.run.settings, trial.params), []
        for step, fold in enumerate(self.folds):
            scores.append(self.scorer.average_precision(settings, fold))
            trial.report(_mean(scores), step)
            if step + 1 < len(self.folds) and self._is_worse(scores, rivals):
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, _mean(scores))
        upload(_file(self.run), _file(self.run))  # SQLite has written it
        self._say(title, trial.params, scores)

    def found(self, finished: "list[FrozenTrial]", new_trials: int) -> Found:
        """The trials beside the default, and the best of them on the holdout too."""
        settings = [changed(self.run.settings, trial.params) for trial in finished]
        scores = [self._scores(*each) for each in zip(settings, map(_weeks, finished), strict=True)]
        rows = [self._row(i, trial.params, scores[i]) for i, trial in enumerate(finished)]
        table = pd.DataFrame(rows).sort_values(["state", self._metric, "trial"], ascending=[True, False, True])
        best = int(table["trial"].iloc[0]) - 1
        usual = np.concatenate(self.default)
        complete = [np.concatenate(each) for each in scores if len(each) == len(self.folds)]
        gains = np.column_stack(complete) - usual[:, None]  # (customer-weeks, trials)
        holdout, both = self.run.calendar.holdout, (settings[best], self.run.settings)
        ours, theirs = (self.scorer.average_precision(each, holdout) for each in both)
        groups, bootstrap = customers_of(self.run, self.folds), self.run.bootstrap
        return Found(
            trials=table.reset_index(drop=True),
            folds=self.folds,
            customer_weeks=len(usual),
            default=bootstrap.interval(usual, groups),
            best=settings[best],
            best_score=bootstrap.interval(np.concatenate(scores[best]), groups),
            gain=self.difference(scores[best], self.default),
            by_chance=bootstrap.best_by_chance(gains, groups),
            holdout=bootstrap.paired(ours, theirs),
            holdout_scores=(float(ours.mean()), float(theirs.mean())),
            new_trials=new_trials,
        )

    def difference(self, scores: list[Floats], rival: list[Floats]) -> Interval:
        """Paired, on the folds that were scored, with an interval by customer."""
        groups = customers_of(self.run, self.folds[: len(scores)])
        ours, theirs = np.concatenate(scores), np.concatenate(rival[: len(scores)])
        return self.run.bootstrap.paired(ours, theirs, groups)

    @property
    def _metric(self) -> str:
        return f"MAP@{self.run.settings.k}"

    def _rivals(self, finished: "list[FrozenTrial]") -> list[list[Floats]]:
        """The scores of the default and of the best complete trial; none where there is no such trial."""
        complete = [trial for trial in finished if _weeks(trial) == len(self.folds)]
        if not complete:
            return []
        best = max(complete, key=lambda trial: (trial.value or 0.0, -trial.number))
        return [self.default, self._scores(changed(self.run.settings, best.params), len(self.folds))]

    def _scores(self, settings: Settings, weeks: int) -> list[Floats]:
        """On the first `weeks` folds."""
        return [self.scorer.average_precision(settings, fold) for fold in self.folds[:weeks]]

    def _row(self, position: int, params: dict[str, Any], scores: list[Floats]) -> dict[str, Any]:
        """Of the table of trials. They are counted from 1; one that was killed and begun again counts once."""
        change = self.difference(scores, self.default)
        state = COMPLETE if len(scores) == len(self.folds) else STOPPED
        score = {self._metric: _mean(scores), "difference": change.mean, "low": change.low, "high": change.high}
        return {"trial": position + 1, "state": state, "weeks": len(scores), **score, **params}

    def _say(self, title: str, params: dict[str, Any], scores: list[Floats]) -> None:
        values = ", ".join(f"{key}={_short(value)}" for key, value in params.items())
        few = f", given up after {len(scores)} of {len(self.folds)} weeks" if len(scores) < len(self.folds) else ""
        say_below(f"{title}: {self.difference(scores, self.default)} to the default{few}; {values}")


def _weeks(trial: "FrozenTrial") -> int:
    """How many folds a trial got to."""
    return len(trial.intermediate_values)


def _mean(scores: list[Floats]) -> float:
    return float(np.concatenate(scores).mean())


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
