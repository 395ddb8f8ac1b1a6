"""From purchases before a cut-off to a trained network."""

from dataclasses import dataclass
from datetime import date

import numpy as np

from forsys.calendar import day_number
from forsys.progress import progress
from forsys.recurrent.articles import ArticleInputs, article_inputs
from forsys.recurrent.backend import keras, tf
from forsys.recurrent.losses import LOSSES, without_positives
from forsys.recurrent.network import ArticleVectors, Network, Tensors
from forsys.recurrent.optimizer import Adam
from forsys.recurrent.recipe import Recipe
from forsys.recurrent.steps import MOMENTS, moments, people
from forsys.recurrent.windows import Batch, batches
from forsys.tables.history import Floats, History, Ints

LEAST_RATE = 0.03  # share of the learning rate that is left at the end


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What a network looks up: fixed at the cut-off, and the same in training and afterwards."""

    number: Ints  # (articles of the shop,): 1 … for those sold before the cut-off, 0 for the others
    inputs: ArticleInputs
    price_level: Floats  # (articles,): mean logarithm of the price
    people: Ints  # (customers, …)

    @property
    def sold(self) -> Ints:
        """The articles that have a number."""
        return np.flatnonzero(self.number)

    def of(self, articles: Ints) -> Tensors:
        """Number, codes and values of articles, for the network."""
        arrays = (self.number[articles], self.inputs.codes[articles], self.inputs.values[articles])
        return tuple(map(tf.constant, arrays))


def knowledge(history: History, as_of: date, recipe: Recipe) -> Knowledge:
    """Everything but the order of the purchases."""
    log = history.since(as_of, recipe.days)
    number = np.zeros(len(history.articles), np.int32)
    sold = np.unique(log.article)
    number[sold] = np.arange(1, len(sold) + 1)
    purchases = np.maximum(np.bincount(log.article, minlength=len(number)), 1)
    price = np.bincount(log.article, np.log(np.maximum(log.price, 1e-4)), len(number)) / purchases
    who = people(history) if "customer" in recipe.groups else np.zeros((len(history.customers), 0), np.int32)
    inputs = article_inputs(history, as_of, recipe.groups)
    return Knowledge(number, inputs, price.astype(np.float32), who)


@dataclass(frozen=True, eq=False)
class Model:
    """Article vectors and the network that reads and expects them, with all their weights in place."""

    articles: ArticleVectors
    network: Network

    @classmethod
    def make(cls, facts: Knowledge, recipe: Recipe, seed: int) -> "Model":
        """Untrained."""
        sizes, width = _sizes(facts.inputs.codes), facts.inputs.values.shape[1]
        articles = ArticleVectors(len(facts.sold), sizes, width, recipe.dimension, recipe.drop_id, seed)
        network = make_network(facts.people, recipe, seed)
        articles(*facts.of(np.zeros(1, np.int64)))
        return cls(articles, network)

    @property
    def weights(self) -> list[keras.Variable]:
        """What is learned."""
        return [*self.articles.trainable_variables, *self.network.trainable_variables]


def make_network(people: Ints, recipe: Recipe, seed: int) -> Network:
    """A network whose weights exist, untrained."""
    knows_moments = "moment" in recipe.groups
    network = Network(recipe.cell, _sizes(people), knows_moments, recipe.dimension, recipe.dropout, seed)
    nothing = [tf.zeros((1, 1, width), tf.int32) for width in (len(MOMENTS), people.shape[1])]
    start = tf.fill((1, 1), -1)
    vectors = tf.zeros((1, recipe.dimension))
    network(vectors, start, start < 0, nothing[0], tf.zeros((1, 1, 1)), nothing[1], network.zero_state(1))
    return network


def _sizes(codes: Ints) -> tuple[int, ...]:
    """How many values each column of codes has."""
    return tuple(int(size) + 1 for size in codes.max(axis=0, initial=0))


class Trainer:
    """Teaches one model the purchases of the last `recipe.days` before the cut-off."""

    def __init__(self, history: History, as_of: date, facts: Knowledge, recipe: Recipe, seed: int) -> None:
        self.log, self.facts, self.recipe = history.since(as_of, recipe.days), facts, recipe
        self.model = Model.make(facts, recipe, seed)
        self.random = np.random.default_rng(seed)
        self.weight = np.exp2((self.log.day - day_number(as_of) + 1) / recipe.half_life).astype(np.float32)
        sales = np.bincount(self.log.article, self.weight, len(facts.number))[facts.sold]
        popularity = np.log(np.concatenate([[0.5], sales + 1]))  # the first guess of every score
        self.model.articles.popularity.assign((popularity - popularity.max()).astype(np.float32))
        share = (sales + 1) ** recipe.alpha
        self.share = share / share.sum()

    def fit(self, epochs: int) -> Model:
        """All epochs, over which the learning rate rises and falls."""
        random = self.random if self.recipe.shuffle else None
        layout = (self.recipe.layout, self.recipe.rows, self.recipe.length, random)
        made = list(batches(self.log, *layout))
        self.optimizer = self._optimizer(epochs * len(made))
        learn = tf.function(self._step, autograph=False, reduce_retracing=True)  # with this optimizer
        for epoch in progress(range(epochs), f"train {self.recipe.cell}", unit="epoch"):
            state = self.model.network.zero_state(self.recipe.rows)
            for batch in made if epoch == 0 or random is None else batches(self.log, *layout):
                state = learn(*self._tensors(batch), *state)
        return self.model

    def _optimizer(self, steps: int) -> Adam:
        warm_up = min(self.recipe.warm_up, steps // 2)
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0,
            decay_steps=max(steps - warm_up, 1),
            alpha=LEAST_RATE,
            warmup_target=self.recipe.learning_rate,
            warmup_steps=warm_up,
        )
        return Adam(self.model.weights, rate, self.recipe.clip, self.recipe.weight_decay)

    def _tensors(self, batch: Batch) -> tuple[tf.Tensor, ...]:
        """A batch for `_step`: only the articles that it needs, all else by their place among them."""
        none, predict = batch.predict < 0, np.maximum(batch.predict, 0)
        read = np.where(batch.read < 0, -1, self.log.article[batch.read])  # (rows, length)
        bought = self.log.article[predict]
        drawn, log_count = self._draw()
        needed = np.unique(np.concatenate([read[read >= 0], bought.ravel(), drawn]))
        place = np.full(len(self.facts.number) + 1, -1, np.int32)  # the last one is for -1
        place[needed] = np.arange(len(needed), dtype=np.int32)
        weight = np.where(none, 0, self.weight[predict]).astype(np.float32)
        codes, paid = moments(self.log, batch, self.facts.price_level)
        who = self.facts.people[self.log.customer[predict]]
        arrays = (place[read], place[bought], place[drawn], log_count, weight, batch.reset, codes, paid, who)
        return (*self.facts.of(needed), *map(tf.constant, arrays))

    def _draw(self) -> tuple[Ints, Floats]:
        """Negatives, and the logarithm of how often each is expected among them."""
        sold, count = self.facts.sold, self.recipe.negatives
        if len(sold) <= 2 * count:
            return sold, np.zeros(len(sold), np.float32)
        drawn = self.random.choice(len(sold), count, p=self.share)
        return sold[drawn], np.log(count * self.share[drawn]).astype(np.float32)

    def _step(self, *batch: tf.Tensor) -> Tensors:
        """One step of gradient descent; returns the state after the batch."""
        with tf.GradientTape() as tape:
            loss, state = self._loss(*batch)
        self.optimizer.apply(tape.gradient(loss, [weight.value for weight in self.optimizer.weights]))
        return tuple(tf.stop_gradient(part) for part in state)

    def _loss(
        self,
        number: tf.Tensor,  # (articles,), as what follows
        codes: tf.Tensor,
        values: tf.Tensor,
        read: tf.Tensor,  # (rows, length): places among the articles, -1 for the start step
        bought: tf.Tensor,  # (rows, length)
        negatives: tf.Tensor,  # (negatives,)
        log_count: tf.Tensor,
        weight: tf.Tensor,  # (rows, length), 0 where nothing is to be learned
        reset: tf.Tensor,
        moments: tf.Tensor,
        paid: tf.Tensor,
        who: tf.Tensor,
        *state: tf.Tensor,
    ) -> tuple[tf.Tensor, Tensors]:
        """The mean loss of a batch, by weight, and the state after it."""
        articles, network = self.model.articles, self.model.network
        vectors = articles(number, codes, values, training=True)
        outputs, state = network(vectors, read, reset, moments, paid, who, state, training=True)
        outputs = tf.reshape(outputs, (-1, self.recipe.dimension))  # (steps, dimension)
        bought = tf.reshape(bought, (-1,))  # (steps,)
        # What is added to an article's score stands behind its vector, and a 1 behind the outputs.
        vectors = tf.concat([vectors, articles.bias(number)[:, None]], axis=1)
        outputs = tf.concat([outputs, tf.ones_like(outputs[:, :1])], axis=1)
        positive = tf.reduce_sum(outputs * tf.gather(vectors, bought), axis=1)
        negative = tf.matmul(outputs, tf.gather(vectors, negatives), transpose_b=True)
        negative = without_positives(negative, negatives, bought)
        loss = LOSSES[self.recipe.loss](positive, negative, log_count)
        each = tf.reshape(weight, (-1,))
        return tf.reduce_sum(each * loss) / tf.maximum(tf.reduce_sum(each), 1e-6), state
