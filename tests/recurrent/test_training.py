"""Training: a toy grammar that every cell learns, the loss of a batch, and what it must not depend on."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from forsys.arrays import Floats
from forsys.calendar import day_number
from forsys.recurrent import inference, learner, losses, training
from forsys.recurrent.backend import Tensors
from forsys.recurrent.cells import CELLS
from forsys.recurrent.config import NetworkConfig
from forsys.recurrent.inference import ProfileEncoder, article_vectors
from forsys.recurrent.learner import BatchTensors
from forsys.recurrent.minibatches import Batch, batches
from forsys.recurrent.model import Model
from forsys.recurrent.network import Recurrence
from forsys.recurrent.training import EncodedFeatures, Trainer, encode_features, learning_rates, num_parameters
from forsys.tables.history import History

AS_OF = date(2020, 3, 1)
WORDS = 5  # of the grammar: the next word is the sum of the last two, modulo 5
every_cell = pytest.mark.parametrize("cell", CELLS)
COMMON = NetworkConfig(half_life=60, dropout=0)
PLAIN = replace(
    COMMON, features=(), embedding_dim=32, batch_size=16, epochs=30, warmup_steps=20, learning_rate=0.01
)
SMALL = replace(COMMON, embedding_dim=8, batch_size=32, window_size=3, num_negatives=64, epochs=1, warmup_steps=2)


def sentences(begins: list[tuple[int, int]], length: int) -> History:
    """One sentence per customer, one word per day up to AS_OF."""
    words = np.zeros((len(begins), length), np.int32)
    words[:, :2] = begins
    for i in range(2, length):
        words[:, i] = (words[:, i - 1] + words[:, i - 2]) % WORDS
    ones, days = np.ones(words.size, np.int32), np.arange(-length, 0, dtype=np.int32) + day_number(AS_OF)
    return History(
        customer=np.repeat(np.arange(len(begins), dtype=np.int32), length),
        article=words.ravel(),
        day=np.tile(days, len(begins)),
        price=ones / np.float32(40),
        channel=ones.astype(np.int8),
        units=ones,
        first=np.arange(len(begins) + 1) * length,
        articles=pl.DataFrame({"article": range(WORDS)}),
        customers=pl.DataFrame({"customer": range(len(begins))}),
    )


def top_1(config: NetworkConfig) -> float:
    """Share of all pairs of words after which the right word has the best score."""
    pairs = [(a, b) for a in range(WORDS) for b in range(WORDS)]
    begins = [pairs[i] for i in np.random.default_rng(1).integers(len(pairs), size=96)]
    history = sentences(begins, 12)
    features = encode_features(history, AS_OF, config)
    model = Trainer(history, AS_OF, features, config, seed=1).fit(config.epochs)
    test = sentences(pairs, 3)
    profiles = test.event_profiles(np.arange(2, len(test), 3))
    vectors = article_vectors(model, features)
    scores = encoder_of(model, vectors, features, config).encode(profiles) @ vectors.T
    return float((scores.argmax(axis=1) == test.article[2::3]).mean())


def encoder_of(
    model: Model, vectors: Floats, features: EncodedFeatures, config: NetworkConfig = SMALL
) -> ProfileEncoder:
    weights = [weight.numpy() for weight in model.network.trainable_variables]
    return ProfileEncoder(config, weights, vectors, features.mean_log_price, features.customer_codes)


# --- what is learned ---


@every_cell
def test_it_learns_a_word_that_the_last_two_decide(cell: str) -> None:
    assert top_1(replace(PLAIN, cell=cell)) > 0.95


def test_a_recurrence_that_forgets_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset before every step, it knows only the last word."""
    right = Recurrence.call

    def broken(self: Recurrence, steps: tf.Tensor, reset: tf.Tensor, *rest: tf.Tensor) -> tuple[tf.Tensor, Tensors]:
        return right(self, steps, tf.ones_like(reset), *rest)

    monkeypatch.setattr(Recurrence, "call", broken)
    monkeypatch.setattr(training, "cached_learner", learner.cached_learner.__wrapped__)  # built with the fault
    monkeypatch.setattr(inference, "_traced_network", inference._traced_network.__wrapped__)
    assert top_1(replace(PLAIN, cell="simple_rnn")) < 0.6


