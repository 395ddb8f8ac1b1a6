"""Choose source parameters and fusion weights on the folds before the one they are used for."""

import json
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from forsys.arrays import Floats
from forsys.calendar import Fold
from forsys.candidates import labelled_candidates, make_candidates
from forsys.errors import DataError
from forsys.metrics.lists import average_precision
from forsys.progress import progress
from forsys.retrieval.fusion import Fusion, FusionProblem, choose_fusion, clear_gain
from forsys.retrieval.registry import make_source, source_class
from forsys.run import Run
from forsys.settings import SourceConfig
from forsys.store import read_json, write_json


@dataclass(frozen=True)
class Tuned:
    """What was chosen: the sources' configs with their parameters, and the fusion."""

    sources: dict[str, SourceConfig]
    fusion: Fusion
    folds: list[str]  # those it was chosen on
    customers: int
    score: float  # MAP@k on these folds, so a little flattering
    tried: dict[str, dict[str, float]]  # MAP@k of each value of each tuned parameter
    left_out: list[str] = field(default_factory=list)  # slow sources that the fusion is better without

    def to_json(self) -> dict[str, Any]:
        """For tuned.json."""
        return {
            "sources": self.sources,
            "order": list(self.sources),  # that of the features, which decides between splits that gain the same
            "weights": self.fusion.weights,
            "constant": self.fusion.constant,
            "folds": self.folds,
            "customers": self.customers,
            "map_on_these_folds": self.score,
            "tried": self.tried,
            "left_out": self.left_out,
        }

    @classmethod
    def read(cls, path: Path) -> "Tuned":
        """Read tuned.json. Raises DataError where the stage has not run."""
        found = read_json(path)
        if found is None or "order" not in found:
            raise DataError(f"{path} is missing, or of another version of forsys. Run the stage `tune` first.")
        order = found["order"]
        return cls(
            {name: found["sources"][name] for name in order},
            Fusion({name: found["weights"][name] for name in order}, found["constant"]),
            found["folds"],
            found["customers"],
            found["map_on_these_folds"],
            found["tried"],
            found["left_out"],
        )

    def without_idle(self) -> "Tuned":
        """Without the slow sources that got no weight: to fit them at every other fold would gain nothing.

        At a grocer's, whose customers rebuy, a network and two factorisations took most of an hour for no weight.
        Where all sources are such, they stay: without one there would be no candidates.
        """
        idle = [name for name, config in self.sources.items() if self._is_idle(name, config)]
        if len(idle) == len(self.sources):
            return self
        used = {name: config for name, config in self.sources.items() if name not in idle}
        weights = {name: weight for name, weight in self.fusion.weights.items() if name in used}
        return replace(self, sources=used, fusion=replace(self.fusion, weights=weights), left_out=idle)

    def _is_idle(self, name: str, config: SourceConfig) -> bool:
        return not self.fusion.weights[name] and source_class(name, config).fits_slowly

    def summary(self) -> str:
        """One line: what it was chosen on."""
        periods = "period" if len(self.folds) == 1 else "periods"
        return f"on {self.customers:,} buyers of {len(self.folds)} earlier {periods}"

    def choices(self) -> list[str]:
        """A line for the parameters that were chosen, if any, and one for the weights, largest first."""
        weights = sorted(self.fusion.weights.items(), key=lambda pair: -pair[1])
        chosen = []
        for key in self.tried:
            name, _, parameter = key.partition(".")
            chosen.append(f"{key} = {self.sources[name][parameter]}")
        lines = [f"parameters: {', '.join(chosen)}"] if chosen else []
        lines.append(f"weights: {', '.join(f'{name} {weight:.2g}' for name, weight in weights)}")
        return [*lines, *([f"left out, without weight: {', '.join(self.left_out)}"] if self.left_out else [])]


def tune(run: Run) -> Tuned:
    """Choose for the holdout (and so for the submission), and write tuned.json."""
    _refuse_short_lists(run)
    _refuse_empty_holdout(run)
    tuned = tune_for(run, run.calendar.holdout)
    write_json(tuned.to_json(), run.workspace.tuned)
    return tuned


def _refuse_short_lists(run: Run) -> None:
    """DataError where too few articles were sold to fill a list: better now than when the lists are written."""
    before = run.calendar.holdout.as_of
    if fault := short_lists(int(np.count_nonzero(run.history.sold_before(before))), before, run.settings.k):
        raise DataError(fault)


def short_lists(sold: int, before: date, k: int) -> str:
    """What is wrong where only `sold` articles were sold before the holdout; empty where they fill a list of k."""
    if sold >= k:
        return ""
    articles = "different article was" if sold == 1 else "different articles were"
    return (
        f"Only {sold} {articles} sold before {before}, and every customer gets {k}. Use a longer log, or a smaller "
        f"k, such as --set k={max(sold, 1)}"
    )


