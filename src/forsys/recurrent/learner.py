"""A model, its optimizer and the traced step of gradient descent: made once for all cut-offs of a shop.

TensorFlow takes longer to trace a step than to learn a small shop with it: 3 of the 4 seconds that a network took
on 4,000 purchases. So one learner serves every fit of the same shapes, each of which starts anew (`restart`).
"""

from functools import lru_cache
from typing import NamedTuple

from forsys.recurrent.backend import tf
from forsys.recurrent.losses import LOSSES, Scored
from forsys.recurrent.model import Model, Shapes
from forsys.recurrent.network import Tensors
from forsys.recurrent.optimizer import Adam
from forsys.recurrent.recipe import Recipe
from forsys.recurrent.steps import MOMENTS

KEPT = 3  # learners: as many as networks are averaged


class Step(NamedTuple):
    """A batch of (rows, length) steps: the articles that it needs, all else by their place among them."""

    number: tf.Tensor  # (articles,), as in Knowledge
    codes: tf.Tensor  # (articles, attributes)
    values: tf.Tensor  # (articles, width)
    read: tf.Tensor  # (rows, length): places among the articles, -1 for the start step
    bought: tf.Tensor  # (rows, length)
    negatives: tf.Tensor  # (negatives,)
    log_count: tf.Tensor  # (negatives,): logarithm of how often each is expected among them, as in losses.py
    own: tf.Tensor  # (n, 2): which of them are what a step has bought, as in losses.py
    weight: tf.Tensor  # (rows, length), 0 where nothing is to be learned
    reset: tf.Tensor  # (rows, length)
    moments: tf.Tensor  # (rows, length, len(MOMENTS))
    paid: tf.Tensor  # (rows, length, 1)
    who: tf.Tensor  # (rows, length, …)


class Learner:
    """Teaches its model one batch after the other; from `restart` on, it is as if it had taught none before."""

    def __init__(self, shapes: Shapes, recipe: Recipe, seed: int) -> None:
        self.recipe, self.model = recipe, Model(shapes, recipe, seed)
        self.optimizer = Adam(self.model.weights, recipe.clip, recipe.weight_decay)
        state = tuple(tf.TensorSpec(part.shape) for part in self.model.network.zero_state(recipe.rows))
        # Of any number of articles and negatives, or it would be traced again where these change.
        signature = (_any_step(shapes, recipe), state, tf.TensorSpec(()))
        traced = tf.function(self._descend, input_signature=signature, autograph=False)
        self.descend = traced.get_concrete_function()  # which does not look for another trace at each step

    def restart(self) -> None:
        """Untrained weights, and an optimizer that has seen nothing."""
        self.model.restart()
        self.optimizer.restart()

    def loss(self, step: Step, state: Tensors) -> tuple[tf.Tensor, Tensors]:
        """The mean loss of a batch, by weight, and the state after it."""
        articles, network = self.model.articles, self.model.network
        vectors = articles(step.number, step.codes, step.values, training=True)
        situation = (step.read, step.reset, step.moments, step.paid, step.who)
        outputs, state = network(vectors, *situation, state, training=True)
        outputs = tf.reshape(outputs, (-1, self.recipe.dimension))  # (steps, dimension)
        bought = tf.reshape(step.bought, (-1,))  # (steps,)
        bias = articles.bias(step.number)
        positive = tf.reduce_sum(outputs * tf.gather(vectors, bought), axis=1) + tf.gather(bias, bought)
        others, added = tf.gather(vectors, step.negatives), tf.gather(bias, step.negatives)
        loss = LOSSES[self.recipe.loss](Scored(positive, outputs, others, added, step.log_count, step.own))
        each = tf.reshape(step.weight, (-1,))
        return tf.reduce_sum(each * loss) / tf.maximum(tf.reduce_sum(each), 1e-6), state

    def _descend(self, step: Step, state: Tensors, rate: tf.Tensor) -> Tensors:
        """One step of gradient descent at a learning rate; returns the state after the batch."""
        with tf.GradientTape() as tape:
            loss, state = self.loss(step, state)
        self.optimizer.apply(tape.gradient(loss, [weight.value for weight in self.optimizer.weights]), rate)
        return tuple(tf.stop_gradient(part) for part in state)


@lru_cache(maxsize=KEPT)
def learner(shapes: Shapes, recipe: Recipe, seed: int) -> Learner:
    """The one of these shapes, to be restarted: whoever asked for it before must have finished."""
    return Learner(shapes, recipe, seed)


def _any_step(shapes: Shapes, recipe: Recipe) -> Step:
    grid = (recipe.rows, recipe.length)
    whole = {
        "number": (None,),
        "codes": (None, len(shapes.attributes)),
        "read": grid,
        "bought": grid,
        "negatives": (None,),
        "own": (None, 2),
        "moments": (*grid, len(MOMENTS)),
        "who": (*grid, len(shapes.people)),
    }
    real = {"values": (None, shapes.width), "log_count": (None,), "weight": grid, "paid": (*grid, 1)}
    kinds = {name: tf.TensorSpec(shape, tf.int32) for name, shape in whole.items()}
    kinds |= {name: tf.TensorSpec(shape, tf.float32) for name, shape in real.items()}
    return Step(reset=tf.TensorSpec(grid, tf.bool), **kinds)
