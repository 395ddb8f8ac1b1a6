"""What a network learns from: its score of the article bought, among the scores of shared negatives.

A softmax over all articles needs their sum of exponentials. Over a sample it is estimated: an article drawn with an
expected count of c stands for 1 / c of its kind, so that log c is taken off its score (sampled softmax with the
"logQ" correction; Bengio and Senécal 2008). The article bought is there for certain and is not corrected.

Both losses take, of a batch of steps:

positive (steps,)               scores of what was bought
negative (steps, negatives)     scores of the others, log_count taken off
log_count (negatives,)          logarithm of how often each is expected in the sample; 0 where all are there
own (n, 2)                      where a step's own positive is among the negatives, see `own_positives`
"""

from collections.abc import Callable

import numpy as np

from forsys.recurrent.backend import tf
from forsys.tables.history import Ints

NEVER = -1e9  # a score that takes no part
BPR_MAX_PENALTY = 1.0


def own_positives(negatives: Ints, bought: Ints) -> Ints:
    """(step, place among the negatives) of every negative that is what the step has bought, int32 (n, 2)."""
    order = np.argsort(negatives, kind="stable")
    first, end = (np.searchsorted(negatives, bought, side, sorter=order) for side in ("left", "right"))
    count = end - first
    step = np.repeat(np.arange(len(bought)), count)
    nth = np.arange(len(step)) - np.repeat(np.cumsum(count) - count, count)
    return np.stack([step, order[first[step] + nth]], axis=1).astype(np.int32)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _softmax(
    positive: tf.Tensor, negative: tf.Tensor, own: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor | None, ...]]]:
    """TensorFlow's own gradient takes four passes over all scores more."""
    top = tf.maximum(tf.reduce_max(negative, axis=1), positive)
    others = _without(tf.exp(negative - top[:, None]), own, 0.0)
    this = tf.exp(positive - top)
    total = this + tf.reduce_sum(others, axis=1)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        share = upstream / total
        return this * share - upstream, others * share[:, None], None

    return tf.math.log(total) + top - positive, gradient


def sampled_softmax(positive: tf.Tensor, negative: tf.Tensor, log_count: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of each step, (steps,)."""
    del log_count  # it is in `negative` already
    return _softmax(positive, negative, own)


def bpr_max(positive: tf.Tensor, negative: tf.Tensor, log_count: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """BPR-max with score regularisation (Hidasi and Karatzoglou 2018), (steps,)."""
    weight = tf.nn.softmax(_without(negative, own, NEVER), axis=1)
    score = _without(negative + log_count[None, :], own, 0.0)
    beats = tf.reduce_sum(weight * tf.sigmoid(positive[:, None] - score), axis=1)
    penalty = tf.reduce_sum(weight * score**2, axis=1)
    return -tf.math.log(beats + 1e-12) + BPR_MAX_PENALTY * penalty


def _without(values: tf.Tensor, own: tf.Tensor, instead: float) -> tf.Tensor:
    return tf.tensor_scatter_nd_update(values, own, tf.fill(tf.shape(own)[:1], instead))


LOSSES = {"softmax": sampled_softmax, "bpr_max": bpr_max}
