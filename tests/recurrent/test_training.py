"""Training: a toy grammar that every cell learns, and what a batch must not depend on."""

from dataclasses import replace
from datetime import date, timedelta
from typing import get_args

import numpy as np
import polars as pl
import pytest
import tensorflow as tf

from forsys.calendar import day_number
from forsys.recurrent import inference, losses, training
from forsys.recurrent import learner as learning
from forsys.recurrent.inference import Reader, article_vectors
from forsys.recurrent.learner import Step
from forsys.recurrent.model import Model
from forsys.recurrent.network import Recurrence, Tensors
from forsys.recurrent.recipe import Cell, Recipe
from forsys.recurrent.training import Knowledge, Trainer, knowledge, parameters, rates
from forsys.recurrent.windows import Batch, batches
from forsys.tables.history import Floats, History

AS_OF = date(2020, 3, 1)
WORDS = 5  # of the grammar: the next one is the sum of the last two, modulo 5
every_cell = pytest.mark.parametrize("cell", get_args(Cell))
PLAIN = Recipe(groups=(), dimension=32, rows=16, length=8, epochs=30, warm_up=20, learning_rate=0.01, dropout=0)
SMALL = Recipe(dimension=8, rows=32, length=3, negatives=64, epochs=1, warm_up=2, dropout=0)


def sentences(begins: list[tuple[int, int]], length: int) -> History:
    """One a customer, a word a day up to AS_OF."""
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


def top_1(recipe: Recipe) -> float:
    """How often the word after two is found, over all pairs."""
    pairs = [(a, b) for a in range(WORDS) for b in range(WORDS)]
    begins = [pairs[i] for i in np.random.default_rng(1).integers(len(pairs), size=96)]
    history = sentences(begins, 12)
    facts = knowledge(history, AS_OF, recipe)
    model = Trainer(history, AS_OF, facts, recipe, seed=1).fit(recipe.epochs)
    asked = sentences(pairs, 3)
    profiles = asked.event_profiles(np.arange(2, len(asked), 3))
    vectors = article_vectors(model, facts)
    expected = reader_of(model, vectors, facts, recipe).expect(profiles) @ vectors.T
    return float((expected.argmax(axis=1) == asked.article[2::3]).mean())


def reader_of(model: Model, vectors: Floats, facts: Knowledge, recipe: Recipe = SMALL) -> Reader:
    weights = [weight.numpy() for weight in model.network.trainable_variables]
    return Reader(recipe, weights, vectors, facts.price_level, facts.people)


# --- what is learned ---


@every_cell
def test_a_word_that_the_last_two_decide_is_found(cell: Cell) -> None:
    assert top_1(replace(PLAIN, cell=cell)) > 0.95


