"""The losses against the textbook: the softmax over all articles, and BPR-max by hand."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from forsys.recurrent import losses
from forsys.recurrent.losses import Scored, bpr_max, own_positives, sampled_softmax

ARTICLES, STEPS = 40, 6
Loss = Callable[[Scored], tf.Tensor]
NOTHING = tf.zeros((0, 2), tf.int32)


@pytest.fixture(scope="module")
def scores() -> tf.Tensor:
    """Of every article at every step; popular ones (the first) score higher."""
    rng = np.random.default_rng(1)
    return tf.constant(rng.normal(0, 1, (STEPS, ARTICLES)) - np.arange(ARTICLES) / 10, tf.float32)


@pytest.fixture(scope="module")
def bought() -> tf.Tensor:
    return tf.constant([0, 3, 7, 0, 39, 12])


def loss_and_gradient(
    loss: Loss, scores: tf.Tensor, bought: tf.Tensor, negatives: tf.Tensor, log_count: tf.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Of each step, (steps,), and by each score, (steps, articles): the outputs are scores, of unit vectors."""
    with tf.GradientTape() as tape:
        tape.watch(scores)
        positive = tf.gather(scores, bought, batch_dims=1)
        own = tf.constant(own_positives(negatives.numpy(), bought.numpy()))
        others = tf.gather(tf.eye(ARTICLES), negatives)
        value = loss(Scored(positive, scores, others, tf.zeros(len(negatives)), log_count, own))
    return value.numpy(), tf.convert_to_tensor(tape.gradient(value, scores)).numpy()


