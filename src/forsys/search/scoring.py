"""What settings score on weeks before the holdout: each buyer's average precision, kept on disk by fold."""

from dataclasses import dataclass, field, replace

import numpy as np

from forsys.arrays import Floats
from forsys.calendar import Fold
from forsys.candidates import make_candidates
from forsys.fingerprints import code_fingerprint, fingerprint
from forsys.metrics.lists import average_precision
from forsys.ranking.ordering import rank_buyers
from forsys.ranking.training_pairs import LabelledFolds
from forsys.ranking.tuning import Tuned, tune_for
from forsys.retrieval.registry import source_fingerprint
from forsys.run import Run
from forsys.settings import Settings
from forsys.store import is_current, read_arrays, write_arrays, write_stamp

# Of the section `ranking`, what decides how trees are grown, and not which pairs they learn from.
OF_THE_TREES = {
    "objective", "num_iterations", "learning_rate", "num_leaves", "min_data_in_leaf", "lambda_l2",
    "feature_fraction", "bagging_fraction", "num_models", "reranked",
}  # fmt: skip


@dataclass(eq=False)
class Scorer:
    """Scores settings fold by fold. What several settings have in common is computed once.

    `_tuned` are the choices of `tune_for`, by what they depend on; `_labelled` the pairs of the last settings,
    which serve the next where only the trees differ.
    """

    run: Run
    _tuned: dict[tuple[str, Fold], Tuned] = field(default_factory=dict)
    _labelled: tuple[str, LabelledFolds] | None = None

    def average_precision(self, settings: Settings, fold: Fold) -> Floats:
        """Of the ranker's list of each buyer of a fold, by dense id: (buyers,). Read back where it is known."""
        key = self._fingerprint(settings, fold)
        path = self.run.workspace.search / "scored" / f"{fold.as_of}-{key}.npz"
        if not is_current(path, key):
            write_arrays({"average_precision": self._computed(settings, fold)}, path)
            write_stamp(path, key)
        found: Floats = read_arrays(path)["average_precision"]
        return found

    def _computed(self, settings: Settings, fold: Fold) -> Floats:
        run = self.run.with_settings(settings)
        key = fingerprint(settings.model_dump(mode="json", exclude={"ranking"}))
        if (key, fold) not in self._tuned:
            self._tuned[key, fold] = tune_for(run, fold)
        tuned = self._tuned[key, fold]
        make_candidates(run, [fold], tuned.sources)
        ranked = rank_buyers(self._pairs(run), tuned, fold)
        return average_precision(ranked, run.labels(fold), settings.k)["average_precision"].to_numpy()

    def _pairs(self, run: Run) -> LabelledFolds:
        """The labelled pairs of a run: those of the one before where only the trees differ."""
        key = fingerprint(run.settings.model_dump(mode="json", exclude={"ranking": OF_THE_TREES}))
        shared = self._labelled[1] if self._labelled and self._labelled[0] == key else LabelledFolds(run)
        self._labelled = (key, replace(shared, run=run))  # with the same pairs in memory
        return self._labelled[1]

    def _fingerprint(self, settings: Settings, fold: Fold) -> str:
        """Of all that the scores follow from."""
        sources = [source_fingerprint(*source) for source in settings.retrieval.sources.items()]
        tables = [self.run.fingerprint_of(stage) for stage in ("tables", "content")]
        return fingerprint(
            settings.model_dump(mode="json"), str(fold.as_of), sources, tables, code_fingerprint(__name__)
        )


def customers_of(run: Run, folds: list[Fold]) -> np.ndarray:
    """The customer of each row of the scores of several folds, one after the other: (rows,)."""
    return np.concatenate([run.target_customers(fold) for fold in folds])
