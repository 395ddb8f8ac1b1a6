"""The losses against the textbook: the softmax over all articles, and BPR-max by hand."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from forsys.recurrent import losses
from forsys.recurrent.losses import LossInputs, accidental_hits, bpr_max, sampled_softmax

ARTICLES, STEPS = 40, 6
Loss = Callable[[LossInputs], tf.Tensor]
NO_HITS = tf.zeros((0, 2), tf.int32)


@pytest.fixture(scope="module")
def scores() -> tf.Tensor:
    """Scores of every article at every step; popular articles (the first) score higher."""
    rng = np.random.default_rng(1)
    return tf.constant(rng.normal(0, 1, (STEPS, ARTICLES)) - np.arange(ARTICLES) / 10, tf.float32)


@pytest.fixture(scope="module")
def bought() -> tf.Tensor:
    return tf.constant([0, 3, 7, 0, 39, 12])


def loss_and_gradient(
    loss: Loss, scores: tf.Tensor, bought: tf.Tensor, negatives: tf.Tensor, log_expected_count: tf.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Loss of each step, (steps,), and gradient by each score, (steps, articles); articles are unit vectors."""
    with tf.GradientTape() as tape:
        tape.watch(scores)
        positive = tf.gather(scores, bought, batch_dims=1)
        hits = tf.constant(accidental_hits(negatives.numpy(), bought.numpy()))
        vectors = tf.gather(tf.eye(ARTICLES), negatives)
        value = loss(LossInputs(positive, scores, vectors, tf.zeros(len(negatives)), log_expected_count, hits))
    return value.numpy(), tf.convert_to_tensor(tape.gradient(value, scores)).numpy()


