"""From a trained model, and what customers bought, to what they may buy next: vectors whose products are scores."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from forsys.recurrent.network import Network
from forsys.recurrent.steps import moment_codes, paid
from forsys.recurrent.training import Knowledge, Model
from forsys.tables.history import Floats, Ints, Profiles

ROWS = 1024  # profiles at a time
ARTICLES = 8192  # articles at a time
LENGTHS = (1, 2, 3, 5, 8, 13, 21, 34, 55)  # purchases read: profiles go with others of about their length


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
        self._read = tf.function(self._last_output, autograph=False)

    def expect(self, profiles: Profiles) -> Floats:
        """What each profile expects next, and behind it a 1: (profiles, dimension + 1), float32."""
        found = np.ones((len(profiles), self.network.dimension + 1), np.float32)
        for rows, length in by_length(profiles):
            block = profiles[np.resize(rows, ROWS)]  # repeated up to a fixed size: one traced graph a length
            found[rows, :-1] = self._read(*map(tf.constant, self._steps(block, length))).numpy()[: len(rows)]
        return found

    def _steps(self, profiles: Profiles, length: int) -> tuple[np.ndarray[Any, Any], ...]:
        """Steps up to the newest purchase, (profiles, 1 + length); those before the oldest one are start steps."""
        history = profiles.history
        read = profiles.stop[:, None] - np.arange(length + 1, 0, -1)[None]
        starts = read < profiles.start[:, None]
        starts[:, 0] = True
        read = np.where(starts, 0, read)
        day = np.concatenate([history.day[read[:, 1:]], profiles.as_of[:, None]], axis=1)
        place = np.where(starts, -1, history.article[read]).astype(np.int32)
        codes = moment_codes(history, read, day, starts)
        who = np.broadcast_to(self.people[profiles.customers][:, None], (*read.shape, self.people.shape[1]))
        return place, starts, codes, paid(history, read, starts, self.price_level), who

    def _last_output(self, *steps: tf.Tensor) -> tf.Tensor:
        outputs, _ = self.network(self.vectors, *steps, self.network.zero_state(ROWS))
        return outputs[:, -1]


def by_length(profiles: Profiles) -> Iterator[tuple[Ints, int]]:
    """Rows of profiles, up to ROWS at a time, and how many purchases to read of each."""
    longest = np.minimum(profiles.stop - profiles.start, LENGTHS[-1])
    step = np.searchsorted(LENGTHS, longest)
    for i, length in enumerate(LENGTHS):
        rows = np.flatnonzero(step == i)
        for start in range(0, len(rows), ROWS):
            yield rows[start : start + ROWS], length