def test_a_recurrence_that_forgets_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reset before every step, it knows the last word alone."""
    right = Recurrence.call

    def broken(self: Recurrence, steps: tf.Tensor, reset: tf.Tensor, *rest: tf.Tensor) -> tuple[tf.Tensor, Tensors]:
        return right(self, steps, tf.ones_like(reset), *rest)

    monkeypatch.setattr(Recurrence, "call", broken)
    monkeypatch.setattr(training, "learner", learning.learner.__wrapped__)  # made anew, with the fault
    monkeypatch.setattr(inference, "_reading", inference._reading.__wrapped__)
    assert top_1(replace(PLAIN, cell="simple_rnn")) < 0.6


# --- the learning rate ---


def test_the_learning_rate_rises_and_falls() -> None:
    """In a line over the warm-up, or half of the steps where there are few; then as a cosine, to 3 %."""
    found = rates(120, replace(SMALL, learning_rate=0.1, warm_up=20))
    np.testing.assert_allclose(found[[0, 5, 20, 70]], [0, 0.025, 0.1, 0.1 * (0.03 + 0.97 / 2)], rtol=1e-5)
    assert found[-1] == pytest.approx(0.003, rel=0.01)
    assert (np.diff(found[20:]) < 0).all()
    assert rates(6, replace(SMALL, learning_rate=0.1, warm_up=20)).argmax() == 3
    assert rates(0, SMALL).shape == (0,)


# --- the world ---


@pytest.fixture(scope="module")
def facts(world: History, world_as_of: date) -> Knowledge:
    return knowledge(world, world_as_of, SMALL)


def trainer_of(world: History, as_of: date, facts: Knowledge, recipe: Recipe = SMALL, seed: int = 3) -> Trainer:
    return Trainer(world, as_of, facts, recipe, seed)


def weights_of(model: Model) -> bytes:
    return b"".join(weight.numpy().tobytes() for weight in model.weights)


def test_one_seed_gives_one_model_and_another_gives_another(world: History, world_as_of: date) -> None:
    """With all that is drawn at random."""
    recipe = replace(SMALL, groups=("attributes", "customer"), dropout=0.3, drop_id=0.1, negatives=40)
    facts = knowledge(world, world_as_of, recipe)
    one, same, other = (
        weights_of(trainer_of(world, world_as_of, facts, recipe, seed).fit(1)) for seed in (3, 3, 4)
    )
    assert one == same
    assert one != other


def test_a_second_fit_owes_nothing_to_the_first(world: History, world_as_of: date, facts: Knowledge) -> None:
    """Nor to what another cut-off has taught the learner in between."""
    recipe = replace(SMALL, dropout=0.3, drop_id=0.1)
    first = weights_of(trainer_of(world, world_as_of, facts, recipe).fit(1))
    earlier = world_as_of - timedelta(days=14)
    other = trainer_of(world, earlier, knowledge(world, earlier, recipe), recipe)
    assert weights_of(other.fit(1)) != first
    again = trainer_of(world, world_as_of, facts, recipe)
    assert again.learner is other.learner
    assert weights_of(again.fit(1)) == first


def test_articles_that_were_not_sold_are_no_parameters(world: History, world_as_of: date, facts: Knowledge) -> None:
    model = trainer_of(world, world_as_of, facts).model
    tables = sum(weight.numpy().size for weight in model.weights)
    assert parameters(model, facts) == tables - 12 * (SMALL.dimension + 1)


def test_what_is_known_ends_at_the_cut_off(world: History, world_as_of: date, facts: Knowledge) -> None:
    """Articles sold before it have numbers, their own the whole time; the others are number 0."""
    sold = np.unique(world.before(world_as_of).article)
    assert facts.sold.tolist() == sold.tolist()
    assert facts.number[sold].tolist() == (sold + 1).tolist()
    assert 0 < (facts.number == 0).sum() == 120 - len(sold)
    trainer = trainer_of(world, world_as_of, facts)
    assert trainer.log.day.max() < day_number(world_as_of)
    assert trainer.weight.max() == pytest.approx(1.0)


def test_recent_purchases_weigh_more(world: History, world_as_of: date, facts: Knowledge) -> None:
    trainer = trainer_of(world, world_as_of, facts, replace(SMALL, half_life=10))
    yesterday = day_number(world_as_of) - 1
    np.testing.assert_allclose(trainer.weight[trainer.log.day == yesterday - 10], 0.5)
    np.testing.assert_allclose(trainer.weight[trainer.log.day == yesterday - 20], 0.25)


# --- negatives ---


def test_a_small_catalogue_is_its_own_negatives(world: History, world_as_of: date, facts: Knowledge) -> None:
    drawn, log_count = trainer_of(world, world_as_of, facts)._draw()
    assert drawn.tolist() == facts.sold.tolist()
    assert not log_count.any()


def test_negatives_are_drawn_by_popularity(world: History, world_as_of: date, facts: Knowledge) -> None:
    """Each as often as the correction says, and only articles that were sold."""
    trainer = trainer_of(world, world_as_of, facts, replace(SMALL, negatives=50, alpha=0.5))
    sales = np.bincount(trainer.log.article, trainer.weight, 120)[facts.sold] + 1
    seen, expected = np.zeros(120), np.zeros(120)
    expected[facts.sold] = 50 * np.sqrt(sales) / np.sqrt(sales).sum()
    for _ in range(400):
        drawn, log_count = trainer._draw()
        assert (np.diff(drawn) > 0).all()
        times = expected[drawn] / np.exp(log_count)
        np.testing.assert_allclose(times, times.round(), rtol=1e-4)
        assert times.round().sum() == 50
        seen[drawn] += times / 400
    np.testing.assert_allclose(seen, expected, atol=0.15)


# --- the loss of a batch ---


def loss_and_gradients(trainer: Trainer, batch: Batch) -> tuple[float, list[np.ndarray]]:
    state = trainer.model.network.zero_state(len(batch.read))
    with tf.GradientTape() as tape:
        loss, _ = trainer.learner.loss(trainer._step(batch), state)
    found = tape.gradient(loss, [weight.value for weight in trainer.model.weights])
    return float(loss), [tf.convert_to_tensor(g).numpy() for g in found if g is not None]


def padded(batch: Batch, rows: int, columns: int) -> Batch:
    """With so many more rows and columns that hold nothing."""
    frame = ((0, rows), (0, columns))
    parts = zip((batch.read, batch.predict, batch.reset), (-1, -1, True), strict=True)
    return Batch(*(np.pad(part, frame, constant_values=fill) for part, fill in parts))


def test_padding_changes_neither_loss_nor_gradients(world: History, world_as_of: date, facts: Knowledge) -> None:
    trainer = trainer_of(world, world_as_of, facts)
    batch = next(batches(trainer.log, "session_parallel", 5, 4))
    loss, gradients = loss_and_gradients(trainer, batch)
    more, others = loss_and_gradients(trainer, padded(batch, 3, 2))
    assert more == pytest.approx(loss, rel=1e-5)
    for one, two in zip(gradients, others, strict=True):
        np.testing.assert_allclose(two, one, atol=1e-5)


def test_padding_that_counts_is_caught(
    world: History, world_as_of: date, facts: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Trainer._step

    def broken(self: Trainer, batch: Batch) -> Step:
        step = right(self, batch)
        return step._replace(weight=tf.maximum(step.weight, 0.5))

    monkeypatch.setattr(Trainer, "_step", broken)
    with pytest.raises(AssertionError):
        test_padding_changes_neither_loss_nor_gradients(world, world_as_of, facts)


def assert_cross_entropy(trainer: Trainer) -> None:
    """The loss is the mean, by weight, of the cross-entropy over the whole catalogue, computed step by step."""
    batch = next(batches(trainer.log, "sliding", 5, 4))
    loss, _ = loss_and_gradients(trainer, batch)
    step = trainer._step(batch)
    vectors = trainer.model.articles(step.number, step.codes, step.values)
    situation = (step.read, step.reset, step.moments, step.paid, step.who)
    outputs, _ = trainer.model.network(vectors, *situation, trainer.model.network.zero_state(5))
    everything = trainer.facts.of(trainer.facts.sold)
    catalogue, popularity = trainer.model.articles(*everything), trainer.model.articles.bias(everything[0])
    scores = outputs.numpy() @ catalogue.numpy().T + popularity.numpy()
    lost, total = 0.0, 0.0
    weight, numbers = step.weight.numpy(), trainer.facts.number[trainer.facts.sold]
    bought = np.searchsorted(numbers, step.number.numpy()[step.bought.numpy()])
    for row, column in np.argwhere(weight > 0):
        one = scores[row, column].astype(np.float64)
        lost += weight[row, column] * (np.log(np.exp(one).sum()) - one[bought[row, column]])
        total += weight[row, column]
    assert loss == pytest.approx(lost / total, rel=1e-5)


def test_the_loss_is_the_cross_entropy(world: History, world_as_of: date, facts: Knowledge) -> None:
    assert_cross_entropy(trainer_of(world, world_as_of, facts))


def test_positives_among_the_negatives_are_caught(
    world: History, world_as_of: date, facts: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "_without", lambda scores, *_: scores)
    with pytest.raises(AssertionError):
        assert_cross_entropy(trainer_of(world, world_as_of, facts))


def test_the_state_is_carried_from_batch_to_batch(
    world: History, world_as_of: date, facts: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the second batch starts from is what the network had read in the first."""
    trainer = trainer_of(world, world_as_of, facts, replace(SMALL, shuffle=False))
    seen: list[Tensors] = []
    right = trainer.learner.descend

    def spy(step: Step, state: Tensors, rate: float) -> Tensors:
        seen.extend((state, right(step, state, rate)))
        return seen[-1]

    monkeypatch.setattr(trainer.learner, "descend", spy)
    trainer.fit(1)
    assert not np.any(seen[0][0])
    for after, before in zip(seen[1:-1:2], seen[2::2], strict=True):
        np.testing.assert_array_equal(after[0], before[0])
        assert np.any(after[0])


