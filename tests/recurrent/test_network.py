"""The network: its recurrence against Keras's own layers, what each input reaches, and its article vectors."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from forsys.recurrent.backend import Tensors
from forsys.recurrent.cells import CELLS
from forsys.recurrent.context import CONTEXT_SIZES
from forsys.recurrent.network import ArticleVectors, Network, Recurrence, look_up
from forsys.recurrent.optimizer import MAX_DENSE_ROWS

ROWS, LENGTH, DIMENSION = 3, 6, 5
every_cell = pytest.mark.parametrize("cell", CELLS)
Check = Callable[[Recurrence], None]


def noise(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng(seed).normal(size=shape), tf.float32)


def never(rows: int = ROWS, length: int = LENGTH) -> tf.Tensor:
    return tf.zeros((rows, length), tf.bool)


def make(cell: str) -> Recurrence:
    """A recurrence whose weights are all different from 0."""
    layer = Recurrence(cell, DIMENSION, seed=1)
    layer(noise(1, 1, DIMENSION), never(1, 1), noise(1, 1, DIMENSION), start(layer, 1))
    for i, weight in enumerate(layer.trainable_variables):
        weight.assign(noise(*weight.shape, seed=i) / 2)
    return layer


def start(layer: Recurrence, rows: int = ROWS, seed: int = 9) -> Tensors:
    """A random state."""
    return tuple(noise(rows, DIMENSION, seed=seed + i) for i in range(layer.num_states))


# --- the recurrence ---


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_without_a_reset_it_is_keras_own_layer(cell: str) -> None:
    layer, steps = make(cell), noise(ROWS, LENGTH, DIMENSION)
    kind = getattr(keras.layers, CELLS[cell].layer.removesuffix("Cell"))
    own = kind(DIMENSION, return_sequences=True, return_state=True)
    own.build(steps.shape)
    own.set_weights(layer.get_weights())
    expected, *last = own(steps, initial_state=list(start(layer)))
    outputs, state = layer(steps, never(), tf.zeros_like(steps), start(layer))
    np.testing.assert_allclose(outputs, expected, atol=1e-5)
    for part, other in zip(state, last, strict=True):
        np.testing.assert_allclose(part, other, atol=1e-5)


def assert_a_reset_starts_again(layer: Recurrence) -> None:
    """Row 1 is reset before its fourth step: its outputs are those of two runs, the second from `initial`."""
    steps, initial = noise(ROWS, LENGTH, DIMENSION), noise(ROWS, LENGTH, DIMENSION, seed=1)
    reset = np.zeros((ROWS, LENGTH), bool)
    reset[1, 3] = True
    outputs, state = layer(steps, tf.constant(reset), initial, start(layer))
    plain, plain_state = layer(steps, never(), initial, start(layer))
    anew = (initial[:, 3], *(tf.zeros((ROWS, DIMENSION)) for _ in range(layer.num_states - 1)))
    second, second_state = layer(steps[:, 3:], never(ROWS, 3), initial[:, 3:], anew)
    np.testing.assert_allclose(outputs[1, :3], plain[1, :3], atol=1e-6)
    np.testing.assert_allclose(outputs[1, 3:], second[1], atol=1e-6)
    np.testing.assert_allclose(outputs.numpy()[[0, 2]], plain.numpy()[[0, 2]], atol=1e-6)
    for part, one, two in zip(state, plain_state, second_state, strict=True):
        np.testing.assert_allclose(part, np.stack([one[0], two[1], one[2]]), atol=1e-6)


@every_cell
def test_a_reset_starts_again(cell: str) -> None:
    assert_a_reset_starts_again(make(cell))


@every_cell
@pytest.mark.parametrize("fault", ["no reset", "all rows at once", "one step late"])
def test_a_broken_reset_is_caught(cell: str, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, right = make(cell), Recurrence.call

    def broken(self: Recurrence, steps: tf.Tensor, reset: tf.Tensor, *rest: tf.Tensor) -> tuple[tf.Tensor, Tensors]:
        at_once = tf.repeat(tf.reduce_any(reset, axis=0, keepdims=True), reset.shape[0], axis=0)
        faults = {"no reset": tf.zeros_like(reset), "all rows at once": at_once}
        return right(self, steps, faults.get(fault, tf.roll(reset, 1, axis=1)), *rest)

    monkeypatch.setattr(Recurrence, "call", broken)
    with pytest.raises(AssertionError):
        assert_a_reset_starts_again(layer)


@every_cell
def test_two_batches_with_the_state_carried_over_equal_one_long_batch(cell: str) -> None:
    layer, steps = make(cell), noise(ROWS, LENGTH, DIMENSION)
    whole, end = layer(steps, never(), steps, start(layer))
    first, state = layer(steps[:, :2], never(ROWS, 2), steps[:, :2], start(layer))
    second, state = layer(steps[:, 2:], never(ROWS, 4), steps[:, 2:], state)
    np.testing.assert_allclose(tf.concat([first, second], axis=1), whole, atol=1e-6)
    for part, other in zip(state, end, strict=True):
        np.testing.assert_allclose(part, other, atol=1e-6)


# --- the network ---


def network_of(cell: str = "gru", dropout: float = 0.0, customer_sizes: tuple[int, ...] = (3,)) -> Network:
    network = Network(cell, customer_sizes, True, DIMENSION, dropout, seed=1)
    network(noise(4, DIMENSION), *inputs(attributes=len(customer_sizes)), network.zero_state(ROWS))
    for i, weight in enumerate(network.trainable_variables):
        weight.assign(noise(*weight.shape, seed=i) / 2)
    return network


def inputs(attributes: int = 1, seed: int = 0) -> Tensors:
    """read (of 4 articles), reset, context, price residual, customer."""
    rng = np.random.default_rng(seed)
    context = np.stack([rng.integers(size, size=(ROWS, LENGTH)) for size in CONTEXT_SIZES], axis=-1)
    read = rng.integers(-1, 4, (ROWS, LENGTH))
    customer = np.broadcast_to(rng.integers(3, size=(ROWS, 1, attributes)), (ROWS, LENGTH, attributes))
    residual = tf.constant(rng.normal(size=(ROWS, LENGTH, 1)), tf.float32)
    context_codes, codes = (tf.constant(array, tf.int32) for array in (context, customer))
    return tf.constant(read, tf.int32), tf.constant(read < 0), context_codes, residual, codes


@pytest.mark.parametrize("what", range(5), ids=["read", "reset", "context", "price residual", "customer"])
def test_every_input_has_an_effect_from_its_step_on_and_in_its_row_only(what: int) -> None:
    """Changed in row 1 at step 2; a customer's attributes too, though in the data they never change."""
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