# --- the learning rate ---


def test_the_learning_rate_rises_and_falls() -> None:
    """Linearly over the warm-up, or half of the steps where there are few; then along a cosine to 3 %."""
    found = learning_rates(120, replace(SMALL, learning_rate=0.1, warmup_steps=20))
    np.testing.assert_allclose(found[[0, 5, 20, 70]], [0, 0.025, 0.1, 0.1 * (0.03 + 0.97 / 2)], rtol=1e-5)
    assert found[-1] == pytest.approx(0.003, rel=0.01)
    assert (np.diff(found[20:]) < 0).all()
    assert learning_rates(6, replace(SMALL, learning_rate=0.1, warmup_steps=20)).argmax() == 3
    assert learning_rates(0, SMALL).shape == (0,)


# --- the world ---


@pytest.fixture(scope="module")
def features(world: History, world_as_of: date) -> EncodedFeatures:
    return encode_features(world, world_as_of, SMALL)


def trainer_of(
    world: History, as_of: date, features: EncodedFeatures, config: NetworkConfig = SMALL, seed: int = 3
) -> Trainer:
    return Trainer(world, as_of, features, config, seed)


def weights_of(model: Model) -> bytes:
    return b"".join(weight.numpy().tobytes() for weight in model.weights)


def test_the_seed_decides_the_model(world: History, world_as_of: date) -> None:
    """With everything that is random: dropout, shuffling and negatives."""
    config = replace(SMALL, features=("attributes", "customer"), dropout=0.3, id_dropout=0.1, num_negatives=40)
    features = encode_features(world, world_as_of, config)
    one, same, other = (
        weights_of(trainer_of(world, world_as_of, features, config, seed).fit(1)) for seed in (3, 3, 4)
    )
    assert one == same
    assert one != other


def test_a_fit_does_not_depend_on_earlier_fits(
    world: History, world_as_of: date, features: EncodedFeatures
) -> None:
    """Also after the learner was trained for another cut-off in between."""
    config = replace(SMALL, dropout=0.3, id_dropout=0.1)
    first = weights_of(trainer_of(world, world_as_of, features, config).fit(1))
    earlier = world_as_of - timedelta(days=14)
    other = trainer_of(world, earlier, encode_features(world, earlier, config), config)
    assert weights_of(other.fit(1)) != first
    again = trainer_of(world, world_as_of, features, config)
    assert again.learner is other.learner
    assert weights_of(again.fit(1)) == first


def test_unused_embeddings_do_not_count_as_parameters(
    world: History, world_as_of: date, features: EncodedFeatures
) -> None:
    model = trainer_of(world, world_as_of, features).model
    tables = sum(weight.numpy().size for weight in model.weights)
    assert num_parameters(model, features) == tables - 12 * (SMALL.embedding_dim + 1)


def test_knowledge_ends_at_the_cut_off(world: History, world_as_of: date, features: EncodedFeatures) -> None:
    """Articles sold before it have ids, the same at every cut-off; the others have id 0."""
    sold = np.unique(world.before(world_as_of).article)
    assert features.sold.tolist() == sold.tolist()
    assert features.ids[sold].tolist() == (sold + 1).tolist()
    assert 0 < (features.ids == 0).sum() == 120 - len(sold)
    trainer = trainer_of(world, world_as_of, features)
    assert trainer.log.day.max() < day_number(world_as_of)
    assert trainer.weights.max() == pytest.approx(1.0)


def test_recent_purchases_weigh_more(world: History, world_as_of: date, features: EncodedFeatures) -> None:
    trainer = trainer_of(world, world_as_of, features, replace(SMALL, half_life=10))
    yesterday = day_number(world_as_of) - 1
    np.testing.assert_allclose(trainer.weights[trainer.log.day == yesterday - 10], 0.5)
    np.testing.assert_allclose(trainer.weights[trainer.log.day == yesterday - 20], 0.25)


