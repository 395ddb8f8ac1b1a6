"""The network: article vectors, a recurrent cell over a customer's purchases, and scores against the same vectors.

An article's vector is its own embedding plus embeddings of its attributes and a linear map of its words, picture
and sales, so that similar articles have similar vectors, and articles that were never sold have one too. The same
vectors serve as inputs and for the output scores (tied; Press and Wolf 2017).
"""

from forsys.recurrent.backend import Tensors, keras, tf
from forsys.recurrent.cells import CELLS
from forsys.recurrent.context import CONTEXT_SIZES
from forsys.recurrent.optimizer import MAX_DENSE_ROWS

EMBEDDING_STD = 0.02  # of the initial values of embeddings, which are added to others


class ArticleVectors(keras.layers.Layer):
    """Vectors of articles (n, dim), from their ids (n,), codes (n, attributes) and values (n, width).

    `popularity` is a bias per id, added to the article's score for every customer.
    """

    def __init__(
        self, articles: int, sizes: tuple[int, ...], width: int, dim: int, id_dropout: float, seed: int
    ) -> None:
        super().__init__(name="articles")
        shape = (articles + 1, dim)
        # Id 0 is for articles that were never sold. Not an Embedding layer, which copies all rows to read a few.
        self.embedding = self.add_weight(shape=shape, initializer=_normal(seed), name="embedding")
        self.attributes = _embeddings("attribute", sizes, dim, seed + 2)
        projection = keras.layers.Dense(dim, use_bias=False, kernel_initializer=_normal(seed + 1))
        self.projection = projection if width else None
        self.popularity = self.add_weight(shape=(articles + 1,), initializer="zeros", name="popularity")
        self.id_dropout, self.random = id_dropout, keras.random.SeedGenerator(seed)

    def call(self, ids: tf.Tensor, codes: tf.Tensor, values: tf.Tensor, training: bool = False) -> tf.Tensor:
        """In training, a share `id_dropout` of the articles get id 0, as if they had never been sold."""
        if training and self.id_dropout:
            kept = keras.random.uniform(tf.shape(ids), seed=self.random) >= self.id_dropout
            ids = ids * tf.cast(kept, ids.dtype)
        vectors = tf.gather(self.embedding.value, ids)
        for i, embedding in enumerate(self.attributes):
            vectors += look_up(embedding, codes[:, i])
        return vectors + self.projection(values) if self.projection else vectors

    def bias(self, ids: tf.Tensor) -> tf.Tensor:
        """The popularity of ids (n,)."""
        return tf.gather(self.popularity.value, ids)


class Recurrence(keras.layers.Layer):
    """A recurrent cell along (rows, steps, dim), whose state can be reset before any step.

    `keras.layers.RNN` cannot reset a state within a sequence, which session-parallel batches need. The loop over
    the steps is unrolled into the graph, and the inputs of all steps are projected at once.
    """

    def __init__(self, cell: str, dim: int, seed: int) -> None:
        super().__init__(name="recurrence")
        kernel = keras.initializers.GlorotUniform(seed=seed)
        recurrent = keras.initializers.Orthogonal(seed=seed)
        layer = getattr(keras.layers, CELLS[cell].layer)
        self.cell = layer(dim, kernel_initializer=kernel, recurrent_initializer=recurrent)
        self.cell.build((None, dim))
        self.advance, self.num_states = CELLS[cell].advance, CELLS[cell].num_states

    def call(
        self, inputs: tf.Tensor, reset: tf.Tensor, initial: tf.Tensor, state: Tensors
    ) -> tuple[tf.Tensor, Tensors]:
        """Outputs (rows, steps, dim) and the last state.

        initial: shaped as `inputs`; the first state tensor after a reset before each step. The others become 0.
        """
        kernel, recurrent, bias = (weight.value for weight in self.cell.trainable_variables)
        projected = flat_matmul(inputs, kernel) + tf.reshape(bias, (-1, kernel.shape[1]))[0]
        outputs = []
        # Unstacked, because the gradient of a slice is as large as the whole tensor.
        for step, clear, first in zip(*(tf.unstack(x, axis=1) for x in (projected, reset, initial)), strict=True):
            new = (first, *(tf.zeros_like(part) for part in state[1:]))
            state = tuple(tf.where(clear[:, None], a, b) for a, b in zip(new, state, strict=True))
            state = self.advance(step, state, recurrent, bias)
            outputs.append(state[0])
        return tf.stack(outputs, axis=1), state


