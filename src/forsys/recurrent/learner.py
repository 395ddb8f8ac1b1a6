"""A model with its optimizer and the traced training step, built once for all cut-offs of a shop.

TensorFlow takes longer to trace a step than to learn a small shop with it: 3 of the 4 seconds that a network took
on 4,000 purchases. So one learner serves all fits of the same shapes; each begins with `restart`.
"""

from functools import lru_cache
from typing import NamedTuple

from forsys.recurrent.backend import Tensors, tf
from forsys.recurrent.config import NetworkConfig
from forsys.recurrent.context import CONTEXT_SIZES
from forsys.recurrent.losses import LOSSES, LossInputs
from forsys.recurrent.model import Model, Shapes
from forsys.recurrent.optimizer import Adam

MAX_LEARNERS = 3  # kept: as many as `forsys compare` averages networks


class BatchTensors(NamedTuple):
    """A batch of (rows, steps), with the articles that it needs: `read`, `bought` and `negatives` index these."""

    articles: tf.Tensor  # (articles,): their rows in the tensors of all articles sold
    read: tf.Tensor  # (rows, steps), -1 for the start step
    bought: tf.Tensor  # (rows, steps)
    negatives: tf.Tensor  # (negatives,)
    log_expected_count: tf.Tensor  # (negatives,), as in losses.py
    hits: tf.Tensor  # (n, 2), as in losses.py
    weights: tf.Tensor  # (rows, steps), 0 where there is nothing to learn
    reset: tf.Tensor  # (rows, steps)
    context: tf.Tensor  # (rows, steps, len(CONTEXT_SIZES))
    price_residual: tf.Tensor  # (rows, steps, 1)
    customer: tf.Tensor  # (rows, steps, customer attributes)


class Learner:
    """Trains its model batch by batch; after `restart` it behaves as if newly built."""

    def __init__(self, shapes: Shapes, config: NetworkConfig, seed: int) -> None:
        self.config, self.model = config, Model(shapes, config, seed)
        self.optimizer = Adam(self.model.weights, config.global_clipnorm, config.weight_decay)
        state = tuple(tf.TensorSpec(part.shape) for part in self.model.network.zero_state(config.batch_size))
        # Numbers of articles and negatives are left open, so that one trace fits all batches.
        signature = (_sold_spec(shapes), _batch_spec(shapes, config), state, tf.TensorSpec(()))
        traced = tf.function(self._train_step, input_signature=signature, autograph=False)
        self.train_step = traced.get_concrete_function()  # which does not look for another trace at each step

    def restart(self) -> None:
        """Reset the weights and the optimizer to their state before training."""
        self.model.restart()
        self.optimizer.restart()

    def loss(self, sold: Tensors, batch: BatchTensors, state: Tensors) -> tuple[tf.Tensor, Tensors]:
        """The weighted mean loss of a batch, and the state after it. sold: as of EncodedFeatures.tensors."""
        articles, network = self.model.articles, self.model.network
        # Gathered here, since to copy them from NumPy for each batch took as long as the step.
        ids, codes, values = (tf.gather(part, batch.articles) for part in sold)
        vectors = articles(ids, codes, values, training=True)
        inputs = (batch.read, batch.reset, batch.context, batch.price_residual, batch.customer)
        outputs, state = network(vectors, *inputs, state, training=True)
        outputs = tf.reshape(outputs, (-1, self.config.embedding_dim))  # (rows * steps, embedding_dim)
        bought = tf.reshape(batch.bought, (-1,))
        bias = articles.bias(ids)
        positive = tf.reduce_sum(outputs * tf.gather(vectors, bought), axis=1) + tf.gather(bias, bought)
        negatives = (tf.gather(vectors, batch.negatives), tf.gather(bias, batch.negatives))
        compared = LossInputs(positive, outputs, *negatives, batch.log_expected_count, batch.hits)
        loss = LOSSES[self.config.loss](compared)
        weights = tf.reshape(batch.weights, (-1,))
        return tf.reduce_sum(weights * loss) / tf.maximum(tf.reduce_sum(weights), 1e-6), state

    def _train_step(
        self, sold: Tensors, batch: BatchTensors, state: Tensors, learning_rate: tf.Tensor
    ) -> tuple[tf.Tensor, Tensors]:
        """One step of gradient descent; returns the loss before it and the recurrent state after the batch."""
        with tf.GradientTape() as tape:
            loss, state = self.loss(sold, batch, state)
        gradients = tape.gradient(loss, [weight.value for weight in self.optimizer.weights])
        self.optimizer.apply(gradients, learning_rate)
        return loss, tuple(tf.stop_gradient(part) for part in state)


@lru_cache(maxsize=MAX_LEARNERS)
def cached_learner(shapes: Shapes, config: NetworkConfig, seed: int) -> Learner:
    """The learner of these shapes, to be restarted. All fits share it, so only one may run at a time."""
    return Learner(shapes, config, seed)


def _sold_spec(shapes: Shapes) -> Tensors:
    """Ids, codes and values of the articles sold, of which each cut-off has another number."""
    ids, codes = tf.TensorSpec((None,), tf.int32), tf.TensorSpec((None, len(shapes.attribute_sizes)), tf.int32)
    return ids, codes, tf.TensorSpec((None, shapes.width))


def _batch_spec(shapes: Shapes, config: NetworkConfig) -> BatchTensors:
    grid = (config.batch_size, config.window_size)
    integers = {
        "articles": (None,),
        "read": grid,
        "bought": grid,
        "negatives": (None,),
        "hits": (None, 2),
        "context": (*grid, len(CONTEXT_SIZES)),
        "customer": (*grid, len(shapes.customer_sizes)),
    }
    floats = {"log_expected_count": (None,), "weights": grid, "price_residual": (*grid, 1)}
    specs = {name: tf.TensorSpec(shape, tf.int32) for name, shape in integers.items()}
    specs |= {name: tf.TensorSpec(shape) for name, shape in floats.items()}
    return BatchTensors(reset=tf.TensorSpec(grid, tf.bool), **specs)