# --- negatives ---


def test_a_small_catalogue_is_used_whole(world: History, world_as_of: date, features: EncodedFeatures) -> None:
    sampled, log_expected_count = trainer_of(world, world_as_of, features)._sample_negatives()
    assert sampled.tolist() == features.sold.tolist()
    assert not log_expected_count.any()


def test_negatives_are_sampled_by_popularity(world: History, world_as_of: date, features: EncodedFeatures) -> None:
    """Each as often as the correction says, and only articles that were sold."""
    config = replace(SMALL, num_negatives=50, negative_sampling_power=0.5)
    trainer = trainer_of(world, world_as_of, features, config)
    sales = np.bincount(trainer.log.article, trainer.weights, 120)[features.sold] + 1
    seen, expected = np.zeros(120), np.zeros(120)
    expected[features.sold] = 50 * np.sqrt(sales) / np.sqrt(sales).sum()
    for _ in range(400):
        sampled, log_expected_count = trainer._sample_negatives()
        assert (np.diff(sampled) > 0).all()
        times = expected[sampled] / np.exp(log_expected_count)
        np.testing.assert_allclose(times, times.round(), rtol=1e-4)
        assert times.round().sum() == 50
        seen[sampled] += times / 400
    np.testing.assert_allclose(seen, expected, atol=0.15)


# --- the loss of a batch ---


def loss_and_gradients(trainer: Trainer, batch: Batch) -> tuple[float, list[np.ndarray]]:
    state = trainer.model.network.zero_state(len(batch.read))
    with tf.GradientTape() as tape:
        loss, _ = trainer.learner.loss(trainer.sold, trainer._tensors(batch), state)
    found = tape.gradient(loss, [weight.value for weight in trainer.model.weights])
    return float(loss), [tf.convert_to_tensor(g).numpy() for g in found if g is not None]


def padded(batch: Batch, rows: int, columns: int) -> Batch:
    """With that many empty rows and columns added."""
    frame = ((0, rows), (0, columns))
    parts = zip((batch.read, batch.predict, batch.reset), (-1, -1, True), strict=True)
    return Batch(*(np.pad(part, frame, constant_values=fill) for part, fill in parts))


def test_padding_changes_neither_loss_nor_gradients(
    world: History, world_as_of: date, features: EncodedFeatures
) -> None:
    trainer = trainer_of(world, world_as_of, features)
    batch = next(batches(trainer.log, "session_parallel", 5, 4))
    loss, gradients = loss_and_gradients(trainer, batch)
    more, others = loss_and_gradients(trainer, padded(batch, 3, 2))
    assert more == pytest.approx(loss, rel=1e-5)
    for one, two in zip(gradients, others, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-5)