def flat_matmul(inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """(rows, steps, n) @ (n, m) as one product: TensorFlow makes one per row, which takes 4 times as long."""
    rows, steps = tf.shape(inputs)[0], inputs.shape[1]
    flat = tf.matmul(tf.reshape(inputs, (-1, kernel.shape[0])), kernel)
    return tf.reshape(flat, (rows, steps, kernel.shape[1]))


class Network(keras.Model):
    """From a customer's purchases to the next one, in the space of the article vectors.

    customer_sizes: number of codes of each customer attribute. with_context: whether the context is read.
    """

    def __init__(
        self, cell: str, customer_sizes: tuple[int, ...], with_context: bool, dim: int, dropout: float, seed: int
    ) -> None:
        super().__init__()
        self.embedding_dim = dim
        self.start = self.add_weight(shape=(dim,), initializer=_normal(seed + 100), name="start")
        self.context = _embeddings("context", CONTEXT_SIZES if with_context else (), dim, seed + 101)
        price = _normal(seed + 109)
        self.price = self.add_weight(shape=(dim,), initializer=price, name="price") if with_context else None
        self.customer = _embeddings("customer", customer_sizes, dim, seed + 110)
        self.recurrence = Recurrence(cell, dim, seed)
        glorot = keras.initializers.GlorotUniform(seed=seed + 1)
        self.output_kernel = self.add_weight(shape=(dim, dim), initializer=glorot, name="output_kernel")
        self.output_bias = self.add_weight(shape=(dim,), initializer="zeros", name="output_bias")
        self.input_dropout = keras.layers.Dropout(dropout, seed=seed + 2)
        self.output_dropout = keras.layers.Dropout(dropout, seed=seed + 3)

    def zero_state(self, rows: int) -> Tensors:
        """The state of `rows` customers before any step."""
        return tuple(tf.zeros((rows, self.embedding_dim)) for _ in range(self.recurrence.num_states))

    def call(
        self,
        vectors: tf.Tensor,  # (n, embedding_dim)
        read: tf.Tensor,  # (rows, steps): index into `vectors`, -1 for the start step
        reset: tf.Tensor,  # (rows, steps)
        context: tf.Tensor,  # (rows, steps, len(CONTEXT_SIZES))
        price_residual: tf.Tensor,  # (rows, steps, 1)
        customer: tf.Tensor,  # (rows, steps, len(customer_sizes))
        state: Tensors,
        training: bool = False,
    ) -> tuple[tf.Tensor, Tensors]:
        """Outputs (rows, steps, embedding_dim), whose products with article vectors are scores; the state."""
        inputs = tf.where((read < 0)[..., None], self.start.value, tf.gather(vectors, tf.maximum(read, 0)))
        for i, embedding in enumerate(self.context):
            inputs += embedding(context[..., i])
        if self.price is not None:
            inputs += price_residual * self.price
        customer_vector = tf.zeros_like(inputs)
        for i, embedding in enumerate(self.customer):
            customer_vector += look_up(embedding, customer[..., i])
        inputs = self.input_dropout(inputs + customer_vector, training=training)
        outputs, state = self.recurrence(inputs, reset, tf.tanh(customer_vector), state)
        outputs = flat_matmul(outputs, self.output_kernel.value) + self.output_bias.value
        return self.output_dropout(outputs, training=training), state


def _normal(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=EMBEDDING_STD, seed=seed)


def _embeddings(name: str, sizes: tuple[int, ...], dim: int, seed: int) -> list[keras.layers.Embedding]:
    """One embedding per attribute, of `sizes` codes each."""
    layer = keras.layers.Embedding
    embeddings = [layer(size, dim, _normal(seed + i), name=f"{name}_{i}") for i, size in enumerate(sizes)]
    for embedding in embeddings:
        embedding.build()
    return embeddings


def look_up(embedding: keras.layers.Embedding, codes: tf.Tensor) -> tf.Tensor:
    """The vectors of `codes` (…,), which are (…, dim): the same as calling the layer, to the bit.

    In training, a call costs as much as the table is large, a gather as much as it reads: with two tables of 46,000
    rows (hm-week) a step took 42 ms of CPU instead of 54. Small tables keep the call: gathering from them saved
    nothing more, and changed the last bits of what is learned.
    """
    is_large = embedding.input_dim > MAX_DENSE_ROWS
    return tf.gather(embedding.embeddings.value, codes) if is_large else embedding(codes)
