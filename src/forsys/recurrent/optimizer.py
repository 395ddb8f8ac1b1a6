"""Adam (Kingma and Ba 2015) at the cost of the rows that a batch has read.

Keras's own computes every row of every table at each step, also of those that a batch has not read: half of the
time of a step with 30,000 articles. Here the rows of a large table take part in the steps that read them only, and
without momentum: momentum would spread a row's change over the steps to come, in which nothing else moves it.
"""

from forsys.recurrent.backend import keras, tf

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
LARGE = 1000  # rows of a table: smaller ones are read as a whole anyway


class Adam:
    """Moves `weights`. `clip`: the largest norm of a gradient.

    weight_decay: a vector that has been read, of a large table, shrinks by this share times the learning rate
    (decoupled; Loshchilov and Hutter 2019). Such tables say what an article, a product and a name are like for
    themselves: on few purchases they are learned by heart.
    """

    def __init__(self, weights: list[keras.Variable], clip: float, weight_decay: float) -> None:
        self.weights, self.clip, self.weight_decay = weights, clip, weight_decay
        self.step = tf.Variable(0, dtype=tf.int64)
        self.first = [tf.Variable(tf.zeros(() if _large(weight) else weight.shape)) for weight in weights]
        self.second = [tf.Variable(tf.zeros(weight.shape)) for weight in weights]

    def restart(self) -> None:
        """Forget all steps."""
        for variable in (self.step, *self.first, *self.second):
            variable.assign(tf.zeros_like(variable))

    def apply(self, gradients: list[tf.Tensor | tf.IndexedSlices | None], rate: tf.Tensor) -> None:
        """One step at a learning rate, of every weight with a gradient."""
        moved = [i for i, gradient in enumerate(gradients) if gradient is not None]
        summed = [_rows(gradients[i]) if _large(self.weights[i]) else _dense(gradients[i]) for i in moved]
        clipped, _ = tf.clip_by_global_norm(summed, self.clip)
        step = tf.cast(self.step + 1, tf.float32)
        for i, gradient in zip(moved, clipped, strict=True):
            move = self._move_rows if _large(self.weights[i]) else self._move
            move(i, gradient, rate, step)
        self.step.assign_add(1)

    def _move(self, i: int, gradient: tf.Tensor, rate: tf.Tensor, step: tf.Tensor) -> None:
        weight = self.weights[i].value
        tf.raw_ops.ResourceApplyAdam(
            var=weight.handle,
            m=self.first[i].handle,
            v=self.second[i].handle,
            beta1_power=BETA_1**step,
            beta2_power=BETA_2**step,
            lr=rate,
            beta1=BETA_1,
            beta2=BETA_2,
            epsilon=EPSILON,
            grad=gradient,
        )

    def _move_rows(self, i: int, gradient: tf.IndexedSlices, rate: tf.Tensor, step: tf.Tensor) -> None:
        weight, second, rows = self.weights[i].value, self.second[i], gradient.indices
        square = BETA_2 * tf.gather(second, rows) + (1 - BETA_2) * gradient.values**2
        change = rate * tf.sqrt(1 - BETA_2**step) * gradient.values / (tf.sqrt(square) + EPSILON)
        if self.weight_decay and len(weight.shape) > 1:  # not an article's popularity
            change += rate * self.weight_decay * tf.gather(weight, rows)
        second.scatter_update(tf.IndexedSlices(square, rows))
        weight.scatter_sub(tf.IndexedSlices(change, rows))


def _large(weight: keras.Variable) -> bool:
    return bool(weight.shape[0] > LARGE)


def _dense(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    return tf.convert_to_tensor(gradient)


def _rows(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    """Each row once."""
    rows, place = tf.unique(gradient.indices)
    return tf.IndexedSlices(tf.math.unsorted_segment_sum(gradient.values, place, tf.size(rows)), rows)
