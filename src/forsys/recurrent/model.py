"""A model: the article vectors and the network that reads them and is scored against them."""

from typing import NamedTuple

from forsys.arrays import Ints
from forsys.recurrent.backend import keras, tf
from forsys.recurrent.config import NetworkConfig
from forsys.recurrent.context import CONTEXT_SIZES
from forsys.recurrent.network import ArticleVectors, Network


class Shapes(NamedTuple):
    """The sizes that a model's weights have besides those in its config; the same at all cut-offs of a shop."""

    articles: int  # of the shop
    attribute_sizes: tuple[int, ...]  # codes of each article attribute
    width: int  # real-valued article inputs
    customer_sizes: tuple[int, ...]  # codes of each customer attribute


class Model:
    """Article vectors and network, untrained, with all weights built."""

    def __init__(self, shapes: Shapes, config: NetworkConfig, seed: int) -> None:
        sizes = (shapes.articles, shapes.attribute_sizes, shapes.width, config.embedding_dim)
        self.articles = ArticleVectors(*sizes, config.id_dropout, seed)
        codes = tf.zeros((1, len(shapes.attribute_sizes)), tf.int32)
        self.articles(tf.zeros(1, tf.int32), codes, tf.zeros((1, shapes.width)))
        self.network = make_network(shapes.customer_sizes, config, seed)
        self._initial = [variable.numpy() for variable in self._variables]

    @property
    def weights(self) -> list[keras.Variable]:
        """The trainable weights."""
        return [*self.articles.trainable_variables, *self.network.trainable_variables]

    @property
    def _variables(self) -> list[keras.Variable]:
        """The weights, and the state of the random number generators."""
        return [*self.articles.variables, *self.network.variables]

    def restart(self) -> None:
        """Restore the initial weights and random state."""
        for variable, initial in zip(self._variables, self._initial, strict=True):
            variable.assign(initial)


def make_network(customer_sizes: tuple[int, ...], config: NetworkConfig, seed: int) -> Network:
    """An untrained network with its weights built."""
    with_context, dimension = "context" in config.features, config.embedding_dim
    network = Network(config.cell, customer_sizes, with_context, dimension, config.dropout, seed)
    context, customer = (tf.zeros((1, 1, n), tf.int32) for n in (len(CONTEXT_SIZES), len(customer_sizes)))
    read, vectors, state = tf.fill((1, 1), -1), tf.zeros((1, dimension)), network.zero_state(1)
    network(vectors, read, read < 0, context, tf.zeros((1, 1, 1)), customer, state)
    return network


def vocabulary_sizes(codes: Ints) -> tuple[int, ...]:
    """How many codes each column of `codes` has, from 0 to its largest."""
    return tuple(int(largest) + 1 for largest in codes.max(axis=0, initial=0))
