"""Adam (Kingma and Ba 2015) whose cost does not grow with the size of the embedding tables.

Keras's Adam updates every row of every table at each step, also the rows that a batch has not read: half of the
time of a step with 30,000 articles. Here the rows of a large table are updated only in the steps that read them,
and without momentum, which would spread a row's update over later steps that do not read it.
"""

from forsys.recurrent.backend import keras, tf

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
MAX_DENSE_ROWS = 1000  # of a table that is updated as a whole: a batch reads most of its rows anyway


class Adam:
    """Updates `weights`. global_clipnorm: the largest norm of all gradients together.

    weight_decay: at each step, the rows read of large tables shrink by this share times the learning rate
    (decoupled; Loshchilov and Hutter 2019). These are the embeddings of single articles, products and product
    names, which overfit where there are few purchases.
    """

    def __init__(self, weights: list[keras.Variable], global_clipnorm: float, weight_decay: float) -> None:
        self.weights, self.global_clipnorm, self.weight_decay = weights, global_clipnorm, weight_decay
        self.step = tf.Variable(0, dtype=tf.int64)
        self.first_moment = [tf.Variable(tf.zeros(() if _large(weight) else weight.shape)) for weight in weights]
        self.second_moment = [tf.Variable(tf.zeros(weight.shape)) for weight in weights]

    def restart(self) -> None:
        """Forget all steps."""
        for variable in (self.step, *self.first_moment, *self.second_moment):
            variable.assign(tf.zeros_like(variable))

    def apply(self, gradients: list[tf.Tensor | tf.IndexedSlices | None], learning_rate: tf.Tensor) -> None:
        """One step of every weight that has a gradient."""
        indices = [i for i, gradient in enumerate(gradients) if gradient is not None]
        summed = [
            _sum_by_row(gradients[i]) if _large(self.weights[i]) else tf.convert_to_tensor(gradients[i])
            for i in indices
        ]
        clipped, _ = tf.clip_by_global_norm(summed, self.global_clipnorm)
        step = tf.cast(self.step + 1, tf.float32)
        for i, gradient in zip(indices, clipped, strict=True):
            update = self._update_rows if _large(self.weights[i]) else self._update_all
            update(i, gradient, learning_rate, step)
        self.step.assign_add(1)

    def _update_all(self, i: int, gradient: tf.Tensor, learning_rate: tf.Tensor, step: tf.Tensor) -> None:
        tables = (self.weights[i].value, self.first_moment[i], self.second_moment[i])
        var, m, v = (table.handle for table in tables)
        betas = {"beta1": BETA_1, "beta2": BETA_2, "beta1_power": BETA_1**step, "beta2_power": BETA_2**step}
        tf.raw_ops.ResourceApplyAdam(var=var, m=m, v=v, lr=learning_rate, **betas, epsilon=EPSILON, grad=gradient)

    def _update_rows(self, i: int, gradient: tf.IndexedSlices, learning_rate: tf.Tensor, step: tf.Tensor) -> None:
        weight, second, rows = self.weights[i].value, self.second_moment[i], gradient.indices
        square = BETA_2 * tf.gather(second, rows) + (1 - BETA_2) * gradient.values**2
        change = learning_rate * tf.sqrt(1 - BETA_2**step) * gradient.values / (tf.sqrt(square) + EPSILON)
        if self.weight_decay and len(weight.shape) > 1:  # not the popularity
            change += learning_rate * self.weight_decay * tf.gather(weight, rows)
        second.scatter_update(tf.IndexedSlices(square, rows))
        weight.scatter_sub(tf.IndexedSlices(change, rows))


def _large(weight: keras.Variable) -> bool:
    return bool(weight.shape[0] > MAX_DENSE_ROWS)


def _sum_by_row(gradient: tf.IndexedSlices) -> tf.IndexedSlices:
    """The gradient with one entry per row."""
    rows, index = tf.unique(gradient.indices)
    return tf.IndexedSlices(tf.math.unsorted_segment_sum(gradient.values, index, tf.size(rows)), rows)