def full_softmax(scores: tf.Tensor, bought: tf.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Cross-entropy and its gradient, p − 1 at what was bought and p elsewhere."""
    p = np.exp(scores.numpy() - scores.numpy().max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return -np.log(p[np.arange(STEPS), bought]), p - np.eye(ARTICLES)[bought]


def assert_full_softmax(loss: Loss, scores: tf.Tensor, bought: tf.Tensor) -> None:
    everything = tf.range(ARTICLES)
    value, gradient = loss_and_gradient(loss, scores, bought, everything, tf.zeros(ARTICLES))
    expected, slope = full_softmax(scores, bought)
    np.testing.assert_allclose(value, expected, rtol=1e-5)
    np.testing.assert_allclose(gradient, slope, atol=1e-6)


# --- a positive is never among its own negatives ---


def test_own_positives_are_the_places_of_a_steps_article_and_no_other() -> None:
    found = own_positives(np.array([2, 4, 9]), np.array([4, 7, 9, 12, 4, 1]))
    assert found.tolist() == [[0, 1], [2, 2], [4, 1]]
    assert own_positives(np.array([2, 4]), np.array([7])).shape == (0, 2)


@pytest.mark.parametrize("loss", [sampled_softmax, bpr_max])
def test_a_positive_that_was_drawn_changes_nothing(loss: Loss, scores: tf.Tensor, bought: tf.Tensor) -> None:
    """Step 1 has bought article 3: whether 3 is among the negatives makes no difference to it."""
    with_it, without = tf.constant([1, 3, 5]), tf.constant([1, 5])
    drawn = loss_and_gradient(loss, scores, bought, with_it, tf.constant([0.1, 0.9, 0.2]))
    left = loss_and_gradient(loss, scores, bought, without, tf.constant([0.1, 0.2]))
    np.testing.assert_allclose(drawn[0][1], left[0][1], rtol=1e-6)
    np.testing.assert_allclose(drawn[1][1], left[1][1], atol=1e-6)
    assert abs(drawn[0][0] - left[0][0]) > 1e-3  # to step 0, which bought another article, it does


# --- softmax ---


def test_with_all_articles_it_is_the_full_softmax(scores: tf.Tensor, bought: tf.Tensor) -> None:
    assert_full_softmax(sampled_softmax, scores, bought)


def test_large_scores_stay_finite(bought: tf.Tensor) -> None:
    huge = tf.constant(np.random.default_rng(2).normal(0, 300, (STEPS, ARTICLES)), tf.float32)
    value, gradient = loss_and_gradient(sampled_softmax, huge, bought, tf.range(ARTICLES), tf.zeros(ARTICLES))
    assert np.isfinite(value).all()
    assert np.isfinite(gradient).all()


def test_softmax_twice_is_caught(scores: tf.Tensor, bought: tf.Tensor) -> None:
    def twice(scored: Scored) -> tf.Tensor:
        p = tf.exp(scored.positive - tf.reduce_logsumexp(scored.outputs, axis=1))
        return sampled_softmax(scored._replace(positive=p, outputs=tf.nn.softmax(scored.outputs)))

    with pytest.raises(AssertionError):
        assert_full_softmax(twice, scores, bought)


def test_positives_among_the_negatives_are_caught(
    scores: tf.Tensor, bought: tf.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "_without", lambda scores, *_: scores)
    with pytest.raises(AssertionError):
        assert_full_softmax(sampled_softmax, scores, bought)


def test_the_correction_makes_a_sample_stand_for_all(scores: tf.Tensor, bought: tf.Tensor) -> None:
    """Negatives drawn by popularity: corrected, loss and gradient come near the full ones; otherwise they don't."""
    share = (1 / np.arange(1, ARTICLES + 1)) ** 0.75
    share /= share.sum()
    count = 20_000
    drawn, times = np.unique(np.random.default_rng(3).choice(ARTICLES, count, p=share), return_counts=True)
    expected, slope = full_softmax(scores, bought)

    def errors(log_count: np.ndarray) -> tuple[float, float]:
        negatives, constant = tf.constant(drawn, tf.int32), tf.constant(log_count, tf.float32)
        value, gradient = loss_and_gradient(sampled_softmax, scores, bought, negatives, constant)
        return float(np.abs(value - expected).max()), float(np.abs(gradient - slope).max())

    assert max(errors(np.log(count * share[drawn] / times))) < 0.03
    uncorrected = errors(np.log(count / ARTICLES / times))  # each stands for the same number
    assert min(uncorrected) > 0.1


def test_the_corrected_sum_is_right_on_average(scores: tf.Tensor) -> None:
    """Over many small samples, what stands for the sum over all articles has that sum as its mean."""
    share = np.linspace(3, 1, ARTICLES) / np.linspace(3, 1, ARTICLES).sum()
    drawn = np.random.default_rng(4).choice(ARTICLES, (5_000, 8), p=share)
    log_count = np.log(8 * share[drawn])
    one = scores.numpy()[0].astype(np.float64)
    estimates = np.exp(one[drawn] - log_count).sum(axis=1)
    assert estimates.mean() == pytest.approx(np.exp(one).sum(), rel=0.05)
    others, corrected = tf.gather(tf.eye(ARTICLES), drawn[0]), tf.constant(log_count[0], tf.float32)
    of_first = sampled_softmax(Scored(tf.zeros(1), scores[:1], others, tf.zeros(8), corrected, NOTHING))
    assert float(of_first[0]) == pytest.approx(np.log1p(estimates[0]), rel=1e-4)


@pytest.mark.parametrize("loss", [sampled_softmax, bpr_max])
def test_once_with_half_the_count_is_twice(loss: Loss, scores: tf.Tensor, bought: tf.Tensor) -> None:
    """Of articles that no step has bought."""
    twice = loss_and_gradient(loss, scores, bought, tf.constant([2, 5, 5, 9]), tf.constant([0.4, 0.9, 0.9, 0.1]))
    half = tf.constant([0.4, 0.9 - np.log(2), 0.1], tf.float32)
    once = loss_and_gradient(loss, scores, bought, tf.constant([2, 5, 9]), half)
    np.testing.assert_allclose(once[0], twice[0], rtol=1e-5)
    np.testing.assert_allclose(once[1], twice[1], atol=1e-6)


@pytest.mark.parametrize("loss", [sampled_softmax, bpr_max])
def test_gradients_by_outputs_articles_and_what_is_added(loss: Loss) -> None:
    """Against differences of the loss."""
    rng = np.random.default_rng(5)
    sizes = ((STEPS,), (STEPS, 3), (8, 3), (8,))
    parts = [tf.Variable(rng.normal(size=size), dtype=tf.float32) for size in sizes]
    rest = (tf.constant(rng.normal(size=8), tf.float32), tf.constant([[0, 3], [4, 1]]))
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(loss(Scored._make((*parts, *rest))) * tf.range(1.0, STEPS + 1))
    for part, gradient in zip(parts, tape.gradient(total, parts), strict=True):
        direction = tf.constant(rng.normal(size=part.shape) / 200, tf.float32)
        ends = []
        for side in (1, -1):
            part.assign_add(side * direction)
            ends.append(float(tf.reduce_sum(loss(Scored._make((*parts, *rest))) * tf.range(1.0, STEPS + 1))))
            part.assign_sub(side * direction)
        assert float(tf.reduce_sum(gradient * direction)) == pytest.approx(
            (ends[0] - ends[1]) / 2, rel=0.01, abs=1e-4
        )


# --- BPR-max ---


def test_bpr_max_by_hand() -> None:
    """Two negatives of scores 1 and −1, weighted .88 and .12; the third is left out."""
    positive, outputs, own = tf.constant([0.5]), tf.constant([[1.0, -1.0, 0.5]]), tf.constant([[0, 2]])
    a, b = np.exp(1) / (np.exp(1) + np.exp(-1)), np.exp(-1) / (np.exp(1) + np.exp(-1))
    beats = a / (1 + np.exp(0.5)) + b / (1 + np.exp(-1.5))
    expected = -np.log(beats) + a * 1 + b * 1
    found = bpr_max(Scored(positive, outputs, tf.eye(3), tf.zeros(3), tf.zeros(3), own))
    assert float(found[0]) == pytest.approx(expected, rel=1e-5)


def test_bpr_max_falls_as_the_positive_rises() -> None:
    positive = tf.constant([-2.0, 0.0, 2.0, 6.0])
    outputs, nothing = tf.tile(tf.constant([[0.3, -0.2, 0.1]]), (4, 1)), tf.zeros(3)
    value = bpr_max(Scored(positive, outputs, tf.eye(3), nothing, nothing, NOTHING)).numpy()
    assert (np.diff(value) < 0).all()