# --- tied weights ---


def test_one_vector_is_read_and_scored_against(world: History, world_as_of: date, facts: Knowledge) -> None:
    """A change of an article's embedding changes its score and what is expected after it."""
    model = trainer_of(world, world_as_of, facts).model
    tables = [weight for weight in model.weights if len(facts.number) + 1 in weight.shape]
    assert {weight.name for weight in tables} == {"own", "popularity"}
    history = sentences([(1, 2)], 3)
    article = int(history.article[1])
    profiles = history.event_profiles(np.array([2]))

    def found() -> tuple[np.ndarray, np.ndarray]:
        vectors = article_vectors(model, facts)
        return vectors, reader_of(model, vectors, facts).expect(profiles)

    (vectors, expected), table = found(), model.articles.own
    moved = table.numpy()
    moved[facts.number[article]] += 1
    table.assign(moved)
    others, after = found()
    changed = np.flatnonzero(np.abs(others - vectors).max(axis=1) > 1e-6)
    assert changed.tolist() == [article]
    assert np.abs(after - expected).max() > 1e-3


def test_articles_never_sold_have_vectors(world: History, world_as_of: date, facts: Knowledge) -> None:
    """Each its own, from its attributes, words and picture, once trained."""
    model = trainer_of(world, world_as_of, facts).fit(1)
    never = np.flatnonzero(facts.number == 0)
    vectors = article_vectors(model, facts)[never]
    assert vectors.shape == (12, SMALL.dimension + 1)
    assert len(np.unique(vectors[:, :-1].round(5), axis=0)) == 12
    assert len(set(vectors[:, -1].tolist())) == 1
