"""Mixture: trees that order the candidates of several sources, learned from next-item events before the cut-off."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from scipy import sparse

from forsys.arrays import Floats, Ints
from forsys.calendar import Fold
from forsys.fingerprints import fingerprint
from forsys.progress import progress
from forsys.retrieval.mixture_candidates import union
from forsys.retrieval.mixture_features import GROUPS, Articles, Group, Problem, columns_of, matrix
from forsys.retrieval.mixture_learning import Examples, booster, bought_next, learn, sample
from forsys.retrieval.registry import make_source
from forsys.retrieval.source import PARAMETERS, Source
from forsys.settings import SourceConfig
from forsys.tables.events import next_item_events, profiles_of
from forsys.tables.history import History, Profiles

Fit = Callable[[str, SourceConfig, History, date], Source]
EVENTS_PER_BLOCK = 500  # whose candidates and features are in memory at a time: about 100 MiB


def fit_source(name: str, config: SourceConfig, history: History, as_of: date) -> Source:
    """Make the source of a config and fit it."""
    return make_source(name, config).fit(history, as_of)


class Fitted:
    """Fits sources, and each only once at a cut-off: for several mixtures with members in common."""

    def __init__(self) -> None:
        self._sources: dict[tuple[str, date], Source] = {}

    def __call__(self, name: str, config: SourceConfig, history: History, as_of: date) -> Source:
        """As `fit_source`. The purchases before `as_of` must always be the same."""
        key = fingerprint(config), as_of
        if key not in self._sources:
            self._sources[key] = fit_source(name, config, history, as_of)
        return self._sources[key]


@dataclass(config=PARAMETERS)
class Mixture(Source):
    """LightGBM over the scores of its members, for the candidates that any of them has among its best.

    It learns from the last days before the cut-off, the next item of each profile (lambdarank, Burges 2010). The
    members whose scores it learns from are fitted before those days, so they never saw the events; for use they are
    fitted anew at the cut-off. Where those days hold no event, or no member found what was bought, candidates are
    ordered by reciprocal-rank fusion.
    """

    members: Annotated[dict[str, SourceConfig], Field(min_length=1)]
    """Name and config of each source."""
    depth: PositiveInt = 120
    """Best articles by each score of a member that become candidates."""
    label_days: PositiveInt = 2
    """Days before the cut-off whose events are learned from."""
    max_events: PositiveInt = 16_000
    """Events to learn from; of more, a sample is taken."""
    num_negatives: PositiveInt = 120
    """Candidates per event that were not bought next, sampled uniformly: with the hardest alone, others win."""
    features: tuple[Group, ...] = tuple(GROUPS)
    """Feature groups (see mixture_features.py)."""
    num_iterations: PositiveInt = 120
    """Trees."""
    num_leaves: Annotated[int, Field(ge=2)] = 31
    """Leaves of a tree."""
    learning_rate: PositiveFloat = 0.05
    """Weight of each tree."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    """Of the samples and of the trees."""

    uses_content: ClassVar[bool] = True  # a member may
    fits_slowly: ClassVar[bool] = True

    def fit(self, history: History, as_of: date, fit: Fit = fit_source) -> Self:
        """Learn the order, then fit the members at the cut-off. `fit` fits each of them, such as a `Fitted`."""
        self.trees_ = self._learn(history, Fold(as_of - timedelta(days=self.label_days), as_of), fit)
        history = history.before(as_of)
        self._members = self._fitted_members(history, as_of, fit)
        self.articles_ = Articles.of(history, as_of).values
        catalogues = [member.catalogue_ for member in self._members.values()]
        self.catalogue_ = np.unique(np.concatenate(catalogues)).astype(np.int32)
        return self

    def check(self, history: History) -> None:
        """As each member's."""
        for name, config in self.members.items():
            make_source(name, config).check(history)

    def scores(self, profiles: Profiles) -> sparse.csr_array:
        """Those of the candidates; nothing is stored for other articles."""
        problem = self.problem(profiles)
        cells = (problem.candidates.row, self.columns(problem.candidates.article))
        return sparse.csr_array((self.order(problem), cells), shape=(len(profiles), len(self.catalogue_)))

    def problem(self, profiles: Profiles) -> Problem:
        """The candidates of profiles, and what is known to order them."""
        return Problem(union(self._members, profiles, self.depth), self._members, Articles(self.articles_))

    def order(self, problem: Problem) -> Floats:
        """A score for each candidate, float32: by the trees, or by the fusion where there are none."""
        if not len(self.trees_):
            return columns_of(problem, ["scores"])["fusion"].astype(np.float32)
        if not len(problem.candidates):
            return np.zeros(0, np.float32)
        trees = self.kept("booster", self.trees_, lambda: booster(self.trees_))
        return np.asarray(trees.predict(matrix(columns_of(problem, self.features))), np.float32)

    def _learn(self, history: History, fold: Fold, fit: Fit) -> Ints:
        """The trees (see mixture_learning.py), from the events of a fold."""
        events = next_item_events(history, fold, self.max_events, self.seed)
        if not len(events):
            return np.zeros(0, np.uint8)
        members = self._fitted_members(history.before(fold.as_of), fold.as_of, fit)
        articles = Articles.of(history, fold.as_of)
        rng = np.random.default_rng(self.seed)
        parts = []
        for start in progress(range(0, len(events), EVENTS_PER_BLOCK), "examples", unit="block"):
            block = events[start : start + EVENTS_PER_BLOCK]
            problem = Problem(union(members, profiles_of(history, block), self.depth), members, articles)
            parts.append(self._examples(problem, history.article[block], rng))
        return learn(Examples.concat(parts), self.num_iterations, self.num_leaves, self.learning_rate, self.seed)

    def _examples(self, problem: Problem, target: Ints, rng: np.random.Generator) -> Examples:
        """Features are computed among all candidates, as in use, before the negatives are sampled."""
        candidates = problem.candidates
        hit = bought_next(candidates, target)
        kept = sample(hit, candidates.row, self.num_negatives, rng)
        rows = matrix(columns_of(problem, self.features))[kept]
        return Examples(rows, hit[kept], np.unique(candidates.row[kept], return_counts=True)[1])

    def _fitted_members(self, history: History, as_of: date, fit: Fit) -> dict[str, Source]:
        return {name: fit(name, config, history, as_of) for name, config in self.members.items()}

    def state(self) -> dict[str, Any]:
        """Its own, and that of each member, as "member.name"."""
        states = {name: member.state() for name, member in self._members.items()}
        of_members = {f"{name}.{key}": value for name, state in states.items() for key, value in state.items()}
        return super().state() | of_members

    def restore(self, state: Mapping[str, Any]) -> Self:
        """As of every source."""
        self._members = {}
        for name, config in self.members.items():
            own = {key.partition(".")[2]: value for key, value in state.items() if key.startswith(f"{name}.")}
            self._members[name] = make_source(name, config).restore(own)
        return super().restore({key: value for key, value in state.items() if "." not in key})