def test_a_customers_initial_state_depends_on_his_attributes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on the state that the previous customer left behind."""
    network, vectors = network_of(), noise(4, DIMENSION)
    read, _, context, residual, customer = inputs()
    anew = tf.ones((ROWS, LENGTH), tf.bool)
    state = (noise(ROWS, DIMENSION, seed=9),)
    found = network(vectors, read, anew, context, residual, customer, state)[0]
    other = network(vectors, read, anew, context, residual, customer, network.zero_state(ROWS))[0]
    np.testing.assert_array_equal(found, other)
    initial = []

    def spy(projected: tf.Tensor, state: Tensors, kernel: tf.Tensor, bias: tf.Tensor) -> Tensors:
        initial.append(state[0].numpy())
        return advance(projected, state, kernel, bias)

    advance = network.recurrence.advance
    monkeypatch.setattr(network.recurrence, "advance", spy)
    network(vectors, read, anew, context, residual, customer, state)
    vectors = network.customer[0].embeddings.numpy()[customer.numpy()[:, 0, 0]]
    np.testing.assert_allclose(initial[0], np.tanh(vectors), atol=1e-6)


# --- dropout ---


def assert_drops(share: float) -> None:
    """In training this share of the outputs is 0; outside of training none is."""
    network, vectors = network_of(dropout=share), noise(4, DIMENSION)
    rows = 300
    read, state = tf.ones((rows, LENGTH), tf.int32), network.zero_state(rows)
    rest = (never(rows), tf.zeros((rows, LENGTH, 4), tf.int32), tf.zeros((rows, LENGTH, 1)))
    customer = tf.zeros((rows, LENGTH, 1), tf.int32)
    outputs = network(vectors, read, *rest, customer, state, training=True)[0].numpy()
    assert abs((outputs == 0).mean() - share) < 0.03
    plain = network(vectors, read, *rest, customer, state)[0].numpy()
    assert (plain != 0).all()


def test_dropout_drops_its_share() -> None:
    assert_drops(0.25)


def test_dropout_that_keeps_its_share_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    right = keras.layers.Dropout
    monkeypatch.setattr(keras.layers, "Dropout", lambda rate, seed: right(1 - rate, seed=seed))
    with pytest.raises(AssertionError):
        assert_drops(0.25)


# --- article vectors ---


def vectors_of(id_dropout: float = 0.0) -> ArticleVectors:
    """Six articles that were sold, two attributes."""
    articles = ArticleVectors(6, (4, 3), 2, DIMENSION, id_dropout, seed=1)
    articles(*some_articles())
    return articles


def some_articles() -> Tensors:
    """Ids, codes and values of two articles that were sold and three that were not; the last two are alike."""
    ids, codes = tf.constant([1, 6, 0, 0, 0]), tf.constant([[1, 2], [3, 1], [2, 2], [1, 1], [1, 1]])
    values = tf.constant([[0.1, 0.2], [0.3, -0.1], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    return ids, codes, values


def test_a_vector_is_the_sum_of_its_parts() -> None:
    articles = vectors_of()
    found = articles(*some_articles()).numpy()
    embedding = articles.embedding.numpy()
    first, second = (layer.embeddings.numpy() for layer in articles.attributes)
    assert articles.projection is not None
    kernel = articles.projection.kernel.numpy()
    np.testing.assert_allclose(found[1], embedding[6] + first[3] + second[1] + [0.3, -0.1] @ kernel, atol=1e-6)


def test_vectors_of_articles_never_sold_follow_from_their_features() -> None:
    found = vectors_of()(*some_articles()).numpy()
    assert np.abs(found[2] - found[3]).max() > 1e-3
    np.testing.assert_array_equal(found[3], found[4])


def test_an_article_without_its_id_is_one_that_was_never_sold() -> None:
    articles = vectors_of(id_dropout=0.5)
    ids, codes, values = (tf.repeat(part[:1], 400, axis=0) for part in some_articles())
    with_it, without = (articles(part, codes, values).numpy()[0] for part in (ids, tf.zeros_like(ids)))
    found = articles(ids, codes, values, training=True).numpy()
    dropped = (found == without).all(axis=1)
    assert 0.4 < dropped.mean() < 0.6
    np.testing.assert_array_equal(found[~dropped], np.broadcast_to(with_it, found[~dropped].shape))


def test_popularity_is_by_id() -> None:
    articles = vectors_of()
    articles.popularity.assign(np.arange(7, dtype=np.float32))
    assert articles.bias(tf.constant([0, 6, 2])).numpy().tolist() == [0, 6, 2]


# --- embeddings ---


@pytest.mark.parametrize("size", [10, MAX_DENSE_ROWS + 10])
def test_a_table_of_any_size_is_read_as_its_layer_reads_it(size: int) -> None:
    """Vectors and gradient, of codes that repeat; a large table's gradient holds only the rows that were read."""
    embedding = keras.layers.Embedding(size, DIMENSION)
    embedding.build()
    codes, upstream = tf.constant([[3, size - 1, 3], [0, 7, 3]]), noise(2, 3, DIMENSION)
    vectors, gradients = [], []
    for read in (embedding, lambda codes: look_up(embedding, codes)):
        with tf.GradientTape() as tape:
            vectors.append(read(codes))
            loss = tf.reduce_sum(vectors[-1] * upstream)
        gradients.append(tape.gradient(loss, embedding.embeddings.value))
    np.testing.assert_array_equal(*vectors)
    np.testing.assert_array_equal(*map(tf.convert_to_tensor, gradients))
    assert isinstance(gradients[1], tf.IndexedSlices)
    assert gradients[1].indices.shape == (6,)
