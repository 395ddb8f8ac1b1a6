"""The optimizer: Keras's Adam for small tables, and updates of only the rows read for large ones."""

import numpy as np
import pytest

from forsys.recurrent.backend import keras, tf
from forsys.recurrent.optimizer import BETA_2, EPSILON, MAX_DENSE_ROWS, Adam

RATE = 0.1
NO_CLIPPING = 1e9


def variable(*shape: int) -> keras.Variable:
    return keras.Variable(np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32))


def read(rows: list[int], values: list[list[float]], count: int) -> tf.IndexedSlices:
    """The gradient of a table of `count` rows, of which these were read."""
    return tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant([count, len(values[0])]))


def step(weight: keras.Variable, gradient: tf.Tensor | tf.IndexedSlices, decay: float = 0.0) -> np.ndarray:
    """The change of a weight by one step."""
    before = weight.numpy()
    Adam([weight], NO_CLIPPING, decay).apply([gradient], tf.constant(RATE))
    return np.asarray(weight.numpy() - before)


def test_small_tables_change_as_with_keras() -> None:
    ours, theirs = variable(3, 2), variable(3, 2)
    adam, other = Adam([ours], NO_CLIPPING, 0.0), keras.optimizers.Adam(RATE, epsilon=EPSILON)
    for i in range(4):
        gradient = tf.constant(np.random.default_rng(i).normal(size=(3, 2)).astype(np.float32))
        adam.apply([gradient], tf.constant(RATE))
        other.apply([gradient], [theirs])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4)


def test_only_the_rows_read_of_a_large_table_change() -> None:
    """The first step moves a row by the learning rate along its gradient, or the sum of its gradients."""
    count = MAX_DENSE_ROWS + 1
    moved = step(variable(count, 2), read([5, 7, 5], [[1.0, 2.0], [-4.0, 0.0], [1.0, -3.0]], count))
    np.testing.assert_allclose(moved[5], [-RATE, RATE], rtol=1e-4)
    np.testing.assert_allclose(moved[7], [RATE, 0], rtol=1e-4)
    assert np.flatnonzero(moved.any(axis=1)).tolist() == [5, 7]


def test_a_large_table_has_no_momentum() -> None:
    """The second step follows its own gradient, divided by the root mean square of both."""
    count = MAX_DENSE_ROWS + 1
    weight = variable(count, 1)
    adam = Adam([weight], NO_CLIPPING, 0.0)
    adam.apply([read([3], [[2.0]], count)], tf.constant(RATE))
    before = weight.numpy()
    adam.apply([read([3], [[-1.0]], count)], tf.constant(RATE))
    square = (1 - BETA_2) * (BETA_2 * 4 + 1)
    expected = RATE * np.sqrt((1 - BETA_2**2) / square)
    np.testing.assert_allclose(weight.numpy()[3] - before[3], expected, rtol=1e-3)


@pytest.mark.parametrize(("rows", "share"), [(3, 0.0), (MAX_DENSE_ROWS + 1, RATE * 3.0)])
def test_decay_shrinks_the_rows_read_of_large_tables(rows: int, share: float) -> None:
    """By the learning rate times the decay; small tables do not shrink."""
    weight = variable(rows, 2)
    before = weight.numpy()
    gradient = read([2], [[0.0, 0.0]], rows)
    moved = step(weight, gradient, decay=3.0)
    expected = np.zeros_like(before)
    expected[2] = -share * before[2]
    np.testing.assert_allclose(moved, expected, atol=1e-6)


def test_popularity_does_not_decay() -> None:
    """It is a vector with one number per article, which starts from the article's sales."""
    weight = variable(MAX_DENSE_ROWS + 1)
    gradient = tf.IndexedSlices(tf.constant([0.0]), tf.constant([2]), tf.constant([MAX_DENSE_ROWS + 1]))
    assert not step(weight, gradient, decay=3.0).any()


def test_gradients_are_clipped_by_their_common_norm() -> None:
    """One large gradient makes the others small too, as the first moments show."""
    one, other = variable(1, 1), variable(1, 1)
    adam = Adam([one, other], 1.0, 0.0)
    adam.apply([tf.constant([[1.0]]), tf.constant([[0.0]])], tf.constant(RATE))
    adam.apply([tf.constant([[0.6]]), tf.constant([[1000.0]])], tf.constant(RATE))
    np.testing.assert_allclose(adam.first_moment[1].numpy(), [[0.1]], rtol=1e-3)
    np.testing.assert_allclose(adam.first_moment[0].numpy(), [[0.09 + 0.1 * 0.0006]], rtol=1e-3)
