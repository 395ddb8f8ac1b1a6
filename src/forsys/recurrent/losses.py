"""The losses: the score of the article bought against the scores of sampled negatives, shared by a batch.

A softmax over all articles needs the sum of their exponentials. A sample estimates it: an article whose expected
count in the sample is c gets log c subtracted from its score, so that it represents 1 / c articles (sampled softmax
with "logQ" correction; Bengio and Senécal 2008). The article bought is always included and is not corrected.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from forsys.arrays import Ints
from forsys.recurrent.backend import tf

MASKED = -1e9  # a score with no probability
BPR_MAX_PENALTY = 1.0


class LossInputs(NamedTuple):
    """Steps and negatives of a batch. A negative's score is outputs @ negatives.T + bias."""

    positive: tf.Tensor  # (steps,): score of the article bought
    outputs: tf.Tensor  # (steps, embedding_dim)
    negatives: tf.Tensor  # (negatives, embedding_dim)
    bias: tf.Tensor  # (negatives,)
    log_expected_count: tf.Tensor  # (negatives,): log of the expected over the actual count in the sample, or 0
    hits: tf.Tensor  # (n, 2): `accidental_hits`, which are left out


def accidental_hits(negatives: Ints, bought: Ints) -> Ints:
    """Where a step's own positive is among the negatives: int32 (n, 2), (step, index of the negative).

    negatives: sorted and distinct. bought: the positive of each step.
    """
    index = np.minimum(np.searchsorted(negatives, bought), len(negatives) - 1)
    step = np.flatnonzero(negatives[index] == bought)
    return np.stack([step, index[step]], axis=1).astype(np.int32)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _softmax(
    positive: tf.Tensor, outputs: tf.Tensor, negatives: tf.Tensor, bias: tf.Tensor, hits: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor | None, ...]]]:
    """Cross-entropy with its own gradient: TensorFlow's takes several more passes over all scores.

    exp(score + bias) is exp(score) exp(bias), so that the bias, and each step's share of the gradient, multiply
    vectors, and the matrix of scores is read as it is.
    """
    scores = tf.matmul(outputs, negatives, transpose_b=True)
    max_bias = tf.reduce_max(bias)
    top = tf.maximum(tf.reduce_max(scores, axis=1) + max_bias, positive)
    odds = _replace(tf.exp(scores - (top - max_bias)[:, None]), hits, 0.0)  # over exp(top), without the bias
    weight = tf.exp(bias - max_bias)
    own = tf.exp(positive - top)
    total = own + tf.linalg.matvec(odds, weight)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor | None, ...]:
        share = upstream / total
        of_outputs = tf.matmul(odds, negatives * weight[:, None]) * share[:, None]
        of_negatives = tf.matmul(outputs * share[:, None], odds, transpose_a=True)  # (embedding_dim, negatives)
        of_bias = tf.linalg.matvec(odds, share, transpose_a=True) * weight
        return own * share - upstream, of_outputs, tf.transpose(of_negatives * weight), of_bias, None

    return tf.math.log(total) + top - positive, gradient


def sampled_softmax(inputs: LossInputs) -> tf.Tensor:
    """Cross-entropy of each step, (steps,)."""
    positive, outputs, negatives, bias, log_expected_count, hits = inputs
    return _softmax(positive, outputs, negatives, bias - log_expected_count, hits)


def bpr_max(inputs: LossInputs) -> tf.Tensor:
    """BPR-max with score regularisation (Hidasi and Karatzoglou 2018), (steps,)."""
    positive, outputs, negatives, bias, log_expected_count, hits = inputs
    scores = tf.matmul(outputs, negatives, transpose_b=True) + bias
    weight = tf.nn.softmax(_replace(scores - log_expected_count, hits, MASKED), axis=1)
    scores = _replace(scores, hits, 0.0)
    beaten = tf.reduce_sum(weight * tf.sigmoid(positive[:, None] - scores), axis=1)
    penalty = tf.reduce_sum(weight * scores**2, axis=1)
    return -tf.math.log(beaten + 1e-12) + BPR_MAX_PENALTY * penalty


def _replace(values: tf.Tensor, cells: tf.Tensor, value: float) -> tf.Tensor:
    return tf.tensor_scatter_nd_update(values, cells, tf.fill(tf.shape(cells)[:1], value))


LOSSES = {"softmax": sampled_softmax, "bpr_max": bpr_max}
