"""The network: article vectors, a recurrent cell over a customer's purchases, and scores against the same vectors.

An article's vector is its own embedding plus what its attributes, words and picture give through small towers, so
that articles alike have vectors alike, and one that was never sold has a meaningful vector too. The same vectors
are read at the input and scored against at the output (tied; Press and Wolf 2017).
"""

from forsys.recurrent.backend import keras, tf
from forsys.recurrent.recipe import Cell
from forsys.recurrent.steps import MOMENTS

CELLS = {"simple_rnn": keras.layers.SimpleRNNCell, "lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell}
Tensors = tuple[tf.Tensor, ...]
SMALL = 0.02  # spread of an embedding that is added to others


class ArticleVectors(keras.layers.Layer):
    """Vectors of articles (n, dimension) from their number, codes (n, attributes) and values (n, width).

    Beside them, `popularity`: what is added to each number's score whoever the customer is.
    """

    def __init__(
        self, known: int, sizes: tuple[int, ...], width: int, dimension: int, drop_id: float, seed: int
    ) -> None:
        super().__init__(name="articles")
        start = [keras.initializers.RandomNormal(stddev=SMALL, seed=seed + i) for i in range(len(sizes) + 2)]
        # Number 0 is the article that was never sold. No layer, for that copies all rows before it takes a few.
        self.own = self.add_weight(shape=(known + 1, dimension), initializer=start[0], name="own")
        self.attributes = [
            keras.layers.Embedding(size, dimension, start[i + 2], name=f"attribute_{i}")
            for i, size in enumerate(sizes)
        ]
        tower = keras.layers.Dense(dimension, use_bias=False, kernel_initializer=start[1], name="tower")
        self.tower = tower if width else None
        self.popularity = self.add_weight(shape=(known + 1,), initializer="zeros", name="popularity")
        self.drop_id, self.random = drop_id, keras.random.SeedGenerator(seed)

    def call(self, number: tf.Tensor, codes: tf.Tensor, values: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Now and then an article goes without its number, as one that was never sold does."""
        if training and self.drop_id:
            kept = keras.random.uniform(tf.shape(number), seed=self.random) >= self.drop_id
            number = number * tf.cast(kept, number.dtype)
        vectors = tf.gather(self.own.value, number)
        for i, embedding in enumerate(self.attributes):
            vectors += embedding(codes[:, i])
        return vectors + self.tower(values) if self.tower else vectors

    def bias(self, number: tf.Tensor) -> tf.Tensor:
        """The popularity of numbers (n,)."""
        return tf.gather(self.popularity.value, number)


class Recurrence(keras.layers.Layer):
    """A recurrent cell along (rows, length, dimension), whose state can be cleared before any step.

    `keras.layers.RNN` cannot clear a state in the middle, which session-parallel batches need. The loop over the
    steps is unrolled into the graph, and what a step does with its input is computed for all of them at once.
    """

    def __init__(self, cell: Cell, dimension: int, seed: int) -> None:
        super().__init__(name="recurrence")
        start = keras.initializers.GlorotUniform(seed=seed)
        again = keras.initializers.Orthogonal(seed=seed)
        self.cell = CELLS[cell](dimension, kernel_initializer=start, recurrent_initializer=again)
        self.cell.build((None, dimension))
        self.advance = ADVANCE[cell]
        self.parts = 2 if cell == "lstm" else 1  # of a state: the first is the output

    def call(
        self, steps: tf.Tensor, reset: tf.Tensor, fresh: tf.Tensor, state: Tensors
    ) -> tuple[tf.Tensor, Tensors]:
        """Outputs (rows, length, dimension) and the last state; `fresh`, of the same shape, starts a state."""
        weights = [weight.value for weight in self.cell.trainable_variables]  # kernel, recurrent kernel, bias
        ahead = flat_matmul(steps, weights[0]) + tf.reshape(weights[2], (-1, weights[0].shape[1]))[0]
        outputs = []
        # Unstacked, for the gradient of a slice is as large as what it was taken from.
        for one, clear, first in zip(*(tf.unstack(part, axis=1) for part in (ahead, reset, fresh)), strict=True):
            new = (first, *(tf.zeros_like(part) for part in state[1:]))
            state = tuple(tf.where(clear[:, None], a, b) for a, b in zip(new, state, strict=True))
            state = self.advance(one, state, *weights[1:])
            outputs.append(state[0])
        return tf.stack(outputs, axis=1), state


def flat_matmul(steps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """(rows, length, n) times (n, m) as one product: TensorFlow's own is one a row, and takes 4 times as long."""
    rows, length = tf.shape(steps)[0], steps.shape[1]
    flat = tf.matmul(tf.reshape(steps, (-1, kernel.shape[0])), kernel)
    return tf.reshape(flat, (rows, length, kernel.shape[1]))


def _simple_rnn(ahead: tf.Tensor, state: Tensors, kernel: tf.Tensor, bias: tf.Tensor) -> Tensors:
    del bias  # it is in `ahead` already
    return (tf.tanh(ahead + tf.matmul(state[0], kernel)),)


def _lstm(ahead: tf.Tensor, state: Tensors, kernel: tf.Tensor, bias: tf.Tensor) -> Tensors:
    del bias
    write, keep, new, show = tf.split(ahead + tf.matmul(state[0], kernel), 4, axis=1)
    carried = tf.sigmoid(keep) * state[1] + tf.sigmoid(write) * tf.tanh(new)
    return tf.sigmoid(show) * tf.tanh(carried), carried


def _gru(ahead: tf.Tensor, state: Tensors, kernel: tf.Tensor, bias: tf.Tensor) -> Tensors:
    keep, use, new = tf.split(ahead, 3, axis=1)
    keep_more, use_more, again = tf.split(tf.matmul(state[0], kernel) + bias[1], 3, axis=1)
    keep, use = tf.sigmoid(keep + keep_more), tf.sigmoid(use + use_more)
    return (keep * state[0] + (1 - keep) * tf.tanh(new + use * again),)


ADVANCE = {
    "simple_rnn": _simple_rnn,
    "lstm": _lstm,
    "gru": _gru,
}  # as in Keras's cells, to which the weights belong


class Network(keras.Model):
    """From what a customer bought, as article vectors, to what comes next. `people`: values of each attribute."""

    def __init__(
        self, cell: Cell, people: tuple[int, ...], moments: bool, dimension: int, dropout: float, seed: int
    ) -> None:
        super().__init__()
        small = [keras.initializers.RandomNormal(stddev=SMALL, seed=seed + 100 + i) for i in range(20)]
        self.dimension = dimension
        self.start = self.add_weight(shape=(dimension,), initializer=small[0], name="start")
        self.moments = [
            keras.layers.Embedding(size, dimension, small[1 + i], name=f"moment_{i}")
            for i, size in enumerate(MOMENTS if moments else ())
        ]
        self.price = self.add_weight(shape=(dimension,), initializer=small[9], name="price") if moments else None
        self.people = [
            keras.layers.Embedding(size, dimension, small[10 + i], name=f"person_{i}")
            for i, size in enumerate(people)
        ]
        self.recurrence = Recurrence(cell, dimension, seed)
        glorot = keras.initializers.GlorotUniform(seed=seed + 1)
        self.output_map = self.add_weight(shape=(dimension, dimension), initializer=glorot, name="output")
        self.output_bias = self.add_weight(shape=(dimension,), initializer="zeros", name="output_bias")
        self.drop_input = keras.layers.Dropout(dropout, seed=seed + 2)
        self.drop_output = keras.layers.Dropout(dropout, seed=seed + 3)

    def zero_state(self, rows: int) -> Tensors:
        """The state of `rows` customers before anything."""
        return tuple(tf.zeros((rows, self.dimension)) for _ in range(self.recurrence.parts))

    def call(
        self,
        vectors: tf.Tensor,  # (n, dimension)
        read: tf.Tensor,  # (rows, length): which of the vectors, -1 for the start step
        reset: tf.Tensor,  # (rows, length)
        moments: tf.Tensor,  # (rows, length, len(MOMENTS))
        paid: tf.Tensor,  # (rows, length, 1)
        people: tf.Tensor,  # (rows, length, …)
        state: Tensors,
        training: bool = False,
    ) -> tuple[tf.Tensor, Tensors]:
        """What each step expects next, for products with article vectors: (rows, length, dimension); the state."""
        steps = tf.where((read < 0)[..., None], self.start.value, tf.gather(vectors, tf.maximum(read, 0)))
        for i, embedding in enumerate(self.moments):
            steps += embedding(moments[..., i])
        if self.price is not None:
            steps += paid * self.price
        person = tf.zeros_like(steps)
        for i, embedding in enumerate(self.people):
            person += embedding(people[..., i])
        steps = self.drop_input(steps + person, training=training)
        outputs, state = self.recurrence(steps, reset, tf.tanh(person), state)
        outputs = flat_matmul(outputs, self.output_map.value) + self.output_bias.value
        return self.drop_output(outputs, training=training), state
