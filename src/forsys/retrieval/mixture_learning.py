"""How a mixture learns: candidates of past events, their negatives sampled, and the trees.

LightGBM is imported only where trees are learned or used, since every command looks at the settings' sources.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from forsys.arrays import Bools, Floats, Ints, position_within
from forsys.progress import step_callback
from forsys.retrieval.mixture_candidates import Candidates

if TYPE_CHECKING:
    import lightgbm as lgb

TRUNCATION = 100  # first ranks that lambdarank looks at, since accuracy is read up to there
# No settings: strongly regularized, since scores mean a little less on the days that are learned from than in use,
# where members know more days. On hm-week's 20th .1777 at 10 instead of .1713 with 60 trees at rate .1, 50 rows a
# leaf, L2 1 and half of the features.
LIGHTGBM_PARAMETERS: dict[str, Any] = {
    "objective": "lambdarank",
    "lambdarank_truncation_level": TRUNCATION,
    "min_data_in_leaf": 500,
    "max_bin": 63,
    "lambda_l2": 20.0,
    "feature_fraction": 0.2,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True, eq=False)
class Examples:
    """Candidates of events in which the article bought next is one of them, sorted by event."""

    features: Floats  # (rows, features) float32
    hit: Bools  # (rows,) whether it was bought next
    sizes: Ints  # (events,) rows of each event

    @classmethod
    def concat(cls, parts: Iterable[Self]) -> Self:
        """One after the other."""
        parts = list(parts)
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__annotations__))


def sample(hit: Bools, row: Ints, num_negatives: int, rng: np.random.Generator) -> Ints:
    """Which candidates to learn from: every hit, with `num_negatives` others of its event, sampled uniformly.

    hit, row: whether each candidate was bought next, and its event, in increasing order. Returns sorted positions.
    """
    chance = np.where(hit, -1, rng.random(len(hit)))
    order = np.lexsort((chance, row))
    first = order[position_within(row[order]) <= num_negatives]
    has_hit = np.bincount(row, weights=hit, minlength=1) > 0
    return np.sort(first[has_hit[row[first]]])


def bought_next(candidates: Candidates, target: Ints) -> Bools:
    """Whether each candidate is the article that its profile bought next; target: that of each profile."""
    hit: Bools = candidates.article == target[candidates.row]
    return hit


def learn(examples: Examples, trees: int, leaves: int, rate: float, seed: int) -> Ints:
    """LightGBM's text, as bytes (uint8); none where there is no hit."""
    import lightgbm as lgb

    if not examples.hit.any():
        return np.zeros(0, np.uint8)
    options = LIGHTGBM_PARAMETERS | {"num_leaves": leaves, "learning_rate": rate, "seed": seed}
    data = lgb.Dataset(examples.features, examples.hit.astype(np.float32), group=examples.sizes)
    callbacks = [step_callback(trees, "LightGBM", "tree")]
    text = lgb.train(options, data, trees, callbacks=callbacks).model_to_string()
    return np.frombuffer(text.encode(), np.uint8)


def booster(text: Ints) -> "lgb.Booster":
    """The inverse of `learn`."""
    import lightgbm as lgb

    return lgb.Booster(model_str=text.tobytes().decode())
