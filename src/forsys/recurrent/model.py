"""Article vectors and the network that reads and expects them, of given shapes."""

from typing import NamedTuple

import numpy as np

from forsys.recurrent.backend import keras, tf
from forsys.recurrent.network import ArticleVectors, Network
from forsys.recurrent.recipe import Recipe
from forsys.recurrent.steps import MOMENTS


class Shapes(NamedTuple):
    """What decides the sizes of a model's weights, beside its recipe: the same at all cut-offs of a shop."""

    articles: int  # of the shop
    attributes: tuple[int, ...]  # values of each attribute of an article
    width: int  # values that are real numbers
    people: tuple[int, ...]  # values of each attribute of a customer


class Model:
    """Article vectors and the network, with all their weights in place, untrained."""

    def __init__(self, shapes: Shapes, recipe: Recipe, seed: int) -> None:
        vectors = (shapes.articles, shapes.attributes, shapes.width, recipe.dimension, recipe.drop_id, seed)
        self.articles = ArticleVectors(*vectors)
        one = (1, len(shapes.attributes))
        self.articles(tf.zeros(1, tf.int32), tf.zeros(one, tf.int32), tf.zeros((1, shapes.width)))
        self.network = make_network(shapes.people, recipe, seed)
        self._start = [variable.numpy() for variable in self._variables]

    @property
    def weights(self) -> list[keras.Variable]:
        """What is learned."""
        return [*self.articles.trainable_variables, *self.network.trainable_variables]

    @property
    def _variables(self) -> list[keras.Variable]:
        """The weights, and the state of the random numbers."""
        return [*self.articles.variables, *self.network.variables]

    def restart(self) -> None:
        """As it was made."""
        for variable, start in zip(self._variables, self._start, strict=True):
            variable.assign(start)


def make_network(people: tuple[int, ...], recipe: Recipe, seed: int) -> Network:
    """A network whose weights exist, untrained."""
    knows_moments = "moment" in recipe.groups
    network = Network(recipe.cell, people, knows_moments, recipe.dimension, recipe.dropout, seed)
    nothing = [tf.zeros((1, 1, width), tf.int32) for width in (len(MOMENTS), len(people))]
    start = tf.fill((1, 1), -1)
    vectors = tf.zeros((1, recipe.dimension))
    network(vectors, start, start < 0, nothing[0], tf.zeros((1, 1, 1)), nothing[1], network.zero_state(1))
    return network


def sizes(codes: np.ndarray) -> tuple[int, ...]:
    """How many values each column of codes has."""
    return tuple(int(size) + 1 for size in codes.max(axis=0, initial=0))
