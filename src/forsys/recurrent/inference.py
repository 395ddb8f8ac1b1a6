"""From a trained model, and what customers bought, to what they may buy next: vectors whose products are scores."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from forsys.recurrent.backend import tf
from forsys.recurrent.model import Model, make_network, sizes
from forsys.recurrent.network import Network, Tensors
from forsys.recurrent.recipe import Recipe
from forsys.recurrent.steps import moment_codes, paid
from forsys.recurrent.training import Knowledge
from forsys.tables.history import Floats, Ints, Profiles

ROWS = 512  # profiles at a time, always so many: fewer waste less on small shops, more save little on large ones
ARTICLES = 8192  # articles at a time
LONGEST = 55  # purchases read of a profile: the newest


def article_vectors(model: Model, facts: Knowledge) -> Floats:
    """Vectors of the shop's articles, behind each what is added for it: (articles, dimension + 1), float32."""
    everything = np.arange(len(facts.number))
    parts = []
    for start in range(0, len(everything), ARTICLES):
        number, codes, values = facts.of(everything[start : start + ARTICLES])
        vectors, bias = model.articles(number, codes, values), model.articles.bias(number)
        parts.append(tf.concat([vectors, bias[:, None]], axis=1).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, model.network.dimension + 1), np.float32)


class Reader:
    """Reads profiles. A network's `weights`, `vectors`, `price_level` and `people` are as they were in training."""

    def __init__(
        self, recipe: Recipe, weights: list[Floats], vectors: Floats, price_level: Floats, people: Ints
    ) -> None:
        self.price_level, self.people = price_level, people
        self.network, self._step = _reading(sizes(people), Recipe.of(recipe))
        self.fixed = [list(map(tf.constant, weights)), tf.constant(vectors[:, :-1])]

    def expect(self, profiles: Profiles) -> Floats:
        """What each profile expects next, and behind it a 1: (profiles, dimension + 1), float32.

        Of no profile does it depend on which others there are: always ROWS are read at a time.
        """
        found = np.ones((len(profiles), self.network.dimension + 1), np.float32)
        for rows, length in by_length(profiles):
            block = profiles[np.resize(rows, ROWS)]
            state = self.network.zero_state(ROWS)
            for step in zip(*self._steps(block, length), strict=True):
                output, state = self._step(*self.fixed, *map(tf.constant, step), state)
            found[rows, :-1] = output.numpy()[: len(rows)]
        return found

    def _steps(self, profiles: Profiles, length: int) -> tuple[np.ndarray[Any, Any], ...]:
        """Steps up to the newest purchase, (1 + length, profiles, 1); those before the oldest are start steps."""
        history = profiles.history
        read = profiles.stop - np.arange(length + 1, 0, -1)[:, None]
        starts = read < profiles.start
        starts[0] = True
        read = np.where(starts, 0, read)
        day = np.concatenate([history.day[read[1:]], profiles.as_of[None]])
        place = np.where(starts, -1, history.article[read]).astype(np.int32)
        codes = moment_codes(history, read, day, starts)
        who = np.broadcast_to(self.people[profiles.customers], (*read.shape, self.people.shape[1]))
        steps = (place, starts, codes, paid(history, read, starts, self.price_level), who)
        return tuple(array[:, :, None] for array in steps)


@lru_cache(maxsize=4)
def _reading(people: tuple[int, ...], recipe: Recipe) -> tuple[Network, Any]:
    """A network for its form, and the traced function of one column of steps, which is given the weights."""
    network = make_network(people, recipe, 0)
    random = [variable.value for variable in network.non_trainable_variables]  # of the dropout, which is off

    def step(weights: list[tf.Tensor], *inputs: Any) -> tuple[tf.Tensor, Tensors]:
        """The output, (profiles, dimension), and the state after it."""
        (outputs, state), _ = network.stateless_call(weights, random, *inputs)
        return outputs[:, 0], state

    return network, tf.function(step, autograph=False)


def by_length(profiles: Profiles) -> Iterator[tuple[Ints, int]]:
    """Rows of profiles, up to ROWS of about one length at a time, and how many purchases to read of each."""
    length = np.minimum(profiles.stop - profiles.start, LONGEST)
    order = np.argsort(length, kind="stable")
    for start in range(0, len(order), ROWS):
        rows = order[start : start + ROWS]
        yield rows, int(length[rows[-1]])
