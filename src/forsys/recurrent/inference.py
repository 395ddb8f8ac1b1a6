"""Scores from a trained model: vectors of articles and of profiles, whose inner products are the scores."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from forsys.arrays import Floats, Ints
from forsys.recurrent.backend import Tensors, tf
from forsys.recurrent.config import NetworkConfig
from forsys.recurrent.context import context_codes, price_residual
from forsys.recurrent.model import Model, make_network, vocabulary_sizes
from forsys.recurrent.network import Network
from forsys.recurrent.training import EncodedFeatures
from forsys.tables.history import Profiles

FEW = 4  # profiles that are read as a block of their own
PROFILES_PER_BLOCK = 512  # fewer waste less on small shops, more save little on large ones
ARTICLES_PER_BLOCK = 8192
MAX_PURCHASES = 55  # the newest purchases of a profile, which are read


def article_vectors(model: Model, features: EncodedFeatures) -> Floats:
    """Each article's vector, followed by its popularity bias: (articles, embedding_dim + 1), float32."""
    parts = []
    for start in range(0, len(features.ids), ARTICLES_PER_BLOCK):
        ids, codes, values = features.tensors(slice(start, start + ARTICLES_PER_BLOCK))
        vectors, bias = model.articles(ids, codes, values), model.articles.bias(ids)
        parts.append(tf.concat([vectors, bias[:, None]], axis=1).numpy())
    return np.concatenate(parts) if parts else np.zeros((0, model.network.embedding_dim + 1), np.float32)


class ProfileEncoder:
    """Encodes profiles with a trained network, given by its weights and the features that it was trained with."""

    def __init__(
        self, config: NetworkConfig, weights: list[Floats], vectors: Floats, mean_log_price: Floats, customers: Ints
    ) -> None:
        # The last row is of a customer who came after the training: nothing is known of him or her.
        self.mean_log_price, self.customer_codes = mean_log_price, np.pad(customers, ((0, 1), (0, 0)))
        self.network, self._step = _traced_network(vocabulary_sizes(customers), NetworkConfig.of(config))
        self.fixed = [list(map(tf.constant, weights)), tf.constant(vectors[:, :-1])]

    def encode(self, profiles: Profiles) -> Floats:
        """The network's output after each profile, followed by a 1: (profiles, embedding_dim + 1), float32.

        Blocks are filled up to PROFILES_PER_BLOCK, so that no output depends on the other profiles; only up to FEW
        where there are no more, which gave the same bits.
        """
        encoded = np.ones((len(profiles), self.network.embedding_dim + 1), np.float32)
        size = FEW if len(profiles) <= FEW else PROFILES_PER_BLOCK
        for rows, length in by_length(profiles):
            block, state = profiles[np.resize(rows, size)], self.network.zero_state(size)
            for step in zip(*self._steps(block, length), strict=True):
                output, state = self._step(*self.fixed, *map(tf.constant, step), state)
            encoded[rows, :-1] = output.numpy()[: len(rows)]
        return encoded

    def _steps(self, profiles: Profiles, length: int) -> tuple[np.ndarray[Any, Any], ...]:
        """The network's inputs up to the newest purchase, (1 + length, profiles, 1, …).

        Steps before a profile's oldest purchase are start steps.
        """
        history = profiles.history
        read = profiles.stop - np.arange(length + 1, 0, -1)[:, None]
        starts = read < profiles.start
        starts[0] = True
        read = np.where(starts, 0, read)
        day = np.concatenate([history.day[read[1:]], profiles.as_of[None]])
        article = np.where(starts, -1, history.article[read]).astype(np.int32)
        codes = context_codes(history, read, day, starts)
        residual = price_residual(history, read, starts, self.mean_log_price)
        customer = self.customer_codes[profiles.customers]
        customer = np.broadcast_to(customer, (*read.shape, customer.shape[1]))
        return tuple(array[:, :, None] for array in (article, starts, codes, residual, customer))


@lru_cache(maxsize=4)
def _traced_network(customer_sizes: tuple[int, ...], config: NetworkConfig) -> tuple[Network, Any]:
    """A network of this form, and the traced function of one step, which takes the weights as an argument."""
    network = make_network(customer_sizes, config, 0)
    seeds = [variable.value for variable in network.non_trainable_variables]  # of the dropout, which is off

    def step(weights: list[tf.Tensor], *inputs: Any) -> tuple[tf.Tensor, Tensors]:
        """The output, (profiles, embedding_dim), and the state after it."""
        (outputs, state), _ = network.stateless_call(weights, seeds, *inputs)
        return outputs[:, 0], state

    return network, tf.function(step, autograph=False)


def by_length(profiles: Profiles) -> Iterator[tuple[Ints, int]]:
    """Blocks of up to PROFILES_PER_BLOCK rows of similar length, with the number of purchases to read."""
    length = np.minimum(profiles.stop - profiles.start, MAX_PURCHASES)
    order = np.argsort(length, kind="stable")
    for start in range(0, len(order), PROFILES_PER_BLOCK):
        rows = order[start : start + PROFILES_PER_BLOCK]
        yield rows, int(length[rows[-1]])
