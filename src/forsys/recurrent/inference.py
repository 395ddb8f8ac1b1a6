"""From a trained model, and what customers bought, to what they may buy next: vectors whose products are scores."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from forsys.recurrent.network import Network, Tensors
from forsys.recurrent.steps import moment_codes, paid
from forsys.recurrent.training import Knowledge, Model
from forsys.tables.history import Floats, Ints, Profiles

ROWS = 1024  # profiles at a time
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
    """Reads profiles. `vectors`, `price_level` and `people` are what the network was trained with."""

    def __init__(self, network: Network, vectors: Floats, price_level: Floats, people: Ints) -> None:
        self.network, self.price_level, self.people = network, price_level, people
        self.vectors = tf.constant(vectors[:, :-1])
        self._step = tf.function(self._one_step, autograph=False)

    def expect(self, profiles: Profiles) -> Floats:
        """What each profile expects next, and behind it a 1: (profiles, dimension + 1), float32.

        Of no profile does it depend on which others there are: always ROWS are read at a time.
        """
        found = np.ones((len(profiles), self.network.dimension + 1), np.float32)
        for rows, length in by_length(profiles):
            block = profiles[np.resize(rows, ROWS)]
            state = self.network.zero_state(ROWS)
            for step in zip(*self._steps(block, length), strict=True):
                output, state = self._step(*map(tf.constant, step), state)
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

    def _one_step(self, *step: tf.Tensor) -> tuple[tf.Tensor, Tensors]:
        """The output of one column of steps, (profiles, dimension), and the state after it."""
        outputs, state = self.network(self.vectors, *step)
        return outputs[:, 0], state


def by_length(profiles: Profiles) -> Iterator[tuple[Ints, int]]:
    """Rows of profiles, up to ROWS of about one length at a time, and how many purchases to read of each."""
    length = np.minimum(profiles.stop - profiles.start, LONGEST)
    order = np.argsort(length, kind="stable")
    for start in range(0, len(order), ROWS):
        rows = order[start : start + ROWS]
        yield rows, int(length[rows[-1]])