def _refuse_empty_holdout(run: Run) -> None:
    """DataError where nothing of what was bought in the holdout was kept."""
    fold = run.calendar.holdout
    if run.labels(fold).is_empty():
        raise DataError(
            f"All that was bought between {fold.as_of} and {fold.until} (not included) came back by then, so there "
            "is nothing to score lists by. Use a longer --holdout-days."
        )


def tune_for(run: Run, fold: Fold) -> Tuned:
    """Choose for `fold` on the folds before it: the newest, and earlier ones until there are enough buyers.

    Raises DataError where no earlier fold has a buyer.
    """
    folds = tuning_folds(run, fold)
    if not folds:
        raise DataError(
            f"Nobody bought anything in the {run.settings.tuning.max_weeks} periods of {run.settings.holdout_days} "
            f"days before {fold.as_of}, so there is nothing to choose settings on. Use a longer --holdout-days."
        )
    sources, tried = dict(run.settings.retrieval.sources), {}
    for name, config in sources.items():
        make_source(name, config).check(run.history)
    for key, values in progress(run.settings.tuning.grid.items(), f"{fold.as_of}: tune", unit="parameter"):
        name, _, parameter = key.partition(".")
        current = _current(sources[name], parameter)
        values = values if current in values else [current, *values]
        make_candidates(run, folds, *({name: sources[name] | {parameter: value}} for value in values))
        scores = [_average_precision(run, folds, name, sources[name] | {parameter: value}) for value in values]
        chosen = _choose(run, values, scores, current)
        sources[name] = sources[name] | {parameter: chosen}
        tried[key] = {str(value): float(score.mean()) for value, score in zip(values, scores, strict=True)}
    make_candidates(run, folds, sources)
    candidates = [labelled_candidates(run, each, sources) for each in folds]
    problem = FusionProblem.of(candidates, list(sources))
    fusion, score = choose_fusion(problem, run.settings.k)
    days = [str(each.as_of) for each in folds]
    return Tuned(sources, fusion, days, problem.customers, score, tried).without_idle()


def tuning_folds(run: Run, fold: Fold) -> list[Fold]:
    """The folds to choose on, newest first; none where nobody bought anything."""
    return folds_before(run, fold, run.settings.tuning.min_buyers, run.settings.tuning.max_weeks)


def folds_to_score(run: Run, weeks: int) -> list[Fold]:
    """Those of the `weeks` before the holdout that have buyers and weeks to learn from, newest first.

    Raises DataError where there are none.
    """
    earlier = run.calendar.weekly(weeks + 1)[1:]
    folds = [fold for fold in earlier if tuning_folds(run, fold) and len(run.labels(fold))]
    if not folds:
        raise DataError(
            f"None of the {weeks} periods before the holdout has buyers, and earlier ones to learn from."
        )
    return folds


def folds_before(
    run: Run, fold: Fold, min_buyers: int, max_folds: int, min_folds: int = 1, sufficient_buyers: float = np.inf
) -> list[Fold]:
    """Labelled folds before `fold`, newest first: `min_folds`, then more until they have `min_buyers` together.

    At most `max_folds`, and fewer than `min_folds` once they have `sufficient_buyers`. Folds without a buyer are
    left out, and those without a fold's length of history before them.
    """
    length = fold.until - fold.as_of
    folds: list[Fold] = []
    buyers = 0
    for step in range(1, max_folds + 1):
        earlier = fold.earlier(step)
        enough = buyers >= min_buyers and (len(folds) >= min_folds or buyers >= sufficient_buyers)
        if enough or earlier.as_of - length < run.calendar.first_day:
            break
        found = run.labels(earlier)["customer"].n_unique()
        buyers += min(found, run.settings.max_buyers_per_week)  # of the holdout all are known, and as many are used
        folds += [earlier] if found else []
    return folds


def _current(config: SourceConfig, parameter: str) -> Any:
    """The value of a parameter before tuning, as settings write it: the config's, or else the class's default."""
    value = config.get(parameter, getattr(make_source("", config), parameter))
    return list(value) if isinstance(value, tuple) else value


def _choose(run: Run, values: list[Any], scores: list[Floats], current: Any) -> Any:
    """The best of `values` by its AP of each buyer, if its gain over the current one, one of them, is clear.

    Otherwise noise would change the parameters from week to week, and all that depends on them be made again.
    """
    best = int(np.argmax([float(score.sum()) for score in scores]))
    difference = scores[best] - scores[values.index(current)]
    is_clear = clear_gain(difference, len(difference), run.settings.tuning.min_standard_errors)
    return values[best] if is_clear else current


def _average_precision(run: Run, folds: list[Fold], name: str, config: SourceConfig) -> Floats:
    """AP@k of one source alone, of each buyer of each fold."""
    return np.concatenate([_average_precision_in(run, fold, name, json.dumps(config)) for fold in folds])


@cache  # a few numbers per fold; a backtest asks for most folds at every cut-off
def _average_precision_in(run: Run, fold: Fold, name: str, config: str) -> Floats:
    candidates, labels = labelled_candidates(run, fold, {name: json.loads(config)})
    return average_precision(candidates.collect(), labels, run.settings.k)["average_precision"].to_numpy()
