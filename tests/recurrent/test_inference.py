"""Reading profiles: what is expected of each is what its purchases say, one after the other."""

from datetime import date

import numpy as np
import pytest
import tensorflow as tf

from forsys.recurrent import inference
from forsys.recurrent.inference import Reader, article_vectors, by_length
from forsys.recurrent.model import Model
from forsys.recurrent.recipe import Recipe
from forsys.recurrent.steps import moments
from forsys.recurrent.training import Knowledge, knowledge
from forsys.recurrent.windows import Batch
from forsys.tables.history import Floats, History, Profiles

RECIPE = Recipe(cell="lstm", dimension=6)
EVERYONE = np.arange(300, dtype=np.int32)


@pytest.fixture(scope="module")
def facts(world: History, world_as_of: date) -> Knowledge:
    return knowledge(world, world_as_of, RECIPE)


@pytest.fixture(scope="module")
def model(facts: Knowledge) -> Model:
    """Untrained, with large weights, so that every input shows."""
    model, rng = Model(facts.shapes, RECIPE, seed=1), np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


@pytest.fixture(scope="module")
def reader(model: Model, facts: Knowledge) -> Reader:
    weights = [weight.numpy() for weight in model.network.trainable_variables]
    found = Reader(RECIPE, weights, article_vectors(model, facts), facts.price_level, facts.people)
    found.network.set_weights(model.network.get_weights())  # for `slowly`
    return found


@pytest.fixture(scope="module")
def profiles(world: History, world_as_of: date) -> Profiles:
    return world.profiles(EVERYONE, world_as_of)


def test_vectors_hold_the_popularity_behind_them(model: Model, facts: Knowledge) -> None:
    vectors = article_vectors(model, facts)
    assert [vectors.shape, vectors.dtype] == [(120, 7), "float32"]
    number, codes, values = facts.of(np.array([0, 57, 119]))
    np.testing.assert_allclose(vectors[[0, 57, 119], :-1], model.articles(number, codes, values), atol=1e-6)
    assert vectors[[0, 57, 119], -1].tolist() == model.articles.popularity.numpy()[number].tolist()


def test_blocks_of_articles_make_no_difference(
    model: Model, facts: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = article_vectors(model, facts)
    monkeypatch.setattr(inference, "ARTICLES", 50)
    np.testing.assert_allclose(article_vectors(model, facts), whole, atol=1e-6)


def slowly(reader: Reader, profiles: Profiles, i: int, newest: int) -> Floats:
    """What profile i expects, from one step a purchase as in training, of its `newest` purchases."""
    history = profiles.history
    rows = list(range(max(profiles.start[i], profiles.stop[i] - newest), profiles.stop[i]))
    state = reader.network.zero_state(1)
    who = tf.constant(reader.people[profiles.customers[i]][None, None])
    for read, predict in zip([-1, *rows], [*rows, None], strict=True):
        place = np.array([[read]])
        codes, paid = moments(
            history,
            Batch(place, place if predict is None else np.array([[predict]]), place < 0),
            reader.price_level,
        )
        if predict is None:  # of the day that is asked about, whose moments no purchase has
            asked = History(**vars(history) | {"day": np.append(history.day, profiles.as_of[i])})
            codes, _ = moments(asked, Batch(place, np.array([[len(history)]]), place < 0), reader.price_level)
        article = np.array([[history.article[read] if read >= 0 else -1]], np.int32)
        inputs = (article, place < 0, codes, paid)
        outputs, state = reader.network(reader.fixed[1], *map(tf.constant, inputs), who, state)
    output: Floats = outputs.numpy()[0, 0]
    return output


def test_a_profile_expects_what_its_purchases_say_one_by_one(reader: Reader, profiles: Profiles) -> None:
    """Of those with few purchases, many, and none (customer 9)."""
    found = reader.expect(profiles)
    assert [found.shape, found.dtype] == [(300, 7), "float32"]
    assert (found[:, -1] == 1).all()
    for i in (0, 3, 9, 64, 128):
        np.testing.assert_allclose(found[i, :-1], slowly(reader, profiles, i, 99), atol=1e-5)
    assert np.unique(found.round(5), axis=0).shape[0] > 250


def test_of_a_long_profile_the_newest_purchases_are_read(
    reader: Reader, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "LONGEST", 3)
    found = reader.expect(profiles)
    for i in (0, 3, 9, 64):
        np.testing.assert_allclose(found[i, :-1], slowly(reader, profiles, i, 3), atol=1e-5)


def test_a_profile_does_not_depend_on_the_others(reader: Reader, profiles: Profiles) -> None:
    """To the last bit."""
    whole = reader.expect(profiles)
    order = np.random.default_rng(2).permutation(300)
    np.testing.assert_array_equal(reader.expect(profiles[order]), whole[order])
    np.testing.assert_array_equal(reader.expect(profiles[7:8]), whole[7:8])
    assert reader.expect(profiles[:0]).shape == (0, 7)


def test_the_size_of_a_block_makes_no_difference(
    reader: Reader, profiles: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = reader.expect(profiles)
    monkeypatch.setattr(inference, "ROWS", 64)
    np.testing.assert_allclose(reader.expect(profiles), whole, atol=1e-5)


def test_without_purchases_the_day_and_the_customer_decide(reader: Reader, world: History) -> None:
    """Customers 9 and 129 are of one age and never bought; 19 is of another."""
    one, other = (reader.expect(world.profiles(np.array([9, 129, 19]), date(2020, 4, day))) for day in (15, 16))
    np.testing.assert_array_equal(one[0], one[1])
    assert np.abs(one[0] - one[2]).max() > 1e-4
    assert np.abs(one - other).max() > 1e-4


def test_what_comes_after_a_profile_is_not_read(reader: Reader, world: History, world_as_of: date) -> None:
    cut = world.before(world_as_of)
    seen, known = (history.profiles(EVERYONE, world_as_of) for history in (world, cut))
    np.testing.assert_array_equal(reader.expect(seen), reader.expect(known))


def test_blocks_hold_profiles_of_one_length(profiles: Profiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "ROWS", 64)
    blocks = list(by_length(profiles))
    assert [len(rows) for rows, _ in blocks] == [64, 64, 64, 64, 44]
    assert sorted(np.concatenate([rows for rows, _ in blocks]).tolist()) == list(range(300))
    lengths = profiles.stop - profiles.start
    assert [length for _, length in blocks] == [lengths[rows].max() for rows, _ in blocks]
    assert [length for _, length in blocks] == sorted(length for _, length in blocks)
