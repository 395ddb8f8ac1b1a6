"""From purchases before a cut-off to a trained network."""

from dataclasses import dataclass
from datetime import date
from itertools import chain, repeat

import numpy as np

from forsys.calendar import day_number
from forsys.progress import progress
from forsys.recurrent.articles import ArticleInputs, article_inputs
from forsys.recurrent.backend import tf
from forsys.recurrent.learner import Step, learner
from forsys.recurrent.losses import own_positives
from forsys.recurrent.model import Model, Shapes, sizes
from forsys.recurrent.network import Tensors
from forsys.recurrent.recipe import Recipe
from forsys.recurrent.steps import moments, people
from forsys.recurrent.windows import Batch, batches
from forsys.tables.history import Floats, History, Ints

LEAST_RATE = 0.03  # share of the learning rate that is left at the end


@dataclass(frozen=True, eq=False)
class Knowledge:
    """What a network looks up: fixed at the cut-off, and the same in training and afterwards."""

    number: Ints  # (articles of the shop,): 1 and up for those sold before the cut-off, 0 for the others
    inputs: ArticleInputs
    price_level: Floats  # (articles,): mean logarithm of the price
    people: Ints  # (customers, …)

    @property
    def shapes(self) -> Shapes:
        """Of the model that it takes."""
        codes, values = self.inputs.codes, self.inputs.values
        return Shapes(len(self.number), sizes(codes), values.shape[1], sizes(self.people))

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
    log = history.since(as_of, recipe.days, recipe.purchases)
    count = len(history.articles)
    sales = np.bincount(log.article, minlength=count)
    number = np.where(sales > 0, np.arange(1, count + 1, dtype=np.int32), 0)
    price = np.bincount(log.article, np.log(np.maximum(log.price, 1e-4)), count) / np.maximum(sales, 1)
    who = people(history) if "customer" in recipe.groups else np.zeros((len(history.customers), 0), np.int32)
    inputs = article_inputs(history, as_of, recipe.groups)
    return Knowledge(number, inputs, price.astype(np.float32), who)


class Trainer:
    """Teaches one model the purchases of the last `recipe.days` before the cut-off."""

    def __init__(self, history: History, as_of: date, facts: Knowledge, recipe: Recipe, seed: int) -> None:
        self.log = history.since(as_of, recipe.days, recipe.purchases)
        self.facts, self.recipe = facts, recipe
        self.learner = learner(facts.shapes, Recipe.of(recipe), seed)
        self.learner.restart()
        self.model = self.learner.model
        self.random = np.random.default_rng(seed)
        self.weight = np.exp2((self.log.day - day_number(as_of) + 1) / recipe.half_life).astype(np.float32)
        sales = np.bincount(self.log.article, self.weight, len(facts.number))
        popularity = np.log(np.append(0.5, sales + 1))  # by number, the first guess of every score
        self.model.articles.popularity.assign((popularity - popularity.max()).astype(np.float32))
        share = (sales[facts.sold] + 1) ** recipe.alpha
        self.share = share / share.sum()
        self.up_to = np.cumsum(self.share)

    def fit(self, epochs: int) -> Model:
        """All epochs, over which the learning rate rises and falls."""
        random = self.random if self.recipe.shuffle else None
        layout = (self.recipe.layout, self.recipe.rows, self.recipe.length, random)
        made = list(batches(self.log, *layout))
        # A shuffled epoch may take some batches more than the first.
        least = np.float32(LEAST_RATE * self.recipe.learning_rate)
        rate = chain(rates(epochs * len(made), self.recipe), repeat(least))
        for epoch in progress(range(epochs), f"train {self.recipe.cell}", unit="epoch"):
            state = self.model.network.zero_state(self.recipe.rows)
            for batch in made if epoch == 0 or random is None else batches(self.log, *layout):
                state = self.learner.descend(self._step(batch), state, tf.constant(next(rate)))
        return self.model

    def _step(self, batch: Batch) -> Step:
        """What the learner wants to know of a batch."""
        none, predict = batch.predict < 0, np.maximum(batch.predict, 0)
        read = np.where(batch.read < 0, -1, self.log.article[batch.read])  # (rows, length)
        bought = self.log.article[predict]
        drawn, log_count = self._draw()
        place = np.zeros(len(self.facts.number) + 1, np.int32)
        for some in (read, bought, drawn):
            place[some] = 1
        place[-1] = 0  # where nothing is read
        needed = np.flatnonzero(place)
        place[needed] = np.arange(len(needed), dtype=np.int32)
        place[-1] = -1
        weight = np.where(none, 0, self.weight[predict]).astype(np.float32)
        codes, paid = moments(self.log, batch, self.facts.price_level)
        who = self.facts.people[self.log.customer[predict]]
        negatives = (place[drawn], log_count, own_positives(drawn, bought.ravel()))
        arrays = (place[read], place[bought], *negatives, weight, batch.reset, codes, paid, who)
        return Step(*self.facts.of(needed), *map(tf.constant, arrays))

    def _draw(self) -> tuple[Ints, Floats]:
        """Negatives, sorted, each once; logarithm of how often it is expected for each time it was drawn."""
        sold, count = self.facts.sold, self.recipe.negatives
        if len(sold) <= 2 * count:
            return sold, np.zeros(len(sold), np.float32)
        places = np.minimum(np.searchsorted(self.up_to, self.random.random(count)), len(sold) - 1)
        drawn, times = np.unique(places, return_counts=True)
        return sold[drawn], np.log(count * self.share[drawn] / times).astype(np.float32)


def rates(steps: int, recipe: Recipe) -> Floats:
    """The learning rate of each step, float32: up in a line, then down as a cosine does."""
    warm_up = min(recipe.warm_up, steps // 2)
    step = np.arange(steps)
    down = (1 + np.cos(np.pi * (step - warm_up) / max(steps - warm_up, 1))) / 2
    share = np.where(step < warm_up, step / max(warm_up, 1), LEAST_RATE + (1 - LEAST_RATE) * down)
    return (recipe.learning_rate * share).astype(np.float32)


def parameters(model: Model, facts: Knowledge) -> int:
    """Weights that were learned: articles that were not sold have a place among them, and no part."""
    idle = len(facts.number) - len(facts.sold)
    each = model.articles.own.shape[1] + 1  # and the popularity
    return int(sum(np.prod(weight.shape) for weight in model.weights) - idle * each)
