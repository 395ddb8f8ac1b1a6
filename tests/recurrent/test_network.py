"""The network: its recurrence against Keras's own layers, what it must not mix, and where its vectors come from."""

from collections.abc import Callable
from typing import get_args

import keras
import numpy as np
import pytest
import tensorflow as tf

from forsys.recurrent.network import ArticleVectors, Network, Recurrence, Tensors
from forsys.recurrent.recipe import Cell
from forsys.recurrent.steps import MOMENTS

ROWS, LENGTH, DIMENSION = 3, 6, 5
KERAS = {"simple_rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
every_cell = pytest.mark.parametrize("cell", get_args(Cell))
Check = Callable[[Recurrence], None]


def noise(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def never(rows: int = ROWS, length: int = LENGTH) -> tf.Tensor:
    return tf.zeros((rows, length), tf.bool)


def make(cell: Cell) -> Recurrence:
    """With weights that are all different from 0."""
    layer = Recurrence(cell, DIMENSION, seed=1)
    layer(noise(1, 1, DIMENSION), never(1, 1), noise(1, 1, DIMENSION), start(layer, 1))
    for i, weight in enumerate(layer.trainable_variables):
        weight.assign(noise(*weight.shape, seed=i) / 2)
    return layer


def start(layer: Recurrence, rows: int = ROWS, seed: int = 9) -> Tensors:
    """Some state."""
    return tuple(noise(rows, DIMENSION, seed=seed + i) for i in range(layer.parts))


# --- the recurrence ---


@every_cell
def test_without_a_reset_it_is_keras_own_layer(cell: Cell) -> None:
    layer, steps = make(cell), noise(ROWS, LENGTH, DIMENSION)
    own = KERAS[cell](DIMENSION, return_sequences=True, return_state=True)
    own.build(steps.shape)
    own.set_weights(layer.get_weights())
    expected, *last = own(steps, initial_state=list(start(layer)))
    outputs, state = layer(steps, never(), tf.zeros_like(steps), start(layer))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    for part, other in zip(state, last, strict=True):
        np.testing.assert_allclose(part, other, atol=1e-5)


def assert_a_reset_begins_anew(layer: Recurrence) -> None:
    """Row 1 is reset before its fourth step: its outputs are those of two runs, the second from `fresh`."""
    steps, fresh = noise(ROWS, LENGTH, DIMENSION), noise(ROWS, LENGTH, DIMENSION, seed=1)
    reset = np.zeros((ROWS, LENGTH), bool)
    reset[1, 3] = True
    outputs, state = layer(steps, tf.constant(reset), fresh, start(layer))
    plain, plain_state = layer(steps, never(), fresh, start(layer))
    anew = (fresh[:, 3], *(tf.zeros((ROWS, DIMENSION)) for _ in range(layer.parts - 1)))
    second, second_state = layer(steps[:, 3:], never(ROWS, 3), fresh[:, 3:], anew)
    np.testing.assert_allclose(outputs[1, :3], plain[1, :3], atol=1e-6)
    np.testing.assert_allclose(outputs[1, 3:], second[1], atol=1e-6)
    np.testing.assert_allclose(outputs.numpy()[[0, 2]], plain.numpy()[[0, 2]], atol=1e-6)
    for part, one, two in zip(state, plain_state, second_state, strict=True):
        np.testing.assert_allclose(part, np.stack([one[0], two[1], one[2]]), atol=1e-6)


@every_cell
def test_a_reset_begins_anew(cell: Cell) -> None:
    assert_a_reset_begins_anew(make(cell))


@every_cell
@pytest.mark.parametrize("fault", ["no reset", "all rows at once", "one step late"])
def test_a_broken_reset_is_caught(cell: Cell, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, right = make(cell), Recurrence.call

    def broken(self: Recurrence, steps: tf.Tensor, reset: tf.Tensor, *rest: tf.Tensor) -> tuple[tf.Tensor, Tensors]:
        at_once = tf.repeat(tf.reduce_any(reset, axis=0, keepdims=True), reset.shape[0], axis=0)
        faults = {"no reset": tf.zeros_like(reset), "all rows at once": at_once}
        return right(self, steps, faults.get(fault, tf.roll(reset, 1, axis=1)), *rest)

    monkeypatch.setattr(Recurrence, "call", broken)
    with pytest.raises(AssertionError):
        assert_a_reset_begins_anew(layer)


@every_cell
def test_two_batches_with_the_state_between_them_are_one_long_one(cell: Cell) -> None:
    layer, steps = make(cell), noise(ROWS, LENGTH, DIMENSION)
    whole, end = layer(steps, never(), steps, start(layer))
    first, state = layer(steps[:, :2], never(ROWS, 2), steps[:, :2], start(layer))
    second, state = layer(steps[:, 2:], never(ROWS, 4), steps[:, 2:], state)
    np.testing.assert_allclose(tf.concat([first, second], axis=1), whole, atol=1e-6)
    for part, other in zip(state, end, strict=True):
        np.testing.assert_allclose(part, other, atol=1e-6)


# --- the network ---


def network_of(cell: Cell = "gru", dropout: float = 0.0, people: tuple[int, ...] = (3,)) -> Network:
    network = Network(cell, people, True, DIMENSION, dropout, seed=1)
    network(noise(4, DIMENSION), *inputs(people=len(people)), network.zero_state(ROWS))
    for i, weight in enumerate(network.trainable_variables):
        weight.assign(noise(*weight.shape, seed=i) / 2)
    return network


def inputs(people: int = 1, seed: int = 0) -> Tensors:
    """read of 4 articles, reset, moments, paid, people."""
    rng = np.random.default_rng(seed)
    moments = np.stack([rng.integers(size, size=(ROWS, LENGTH)) for size in MOMENTS], axis=-1)
    read = rng.integers(-1, 4, (ROWS, LENGTH))
    person = np.broadcast_to(rng.integers(3, size=(ROWS, 1, people)), (ROWS, LENGTH, people))
    paid = tf.constant(rng.normal(size=(ROWS, LENGTH, 1)), tf.float32)
    codes, who = (tf.constant(array, tf.int32) for array in (moments, person))
    return tf.constant(read, tf.int32), tf.constant(read < 0), codes, paid, who


@pytest.mark.parametrize("what", range(5), ids=["read", "reset", "moments", "paid", "people"])
def test_every_input_counts_from_its_step_on_and_in_its_row_only(what: int) -> None:
    """Changed in row 1 at step 2; a customer's data count at once, though they don't change in between."""
    network, vectors = network_of(), noise(4, DIMENSION)
    before, after = list(inputs()), list(inputs())
    before[0], before[1] = tf.ones((ROWS, LENGTH), tf.int32), never()
    after[0], after[1] = before[0], before[1]
    changed = np.array(before[what])
    changed[1, 2] = {0: 3, 1: True}.get(what, (changed[1, 2] + 1) % 3)
    after[what] = tf.constant(changed)
    state = tuple(noise(ROWS, DIMENSION, seed=9) for _ in range(1))
    one, two = (network(vectors, *some, state)[0].numpy() for some in (before, after))
    differs = np.abs(one - two).max(axis=-1) > 1e-6
    np.testing.assert_array_equal(differs, [[False] * LENGTH, [False] * 2 + [True] * 4, [False] * LENGTH])


def test_a_customer_begins_in_a_state_of_his_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first output depends on who he is also where the state was another's."""
    network, vectors = network_of(), noise(4, DIMENSION)
    read, _, moments, paid, who = inputs()
    anew = tf.ones((ROWS, LENGTH), tf.bool)
    state = (noise(ROWS, DIMENSION, seed=9),)
    found = network(vectors, read, anew, moments, paid, who, state)[0]
    other = network(vectors, read, anew, moments, paid, who, network.zero_state(ROWS))[0]
    np.testing.assert_array_equal(found, other)
    begun = []

    def spy(ahead: tf.Tensor, state: Tensors, kernel: tf.Tensor, bias: tf.Tensor) -> Tensors:
        begun.append(state[0].numpy())
        return advance(ahead, state, kernel, bias)

    advance = network.recurrence.advance
    monkeypatch.setattr(network.recurrence, "advance", spy)
    network(vectors, read, anew, moments, paid, who, state)
    person = network.people[0].embeddings.numpy()[who.numpy()[:, 0, 0]]
    np.testing.assert_allclose(begun[0], np.tanh(person), atol=1e-6)


# --- dropout ---


def assert_drops(share: float) -> None:
    """Of the outputs in training: so many are 0, the others larger, so that the mean stays; none at other times."""
    network, vectors = network_of(dropout=share), noise(4, DIMENSION)
    rows = 300
    read, state = tf.ones((rows, LENGTH), tf.int32), network.zero_state(rows)
    rest = (never(rows), tf.zeros((rows, LENGTH, 4), tf.int32), tf.zeros((rows, LENGTH, 1)))
    who = tf.zeros((rows, LENGTH, 1), tf.int32)
    outputs = network(vectors, read, *rest, who, state, training=True)[0].numpy()
    assert abs((outputs == 0).mean() - share) < 0.03
    plain = network(vectors, read, *rest, who, state)[0].numpy()
    assert (plain != 0).all()


def test_dropout_drops_its_share() -> None:
    assert_drops(0.25)


def test_dropout_that_keeps_its_share_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = keras.layers.Dropout
    monkeypatch.setattr(keras.layers, "Dropout", lambda rate, seed: right(1 - rate, seed=seed))
    with pytest.raises(AssertionError):
        assert_drops(0.25)


# --- article vectors ---


def vectors_of(drop_id: float = 0.0) -> ArticleVectors:
    """Six articles that were sold, two attributes."""
    articles = ArticleVectors(6, (4, 3), 2, DIMENSION, drop_id, seed=1)
    articles(*some_articles())
    return articles


def some_articles() -> Tensors:
    """Two that were sold, and three that weren't: the last two of these are alike."""
    number, codes = tf.constant([1, 6, 0, 0, 0]), tf.constant([[1, 2], [3, 1], [2, 2], [1, 1], [1, 1]])
    values = tf.constant([[0.1, 0.2], [0.3, -0.1], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    return number, codes, values


def test_a_vector_is_the_sum_of_its_parts() -> None:
    articles = vectors_of()
    found = articles(*some_articles()).numpy()
    own = articles.own.numpy()
    first, second = (layer.embeddings.numpy() for layer in articles.attributes)
    assert articles.tower is not None
    tower = articles.tower.kernel.numpy()
    np.testing.assert_allclose(found[1], own[6] + first[3] + second[1] + [0.3, -0.1] @ tower, atol=1e-6)


def test_articles_never_sold_have_vectors_from_what_they_are_like() -> None:
    found = vectors_of()(*some_articles()).numpy()
    assert np.abs(found[2] - found[3]).max() > 1e-3
    np.testing.assert_array_equal(found[3], found[4])


def test_an_article_without_its_number_is_one_that_was_never_sold() -> None:
    articles = vectors_of(drop_id=0.5)
    number, codes, values = (tf.repeat(part[:1], 400, axis=0) for part in some_articles())
    with_it, without = (articles(part, codes, values).numpy()[0] for part in (number, tf.zeros_like(number)))
    found = articles(number, codes, values, training=True).numpy()
    dropped = (found == without).all(axis=1)
    assert 0.4 < dropped.mean() < 0.6
    np.testing.assert_array_equal(found[~dropped], np.broadcast_to(with_it, found[~dropped].shape))


def test_popularity_goes_by_number() -> None:
    articles = vectors_of()
    articles.popularity.assign(np.arange(7, dtype=np.float32))
    assert articles.bias(tf.constant([0, 6, 2])).numpy().tolist() == [0, 6, 2]
