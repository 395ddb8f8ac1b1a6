"""What a network learns from: its score of the article bought, among the scores of shared negatives.

A softmax over all articles needs their sum of exponentials. Over a sample it is estimated: an article drawn with an
expected count of c stands for 1 / c of its kind, so that log c is taken off its score (sampled softmax with the
"logQ" correction; Bengio and Senécal 2008). The article bought is there for certain and is not corrected.
"""

import tensorflow as tf

NEVER = -1e9  # a score that takes no part
BPR_MAX_PENALTY = 1.0


def without_positives(scores: tf.Tensor, negatives: tf.Tensor, positive: tf.Tensor) -> tf.Tensor:
    """Scores (steps, negatives) with those of each step's own positive left out, should it be drawn."""
    return tf.where(negatives[None, :] == positive[:, None], NEVER, scores)


def sampled_softmax(positive: tf.Tensor, negative: tf.Tensor, log_count: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of each step, (steps,).

    positive (steps,): scores of what was bought. negative (steps, negatives): of the others. log_count
    (negatives,): logarithm of how often each is expected in the sample, 0 where all articles are there.
    """
    others = tf.reduce_logsumexp(negative - log_count[None, :], axis=1)
    return tf.nn.softplus(others - positive)


def bpr_max(positive: tf.Tensor, negative: tf.Tensor, log_count: tf.Tensor) -> tf.Tensor:
    """BPR-max with score regularisation (Hidasi and Karatzoglou 2018), (steps,): arguments as above."""
    weight = tf.nn.softmax(negative - log_count[None, :], axis=1)
    beats = tf.reduce_sum(weight * tf.sigmoid(positive[:, None] - negative), axis=1)
    penalty = tf.reduce_sum(weight * tf.where(negative > NEVER / 2, negative, 0.0) ** 2, axis=1)
    return -tf.math.log(beats + 1e-12) + BPR_MAX_PENALTY * penalty


LOSSES = {"softmax": sampled_softmax, "bpr_max": bpr_max}
