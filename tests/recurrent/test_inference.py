"""Inference: encoding a profile at once equals running the network over its purchases one by one."""

from datetime import date

import numpy as np
import pytest
import tensorflow as tf

from forsys.arrays import Floats
from forsys.recurrent import inference
from forsys.recurrent.config import NetworkConfig
from forsys.recurrent.context import context
from forsys.recurrent.inference import ProfileEncoder, article_vectors, by_length
from forsys.recurrent.minibatches import Batch
from forsys.recurrent.model import Model
from forsys.recurrent.training import EncodedFeatures, encode_features
from forsys.tables.history import History, Profiles

CONFIG = NetworkConfig(cell="lstm", embedding_dim=6)
EVERYONE = np.arange(300, dtype=np.int32)


@pytest.fixture(scope="module")
def features(world: History, world_as_of: date) -> EncodedFeatures:
    return encode_features(world, world_as_of, CONFIG)


@pytest.fixture(scope="module")
def model(features: EncodedFeatures) -> Model:
    """Untrained, with weights so large that every input has a visible effect."""
    model, rng = Model(features.shapes, CONFIG, seed=1), np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


@pytest.fixture(scope="module")
def encoder(model: Model, features: EncodedFeatures) -> ProfileEncoder:
    weights = [weight.numpy() for weight in model.network.trainable_variables]
    vectors = article_vectors(model, features)
    found = ProfileEncoder(CONFIG, weights, vectors, features.mean_log_price, features.customer_codes)
    found.network.set_weights(model.network.get_weights())  # for `encode_slowly`
    return found


@pytest.fixture(scope="module")
def profiles(world: History, world_as_of: date) -> Profiles:
    return world.profiles(EVERYONE, world_as_of)


def test_vectors_end_with_the_popularity(model: Model, features: EncodedFeatures) -> None:
    vectors = article_vectors(model, features)
    assert [vectors.shape, vectors.dtype] == [(120, 7), "float32"]
    ids, codes, values = features.tensors(np.array([0, 57, 119]))
    np.testing.assert_allclose(vectors[[0, 57, 119], :-1], model.articles(ids, codes, values), atol=1e-6)
    assert vectors[[0, 57, 119], -1].tolist() == model.articles.popularity.numpy()[ids].tolist()


def test_the_size_of_an_article_block_makes_no_difference(
    model: Model, features: EncodedFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = article_vectors(model, features)
    monkeypatch.setattr(inference, "ARTICLES_PER_BLOCK", 50)
    np.testing.assert_allclose(article_vectors(model, features), expected, atol=1e-6)


def encode_slowly(encoder: ProfileEncoder, profiles: Profiles, i: int, newest: int) -> Floats:
    """The encoding of profile i by one step per purchase, as in training, of its `newest` purchases."""
    history = profiles.history
    rows = list(range(max(profiles.start[i], profiles.stop[i] - newest), profiles.stop[i]))
    state = encoder.network.zero_state(1)
    customer = tf.constant(encoder.customer_codes[profiles.customers[i]][None, None])
    for read, predict in zip([-1, *rows], [*rows, None], strict=True):
        row = np.array([[read]])
        batch = Batch(row, row if predict is None else np.array([[predict]]), row < 0)
        codes, residual = context(history, batch, encoder.mean_log_price)
        if predict is None:  # the day of the profile, which has no purchase to take the context from
            extended = History(**vars(history) | {"day": np.append(history.day, profiles.as_of[i])})
            batch = batch._replace(predict=np.array([[len(history)]]))
            codes, _ = context(extended, batch, encoder.mean_log_price)
        article = np.array([[history.article[read] if read >= 0 else -1]], np.int32)
        inputs = (article, row < 0, codes, residual)
        outputs, state = encoder.network(encoder.fixed[1], *map(tf.constant, inputs), customer, state)
    output: Floats = outputs.numpy()[0, 0]
    return output


def test_an_encoding_is_that_of_the_purchases_one_by_one(encoder: ProfileEncoder, profiles: Profiles) -> None:
    """With few purchases, with many, and with none (customer 9)."""
    found = encoder.encode(profiles)
    assert [found.shape, found.dtype] == [(300, 7), "float32"]
    assert (found[:, -1] == 1).all()
    for i in (0, 3, 9, 64, 128):
        np.testing.assert_allclose(found[i, :-1], encode_slowly(encoder, profiles, i, 99), atol=1e-5)
    assert np.unique(found.round(5), axis=0).shape[0] > 250


def test_only_the_newest_purchases_of_a_long_profile_are_read(
    encoder: ProfileEncoder, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "MAX_PURCHASES", 3)
    found = encoder.encode(profiles)
    for i in (0, 3, 9, 64):
        np.testing.assert_allclose(found[i, :-1], encode_slowly(encoder, profiles, i, 3), atol=1e-5)


def test_a_profile_does_not_depend_on_the_others(encoder: ProfileEncoder, profiles: Profiles) -> None:
    """To the last bit."""
    expected = encoder.encode(profiles)
    order = np.random.default_rng(2).permutation(300)
    np.testing.assert_array_equal(encoder.encode(profiles[order]), expected[order])
    np.testing.assert_array_equal(encoder.encode(profiles[7:8]), expected[7:8])
    assert encoder.encode(profiles[:0]).shape == (0, 7)


def test_the_size_of_a_block_makes_no_difference(
    encoder: ProfileEncoder, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = encoder.encode(profiles)
    monkeypatch.setattr(inference, "PROFILES_PER_BLOCK", 64)
    np.testing.assert_allclose(encoder.encode(profiles), expected, atol=1e-5)


def test_without_purchases_the_day_and_the_customer_decide(encoder: ProfileEncoder, world: History) -> None:
    """Customers 9 and 129 have the same age and never bought; 19 has another age."""
    one, other = (encoder.encode(world.profiles(np.array([9, 129, 19]), date(2020, 4, day))) for day in (15, 16))
    np.testing.assert_array_equal(one[0], one[1])
    assert np.abs(one[0] - one[2]).max() > 1e-4
    assert np.abs(one - other).max() > 1e-4


def test_later_purchases_are_not_read(encoder: ProfileEncoder, world: History, world_as_of: date) -> None:
    cut = world.before(world_as_of)
    seen, known = (history.profiles(EVERYONE, world_as_of) for history in (world, cut))
    np.testing.assert_array_equal(encoder.encode(seen), encoder.encode(known))


def test_blocks_hold_profiles_of_similar_length(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "PROFILES_PER_BLOCK", 64)
    blocks = list(by_length(profiles))
    assert [len(rows) for rows, _ in blocks] == [64, 64, 64, 64, 44]
    assert sorted(np.concatenate([rows for rows, _ in blocks]).tolist()) == list(range(300))
    lengths = profiles.stop - profiles.start
    assert [length for _, length in blocks] == [lengths[rows].max() for rows, _ in blocks]
    assert [length for _, length in blocks] == sorted(length for _, length in blocks)