def test_padding_that_counts_is_caught(
    world: History, world_as_of: date, features: EncodedFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Trainer._tensors

    def broken(self: Trainer, batch: Batch) -> BatchTensors:
        tensors = right(self, batch)
        return tensors._replace(weights=tf.maximum(tensors.weights, 0.5))

    monkeypatch.setattr(Trainer, "_tensors", broken)
    with pytest.raises(AssertionError):
        test_padding_changes_neither_loss_nor_gradients(world, world_as_of, features)


def assert_cross_entropy(trainer: Trainer) -> None:
    """The loss is the weighted mean of the cross-entropy over the whole catalogue, computed step by step."""
    batch = next(batches(trainer.log, "sliding", 5, 4))
    loss, _ = loss_and_gradients(trainer, batch)
    tensors = trainer._tensors(batch)
    catalogue, popularity = trainer.model.articles(*trainer.sold), trainer.model.articles.bias(trainer.sold[0])
    vectors = tf.gather(catalogue, tensors.articles)
    inputs = (tensors.read, tensors.reset, tensors.context, tensors.price_residual, tensors.customer)
    outputs, _ = trainer.model.network(vectors, *inputs, trainer.model.network.zero_state(5))
    scores = outputs.numpy() @ catalogue.numpy().T + popularity.numpy()
    summed, total = 0.0, 0.0
    weight, bought = tensors.weights.numpy(), tensors.articles.numpy()[tensors.bought.numpy()]
    for row, column in np.argwhere(weight > 0):
        one = scores[row, column].astype(np.float64)
        summed += weight[row, column] * (np.log(np.exp(one).sum()) - one[bought[row, column]])
        total += weight[row, column]
    assert loss == pytest.approx(summed / total, rel=1e-5)


def test_the_loss_is_the_cross_entropy(world: History, world_as_of: date, features: EncodedFeatures) -> None:
    assert_cross_entropy(trainer_of(world, world_as_of, features))


def test_positives_among_the_negatives_are_caught(
    world: History, world_as_of: date, features: EncodedFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "_replace", lambda scores, *_: scores)
    with pytest.raises(AssertionError):
        assert_cross_entropy(trainer_of(world, world_as_of, features))


def test_the_state_is_carried_from_batch_to_batch(
    world: History, world_as_of: date, features: EncodedFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch starts from the state after the one before."""
    trainer = trainer_of(world, world_as_of, features, replace(SMALL, shuffle=False))
    seen: list[Tensors] = []
    right = trainer.learner.train_step

    def spy(sold: Tensors, batch: BatchTensors, state: Tensors, learning_rate: float) -> tuple[tf.Tensor, Tensors]:
        loss, after = right(sold, batch, state, learning_rate)
        seen.extend((state, after))
        return loss, after

    monkeypatch.setattr(trainer.learner, "train_step", spy)
    trainer.fit(1)
    assert not np.any(seen[0][0])
    for after, before in zip(seen[1:-1:2], seen[2::2], strict=True):
        np.testing.assert_array_equal(after[0], before[0])
        assert np.any(after[0])


def test_the_loss_of_each_epoch_is_the_mean_of_its_batches(
    world: History, world_as_of: date, features: EncodedFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(world, world_as_of, features, replace(SMALL, shuffle=False))  # as many batches in each
    right, seen = trainer.learner.train_step, []

    def spy(*inputs: Any) -> tuple[tf.Tensor, Tensors]:
        loss, state = right(*inputs)
        seen.append(float(loss))
        return loss, state

    monkeypatch.setattr(trainer.learner, "train_step", spy)
    trainer.fit(2)
    np.testing.assert_allclose(trainer.losses, np.reshape(seen, (2, -1)).mean(axis=1), rtol=1e-6)
    assert trainer.losses[1] < trainer.losses[0]


# --- tied weights ---


def test_inputs_and_scores_use_the_same_vectors(
    world: History, world_as_of: date, features: EncodedFeatures
) -> None:
    """A change of an article's embedding changes its vector and the encoding of who bought it."""
    model = trainer_of(world, world_as_of, features).model
    tables = [weight for weight in model.weights if len(features.ids) + 1 in weight.shape]
    assert {weight.name for weight in tables} == {"embedding", "popularity"}
    history = sentences([(1, 2)], 3)
    article = int(history.article[1])
    profiles = history.event_profiles(np.array([2]))

    def found() -> tuple[np.ndarray, np.ndarray]:
        vectors = article_vectors(model, features)
        return vectors, encoder_of(model, vectors, features).encode(profiles)

    (vectors, before), table = found(), model.articles.embedding
    moved = table.numpy()
    moved[features.ids[article]] += 1
    table.assign(moved)
    others, after = found()
    changed = np.flatnonzero(np.abs(others - vectors).max(axis=1) > 1e-6)
    assert changed.tolist() == [article]
    assert np.abs(after - before).max() > 1e-3


def test_articles_never_sold_have_vectors(world: History, world_as_of: date, features: EncodedFeatures) -> None:
    """After training each has its own, from its attributes, words and picture."""
    model = trainer_of(world, world_as_of, features).fit(1)
    never = np.flatnonzero(features.ids == 0)
    vectors = article_vectors(model, features)[never]
    assert vectors.shape == (12, SMALL.embedding_dim + 1)
    assert len(np.unique(vectors[:, :-1].round(5), axis=0)) == 12
    assert len(set(vectors[:, -1].tolist())) == 1
