"""Choose source parameters and fusion weights on the folds before the one they are used for."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forsys.calendar import Fold
from forsys.errors import DataError
from forsys.evaluation.metrics import average_precision
from forsys.progress import progress
from forsys.retrieval.fusion import Fusion, Labelled, choose_fusion, clear_gain
from forsys.schema import LIST_LENGTH
from forsys.store import read_json
from forsys.tables.history import Floats

if TYPE_CHECKING:
    from forsys.run import Line, Run


# Standard errors by which the best value of a parameter must be better than the one in the settings. The best of
# several is one error ahead by luck often enough: over 30 cut-offs of the H&M cohort the choice changed 13 times
# with 1, and 4 times with 2.
CAUTION = 2.0


@dataclass(frozen=True)
class Tuned:
    """What was chosen: the sources' lines with their parameters, and the fusion."""

    sources: "dict[str, Line]"
    fusion: Fusion
    folds: list[str]
    customers: int
    score: float  # MAP@12 on the folds it was chosen on, so a little flattered
    tried: dict[str, dict[str, float]]  # MAP@12 of each value of each tuned parameter

    def as_json(self) -> dict[str, Any]:
        """For tuned.json."""
        return {
            "sources": self.sources,
            "weights": self.fusion.weights,
            "constant": self.fusion.constant,
            "folds": self.folds,
            "customers": self.customers,
            "map_at_12_on_these_folds": self.score,
            "tried": self.tried,
        }

    @classmethod
    def read(cls, path: Path) -> "Tuned":
        """Read tuned.json. Raises DataError where the stage has not run."""
        found = read_json(path)
        if found is None:
            raise DataError(f"{path} is not there yet. Run the stage `tune` first.")
        fusion = Fusion(found["weights"], found["constant"])
        return cls(
            found["sources"],
            fusion,
            found["folds"],
            found["customers"],
            found["map_at_12_on_these_folds"],
            found["tried"],
        )

    def in_words(self) -> str:
        """One line."""
        weights = sorted(self.fusion.weights.items(), key=lambda pair: -pair[1])
        chosen = []
        for key in self.tried:
            name, _, parameter = key.partition(".")
            chosen.append(f"{key} {self.sources[name][parameter]}")
        return ", ".join([*chosen, *(f"{name} ×{weight:.2g}" for name, weight in weights)])


def tune_for(run: "Run", fold: Fold, what: str) -> Tuned:
    """Choose for `fold` on the folds before it: the newest, and earlier ones until there are enough buyers.

    Raises DataError where no earlier fold has a buyer.
    """
    folds = earlier_folds(run, fold)
    if not folds:
        raise DataError(
            f"Nobody bought anything in the {run.settings.tuning.weeks} periods of {run.settings.holdout_days} "
            f"days before {fold.as_of}, so there is nothing to choose settings on. Use a longer --holdout-days."
        )
    lines, tried = dict(run.settings.retrieval.sources), {}
    for key, values in progress(run.settings.tuning.grid.items(), f"{what}: parameters", unit="parameter"):
        name, _, parameter = key.partition(".")
        if name not in lines:
            raise DataError(f"tuning.grid: {key} names no source. Sources: {', '.join(lines)}.")
        scores = {value: _alone(run, folds, name, lines[name] | {parameter: value}) for value in values}
        lines[name] = lines[name] | {parameter: _choose(scores, lines[name].get(parameter))}
        tried[key] = {str(value): float(score.mean()) for value, score in scores.items()}
    candidates = [run.labelled_candidates(f, lines) for f in progress(folds, f"{what}: candidates", unit="fold")]
    labelled = Labelled.of(candidates, list(lines))
    fusion, score = choose_fusion(labelled, LIST_LENGTH)
    return Tuned(lines, fusion, [str(f.as_of) for f in folds], labelled.customers, score, tried)


def earlier_folds(run: "Run", fold: Fold) -> list[Fold]:
    """The folds to choose on, newest first; none where nobody bought anything."""
    return folds_before(run, fold, run.settings.tuning.customers, run.settings.tuning.weeks)


def folds_before(
    run: "Run", fold: Fold, customers: int, most: int, least: int = 1, enough: float = np.inf
) -> list[Fold]:
    """Labelled folds before `fold`, newest first: `least`, then more up to so many buyers, but at most `most`.

    Fewer than `least` where these hold `enough` buyers. Folds without a buyer are left out, and those without a
    fold's length of history.
    """
    length = fold.until - fold.as_of
    folds, found = [], 0
    for step in range(1, most + 1):
        earlier = fold.earlier(step)
        held = found >= customers and (step > least or found >= enough)
        if held or earlier.as_of - length < run.calendar.first_day:
            break
        buyers = run.labels(earlier)["customer"].n_unique()
        found += buyers
        folds += [earlier] if buyers else []
    return folds


def _choose(scores: dict[Any, Floats], current: Any) -> Any:
    """The best value, where that is a clear gain over the current one.

    Noise would otherwise move the parameters from week to week, and whatever is made with them be made anew.
    """
    best = max(scores, key=lambda value: float(scores[value].sum()))
    if current not in scores:
        return best
    clear = clear_gain(scores[best] - scores[current], len(scores[best]), CAUTION)
    return best if clear else current


def _alone(run: "Run", folds: list[Fold], name: str, line: "Line") -> Floats:
    """AP@12 of one source alone, of each buyer of each fold."""
    return np.concatenate([_alone_in(run, fold, name, json.dumps(line)) for fold in folds])


@cache  # a few numbers a fold; a backtest asks for most folds at every cut-off
def _alone_in(run: "Run", fold: Fold, name: str, line: str) -> Floats:
    candidates, labels = run.labelled_candidates(fold, {name: json.loads(line)})
    return average_precision(candidates.collect(), labels, LIST_LENGTH)["average_precision"].to_numpy()