def full_softmax(scores: tf.Tensor, bought: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy and its gradient, p − 1 at the article bought and p elsewhere."""
    p = np.exp(scores.numpy() - scores.numpy().max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(STEPS), bought]), p - np.eye(ARTICLES)[bought]


def assert_full_softmax(loss: Loss, scores: tf.Tensor, bought: tf.Tensor) -> None:
    everything = tf.range(ARTICLES)
    value, gradient = loss_and_gradient(loss, scores, bought, everything, tf.zeros(ARTICLES))
    expected, slope = full_softmax(scores, bought)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, slope, atol=1e-6)


# --- a step's positive is not among its negatives ---


def test_accidental_hits_are_the_indices_of_each_steps_own_article() -> None:
    found = accidental_hits(np.array([2, 4, 9]), np.array([4, 7, 9, 12, 4, 1]))
    assert found.tolist() == [[0, 1], [2, 2], [4, 1]]
    assert accidental_hits(np.array([2, 4]), np.array([7])).shape == (0, 2)


@pytest.mark.parametrize("loss", [sampled_softmax, bpr_max])
def test_a_positive_that_was_sampled_changes_nothing(loss: Loss, scores: tf.Tensor, bought: tf.Tensor) -> None:
    """Article 3 was bought at step 1: whether it is among the negatives makes no difference there."""
    with_it, without = tf.constant([1, 3, 5]), tf.constant([1, 5])
    one = loss_and_gradient(loss, scores, bought, with_it, tf.constant([0.1, 0.9, 0.2]))
    other = loss_and_gradient(loss, scores, bought, without, tf.constant([0.1, 0.2]))
    np.testing.assert_allclose(one[0][1], other[0][1], rtol=1e-6)
    np.testing.assert_allclose(one[1][1], other[1][1], atol=1e-6)
    assert abs(one[0][0] - other[0][0]) > 1e-3  # it does at step 0, where another article was bought


# --- softmax ---


def test_with_all_articles_as_negatives_it_is_the_full_softmax(scores: tf.Tensor, bought: tf.Tensor) -> None:
    assert_full_softmax(sampled_softmax, scores, bought)


def test_large_scores_stay_finite(bought: tf.Tensor) -> None:
    huge = tf.constant(np.random.default_rng(2).normal(0, 300, (STEPS, ARTICLES)), tf.float32)
    value, gradient = loss_and_gradient(sampled_softmax, huge, bought, tf.range(ARTICLES), tf.zeros(ARTICLES))
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()


def test_a_softmax_of_a_softmax_is_caught(scores: tf.Tensor, bought: tf.Tensor) -> None:
    def twice(scored: LossInputs) -> tf.Tensor:
        p = tf.exp(scored.positive - tf.reduce_logsumexp(scored.outputs, axis=1))
        return sampled_softmax(scored._replace(positive=p, outputs=tf.nn.softmax(scored.outputs)))

    with pytest.raises(AssertionError):
        assert_full_softmax(twice, scores, bought)


def test_positives_among_the_negatives_are_caught(
    scores: tf.Tensor, bought: tf.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "_replace", lambda scores, *_: scores)
    with pytest.raises(AssertionError):
        assert_full_softmax(sampled_softmax, scores, bought)


def test_the_correction_makes_a_sample_represent_all(scores: tf.Tensor, bought: tf.Tensor) -> None:
    """Of negatives sampled by popularity: loss and gradient come near the full ones; without it they do not."""
    share = (1 / np.arange(1, ARTICLES + 1)) ** 0.75
    share /= share.sum()
    count = 20_000
    sampled, times = np.unique(np.random.default_rng(3).choice(ARTICLES, count, p=share), return_counts=True)
    expected, slope = full_softmax(scores, bought)

    def errors(log_expected_count: np.ndarray) -> tuple[float, float]:
        negatives, correction = tf.constant(sampled, tf.int32), tf.constant(log_expected_count, tf.float32)
        value, gradient = loss_and_gradient(sampled_softmax, scores, bought, negatives, correction)
        return float(np.abs(value - expected).max()), float(np.abs(gradient - slope).max())

    assert max(errors(np.log(count * share[sampled] / times))) < 0.03
    uncorrected = errors(np.log(count / ARTICLES / times))  # each represents the same number
    assert min(uncorrected) > 0.1


def test_the_corrected_sum_is_right_on_average(scores: tf.Tensor) -> None:
    """Over many small samples, the mean of the estimates is the sum over all articles."""
    share = np.linspace(3, 1, ARTICLES) / np.linspace(3, 1, ARTICLES).sum()
    samples = np.random.default_rng(4).choice(ARTICLES, (5_000, 8), p=share)
    log_expected_count = np.log(8 * share[samples])
    one = scores.numpy()[0].astype(np.float64)
    estimates = np.exp(one[samples] - log_expected_count).sum(axis=1)
    assert estimates.mean() == pytest.approx(np.exp(one).sum(), rel=0.05)
    vectors, correction = tf.gather(tf.eye(ARTICLES), samples[0]), tf.constant(log_expected_count[0], tf.float32)
    first = sampled_softmax(LossInputs(tf.zeros(1), scores[:1], vectors, tf.zeros(8), correction, NO_HITS))
    assert float(first[0]) == pytest.approx(np.log1p(estimates[0]), rel=1e-4)


@pytest.mark.parametrize("loss", [sampled_softmax, bpr_max])
def test_a_negative_sampled_twice_is_one_with_half_the_count(
    loss: Loss, scores: tf.Tensor, bought: tf.Tensor
) -> None:
    """For articles that were bought at no step."""
    twice = loss_and_gradient(loss, scores, bought, tf.constant([2, 5, 5, 9]), tf.constant([0.4, 0.9, 0.9, 0.1]))
    half = tf.constant([0.4, 0.9 - np.log(2), 0.1], tf.float32)
    once = loss_and_gradient(loss, scores, bought, tf.constant([2, 5, 9]), half)
    np.testing.assert_allclose(once[0], twice[0], rtol=1e-5)
    np.testing.assert_allclose(once[1], twice[1], atol=1e-6)


@pytest.mark.parametrize("loss", [sampled_softmax, bpr_max])
def test_gradients_by_outputs_negatives_and_bias(loss: Loss) -> None:
    """Against differences of the loss."""
    rng = np.random.default_rng(5)
    sizes = ((STEPS,), (STEPS, 3), (8, 3), (8,))
    parts = [tf.Variable(rng.normal(size=size), dtype=tf.float32) for size in sizes]
    rest = (tf.constant(rng.normal(size=8), tf.float32), tf.constant([[0, 3], [4, 1]]))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(loss(LossInputs._make((*parts, *rest))) * tf.range(1.0, STEPS + 1))
    for part, gradient in zip(parts, tape.gradient(total, parts), strict=True):
        direction = tf.constant(rng.normal(size=part.shape) / 200, tf.float32)
        ends = []
        for side in (1, -1):
            part.assign_add(side * direction)
            ends.append(float(tf.reduce_sum(loss(LossInputs._make((*parts, *rest))) * tf.range(1.0, STEPS + 1))))
            part.assign_sub(side * direction)
        assert float(tf.reduce_sum(gradient * direction)) == pytest.approx(
            (ends[0] - ends[1]) / 2, rel=0.01, abs=1e-4
        )


# --- BPR-max ---


def test_bpr_max_by_hand() -> None:
    """Two negatives of scores 1 and −1, weighted .88 and .12; the third is an accidental hit."""
    positive, outputs, hits = tf.constant([0.5]), tf.constant([[1.0, -1.0, 0.5]]), tf.constant([[0, 2]])
    a, b = np.exp(1) / (np.exp(1) + np.exp(-1)), np.exp(-1) / (np.exp(1) + np.exp(-1))
    beaten = a / (1 + np.exp(0.5)) + b / (1 + np.exp(-1.5))
    expected = -np.log(beaten) + a * 1 + b * 1
    found = bpr_max(LossInputs(positive, outputs, tf.eye(3), tf.zeros(3), tf.zeros(3), hits))
    assert float(found[0]) == pytest.approx(expected, rel=1e-5)


def test_bpr_max_falls_as_the_positive_rises() -> None:
    positive = tf.constant([-2.0, 0.0, 2.0, 6.0])
    outputs, nothing = tf.tile(tf.constant([[0.3, -0.2, 0.1]]), (4, 1)), tf.zeros(3)
    value = bpr_max(LossInputs(positive, outputs, tf.eye(3), nothing, nothing, NO_HITS)).numpy()
    assert (np.diff(value) < 0).all()
