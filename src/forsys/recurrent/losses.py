"""What a network learns from: its score of the article bought, among the scores of shared negatives.

A softmax over all articles needs their sum of exponentials. Over a sample it is estimated: an article drawn with an
expected count of c stands for 1 / c of its kind, so that log c is taken off its score (sampled softmax with the
"logQ" correction; Bengio and Senécal 2008). The article bought is there for certain and is not corrected.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from forsys.recurrent.backend import tf
from forsys.tables.history import Ints

NEVER = -1e9  # a score that takes no part
BPR_MAX_PENALTY = 1.0


class Scored(NamedTuple):
    """What a loss compares, of a batch of steps."""

    positive: tf.Tensor  # (steps,): scores of what was bought
    outputs: tf.Tensor  # (steps, dimension) and
    others: tf.Tensor  # (negatives, dimension): their products, and
    bias: tf.Tensor  # (negatives,) added, are the scores of the negatives
    log_count: tf.Tensor  # (negatives,): logarithm of how often each is expected, for each time it is there, or 0
    own: tf.Tensor  # (n, 2): where a step's own positive is among the negatives, see `own_positives`


def own_positives(negatives: Ints, bought: Ints) -> Ints:
    """(step, place among the negatives, which are sorted and distinct) of what a step has bought: int32 (n, 2)."""
    place = np.minimum(np.searchsorted(negatives, bought), len(negatives) - 1)
    step = np.flatnonzero(negatives[place] == bought)
    return np.stack([step, place[step]], axis=1).astype(np.int32)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _softmax(
    positive: tf.Tensor, outputs: tf.Tensor, others: tf.Tensor, added: tf.Tensor, own: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor | None, ...]]]:
    """TensorFlow's own gradient takes several passes over all scores more.

    exp(score + added) is exp(score) exp(added), so that what is added, and each step's share of the gradient,
    changes vectors, and the table of scores is read as it is.
    """
    scores = tf.matmul(outputs, others, transpose_b=True)
    most = tf.reduce_max(added)
    top = tf.maximum(tf.reduce_max(scores, axis=1) + most, positive)
    odds = _without(tf.exp(scores - (top - most)[:, None]), own, 0.0)  # over exp(top), without what is added
    weight = tf.exp(added - most)
    this = tf.exp(positive - top)
    total = this + tf.linalg.matvec(odds, weight)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        share = upstream / total
        of_outputs = tf.matmul(odds, others * weight[:, None]) * share[:, None]
        of_others = tf.matmul(outputs * share[:, None], odds, transpose_a=True)  # (dimension, negatives)
        of_added = tf.linalg.matvec(odds, share, transpose_a=True) * weight
        return this * share - upstream, of_outputs, tf.transpose(of_others * weight), of_added, None

    return tf.math.log(total) + top - positive, gradient


def sampled_softmax(scored: Scored) -> tf.Tensor:
    """Cross-entropy of each step, (steps,)."""
    positive, outputs, others, bias, log_count, own = scored
    return _softmax(positive, outputs, others, bias - log_count, own)


def bpr_max(scored: Scored) -> tf.Tensor:
    """BPR-max with score regularisation (Hidasi and Karatzoglou 2018), (steps,)."""
    positive, outputs, others, bias, log_count, own = scored
    negative = tf.matmul(outputs, others, transpose_b=True) + bias
    weight = tf.nn.softmax(_without(negative - log_count, own, NEVER), axis=1)
    score = _without(negative, own, 0.0)
    beats = tf.reduce_sum(weight * tf.sigmoid(positive[:, None] - score), axis=1)
    penalty = tf.reduce_sum(weight * score**2, axis=1)
    return -tf.math.log(beats + 1e-12) + BPR_MAX_PENALTY * penalty


def _without(values: tf.Tensor, own: tf.Tensor, instead: float) -> tf.Tensor:
    return tf.tensor_scatter_nd_update(values, own, tf.fill(tf.shape(own)[:1], instead))


LOSSES = {"softmax": sampled_softmax, "bpr_max": bpr_max}
